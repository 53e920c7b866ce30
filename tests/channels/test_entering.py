"""People come in by the platforms of mini programs: once tied to their account, with one call."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.db import Database
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services.channel_registry import platforms as registered
from app.services.channel_registry import registering
from tests.adapters.channel_identity import platforms
from tests.factories.adding import later
from tests.factories.callers import SOMEBODY
from tests.factories.make import Make
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone

MINI = "/v1/channels/mini"
PhoneOf = Callable[[str], Phone]


@dataclass
class Visitor:
    """Somebody in a mini program, on one phone."""

    client: httpx.AsyncClient
    user: str
    channel: str = "mini"
    device: dict[str, str] = field(
        default_factory=lambda: {"id": secrets.token_hex(8), "name": "A phone", "platform": "wechat"}
    )

    async def enter(self, code: str | None = None) -> httpx.Response:
        """Open the mini program."""
        body = {"auth_code": code or f"demo-user-{self.user}", "device": self.device}
        return await self.client.post(f"/v1/channels/{self.channel}/sessions", json=body)

    async def ticket(self) -> str:
        """Open it as somebody whom nobody knows."""
        answer = await self.enter()
        assert answer.status_code == 202, answer.text
        ticket: str = answer.json()["ticket"]
        return ticket

    async def sign_in(self, phone: Phone, ticket: str | None = None, **proof: str) -> httpx.Response:
        """Sign in once, to be known from then on."""
        body = {"phone": phone.number, "device": self.device, "channel_ticket": ticket or await self.ticket()}
        return await self.client.post("/v1/sessions", json=body | (proof or {"password": PASSWORD}))

    def phone(self, phone: Phone, tokens: dict[str, Any]) -> Phone:
        """Return the phone as it goes on in the mini program."""
        return replace(phone, device=self.device["id"], tokens=tokens)


@pytest.fixture
async def mini(make: Make) -> None:
    await make.channel("mini", identity="demo")


@pytest.fixture
def zoe(client: httpx.AsyncClient, mini: None) -> Visitor:
    return Visitor(client, "zoe")


@pytest.fixture
async def mine(phone: PhoneOf) -> Phone:
    """A phone with an account, made in the app."""
    mine = phone(SOMEBODY)
    await mine.register()
    return mine


async def tied(db: Database) -> tuple[int, int]:
    rows = [await db.fetch(f"SELECT 1 FROM {table}") for table in ("channel_login", "channel_tie")]  # noqa: S608 - ours
    return len(rows[0]), len(rows[1])


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


class TestFirstTime:
    async def test_the_answer_says_what_is_needed_and_then_one_call_signs_in(self, zoe: Visitor, mine: Phone) -> None:
        unknown = await zoe.enter()
        assert unknown.status_code == 202
        assert [way["href"] for way in unknown.json()["next"]] == ["/v1/sessions", "/v1/accounts"]

        first = await zoe.sign_in(mine, unknown.json()["ticket"])
        again = await zoe.enter()

        assert (first.status_code, again.status_code) == (201, 201)
        sessions = await zoe.phone(mine, again.json()).call("GET", "/v1/sessions")
        assert [each["channel"] for each in sessions.json()["items"]] == ["mini", "mini", "app"]
        assert {each["assurance"] for each in sessions.json()["items"]} == {"full"}

    async def test_who_has_no_account_registers_with_the_ticket(self, zoe: Visitor, phone: PhoneOf) -> None:
        new = replace(phone(SOMEBODY), device=zoe.device["id"])
        body = {
            "phone": new.number,
            "sms_code": await new.sms_code("register"),
            "password": PASSWORD,
            "device": zoe.device,
            "channel_ticket": await zoe.ticket(),
        }

        opened = await zoe.client.post("/v1/accounts", json=body, headers={"Idempotency-Key": "the-first-time"})

        assert opened.status_code == 201, opened.text
        assert (await zoe.enter()).status_code == 201

    async def test_a_phone_alone_ties_nobody_until_more_is_shown(self, zoe: Visitor, mine: Phone, house: House) -> None:
        ticket = await zoe.ticket()
        code = await replace(mine, device=zoe.device["id"]).sms_code("sign_in")
        weak = await zoe.sign_in(mine, ticket, sms_code=code)
        there = zoe.phone(mine, weak.json())
        refused(await there.call("PUT", f"{MINI}/identity", {"channel_ticket": ticket}), 401, "more-proof-needed")
        assert (await zoe.enter()).status_code == 202

        sure = await zoe.sign_in(mine, ticket)

        assert sure.status_code == 201
        assert (await zoe.enter()).status_code == 201

    async def test_who_has_shown_more_by_the_card_password_ties_themselves(
        self, zoe: Visitor, mine: Phone, people: dict[str, TestPerson]
    ) -> None:
        await mine.own_card(people["owner"])
        ticket = await zoe.ticket()
        code = await replace(mine, device=zoe.device["id"]).sms_code("sign_in")
        there = zoe.phone(mine, (await zoe.sign_in(mine, ticket, sms_code=code)).json())
        assert (await there.step_up()).status_code == 200

        tie = await there.call("PUT", f"{MINI}/identity", {"channel_ticket": ticket})

        assert tie.status_code == 204
        assert (await zoe.enter()).status_code == 201

    async def test_the_holder_is_told(self, zoe: Visitor, mine: Phone, db: Database) -> None:
        await zoe.sign_in(mine)

        told = await db.fetch("SELECT facts->>'message' AS message FROM outbox_event WHERE kind = 'tell_person'")

        assert "card_channel_tied" in {row["message"] for row in told}


class TestTickets:
    async def test_one_is_good_on_its_own_device_for_ten_minutes(
        self, zoe: Visitor, mine: Phone, house: House, client: httpx.AsyncClient
    ) -> None:
        ticket = await zoe.ticket()
        refused(await Visitor(client, "bob").sign_in(mine, ticket), 409, "channel-ticket-not-valid")
        for made_up in ("x", ticket[:-2], f"{ticket}AA", "ä" * 20, "A" * 1000):
            refused(await zoe.sign_in(mine, made_up), 409, "channel-ticket-not-valid")

        await later(house, minutes=11)

        refused(await zoe.sign_in(mine, ticket), 409, "channel-ticket-not-valid")

    async def test_one_is_no_good_in_another_channel(self, zoe: Visitor, mine: Phone, make: Make) -> None:
        await make.channel("other", identity="demo")
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        other = replace(zoe, channel="other")

        answer = await there.call("PUT", f"{MINI}/identity", {"channel_ticket": await other.ticket()})

        refused(answer, 409, "channel-ticket-not-valid")

    async def test_it_says_nothing_of_whom_it_is(self, zoe: Visitor) -> None:
        one, another = await zoe.ticket(), await zoe.ticket()

        assert one[:40] != another[:40]
        assert "zoe" not in one


class TestPlatforms:
    @pytest.mark.parametrize(
        ("code", "status", "name"),
        [
            ("demo-wrong", 403, "channel-code-refused"),
            ("demo-blocked", 403, "channel-user-blocked"),
            ("demo-too-often", 429, "channel-sign-in-too-often"),
            ("demo-busy", 503, "channel-identity-unavailable"),
            ("not ascii or so", 422, "invalid-request"),
        ],
    )
    async def test_what_they_say_is_told(self, zoe: Visitor, code: str, status: int, name: str) -> None:
        refused(await zoe.enter(code), status, name)

    async def test_only_open_channels_with_a_platform_let_anybody_in(self, zoe: Visitor, db: Database) -> None:
        refused(await replace(zoe, channel="app").enter(), 404, "not-found")
        refused(await replace(zoe, channel="nobody").enter(), 404, "not-found")

        await db.run(lambda session: registering.suspend(session, "mini"))
        refused(await zoe.enter(), 403, "channel-stopped")

        await db.run(lambda session: registering.remove(session, "mini"))
        refused(await zoe.enter(), 404, "not-found")

    async def test_of_their_users_only_digests_lie_here(self, zoe: Visitor, mine: Phone, db: Database) -> None:
        await zoe.sign_in(mine)

        (row,) = await db.fetch("SELECT subject_hmac::text, (SELECT services FROM channel LIMIT 1) FROM channel_login")

        assert b"zoe".hex() not in row["subject_hmac"]

    @pytest.mark.parametrize("name", ["alipay", "wechat"])
    async def test_real_ones_are_asked_in_their_own_formats(
        self, name: str, house: House, mine: Phone, client: httpx.AsyncClient, make: Make
    ) -> None:
        async with platforms.alipay() if name == "alipay" else platforms.wechat() as stage:
            identity = house.ports.channel_identities[name]
            await make.channel(name)
            await house.db.run(lambda session: registered.know_by(session, name, name, identity, stage.options))
            zoe = Visitor(client, "zoe", channel=name)
            unknown = await zoe.enter(stage.code_of("zoe"))
            await zoe.sign_in(mine, unknown.json()["ticket"])

            known = await zoe.enter(stage.code_of("zoe"))
            other = await zoe.enter(stage.code_of("bob"))
            bad = await zoe.enter(stage.faulty("bad"))

        assert (known.status_code, other.status_code) == (201, 202)
        refused(bad, 403, "channel-code-refused")


class TestOnePerson:
    async def test_is_one_holder_with_one_card_and_an_issue_number_in_each_channel(
        self, zoe: Visitor, mine: Phone, make: Make, people: dict[str, TestPerson]
    ) -> None:
        await make.channel("alipay", identity="demo")
        await mine.own_card(people["owner"])
        there = [zoe.phone(mine, (await each.sign_in(mine)).json()) for each in (zoe, replace(zoe, channel="alipay"))]
        for channel, each in zip(("mini", "alipay"), there, strict=True):
            assert (await each.step_up(CARD_PASSWORD)).status_code == 200
            assert (await each.call("PUT", f"/v1/channels/{channel}")).status_code == 200

        cards = [(await each.call("GET", "/v1/holders/me/card")).json() for each in (mine, *there)]

        assert len({card["card_number"] for card in cards}) == 1
        assert len({card["issue_number"] for card in cards}) == 3

    async def test_leaving_one_leaves_the_others(
        self, zoe: Visitor, mine: Phone, make: Make, people: dict[str, TestPerson], db: Database
    ) -> None:
        await make.channel("alipay", identity="demo")
        elsewhere = replace(zoe, channel="alipay")
        await mine.own_card(people["owner"])
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        await elsewhere.sign_in(mine)
        await mine.step_up()

        assert (await mine.call("DELETE", MINI)).status_code == 204

        refused(await there.call("GET", "/v1/me"), 401, "session-ended")
        assert (await zoe.enter()).status_code == 202
        assert (await elsewhere.enter()).status_code == 201
        assert (await mine.call("GET", "/v1/me")).status_code == 200
        assert await tied(db) == (1, 1)

    async def test_who_unties_themselves_stays_signed_in_and_is_unknown_from_then_on(
        self, zoe: Visitor, mine: Phone, db: Database
    ) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())

        for _ in range(2):
            assert (await there.call("DELETE", f"{MINI}/identity")).status_code == 204

        assert (await there.call("GET", "/v1/me")).status_code == 200
        assert (await zoe.enter()).status_code == 202
        assert await tied(db) == (0, 0)

    async def test_an_account_that_is_closed_is_entered_by_nobody(
        self, zoe: Visitor, mine: Phone, phone: PhoneOf, db: Database
    ) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        version = (await there.call("GET", "/v1/me/closing")).json()["version"]

        closed = await there.call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'})

        assert closed.status_code == 200, closed.text
        assert (await zoe.enter()).status_code == 202
        assert await tied(db) == (0, 0)

    async def test_what_is_held_says_which_channel_knows_them(self, zoe: Visitor, mine: Phone) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())

        held = (await there.call("GET", "/v1/me/data")).text

        assert '"channel":"mini"' in held.replace(" ", "")


class TestRaces:
    async def test_of_two_users_tied_at_once_one_signs_in(
        self, zoe: Visitor, mine: Phone, client: httpx.AsyncClient, db: Database
    ) -> None:
        both = [zoe, Visitor(client, "bob"), Visitor(client, "cat")]
        tickets = [await each.ticket() for each in both]

        answers = await asyncio.gather(
            *(each.sign_in(mine, ticket) for each, ticket in zip(both, tickets, strict=True))
        )

        assert {answer.status_code for answer in answers} == {201}
        assert await tied(db) == (1, 1)
        assert sorted([(await each.enter()).status_code for each in both]) == [201, 202, 202]
        ended = await db.fetch("SELECT 1 FROM session WHERE channel = 'mini' AND ended_because = 'left_channel'")
        assert len(ended) == 2

    async def test_one_user_is_tied_to_one_of_two_accounts(
        self, zoe: Visitor, mine: Phone, phone: PhoneOf, db: Database
    ) -> None:
        yours = phone("10000000002")
        await yours.register()
        ticket = await zoe.ticket()

        answers = await asyncio.gather(*(zoe.sign_in(each, ticket) for each in (mine, yours)))

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        refused(next(answer for answer in answers if answer.status_code == 409), 409, "channel-identity-tied")
        assert await tied(db) == (1, 1)

    async def test_entered_and_left_at_once_nobody_stays_in(self, zoe: Visitor, mine: Phone, db: Database) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())

        entered, left = await asyncio.gather(zoe.enter(), there.call("DELETE", f"{MINI}/identity"))

        assert (entered.status_code in (201, 202), left.status_code) == (True, 204)
        assert (await zoe.enter()).status_code == 202
        assert await tied(db) == (0, 0)


class TestPhonesThatChangeHands:
    async def test_who_gets_a_phone_gets_no_channel_with_it(
        self, zoe: Visitor, mine: Phone, client: httpx.AsyncClient
    ) -> None:
        await zoe.sign_in(mine)
        stranger = Visitor(client, "bob")
        ticket = await stranger.ticket()
        code = await replace(mine, device=stranger.device["id"]).sms_code("sign_in")

        weak = await stranger.sign_in(mine, ticket, sms_code=code)

        there = stranger.phone(mine, weak.json())
        refused(await there.call("GET", "/v1/me"), 401, "more-proof-needed")
        assert (await stranger.enter()).status_code == 202
        assert (await zoe.enter()).status_code == 201


class TestLimits:
    async def test_the_users_of_a_channel_begin_so_many_enrolments_a_day(
        self, zoe: Visitor, mine: Phone, house: House
    ) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        await house.db.run(
            lambda session: registering.limit(session, "mini", requests_per_minute=None, enrolments_per_day=3)
        )

        answers = await asyncio.gather(*(there.call("POST", "/v1/enrolments", {"kind": "own_card"}) for _ in range(5)))

        assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 429, 429]
        full = {answer.json()["code"] for answer in answers if answer.status_code == 429}
        assert full == {"channel-enrolments-used-up"}
        assert await mine.open("own_card")

    async def test_the_users_of_a_channel_may_ask_for_so_much_together(
        self, zoe: Visitor, mine: Phone, db: Database
    ) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        await db.run(lambda session: registering.limit(session, "mini", requests_per_minute=2, enrolments_per_day=None))

        answers = [await there.call("GET", "/v1/me") for _ in range(6)]  # a new minute may begin meanwhile

        assert answers[0].status_code == 200
        refusal = next(answer for answer in answers if answer.status_code != 200)
        refused(refusal, 429, "too-many-requests")
        assert refusal.headers["ratelimit-policy"] == '"too-many-requests";q=2;w=60'
        assert (await mine.call("GET", "/v1/me")).status_code == 200

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/holders/me/card"),
            ("GET", "/v1/family"),
            ("POST", "/v1/holders/me/card/codes"),
            ("POST", f"/v1/holders/{UUID(int=0)}/card/codes"),
        ],
    )
    async def test_the_reads_and_codes_of_every_day_count_too(
        self, zoe: Visitor, mine: Phone, db: Database, method: str, path: str
    ) -> None:
        there = zoe.phone(mine, (await zoe.sign_in(mine)).json())
        await db.run(lambda session: registering.limit(session, "mini", requests_per_minute=1, enrolments_per_day=None))

        statuses = [(await there.call(method, path)).status_code for _ in range(3)]  # a new minute may begin meanwhile

        assert statuses[0] in (404, 409)
        assert 429 in statuses
        assert (await mine.call(method, path)).status_code == statuses[0]
