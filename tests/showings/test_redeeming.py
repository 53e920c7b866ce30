"""A code is redeemed once, by a terminal that may, as long as what is behind it stands; and the terminal signs."""

import re
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jose import jws
from sqlalchemy import update

from app.core.clock import today
from app.core.db import Database, new_id
from app.core.tokens.codes import Shown
from app.models.people import Person
from app.models.showings import Redemption
from app.models.terminals import TerminalPurpose, TerminalRequest
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.schemas.showings import RedemptionRead
from app.services import audit
from app.services.audit import Action
from app.services.links import Services
from app.services.terminals import registering
from app.worker.relay import tell_due
from tests.factories.adding import ok, refused
from tests.factories.callers import pass_time
from tests.factories.make import Holder, Make, Member, Someone
from tests.factories.rows import count
from tests.factories.showing import codes_of, set_card, show
from tests.factories.terminals import REDEMPTIONS, Install, Terminal
from tests.family.test_coming_of_age import until
from tests.family.test_members_and_owners import told

VARYING = {"x-request-id"}
IDENTIFY = frozenset({TerminalPurpose.IDENTIFY})


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def father(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


@pytest.fixture
async def desk(install: Install) -> Terminal:
    """A terminal that reads codes for everything."""
    return await install()


async def written(make: Make, person: Someone) -> list[tuple[str, dict[str, Any]]]:
    """What the audit of somebody's home says of codes."""
    events = await make.audited(person)
    return [(action, dict(facts)) for action, facts, _ in events if action.startswith("code.")]


class TestWhatATerminalLearns:
    async def test_to_identify_somebody_is_shown_masked(self, me: Holder, desk: Terminal) -> None:
        answer = await desk.redeem(await show(me))

        number = me.registered.number
        assert me.registered.card is not None
        card = me.registered.card.number
        assert ok(answer) | {"redeemed_at": None} == {
            "purpose": "identify",
            "holder": {"name": "王**", "social_security_number": f"{number[:6]}********{number[-4:]}"},
            "card": {
                "card_number": f"{card[:3]}****{card[-2:]}",
                "level": 1,
                "region": "100101",
                "physical_card": "normal",
            },
            "shown_by": "holder",
            "owner": None,
            "redeemed_at": None,
            "redemption_id": None,
        }
        assert answer.headers["cache-control"] == "no-store"

    async def test_a_hospital_reads_the_person_and_the_card_whole(self, me: Holder, desk: Terminal) -> None:
        seen = ok(await desk.redeem(await show(me, purpose="medical")))

        assert me.registered.card is not None
        assert seen["holder"] == {"name": "王志远", "social_security_number": me.registered.number}
        assert seen["card"]["card_number"] == me.registered.card.number

    async def test_to_pay_the_card_is_read_whole_and_the_person_masked(
        self, me: Holder, desk: Terminal, db: Database
    ) -> None:
        await set_card(db, me, level=2)

        seen = ok(await desk.redeem(await show(me, purpose="pay")))

        assert me.registered.card is not None
        assert seen["holder"]["name"] == "王**"
        assert "*" in seen["holder"]["social_security_number"]
        assert seen["card"]["card_number"] == me.registered.card.number

    async def test_a_members_card_that_an_owner_shows_is_marked_as_such(
        self, me: Holder, father: Member, desk: Terminal
    ) -> None:
        seen = ok(await desk.redeem(await show(me, father, "medical"), Accept_Language="en"))

        assert seen["holder"]["name"] == "王建国"
        assert seen["shown_by"] == "owner"
        assert seen["owner"] == {"name": "王**", "relationship": "51", "relationship_text": "王**'s father"}

    async def test_a_body_written_otherwise_is_answered_the_same(
        self, me: Holder, father: Member, desk: Terminal
    ) -> None:
        short, long = [
            await desk.send(desk.signed(body, Accept_Language="es"))
            for body in ({"code": await show(me, father)}, _spaced(await show(me, father)))
        ]

        assert ok(short) | {"redeemed_at": ""} == ok(long) | {"redeemed_at": ""}
        assert {name: short.headers[name] for name in long.headers if name not in VARYING} == {
            name: long.headers[name] for name in long.headers if name not in VARYING
        }
        assert short.headers["content-language"] == "es"
        RedemptionRead.model_validate_json(short.content)


class TestWhatIsWrittenDown:
    async def test_ones_own_showing_is_in_ones_home_with_the_terminal(
        self, make: Make, me: Holder, desk: Terminal, db: Database
    ) -> None:
        ok(await desk.redeem(await show(me)))

        ((action, facts, actor),) = [each for each in await make.audited(me) if each[0].startswith("code.")]
        terminals = await db.fetch("SELECT id FROM terminal")
        assert (action, actor) == (Action.CODE_REDEEMED, me.id)
        assert facts == {"purpose": "identify", "terminal_id": str(terminals[0]["id"]), "office": "main-office"}
        assert "code_shown_member" not in await told(db, me)
        assert await count(db, Redemption) == 1

    async def test_an_owners_showing_is_in_the_members_home_and_they_are_told(
        self, house: House, make: Make, me: Holder, father: Member, desk: Terminal, db: Database
    ) -> None:
        await show(me, father)  # only shown: nobody is told of that
        assert "code_shown_member" not in await told(db, father.person)

        ok(await desk.redeem(await show(me, father)))

        ((action, facts, actor),) = [each for each in await make.audited(father.person) if each[0].startswith("code.")]
        assert (action, actor) == (Action.CODE_REDEEMED, me.id)
        assert (facts["link_id"], facts["relationship"]) == (str(father.link_id), "51")
        assert (await told(db, father.person)).count("code_shown_member") == 1
        assert await written(make, me) == []

        await tell_due(house.db, house.ports)
        listed = await db.fetch("SELECT message FROM notification WHERE home_id = $1", father.person.id)
        assert [row["message"] for row in listed].count("code_shown_member") == 1

    async def test_nothing_personal_is_in_the_row(self, me: Holder, desk: Terminal, db: Database) -> None:
        ok(await desk.redeem(await show(me, purpose="medical")))

        rows = await db.fetch("SELECT redemption::text AS row FROM redemption")

        assert me.registered.number not in rows[0]["row"]
        assert me.registered.name not in rows[0]["row"]


class TestOnce:
    async def test_a_code_that_was_read_is_read_by_nobody_else(
        self, make: Make, me: Holder, desk: Terminal, install: Install, db: Database
    ) -> None:
        code, other = await show(me), await install("desk-2")
        ok(await desk.redeem(code))

        for terminal in (desk, other):
            refused(await terminal.redeem(code), 409, "code-used")

        assert await count(db, Redemption) == 1
        reasons = [facts.get("reason") for _, facts in await written(make, me)]
        assert reasons == [None, "code-used", "code-used"]

    async def test_the_very_same_request_a_moment_later_is_answered_the_same(
        self, make: Make, me: Holder, father: Member, desk: Terminal, db: Database, house: House
    ) -> None:
        request = desk.signed({"code": await show(me, father)})
        first = ok(await desk.send(request))
        await pass_time(house, seconds=20)

        again = ok(await desk.send(request))

        assert again == first
        assert await written(make, father.person) == (await written(make, father.person))[:1]
        assert (await told(db, father.person)).count("code_shown_member") == 1

    async def test_when_the_answer_must_have_come_it_is_answered_no_more(
        self, me: Holder, desk: Terminal, house: House
    ) -> None:
        request = desk.signed({"code": await show(me)})
        ok(await desk.send(request))
        await pass_time(house, seconds=31)

        refused(await desk.send(request), 401, "request-replayed")

    async def test_a_nonce_is_taken_once_whatever_comes_with_it(self, me: Holder, desk: Terminal) -> None:
        nonce = secrets.token_urlsafe(18)
        ok(await desk.redeem(await show(me), nonce=nonce))
        code = await show(me)

        refused(await desk.redeem(code, nonce=nonce), 401, "request-replayed")

        ok(await desk.redeem(code))

    async def test_two_terminals_may_hit_on_one_nonce(self, me: Holder, desk: Terminal, install: Install) -> None:
        nonce, other = secrets.token_urlsafe(18), await install("desk-2")

        ok(await desk.redeem(await show(me), nonce=nonce))
        ok(await other.redeem(await show(me), nonce=nonce))


class TestTime:
    async def test_a_screenshot_is_worth_nothing_a_minute_later(
        self, make: Make, me: Holder, desk: Terminal, house: House, db: Database
    ) -> None:
        code = await show(me)
        await pass_time(house, seconds=60)

        refused(await desk.redeem(code), 409, "code-expired")

        assert await written(make, me) == []
        assert await count(db, Redemption) == 0

    async def test_until_then_it_is_good(self, me: Holder, desk: Terminal, house: House) -> None:
        code = await show(me)
        await pass_time(house, seconds=55)

        ok(await desk.redeem(code))


class TestWhatChangesInBetween:
    async def test_a_link_that_was_ended_kills_codes_already_shown(
        self, make: Make, me: Holder, father: Member, desk: Terminal, db: Database
    ) -> None:
        code = await show(me, father)
        await me.call("DELETE", f"/v1/family/members/{father.link_id}")

        refused(await desk.redeem(code), 409, "code-withdrawn")

        ((action, facts),) = await written(make, father.person)
        assert (action, facts["reason"]) == (Action.CODE_REFUSED, "code-withdrawn")
        assert await count(db, Redemption) == 0

    async def test_a_dispute_kills_codes_already_shown_and_the_terminal_is_not_told_why(
        self, make: Make, me: Holder, father: Member, desk: Terminal
    ) -> None:
        code = await show(me, father)
        await disputed(make, father)

        problem = refused(await desk.redeem(code, Accept_Language="en"), 409, "code-withdrawn")

        assert not re.search("disput|link|famil", str(problem))

    async def test_a_service_taken_back_kills_codes_already_shown(
        self, make: Make, me: Holder, desk: Terminal, db: Database
    ) -> None:
        father = await make.member(me, services=Services(pay=True))
        await set_card(db, father.person, level=2)
        to_pay, to_identify = await show(me, father, "pay"), await show(me, father)
        himself = await make.signed_in(father.person)
        narrowed = await himself.call(
            "PUT", f"/v1/family/owners/{father.link_id}/services", {"services": ["view", "show_code"]}
        )
        assert narrowed.status_code == 200

        refused(await desk.redeem(to_pay), 409, "code-withdrawn")
        ok(await desk.redeem(to_identify))

    @pytest.mark.parametrize(
        "values",
        [
            {"physical_status": PhysicalCardStatus.LOST},
            {"physical_status": PhysicalCardStatus.CANCELLED},
            {"activated_at": None},
            {"suspended_at": datetime(2026, 1, 1, tzinfo=UTC), "suspended_by": new_id(0)},
            {"closed_at": datetime(2026, 1, 1, tzinfo=UTC)},
        ],
        ids=["lost", "cancelled", "no longer in use", "suspended", "closed"],
    )
    async def test_a_card_lost_in_between_is_not_shown(
        self, me: Holder, desk: Terminal, db: Database, values: dict[str, object]
    ) -> None:
        code = await show(me)
        await set_card(db, me, **values)

        refused(await desk.redeem(code), 409, "code-withdrawn")

    async def test_at_midnight_of_a_childs_sixteenth_birthday_codes_shown_before_are_no_more(
        self, make: Make, me: Holder, desk: Terminal, house: House
    ) -> None:
        day = today(house.db.clock.now()) + timedelta(days=1)
        child = await make.member(me, "20", birth_date=date(day.year - 16, day.month, day.day))
        await until(house, day, seconds=30)
        codes = [await show(me, child) for _ in range(2)]
        ok(await desk.redeem(codes[0]))

        await until(house, day)

        refused(await desk.redeem(codes[1]), 409, "code-withdrawn")
        refused(await me.call("POST", codes_of(child)), 403, "service-not-shared")

    async def test_a_channel_that_was_left_shows_nothing_any_more(
        self, make: Make, me: Holder, father: Member, desk: Terminal
    ) -> None:
        own, his = await show(me), await show(me, father)
        stepped_up = await make.card_password(me)
        assert (await stepped_up.call("DELETE", "/v1/channels/app")).status_code in (200, 204)

        refused(await desk.redeem(own), 409, "code-withdrawn")
        ok(await desk.redeem(his))

    async def test_a_card_back_at_level_one_does_not_pay(self, me: Holder, desk: Terminal, db: Database) -> None:
        await set_card(db, me, level=2)
        code = await show(me, purpose="pay")
        await set_card(db, me, level=1)

        refused(await desk.redeem(code), 409, "code-withdrawn")

    async def test_a_stolen_phone_that_was_removed_shows_nothing_any_more(
        self, me: Holder, father: Member, desk: Terminal
    ) -> None:
        codes = [await show(me), await show(me, father)]
        (device,) = (await me.read("/v1/devices"))["items"]
        await me.call("DELETE", f"/v1/devices/{device['id']}")

        for code in codes:
            refused(await desk.redeem(code), 409, "code-withdrawn")

    async def test_who_is_no_longer_shown_to_be_the_holder_shows_nothing(
        self, me: Holder, father: Member, desk: Terminal, db: Database
    ) -> None:
        codes = [await show(me), await show(me, father)]
        await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

        for code in codes:
            refused(await desk.redeem(code), 409, "code-withdrawn")


class TestForgeries:
    @pytest.fixture
    async def code(self, me: Holder) -> str:
        return await show(me)

    async def test_codes_that_are_none_of_ours_are_refused(
        self, code: str, desk: Terminal, house: House, me: Holder, db: Database
    ) -> None:
        head, body, signature = code.split(".")
        unsigned = jws.sign({"aud": "identify"}, "secret", algorithm="HS256").split(".")
        none = "eyJhbGciOiJub25lIiwidHlwIjoiY29kZStqd3QifQ"
        theirs = Ed25519PrivateKey.generate().sign(f"{head}.{body}".encode()).hex()
        forged = [
            "x",
            "a.b.c",
            f"{none}.{body}.",
            f"{none}.{body}.{signature}",
            f"{head}.{body}.",
            f"{head}.{body}.{theirs}",
            f"{head}.{body[:-2]}AA.{signature}",
            f"{head}.{body}.{signature[:-4]}AAAA",
            ".".join(unsigned),
            house.published.sign("statement+jwt", {"aud": "identify"}),
            house.mint.access.sign(me.claims),
        ]

        for each in forged:
            refused(await desk.redeem(each), 422, "code-not-valid")

        assert await count(db, Redemption) == 0
        ok(await desk.redeem(code))

    async def test_what_one_code_seals_fits_no_other(self, code: str, desk: Terminal, house: House, me: Holder) -> None:
        first, second = (dict(house.published.verify("code+jwt", each)) for each in (code, await show(me)))

        mixed = house.published.sign("code+jwt", {**second, "c": first["c"]})

        refused(await desk.redeem(mixed), 422, "code-not-valid")

    async def test_a_code_of_the_future_is_none(self, desk: Terminal, house: House, code: str) -> None:
        said = dict(house.published.verify("code+jwt", code))
        issued = said["iat"]
        assert isinstance(issued, int)

        ahead = house.published.sign("code+jwt", said | {"iat": issued + 60, "exp": issued + 120})
        bare = house.published.sign("code+jwt", {name: value for name, value in said.items() if name != "c"})

        for each in (ahead, bare):
            refused(await desk.redeem(each), 422, "code-not-valid")

    async def test_a_code_for_somebody_who_is_not_there_is_withdrawn(
        self, desk: Terminal, house: House, me: Holder, father: Member
    ) -> None:
        by_no_link = house.codes.issue("identify", Shown(father.person.id, me.id, "app", me.id))

        refused(await desk.redeem(by_no_link.text), 409, "code-withdrawn")


class TestPurposes:
    async def test_a_terminal_reads_codes_for_what_it_is_registered_for_and_the_code_stays_good(
        self, make: Make, me: Holder, install: Install, desk: Terminal
    ) -> None:
        door, code = await install("door", purposes=IDENTIFY), await show(me, purpose="medical")

        refused(await door.redeem(code), 403, "terminal-not-allowed")
        ok(await door.redeem(await show(me)))
        ok(await desk.redeem(code))

        assert [facts.get("reason") for _, facts in await written(make, me)] == ["terminal-not-allowed", None, None]


class TestSignatures:
    async def test_both_kinds_of_keys_are_good(self, me: Holder, install: Install) -> None:
        reader = await install("reader", key=ec.generate_private_key(ec.SECP256R1()))

        ok(await reader.redeem(await show(me)))

    async def test_without_a_signature_nothing_is_redeemed(
        self, me: Holder, client: httpx.AsyncClient, desk: Terminal, db: Database
    ) -> None:
        answer = await client.post(REDEMPTIONS, json={"code": await show(me)})

        refused(answer, 401, "terminal-not-known")
        assert answer.headers["www-authenticate"] == "Signature"
        assert await count(db, TerminalRequest) == 0

    async def test_whatever_is_wrong_with_a_signature_is_one_answer(
        self, me: Holder, desk: Terminal, install: Install, db: Database
    ) -> None:
        code, other = await show(me), await install("desk-2")
        good = desk.signed({"code": code})
        requests = [
            desk.signed({"code": code}, key=other.key),
            desk.signed({"code": code}, keyid="desk-2"),
            desk.signed({"code": code}, keyid="nobody"),
            desk.signed({"code": code}, Signature="sig=:AAAA:"),
            desk.signed({"code": code}, Content_Digest="sha-256=:AAAA:"),
            desk.signed({"code": code}, Signature_Input=good.headers["signature-input"].replace("desk-1", "desk-2")),
            httpx.Request("POST", good.url, headers=good.headers, content=b'{"code": "x"}'),
        ]

        for request in requests:
            refused(await desk.send(request), 401, "terminal-not-known")

        assert (await count(db, TerminalRequest), await count(db, Redemption)) == (0, 0)
        ok(await desk.send(good))

    @pytest.mark.parametrize("seconds", [-301, 420])
    async def test_a_clock_that_is_wrong_by_more_than_five_minutes_is_told_so(
        self, me: Holder, desk: Terminal, house: House, seconds: int
    ) -> None:
        wrong = int(house.db.clock.now().timestamp()) + seconds

        refused(await desk.redeem(await show(me), created=wrong), 401, "request-not-timely")

    async def test_a_terminal_that_was_removed_is_heard_no_more(self, me: Holder, desk: Terminal, house: House) -> None:
        await house.db.run(lambda session: registering.remove(session, "desk-1"))

        refused(await desk.redeem(await show(me)), 401, "terminal-not-known")

    async def test_its_coming_and_going_is_written_down_in_a_home_of_its_own(
        self, desk: Terminal, db: Database
    ) -> None:
        terminal = await db.run(lambda session: registering.remove(session, "desk-1"))

        events = await db.fetch("SELECT action FROM audit_event WHERE home_id = $1 ORDER BY seq", terminal.id)
        assert [row["action"] for row in events] == [Action.TERMINAL_ADDED, Action.TERMINAL_REMOVED]
        assert await db.run(lambda session: audit.verify(session, terminal.id)) is None


def _spaced(code: str) -> bytes:
    return f'{{ "code" : "{code}" }}'.encode()


async def disputed(make: Make, link: Member) -> None:
    """Let a member dispute a link, on a phone of their own."""
    himself = await make.signed_in(link.person)
    answer = await himself.call(
        "POST",
        f"/v1/family/owners/{link.link_id}/disputes",
        {"reason": "not_agreed"},
        **{"Idempotency-Key": secrets.token_hex(8)},
    )
    assert answer.status_code == 201, answer.text
