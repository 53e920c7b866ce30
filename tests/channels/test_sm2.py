"""Channels that sign with SM2: taken as what is signed by JOSE is, by the key's own algorithm and under its own id."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app import main
from app.adapters.signer.openssl import OpenSslSigner
from app.adapters.signer.turns import FewAtOnce
from app.core.tokens import base64url
from app.core.tokens.assertions import SM2_ALGORITHM
from app.ports.signer import SignerUnavailable
from app.routers.deps import House
from app.services.channel_registry import keys
from app.services.channel_registry.keys import ChannelKeyNotTaken
from tests.factories.adding import ok, refused
from tests.factories.channel_clients import ChannelClient
from tests.factories.sm2 import Sm2Key, needs_openssl, new_key

OTHER_ID = "ALICE123@YAHOO.COM"  # of the example of GB/T 32918.2-2016, appendix A

pytestmark = needs_openssl


@pytest.fixture
async def signer(tmp_path: Path) -> AsyncIterator[OpenSslSigner]:
    made = OpenSslSigner(new_key(tmp_path, "ours.pem"))
    yield made
    await made.close()


@pytest.fixture
async def able(house: House, signer: OpenSslSigner) -> House:
    """A house that can check what is signed by SM2."""
    return replace(house, ports=replace(house.ports, verifier=FewAtOnce(signer)))


@pytest.fixture
async def wire(able: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(main.create_app(able))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield client


@pytest.fixture
async def bank(wire: httpx.AsyncClient, able: House, tmp_path: Path) -> ChannelClient:
    """A bank that signs with SM2 alone."""
    return await ChannelClient.register(wire, able, key=Sm2Key(new_key(tmp_path)))


async def test_a_channel_gets_a_token_and_has_a_launch_opened_once_each(bank: ChannelClient) -> None:
    assertion = bank.signed(bank.claims())
    launch = {"service": "rights", "jti": "a-launch-of-bank-1"}

    told = ok(await bank.ask(assertion))
    opened = ok(await bank.launch(**launch))

    ok(await bank.call("GET", "/events", told["access_token"]))
    assert opened["service"] == "rights"
    refused(await bank.ask(assertion), 401, "assertion-replayed")
    refused(await bank.launch(**launch), 401, "assertion-replayed")


async def test_what_is_forged_or_over_is_not_taken(bank: ChannelClient, tmp_path: Path) -> None:
    head, _, signature = bank.signed(bank.claims()).split(".")
    _, other, _ = bank.signed(bank.claims()).split(".")
    now = int(bank.house.db.clock.now().timestamp())

    anothers = await bank.ask(bank.signed(bank.claims(), key=Sm2Key(new_key(tmp_path, "another.pem"))))
    changed = await bank.ask(f"{head}.{other}.{signature}")
    unsigned = await bank.ask(f"{head}.{other}.")
    over = await bank.ask(bank.signed(bank.claims(iat=now - 400, exp=now - 100)))

    for answer in (anothers, changed, unsigned):
        refused(answer, 401, "channel-not-known")
    refused(over, 401, "assertion-not-timely")


async def test_the_id_it_signs_under_is_the_one_that_is_registered(
    wire: httpx.AsyncClient, able: House, bank: ChannelClient, tmp_path: Path
) -> None:
    key = Sm2Key(new_key(tmp_path, "alice.pem"), OTHER_ID)
    alice = await ChannelClient.register(wire, able, "alice", key=key)

    ok(await alice.ask())
    refused(await alice.ask(alice.signed(alice.claims(), key=Sm2Key(key.file))), 401, "channel-not-known")
    assert isinstance(bank.key, Sm2Key)
    under_another = bank.signed(bank.claims(), key=Sm2Key(bank.key.file, OTHER_ID))
    refused(await bank.ask(under_another), 401, "channel-not-known")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "none", "SM2", SM2_ALGORITHM.upper()])
async def test_the_header_names_the_keys_own_algorithm(bank: ChannelClient, algorithm: str) -> None:
    refused(await bank.ask(bank.signed(bank.claims(), {"alg": algorithm})), 401, "channel-not-known")


async def test_the_algorithm_of_sm2_is_none_of_another_key(wire: httpx.AsyncClient, able: House) -> None:
    bank = await ChannelClient.register(wire, able)

    refused(await bank.ask(bank.signed(bank.claims(), {"alg": SM2_ALGORITHM})), 401, "channel-not-known")


async def test_where_nothing_can_check_it_nothing_is_said_of_it(
    bank: ChannelClient, client: httpx.AsyncClient, house: House
) -> None:
    unable = replace(bank, client=client, house=house)

    refused(await unable.ask(), 503, "unavailable")


async def test_more_than_few_are_turned_away(bank: ChannelClient, signer: OpenSslSigner) -> None:
    none_free = FewAtOnce(signer, most=0)

    with pytest.raises(SignerUnavailable):
        await none_free.verify(signer.public_key, b"text", await signer.sign(b"text"))


def test_an_id_belongs_to_a_key_of_sm2_alone_and_is_a_short_word(tmp_path: Path) -> None:
    key = Sm2Key(new_key(tmp_path))
    [jwk] = keys.read(key.public, sm2_id=OTHER_ID)
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    x, y = (base64url.text(each.to_bytes(32)) for each in (numbers.x, numbers.y))
    es256 = {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    assert keys.read(orjson.dumps({**jwk, "sm2_id": "own"}), sm2_id=OTHER_ID)[0]["sm2_id"] == "own"
    for content in (
        {**jwk, "sm2_id": ""},
        {**jwk, "sm2_id": "x" * 65},
        {**jwk, "sm2_id": 5},
        {**es256, "sm2_id": OTHER_ID},
    ):
        with pytest.raises(ChannelKeyNotTaken):
            keys.read(orjson.dumps(content))
