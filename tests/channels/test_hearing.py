"""Channels hear what becomes of cards used there: signed, tried for three days, with nothing personal in it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from app.adapters.hooks import HttpHooks
from app.adapters.signer.openssl import OpenSslSigner
from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock
from app.core.db import Session
from app.models.channels import CardEvent
from app.ports import Ports
from app.ports.signer import Signer
from app.routers.deps import House
from app.services.channel_registry import hearing, keys, registering
from app.services.channel_registry.hearing import HookAddressNotTaken
from app.services.channel_registry.registering import NewChannel
from app.worker.relay import tell_due
from tests.factories.adding import later
from tests.factories.make import JSON, Holder, Make
from tests.factories.servers import loopback_client, serving
from tests.factories.sm2 import needs_openssl, new_key

ALL = frozenset(CardEvent)


@dataclass
class Bank:
    """A channel on loopback: verifies with the one secret it knows, then answers as the test says."""

    clock: Clock
    secret: str = ""
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, JSON]] = field(default_factory=list)
    refused: int = 0
    signed: list[tuple[bytes, list[str]]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        try:
            key = base64.b64decode(self.secret.removeprefix("whsec_"))
            event_id = Webhooks([key], self.clock).verify(request.headers, body)
        except NotGenuine:
            self.refused += 1
            return Response(status_code=401)
        text = f"{event_id}.{request.headers['webhook-timestamp']}.".encode() + body
        self.signed.append((text, request.headers["webhook-signature"].split(" ")))
        await self.go_on.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        self.heard.append((event_id, await request.json()))
        return Response(status_code=status)

    @property
    def types(self) -> list[str]:
        return [body["type"] for _, body in self.heard]


@dataclass
class Scene:
    """A channel `app` that hears, and a worker that tells it."""

    house: House
    ports: Ports
    bank: Bank
    address: str

    async def tell(self) -> None:
        await tell_due(self.house.db, self.ports)

    async def add(self, *events: CardEvent, name: str = "app") -> None:
        async def add(session: Session) -> str:
            if name != "app":
                await registering.add(session, NewChannel(name))
            return await hearing.hear(session, name, f"{self.address}/hook", frozenset(events or ALL))

        self.bank.secret = await self.house.db.run(add)


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Scene]:
    async with _scene(house) as scene:
        yield scene


@asynccontextmanager
async def _scene(house: House, signer: Signer | None = None) -> AsyncIterator[Scene]:
    clock = house.ports.clock
    bank = Bank(clock)
    async with serving(bank.app) as address, loopback_client() as client:
        ports = replace(house.ports, hooks=HttpHooks(clock, client, signer, seconds=30))
        yield Scene(house, ports, bank, address)


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody with an e-card that is used in the channel `app`, and a card password just given."""
    return await make.card_password(await make.owner(name="王志远"))


async def suspend(holder: Holder) -> None:
    answer = await holder.call("PUT", "/v1/holders/me/card/suspension")
    assert answer.status_code == 200, answer.text


class TestEvents:
    async def test_say_that_a_card_has_changed_by_the_channels_own_number(self, scene: Scene, me: Holder) -> None:
        await scene.add()
        number = (await me.read("/v1/holders/me/card"))["issue_number"]

        await suspend(me)
        await scene.tell()

        [(event_id, body)] = scene.bank.heard
        assert event_id.startswith("evt_")
        assert body == {"type": "card.changed", "timestamp": body["timestamp"], "data": {"issue_number": number}}

    async def test_tell_of_a_card_that_is_issued_and_of_one_that_is_left(self, scene: Scene, make: Make) -> None:
        await scene.add()
        holder = await make.card_password(await make.owner())
        number = (await holder.read("/v1/holders/me/card"))["issue_number"]
        version = (await holder.read("/v1/me/closing"))["version"]

        answer = await holder.call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'})
        await scene.tell()

        assert answer.status_code == 200
        assert sorted(scene.bank.types) == ["card.issued", "card.left"]
        assert {body["data"]["issue_number"] for _, body in scene.bank.heard} == {number}

    async def test_come_only_to_who_asked_for_them(self, scene: Scene, me: Holder) -> None:
        await scene.add(CardEvent.LEFT)

        await suspend(me)
        await scene.tell()

        assert scene.bank.heard == []

    async def test_come_only_where_the_card_is_used(self, scene: Scene, me: Holder) -> None:
        await scene.add(name="bank_app")

        await suspend(me)
        await scene.tell()

        assert scene.bank.heard == []

    async def test_name_nobody(self, scene: Scene, me: Holder) -> None:
        await scene.add()
        await suspend(me)
        await scene.tell()

        said = str(scene.bank.heard)
        ids = (me.registered.name, me.registered.number, str(me.id), str(me.claims.account_id))
        assert [each for each in ids if each in said] == []


@needs_openssl
class TestSm2:
    """A channel that has given a key of SM2 is signed to by SM2 too."""

    @pytest.fixture
    async def signer(self, tmp_path: Path) -> AsyncIterator[OpenSslSigner]:
        made = OpenSslSigner(new_key(tmp_path))
        yield made
        await made.close()

    @pytest.fixture
    async def scene(self, house: House, signer: OpenSslSigner) -> AsyncIterator[Scene]:
        async with _scene(house, signer) as scene:
            yield scene

    async def test_signs_the_same_text_beside_the_secrets(
        self, scene: Scene, me: Holder, signer: OpenSslSigner, tmp_path: Path
    ) -> None:
        theirs = OpenSslSigner(new_key(tmp_path, "theirs.pem")).public_key
        pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(theirs.der) + b"\n-----END PUBLIC KEY-----\n"
        await scene.add()
        await scene.house.db.run(lambda session: keys.add(session, "app", keys.read(pem)))

        await suspend(me)
        await scene.tell()

        [(text, signatures)] = scene.bank.signed
        kinds = [signature.split(",")[0] for signature in signatures]
        by_sm2 = base64.b64decode(signatures[1].removeprefix("v1sm2,"))
        assert kinds == ["v1", "v1sm2"]
        assert await signer.verify(signer.public_key, text, by_sm2)
        assert not await signer.verify(theirs, text, by_sm2)

    async def test_signs_to_nobody_who_has_given_no_key(self, scene: Scene, me: Holder) -> None:
        await scene.add()

        await suspend(me)
        await scene.tell()

        assert [len(signatures) for _, signatures in scene.bank.signed] == [1]

    async def test_that_cannot_sign_now_lets_the_event_wait(self, house: House, me: Holder, tmp_path: Path) -> None:
        busy = OpenSslSigner(new_key(tmp_path, "busy.pem"), at_once=1, waiting=-1)
        async with _scene(house, busy) as scene:
            await scene.add()
            jwk = {"kty": "EC", "crv": "SM2", "x": _text(busy.public_key.x), "y": _text(busy.public_key.y)}
            await house.db.run(lambda session: keys.add(session, "app", keys.read(orjson.dumps(jwk))))
            await suspend(me)

            await scene.tell()

            [waiting] = await house.db.fetch("SELECT attempts FROM outbox_event WHERE kind = 'tell_channel'")
            assert (scene.bank.heard, waiting["attempts"]) == ([], 1)
        await busy.close()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class TestDelivery:
    @pytest.mark.parametrize("status", [301, 400, 404, 429, 500])
    async def test_what_was_not_taken_comes_again_under_the_same_id(
        self, scene: Scene, me: Holder, status: int
    ) -> None:
        await scene.add()
        scene.bank.statuses = [status]
        await suspend(me)

        await scene.tell()
        await later(scene.house, minutes=1)
        await scene.tell()
        await later(scene.house, minutes=1)
        await scene.tell()

        assert len(scene.bank.heard) == 2
        assert len({event_id for event_id, _ in scene.bank.heard}) == 1

    async def test_who_is_slow_holds_nobody_up_for_long(self, scene: Scene, me: Holder) -> None:
        await scene.add()
        scene.bank.go_on.clear()
        await suspend(me)

        async with loopback_client() as client, asyncio.timeout(60):
            hasty = HttpHooks(scene.house.ports.clock, client, seconds=0.3)
            await tell_due(scene.house.db, replace(scene.ports, hooks=hasty))

        scene.bank.go_on.set()
        await later(scene.house, minutes=1)
        await scene.tell()
        assert len({event_id for event_id, _ in scene.bank.heard}) == 1

    async def test_after_three_days_it_is_given_up_and_the_log_says_so(self, scene: Scene, me: Holder) -> None:
        await scene.add()
        scene.bank.statuses = [500] * 10
        await suspend(me)
        await scene.tell()

        await later(scene.house, days=3)
        with capture_logs() as lines:
            await scene.tell()
        await later(scene.house, hours=2)
        await scene.tell()

        given_up = [line for line in lines if line["event"] == "channel_event_given_up"]
        assert [(line["channel"], line["log_level"]) for line in given_up] == [("app", "error")]
        assert len(scene.bank.heard) == 2

    @pytest.mark.parametrize("remove", [hearing.mute, registering.remove], ids=["muted", "removed"])
    async def test_who_was_removed_hears_nothing_of_what_was_on_its_way(
        self, scene: Scene, me: Holder, remove: Callable[[Session, str], Awaitable[None]]
    ) -> None:
        await scene.add()
        await suspend(me)
        await scene.house.db.run(lambda session: remove(session, "app"))

        await scene.tell()

        assert (scene.bank.heard, scene.bank.refused) == ([], 0)


class TestSecrets:
    async def test_both_sign_while_one_is_changed(self, scene: Scene, me: Holder) -> None:
        await scene.add()
        old = scene.bank.secret
        new = await scene.house.db.run(lambda session: hearing.rotate(session, "app"))
        await suspend(me)
        await scene.tell()
        scene.bank.secret = new
        await me.call("DELETE", "/v1/holders/me/card/suspension")
        await scene.tell()
        assert (len(scene.bank.heard), scene.bank.refused) == (2, 0)

        await scene.house.db.run(lambda session: hearing.drop_old_secret(session, "app"))
        scene.bank.secret = old
        await suspend(me)
        await scene.tell()

        assert (len(scene.bank.heard), scene.bank.refused) == (2, 1)

    async def test_they_lie_sealed(self, scene: Scene) -> None:
        await scene.add()

        [row] = await scene.house.db.fetch("SELECT secrets FROM channel")

        assert base64.b64decode(scene.bank.secret.removeprefix("whsec_")) not in row["secrets"]
        assert scene.bank.secret.removeprefix("whsec_").encode() not in row["secrets"]

    @pytest.mark.parametrize("url", ["http://bank.example/hook", "ftp://bank.example", "https://me@bank.example", "x"])
    async def test_events_go_nowhere_in_the_clear(self, house: House, url: str) -> None:
        with pytest.raises(HookAddressNotTaken):
            await house.db.run(lambda session: hearing.hear(session, "app", url, ALL))
