"""The example of a window without a connection: it signs into a file, and replays what it has signed."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app import main
from app.routers.deps import House
from tests.factories.make import Make
from tests.factories.servers import serving
from tests.factories.terminals import Install
from tests.window.conftest import Window

PROGRAM = Path(__file__).parents[2] / "examples" / "terminal" / "offline_queue.py"


async def run(what: str, said: str, *more: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), what, *more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answered, complained = await asyncio.wait_for(process.communicate(said.encode()), 60)
    assert process.returncode == 0, complained.decode()
    return json.loads(answered)


async def test_what_is_missing_on_the_command_line_is_said_in_a_line(tmp_path: Path) -> None:
    for what, missing in (("replay", "replay needs --server"), ("add", "add needs --name and --key")):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), what, "--queue", str(tmp_path / "queue")),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complained = await asyncio.wait_for(process.communicate(), 60)

        assert process.returncode == 2
        assert complained.decode().strip().endswith(missing)


async def test_what_was_signed_without_a_connection_is_done_once(
    house: House, window: Window, make: Make, install: Install, tmp_path: Path
) -> None:
    key, file, queue = Ed25519PrivateKey.generate(), tmp_path / "window.key", tmp_path / "queue"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    await install("window-1", key=key, office="west-window")
    me = await make.owner(name="王志远")
    mother = (await make.member(me, "52", sex="2", name="李秀英")).person.registered
    paper = {"name": mother.name, "social_security_number": mother.number, "documents_seen": ["id_card"]}
    clerk = window.counter.clerk
    deed = {"session_id": clerk.session_id, "kind": "link_ending", "person": paper}
    sign = ("--queue", str(queue), "--name", "window-1", "--key", str(file))

    numbers = [await run("add", json.dumps(deed), *sign) for _ in range(2)]
    async with serving(main.create_app(house), lifespan="off") as server:
        done = await run("replay", clerk.token, "--queue", str(queue), "--server", server)

    assert numbers == [1, 2]
    assert [(each["number"], each["status"], each["code"]) for each in done] == [(1, "done", None), (2, "done", None)]
    assert (await me.read("/v1/family"))["members"] == []
    assert queue.read_text() == ""
