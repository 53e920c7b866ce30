"""`escard serve`: the server alone, on the database that the settings name or the embedded one."""

from typing import Annotated

import typer

from app.cli.configuration import address, listen, read_keys, read_settings, start_logging
from app.cli.database import reachable, require_newest
from app.cli.house import build, insist_on_channel
from app.cli.server import Server
from app.core import logging

app = typer.Typer()

Host = Annotated[str | None, typer.Option(help="Address to listen on, instead of ESCARD_HOST.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on, instead of ESCARD_PORT.")]


@app.command("serve")
def serve(host: Host = None, port: Port = None) -> None:
    """Start the server; SIGTERM and Ctrl-C let requests end first."""
    settings = read_settings(host=host, port=port)
    start_logging(settings)
    listen(settings).close()  # what is wrong with the port is told before anything slow is done
    keys = read_keys(settings)
    with reachable(settings) as addresses:
        require_newest(addresses.app)
        insist_on_channel(settings, addresses.app)
        house = build(settings, addresses.app, keys)
        log = logging.logger("app.cli.serve")
        Server(house, on_ready=lambda: log.info("ready", address=address(settings))).run([listen(settings)])
