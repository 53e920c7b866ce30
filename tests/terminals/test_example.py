"""The example of a terminal: it verifies codes without us, redeems them with us, and is told why not."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app import main
from app.core.db import Database
from app.routers.deps import House
from tests.factories.make import Holder, Make
from tests.factories.paying import left, put
from tests.factories.servers import serving
from tests.factories.showing import show
from tests.factories.terminals import Install

PROGRAM = Path(__file__).parents[2] / "examples" / "terminal" / "terminal.py"


class Kiosk:
    """The program, with its key in a file."""

    def __init__(self, server: str, key: Path) -> None:
        self._server = server
        self._key = key

    async def __call__(self, what: str, code: str, *more: str) -> tuple[int, dict[str, Any], str]:
        """Run it; return its exit status, what it learnt, and what it complained of."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), what, "-", "--server", self._server),
            *("--name", "kiosk", "--key", str(self._key)),
            *more,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await asyncio.wait_for(process.communicate(code.encode()), 60)
        return process.returncode or 0, json.loads(said or b"{}"), complained.decode().strip()


@pytest.fixture
async def kiosk(house: House, install: Install, tmp_path: Path) -> AsyncIterator[Kiosk]:
    """A registered terminal that runs the program, and a server for it."""
    key, file = Ed25519PrivateKey.generate(), tmp_path / "kiosk.key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    await install("kiosk", key=key)
    async with serving(main.create_app(house), lifespan="off") as server:
        yield Kiosk(server, file)


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody with a card."""
    return await make.owner(name="王志远")


async def test_offline_it_knows_that_we_have_issued_a_code_for_a_purpose_and_for_how_long(
    me: Holder, kiosk: Kiosk, house: House
) -> None:
    status, learnt, _ = await kiosk("verify", await show(me, purpose="medical"))

    assert status == 0
    assert 40 < learnt.pop("seconds_left") <= 60
    assert learnt == {"purpose": "medical", "issuer": house.settings.public_url}


async def test_it_draws_by_a_code_once_and_is_told_when_there_is_not_enough(
    me: Holder, kiosk: Kiosk, db: Database
) -> None:
    await put(db, me, "60.00")
    paid = ("--amount", "52.30", "--order", "17")

    status, learnt, _ = await kiosk("draw", await show(me, purpose="medical"), *paid)
    again, _, complained = await kiosk("draw", await show(me, purpose="medical"), "--amount", "8", "--order", "18")

    assert (status, learnt["own"], learnt["uncovered"]) == (0, "52.30", "0.00")
    assert again == 1
    assert complained.startswith("medical-funds-short")
    assert complained.isascii()  # in English, unless another language is asked for
    assert await left(db, me) == ["7.70"]


async def test_offline_it_takes_no_code_of_others(me: Holder, kiosk: Kiosk) -> None:
    head, body, signature = (await show(me)).split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiY29kZStqd3QifQ"

    for forged in (
        "x",
        f"{none}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body[:-4]}AAAA.{signature}",
    ):
        status, learnt, complained = await kiosk("verify", forged)

        assert (status, learnt) == (1, {})
        assert complained


async def test_offline_and_online_a_screenshot_is_over(me: Holder, kiosk: Kiosk, house: House) -> None:
    said = dict(house.published.verify("code+jwt", await show(me)))
    issued = said["iat"]
    assert isinstance(issued, int)
    code = house.published.sign("code+jwt", {**said, "iat": issued - 61, "exp": issued - 1})

    assert await kiosk("verify", code) == (1, {}, "The minute of this code is over.")
    status, learnt, complained = await kiosk("redeem", code)
    assert (status, learnt, complained.split("\n")[0]) == (1, {}, "code-expired")


async def test_online_it_learns_whose_card_it_is_once(make: Make, me: Holder, kiosk: Kiosk) -> None:
    father = await make.member(me, name="王建国")
    code = await show(me, father)

    status, learnt, _ = await kiosk("redeem", code)

    assert (status, learnt["holder"]["name"], learnt["shown_by"]) == (0, "王**", "owner")
    status, learnt, complained = await kiosk("redeem", code)
    assert (status, learnt) == (1, {})
    assert complained.startswith("code-used\n")
    assert len(complained.splitlines()) == 3
