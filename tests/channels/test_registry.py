"""The registry of channels: what is not in it, or not open, lets nobody in; what may be done in each; its keys."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.core.db import Database, Session
from app.core.errors import NotFound
from app.models.channels import Channel, ChannelKind, ChannelService
from app.services.channel_registry import keys, registering, standing
from app.services.channel_registry.keys import ChannelKeyNotTaken
from app.services.channel_registry.registering import ChannelKnown, ChannelNotTaken, NewChannel
from app.services.channel_registry.standing import ChannelStopped
from tests.factories.make import Holder, Make
from tests.factories.phone import PASSWORD, Phone
from tests.factories.sm2 import STANDARD as SM2

MINE = "/v1/holders/me/card"


async def change(db: Database, *works: Callable[[Session], Awaitable[Any]]) -> None:
    for work in works:
        await db.run(work)


def adding(name: str, **facts: Any) -> Callable[[Session], Awaitable[Channel]]:
    return lambda session: registering.add(session, NewChannel(name, **facts))


def suspending(name: str) -> Callable[[Session], Awaitable[None]]:
    return lambda session: registering.suspend(session, name)


def resuming(name: str) -> Callable[[Session], Awaitable[None]]:
    return lambda session: registering.resume(session, name)


async def open_ones(db: Database) -> set[str]:
    return {channel.name for channel in await db.run(standing.open_ones)}


class TestStopping:
    async def test_sessions_stop_at_the_next_request_with_a_reason_and_go_on_when_it_is_resumed(
        self, make: Make, db: Database
    ) -> None:
        me = await make.card_password(await make.owner())
        await change(db, suspending("app"))

        for method, path in (
            ("GET", MINE),
            ("GET", "/v1/family"),
            ("GET", "/v1/me"),
            ("POST", f"{MINE}/codes"),
            ("GET", "/v1/sessions"),
        ):
            answer = await me.call(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "channel-stopped"), path

        await change(db, resuming("app"))
        assert (await me.call("GET", MINE)).status_code == 200

    async def test_nobody_comes_in_and_a_refresh_token_stays_as_good_as_it_was(
        self, phone: Callable[[str], Phone], db: Database
    ) -> None:
        mine = phone("10000000001")
        await mine.register()
        await change(db, suspending("app"))

        refresh = {"refresh_token": mine.tokens["refresh_token"]}
        kept = await mine.client.post("/v1/sessions/refresh", json=refresh)
        device = {"id": mine.device, "name": "Test phone", "platform": "ios"}
        ask = {"phone": mine.number, "password": PASSWORD, "device": device}
        wanted = await mine.client.post("/v1/sessions", json=ask)
        await change(db, resuming("app"))
        again = await mine.client.post("/v1/sessions/refresh", json=refresh)

        assert {answer.json()["code"] for answer in (kept, wanted)} == {"channel-stopped"}
        assert again.status_code == 200

    async def test_a_removed_one_is_as_if_it_had_never_been(self, made_owner: Holder, db: Database) -> None:
        await change(db, lambda session: registering.remove(session, "app"))

        assert (await made_owner.call("GET", MINE)).json()["code"] == "channel-stopped"
        with pytest.raises(NotFound):
            await change(db, resuming("app"))

        await change(db, adding("app"))
        assert (await made_owner.call("GET", MINE)).status_code == 200

    async def test_what_is_below_stops_with_it_and_keeps_what_it_was_itself(self, db: Database) -> None:
        await change(
            db,
            adding("alipay", kind=ChannelKind.MINI_PROGRAM),
            adding("citizens", kind=ChannelKind.MINI_PROGRAM, parent="alipay"),
            adding("town", kind=ChannelKind.MINI_PROGRAM, parent="citizens"),
            adding("village", kind=ChannelKind.MINI_PROGRAM, parent="citizens"),
            suspending("town"),
        )

        await change(db, suspending("alipay"))
        assert await open_ones(db) == {"app"}
        await change(db, resuming("alipay"))

        assert await open_ones(db) == {"app", "alipay", "citizens", "village"}

    @pytest.mark.parametrize("_time", range(3))
    async def test_one_added_while_the_one_above_is_stopped_is_stopped(self, db: Database, _time: int) -> None:
        await change(db, adding("alipay", kind=ChannelKind.MINI_PROGRAM))

        await asyncio.gather(
            db.run(adding("town", kind=ChannelKind.MINI_PROGRAM, parent="alipay")), db.run(suspending("alipay"))
        )

        assert await open_ones(db) == {"app"}

    async def test_a_name_that_nobody_has_lets_nobody_in(self, db: Database) -> None:
        with pytest.raises(ChannelStopped):
            await db.run(lambda session: standing.require_open(session, "nobody"))


class TestAdding:
    @pytest.mark.parametrize(
        ("name", "facts"),
        [
            ("Bank App", {}),
            ("b" * 33, {}),
            ("bank", {"level": 0}),
            ("bank", {"parent": "app", "kind": ChannelKind.BANK_APP}),
            ("bank", {"parent": "nobody"}),
            ("bank", {"entry": "bank.example"}),
        ],
    )
    async def test_what_cannot_be_is_not_added(self, db: Database, name: str, facts: dict[str, Any]) -> None:
        with pytest.raises(ChannelNotTaken):
            await change(db, adding(name, **facts))

        assert await open_ones(db) == {"app"}

    async def test_no_channel_stands_above_itself(self, db: Database) -> None:
        await change(db, adding("a"), adding("b", parent="a"), lambda session: registering.remove(session, "a"))

        with pytest.raises(ChannelNotTaken):
            await change(db, adding("a", parent="b"))

    async def test_one_that_is_there_is_not_added_again(self, db: Database) -> None:
        await change(db, adding("bank"), suspending("bank"))

        with pytest.raises(ChannelKnown):
            await change(db, adding("bank"))

    async def test_nobody_forgets_that_one_was_there(self, db: Database) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.fetch("DELETE FROM channel")  # what issue numbers name


class TestServices:
    @pytest.mark.parametrize(
        ("service", "method", "path", "body"),
        [
            (ChannelService.TRANSFERS, "GET", "/v1/holders/me/transfers", None),
            (ChannelService.RIGHTS, "GET", "/v1/holders/me/rights", None),
            (ChannelService.CERTIFICATIONS, "GET", "/v1/holders/me/benefit-certifications", None),
            (ChannelService.CARD_ORDERS, "GET", "/v1/holders/me/card-orders", None),
            (ChannelService.SHOW_CODE, "POST", f"{MINE}/codes", {}),
            (ChannelService.ENROL, "POST", "/v1/enrolments", {"kind": "own_card"}),
        ],
    )
    async def test_what_may_not_be_done_here_is_refused_with_where_it_may(
        self,
        made_owner: Holder,
        db: Database,
        service: ChannelService,
        method: str,
        path: str,
        body: object,
    ) -> None:
        rest = frozenset(ChannelService) - {service}
        await change(
            db,
            lambda session: registering.allow(session, "app", rest),
            adding("closed", entry="closed://"),
            suspending("closed"),
            adding("bank", entry="https://bank.example/card"),
        )

        answer = await made_owner.call(method, path, body, **{"Idempotency-Key": "the-first-time"})

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-in-channel")
        said = answer.json()["next"]
        assert (said["channel"], said["href"]) == ("bank", "https://bank.example/card")
        assert (await made_owner.call("GET", MINE)).status_code == 200

    async def test_where_it_is_done_nowhere_no_channel_is_named(self, made_owner: Holder, db: Database) -> None:
        await change(db, lambda session: registering.allow(session, "app", frozenset()))

        answer = await made_owner.call("GET", "/v1/holders/me/transfers")

        assert answer.json()["code"] == "service-not-in-channel"
        assert "channel" not in answer.json()["next"]


def jwk_of(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64.urlsafe_b64encode(each.to_bytes(32)).decode().rstrip("=") for each in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


class TestKeys:
    async def test_several_hold_at_a_time_until_one_is_taken_away(self, db: Database) -> None:
        old, new = (ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2))
        pem = new.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        first = keys.read(orjson.dumps({"keys": [jwk_of(old) | {"kid": "2025"}]}))
        second = keys.read(pem)

        await change(db, lambda session: keys.add(session, "app", first), lambda s: keys.add(s, "app", second))
        both = await db.run(lambda session: keys.of_channel(session, "app"))
        await change(db, lambda session: keys.remove(session, "app", "2025"))
        left = await db.run(lambda session: keys.of_channel(session, "app"))

        assert len(both) == 2
        assert [key.jwk for key in left] == [keys.read(orjson.dumps(jwk_of(new)))[0]]
        with pytest.raises(NotFound):
            await change(db, lambda session: keys.remove(session, "app", "2025"))

    async def test_they_go_with_the_channel(self, db: Database) -> None:
        jwks = keys.read(orjson.dumps(jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key())))
        await change(db, adding("bank"), lambda session: keys.add(session, "bank", jwks))

        await change(db, lambda session: registering.remove(session, "bank"), adding("bank"))

        assert await db.run(lambda session: keys.of_channel(session, "bank")) == []

    async def test_nine_are_too_many(self, db: Database) -> None:
        one = jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key())
        jwks = keys.read(orjson.dumps([one | {"kid": str(number)} for number in range(9)]))

        with pytest.raises(ChannelKeyNotTaken):
            await change(db, lambda session: keys.add(session, "app", jwks))

    def test_an_rsa_key_reads_the_same_from_pem_and_from_json(self) -> None:
        public = rsa.generate_private_key(65537, 2048).public_key()

        [of_pem] = keys.read(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

        assert keys.read(orjson.dumps({**of_pem})) == [of_pem]
        assert int.from_bytes(base64.urlsafe_b64decode(of_pem["n"] + "==")) == public.public_numbers().n

    def test_a_key_of_sm2_reads_the_same_from_pem_and_from_json(self) -> None:
        body = base64.b64encode(SM2.der).decode()
        pem = f"-----BEGIN PUBLIC KEY-----\n{body[:64]}\n{body[64:]}\n-----END PUBLIC KEY-----\n"

        [of_pem] = keys.read(pem.encode())

        assert keys.read(orjson.dumps({**of_pem})) == [of_pem]
        assert of_pem["crv"] == "SM2"
        assert base64.urlsafe_b64decode(of_pem["x"] + "=") == SM2.x

    def test_what_is_no_public_key_of_ours_is_not_taken(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        good = jwk_of(private.public_key())
        other = ec.generate_private_key(ec.SECP384R1()).public_key()
        wrong: list[object] = [
            good | {"d": "AAAA"},
            good | {"use": "enc"},
            good | {"kid": "with space"},
            good | {"x": good["y"]},
            good | {"crv": "SM2"},
            good | {"x": "AA"},
            good | {"x": "A"},
            good | {"x": "not base64url!"},
            {"kty": "oct", "k": "AAAA"},
            {"kty": "RSA", "e": "AQAB", "n": good["x"] * 4},
            {"kty": "OKP", "crv": "Ed25519", "x": good["x"]},
            {"keys": []},
            ["text"],
            "text",
        ]
        contents = [orjson.dumps(each) for each in wrong]
        contents += [
            b"neither JSON nor PEM",
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ]

        for content in contents:
            with pytest.raises(ChannelKeyNotTaken):
                keys.read(content)
