"""`escard run`: everything there is, started in one go and stopped in one go."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import typer

import app as package
from app.adapters.keys.file import FileKeys
from app.adapters.postgres.schema import migrate
from app.cli import demo, stopping
from app.cli.configuration import address, listen, read_keys, read_settings, start_logging
from app.cli.database import Addresses, is_newest, reachable, require_newest
from app.cli.house import at_work, build, insist_on_channel
from app.cli.serve import Host, Port
from app.cli.server import Server
from app.cli.terminal import Refused, say
from app.core import logging
from app.core.settings import Environment, Settings

app = typer.Typer()

_STOP_SECONDS: Final = 15
_log = logging.logger(__name__)


@app.command("run")
def run(host: Host = None, port: Port = None) -> None:
    """Start everything for a try, and stop it by Ctrl-C: first the server, then the worker, then PostgreSQL."""
    settings = read_settings(host=host, port=port)
    start_logging(settings)
    listen(settings).close()  # what is wrong with the port is told before anything slow is done
    keys = _keys(settings)
    with reachable(settings, tell=say) as addresses:
        _migrate(addresses)
        insist_on_channel(settings, addresses.app)
        people = None
        if settings.environment is Environment.DEVELOPMENT:
            people = at_work(build(settings, addresses.app, keys), demo.load)
        server = build(settings, addresses.app, keys)
        worker = Worker(settings)
        try:
            Server(server, on_ready=lambda: _announce(settings, people), every_second=worker.keep).run(
                [listen(settings)]
            )
        finally:
            worker.stop()
    say("Stopped.")


class Worker:
    """The worker process beside the server; it dies with us however we die, and is started anew when it dies alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process = self._start()

    async def keep(self) -> None:
        """Start it anew if it is gone."""
        if self._process.poll() is not None:
            _log.error("worker_died", status=self._process.returncode)
            self._process = self._start()

    def stop(self) -> None:
        """Let it end what it has begun; by force when that takes too long."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        root = str(Path(package.__file__).parents[1])
        path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "app", "worker", "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path), "ESCARD_PUBLIC_URL": self._settings.public_url},
            process_group=0,  # Ctrl-C is ours to handle: requests end before the worker does
        )


def _keys(settings: Settings) -> FileKeys:
    if not settings.key_path.exists():
        say(f"Making the key file {settings.key_path}.")
        try:
            return FileKeys.create(settings.key_path, settings.cipher_suite)
        except OSError as error:
            raise Refused(f"The key file {settings.key_path} cannot be written: {error.strerror}.") from None
    return read_keys(settings)


def _migrate(addresses: Addresses) -> None:
    if addresses.owner is None:
        require_newest(addresses.app)
    elif not is_newest(addresses.owner):
        say("Bringing the database's schema to this version.")
        migrate(addresses.owner)
    stopping.heed()


def _announce(settings: Settings, people: str | None) -> None:
    base = address(settings)
    say(f"\nescard is running at {base}. Ctrl-C ends it.\n")
    say(f"  what it can do     {base}/docs")
    if people is None:
        return
    say(f"  messages it sent   {base}/dev/messages")
    say(f"  test people        {base}/dev/people (with their numbers)")
    say(f"  test staff         {base}/dev/staff (with the code that is good now)\n")
    say(people)
    say(
        "\nOne thing to try, in another terminal:\n\n"
        f"  curl -s {base}/v1/sms-codes -H 'Content-Type: application/json'"
        """ -d '{"phone": "10000000001", "purpose": "register"}'\n"""
        f"  curl -s '{base}/dev/messages?phone=10000000001'\n"
    )
