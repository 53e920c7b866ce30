"""What the register says of its own accord, over HTTP."""

from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import SecretStr

from app.adapters.webhooks import Webhooks, read_secret
from app.core.settings import Settings
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from tests.cards.test_following import MINE, say
from tests.factories.make import Holder, Make

PLACE = "/v1/callbacks/register"
OLD, NEW = ("whsec_dGhlIG9sZCBzZWNyZXQgb2YgYSByZWdpc3Rlcg==", "whsec_dGhlIG5ldyBzZWNyZXQgb2YgYSByZWdpc3Rlcg==")
STRANGER = "whsec_dGhlIHNlY3JldCBvZiBzb21lYm9keSBlbHNl"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_folder=tmp_path,
        database_connections=20,
        requests_per_minute=100_000,
        register_secrets=SecretStr(f"{OLD} {NEW}"),
    )


def event(number: str, kind: str = "card.changed") -> bytes:
    return orjson.dumps({"type": kind, "data": {"social_security_number": number}})


async def send(
    client: httpx.AsyncClient, house: House, body: bytes, secret: str = NEW, **headers: str
) -> httpx.Response:
    signed = Webhooks([read_secret(secret)], house.ports.clock).sign("evt_1", body)
    return await client.post(PLACE, content=body, headers=signed | headers)


@pytest.fixture
async def me(make: Make, house: House) -> Holder:
    """Somebody whose card was lost, which only the register knows yet."""
    me = await make.owner()
    await say(house, me, status=PhysicalCardStatus.LOST)
    return me


class TestEvents:
    @pytest.mark.parametrize("secret", [OLD, NEW])
    async def test_a_signed_event_lets_the_card_follow_at_once(
        self, me: Holder, client: httpx.AsyncClient, house: House, secret: str
    ) -> None:
        for _ in range(2):
            answer = await send(client, house, event(me.registered.number), secret)
            assert (answer.status_code, answer.content) == (204, b"")

        assert (await me.read(MINE))["physical_card"] == "lost"

    async def test_what_is_not_signed_by_the_register_is_not_heard(
        self, me: Holder, client: httpx.AsyncClient, house: House
    ) -> None:
        body = event(me.registered.number)

        for answer in (
            await send(client, house, body, STRANGER),
            await send(client, house, body, **{"webhook-timestamp": "1"}),
            await client.post(PLACE, content=body),
            await send(client, house, b"{}"),
            await send(client, house, b"no JSON"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert (await me.read(MINE))["physical_card"] == "normal"

    @pytest.mark.parametrize(
        ("number", "kind"),
        [("100101199001010046", "card.changed"), ("nobody", "card.changed"), ("100101199001010046", "office.moved")],
    )
    async def test_what_is_about_nobody_we_know_is_taken(
        self, client: httpx.AsyncClient, house: House, number: str, kind: str
    ) -> None:
        assert (await send(client, house, event(number, kind))).status_code == 204

    async def test_a_death_closes_the_card(self, me: Holder, client: httpx.AsyncClient, house: House) -> None:
        await say(house, me, is_alive=False)

        await send(client, house, event(me.registered.number, "person.died"))

        assert (await me.read(MINE))["next"]["action"] == "card-closed"


class TestWithoutASecret:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_folder=tmp_path, database_connections=20)

    async def test_there_is_no_such_place(self, client: httpx.AsyncClient, house: House) -> None:
        assert (await send(client, house, event("100101199001010046"))).status_code == 404
