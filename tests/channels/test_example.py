"""The example of a channel plays the demo's: it launches, is told its events, and hears those that are ours alone."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import main
from app.adapters.hooks import HttpHooks
from app.adapters.signer.openssl import OpenSslSigner
from app.adapters.webhooks import Webhooks
from app.models.channels import CardEvent
from app.ports.hooks import Hook
from app.routers.deps import House
from app.services.channel_registry import hearing, keys
from app.services.channels import demo
from tests.factories.adding import ok
from tests.factories.servers import loopback_client, serving
from tests.factories.sm2 import Sm2Key, needs_openssl, new_key

PROGRAM = Path(__file__).parents[2] / "examples" / "channel" / "channel.py"


@asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def server(house: House) -> AsyncIterator[str]:
    """A server that has the demo's channel, under the address that it says it has."""
    await demo.put(house.db, house.ports.keys, house.ports.channel_identities[demo.PLATFORM])
    await demo.put(house.db, house.ports.keys, house.ports.channel_identities[demo.PLATFORM])
    async with serving(main.create_app(house), lifespan="off") as server:
        yield server


@pytest.fixture
async def play(server: str, client: httpx.AsyncClient, tmp_path: Path) -> Any:
    """Play the channel with the key that development tells."""
    [told] = ok(await client.get("/dev/channels"))["items"]
    key = tmp_path / "channel.key"
    key.write_text(told["private_key"])

    async def play(*arguments: str, **more: str) -> tuple[dict[str, Any], str]:
        place = ("--server", server, "--key", str(key), "--audience", told["token_endpoint"])
        async with running(*arguments, *place, **more) as process:
            said, complained = await asyncio.wait_for(process.communicate(), 60)
        return json.loads(said or b"{}"), complained.decode()

    return play


async def test_it_launches_and_reads_and_has_again_what_it_was_told(play: Any, house: House) -> None:
    await house.db.run(lambda session: hearing.hear(session, demo.NAME, "http://127.0.0.1:9/", frozenset(CardEvent)))

    launched, _ = await play("launch", "--service", "transfers")
    events, _ = await play("events")
    again, _ = await play("again", "--state", "delivered")
    changed, _ = await play("secret")
    forgotten, complained = await play("forget")

    assert launched["href"] == "/v1/holders/{holder}/transfers"
    assert events == {"items": [], "next_cursor": None}
    assert again == {"count": 0}
    assert changed["secret"].startswith("whsec_")
    assert (forgotten, complained) == ({}, "")


@needs_openssl
async def test_it_signs_by_sm2_with_a_key_of_that(house: House, tmp_path: Path) -> None:
    signer, theirs = OpenSslSigner(new_key(tmp_path, "ours.pem")), Sm2Key(new_key(tmp_path))
    await demo.put(house.db, house.ports.keys, house.ports.channel_identities[demo.PLATFORM])
    [jwk] = keys.read(theirs.public)
    await house.db.run(lambda session: keys.add(session, demo.NAME, [jwk]))
    able = replace(house, ports=replace(house.ports, verifier=signer))
    audience = f"{house.settings.public_url.rstrip('/')}/v1/channels/token"

    async with serving(main.create_app(able), lifespan="off") as server:
        place = ("--server", server, "--audience", audience, "--key", str(theirs.file), "--kid", jwk["kid"])
        async with running("events", *place) as process:
            said, complained = await asyncio.wait_for(process.communicate(), 60)

    assert (json.loads(said or b"{}"), complained) == ({"items": [], "next_cursor": None}, b"")
    await signer.close()


async def test_its_users_sign_in_where_a_launch_says(play: Any, client: httpx.AsyncClient) -> None:
    launched, _ = await play("launch")
    device = {"id": "a-phone-of-a-user", "name": "Phone", "platform": "ios"}

    unknown = await client.post(launched["sign_in"], json={"auth_code": "demo-user-somebody", "device": device})

    assert (unknown.status_code, "ticket" in unknown.json()) == (202, True)


async def test_what_is_refused_is_told_in_words(play: Any) -> None:
    told, complained = await play("launch", "--name", "demo-bank", "--kid", "another")

    assert told == {}
    assert complained.startswith("No channel of ours has signed this")


async def test_it_hears_each_event_once_and_none_of_others(house: House) -> None:
    clock, secret = house.ports.clock, b"s" * 32
    body = b'{"type": "card.changed"}'
    async with running("listen", CHANNEL_SECRETS="whsec_" + "c3Nz" * 10 + "c3M=") as process, loopback_client() as wire:
        assert process.stdout is not None
        address = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["listening"]
        for _ in range(2):
            await HttpHooks(clock, wire).post(Hook(address, [secret]), "evt_one", body)
        forged = Webhooks([b"t" * 32], clock).sign("evt_two", body)
        refused = await wire.post(address, content=body, headers=forged)
        await HttpHooks(clock, wire).post(Hook(address, [secret]), "evt_three", body)
        heard = [json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["id"] for _ in range(2)]

    assert (refused.status_code, heard) == (401, ["evt_one", "evt_three"])
