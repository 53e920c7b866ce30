"""Channels as clients: a token for their own signature, once; and what it is good for."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.core.tokens import base64url
from app.routers.deps import House
from app.services.channel_registry import keys, registering
from tests.factories.adding import later, ok, refused
from tests.factories.channel_clients import TYPE, ChannelClient
from tests.factories.make import Make
from tests.factories.sm2 import STANDARD as SM2


@pytest.fixture
async def bank(client: httpx.AsyncClient, house: House) -> ChannelClient:
    """A bank's app."""
    return await ChannelClient.register(client, house)


class TestTokens:
    async def test_a_channel_gets_one_for_its_signature(self, bank: ChannelClient) -> None:
        answer = await bank.ask()

        told = ok(answer)
        assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, "events secrets")
        assert answer.headers["cache-control"] == "no-store"
        assert ok(await bank.call("GET", "/events", told["access_token"])) == {"items": [], "next_cursor": None}

    async def test_an_rsa_key_is_as_good(self, client: httpx.AsyncClient, house: House) -> None:
        key = rsa.generate_private_key(65537, 2048)
        bank = await ChannelClient.register(client, house, key=key)

        ok(await bank.call("GET", "/events"))

    async def test_it_is_good_for_what_it_was_asked_for(self, bank: ChannelClient) -> None:
        token = await bank.token(scope="secrets")

        refused(await bank.call("GET", "/events", token), 403, "scope-needed")

    async def test_a_signature_is_heard_once_however_many_come_at_the_same_time(self, bank: ChannelClient) -> None:
        assertion = bank.signed(bank.claims())

        answers = await asyncio.gather(*(bank.ask(assertion) for _ in range(10)))

        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9
        refused(await bank.ask(assertion), 401, "assertion-replayed")

    @pytest.mark.parametrize(
        ("iat", "exp"), [(-400, -100), (200, 260), (0, 400), (-10_000, 60)], ids=["over", "to come", "long", "old"]
    )
    async def test_one_that_is_not_of_now_is_refused(self, bank: ChannelClient, iat: int, exp: int) -> None:
        now = int(bank.house.db.clock.now().timestamp())

        answer = await bank.ask(bank.signed(bank.claims(iat=now + iat, exp=now + exp)))

        refused(answer, 401, "assertion-not-timely")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_client"'

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "nobody"},
            {"sub": "another"},
            {"aud": "https://elsewhere.example/token"},
            {"jti": "short"},
            {"jti": 5},
            {"exp": "soon"},
            {"iss": "bank\x00"},
        ],
    )
    async def test_one_that_says_something_else_is_nobodys(self, bank: ChannelClient, claims: dict[str, Any]) -> None:
        refused(await bank.ask(bank.signed(bank.claims(**claims))), 401, "channel-not-known")

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": "RS256"},
            {"kid": "another"},
            {"kid": "\x00"},
            {"crit": ["exp"]},
            {"jku": "https://elsewhere.example/keys"},
            {"jwk": {"kty": "EC"}},
            {"x5u": "https://elsewhere.example/x5u"},
            {"typ": "launch+jwt"},
        ],
    )
    async def test_a_header_of_any_other_form_is_nobodys(self, bank: ChannelClient, header: dict[str, Any]) -> None:
        refused(await bank.ask(bank.signed(bank.claims(), header)), 401, "channel-not-known")

    async def test_brackets_in_brackets_without_end_are_nobodys(self, bank: ChannelClient) -> None:
        deep = base64url.text(b'{"alg":"ES256","kid":"bank","typ":' + b"[" * 5000)

        refused(await bank.ask(f"{deep}.{base64url.text(b'{}')}.AAAA"), 401, "channel-not-known")

    async def test_another_key_is_nobodys(self, bank: ChannelClient) -> None:
        signed = bank.signed(bank.claims(), key=ec.generate_private_key(ec.SECP256R1()))

        refused(await bank.ask(signed), 401, "channel-not-known")

    async def test_a_key_of_sm2_gets_none_by_es256(self, bank: ChannelClient) -> None:
        sm2 = {"kty": "EC", "crv": "SM2", "x": base64url.text(SM2.x), "y": base64url.text(SM2.y), "kid": "sm2"}
        await bank.house.db.run(lambda session: keys.add(session, bank.name, keys.read(orjson.dumps(sm2))))

        refused(await bank.ask(bank.signed(bank.claims(), {"kid": "sm2"})), 401, "channel-not-known")

    async def test_a_key_that_was_removed_and_a_channel_that_is_suspended_get_none(self, bank: ChannelClient) -> None:
        token = await bank.token()
        await bank.house.db.run(lambda session: registering.suspend(session, bank.name))

        refused(await bank.ask(), 403, "channel-stopped")
        refused(await bank.call("GET", "/events", token), 403, "channel-stopped")

        await bank.house.db.run(lambda session: registering.resume(session, bank.name))
        ok(await bank.call("GET", "/events", token))
        await bank.house.db.run(lambda session: keys.remove(session, bank.name, bank.kid))
        refused(await bank.ask(), 401, "channel-not-known")
        refused(await bank.call("GET", "/events", token), 401, "channel-token-refused")

    async def test_a_key_that_takes_anothers_place_ends_the_tokens_that_were_got_with_that(
        self, bank: ChannelClient
    ) -> None:
        token = await bank.token()
        [same] = keys.read(bank.public)
        other = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        new = {**same, "x": base64url.text(other.x.to_bytes(32)), "y": base64url.text(other.y.to_bytes(32))}

        await bank.house.db.run(lambda session: keys.add(session, bank.name, [same]))
        ok(await bank.call("GET", "/events", token))
        await bank.house.db.run(lambda session: keys.add(session, bank.name, [new]))

        refused(await bank.call("GET", "/events", token), 401, "channel-token-refused")

    async def test_it_is_over_after_ten_minutes(self, bank: ChannelClient) -> None:
        token = await bank.token()

        await later(bank.house, minutes=10)

        refused(await bank.call("GET", "/events", token), 401, "channel-token-refused")

    async def test_it_opens_no_other_channel_and_nothing_of_people(self, bank: ChannelClient, make: Make) -> None:
        other = await ChannelClient.register(bank.client, bank.house, "other")
        holder = await make.owner()
        token = await bank.token()

        refused(await other.call("GET", "/events", token), 404, "channel-not-yours")
        refused(await replace(other, name="nobody").call("GET", "/events", token), 404, "channel-not-yours")
        refused(await holder.call("GET", "/v1/channels/bank/events"), 401, "channel-token-refused")
        as_bank = {"Authorization": f"Bearer {token}"}
        refused(await bank.client.get("/v1/me", headers=as_bank), 401, "not-signed-in")


class TestForms:
    async def test_it_is_asked_for_by_a_form(self, bank: ChannelClient) -> None:
        answer = await bank.client.post("/v1/channels/token", json={"grant_type": "client_credentials"})

        refused(answer, 415, "form-needed")

    async def test_who_it_says_to_be_is_who_has_signed(self, bank: ChannelClient) -> None:
        ok(await bank.ask(client_id="bank"))

        refused(await bank.ask(client_id="app"), 401, "channel-not-known")

    async def test_a_field_that_is_missing_wrong_or_unknown_is_named(self, bank: ChannelClient) -> None:
        form = {"grant_type": "password", "client_assertion_type": TYPE, "else": "x"}

        answer = await bank.client.post("/v1/channels/token", data=form)

        refused(answer, 422, "invalid-request")
        found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
        assert found == {"/grant_type": "choice", "/client_assertion": "missing", "/else": "extra"}

    async def test_a_scope_that_there_is_not_is_named(self, bank: ChannelClient) -> None:
        answer = await bank.ask(scope="events everything")

        refused(answer, 422, "invalid-request")
        assert answer.json()["errors"][0]["allowed"] == ["events", "secrets"]

    @pytest.mark.parametrize("body", [b"grant_type=a&grant_type=b", b"\xff=1", b"nothing", b"&".join([b"a=1"] * 20)])
    async def test_what_is_no_form_is_refused(self, bank: ChannelClient, body: bytes) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        answer = await bank.client.post("/v1/channels/token", content=body, headers=headers)

        refused(answer, 400, "malformed-request")


class TestLaunches:
    async def test_what_a_channel_has_signed_is_opened_once(self, bank: ChannelClient) -> None:
        back = "https://bank.example/back?from=card"
        said = {"service": "rights", "return_to": back, "state": "页面-7", "jti": "a-launch-of-bank-1"}

        opened = ok(await bank.launch(**said))

        assert opened == {
            "channel": "bank",
            "service": "rights",
            "href": "/v1/holders/{holder}/rights",
            "sign_in": "/v1/channels/bank/sessions",
            "return_to": back,
            "state": "页面-7",
        }
        refused(await bank.launch(**said), 401, "assertion-replayed")

    async def test_a_token_request_is_no_launch_and_a_launch_no_token_request(self, bank: ChannelClient) -> None:
        asked = {"launch": bank.signed(bank.claims(service="rights"))}

        refused(await bank.client.post("/v1/channels/bank/launches", json=asked), 401, "channel-not-known")
        refused(await bank.ask(bank.signed(bank.claims(), {"typ": "launch+jwt"})), 401, "channel-not-known")

    @pytest.mark.parametrize(
        "address",
        [
            "https://elsewhere.example/",
            "http://bank.example/",
            "https://bank.example.elsewhere.example/",
            "https://me@bank.example/",
            "javascript:alert(1)",
            "//bank.example/",
            "https://[bank.example/",
            "https://bank.example\u2100/",
        ],
    )
    async def test_it_leads_back_to_the_channel_alone(self, bank: ChannelClient, address: str) -> None:
        answer = await bank.launch(service="rights", return_to=address)

        refused(answer, 422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == "/launch/return_to"

    async def test_what_may_not_be_done_there_is_not_opened(self, client: httpx.AsyncClient, house: House) -> None:
        bank = await ChannelClient.register(client, house, services=frozenset())
        other = await ChannelClient.register(client, house, "other")

        refused(await bank.launch(service="transfers"), 403, "service-not-in-channel")
        refused(await bank.launch(service="everything"), 422, "invalid-request")
        refused(await bank.launch(service=["rights"]), 422, "invalid-request")
        for state in ("", "x" * 513, "two\nlines", 7):
            refused(await other.launch(service="transfers", state=state), 422, "invalid-request")
        refused(await bank.launch("other", service="rights"), 404, "channel-not-yours")
        ok(await other.launch(service="transfers"))
