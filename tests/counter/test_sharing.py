"""Sharing bound at a counter: by two cards at once, by one and a number as through every other door."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.db import Database, bucket_of
from app.models.sharing import SharingBinding, SharingWay
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from tests import cluster
from tests.factories.adding import later, ok, refused, set_policy
from tests.factories.counters import Counter, Open, card_of
from tests.factories.make import Make, Someone

BINDINGS = "/v1/counter/sharing-bindings"


@pytest.fixture
async def owner(make: Make) -> Someone:
    """Somebody who comes to share."""
    return await make.person(name="王小明", phone="10000009001")


@pytest.fixture
async def father(make: Make) -> Someone:
    """Their father, whose phone the register holds."""
    return await make.person(name="王建国", birth_date=date(1957, 3, 8), phone="10000009002")


async def bind(at: Counter, owner_read: str, member: Mapping[str, object], relationship: str = "51") -> httpx.Response:
    notice = await at.notice("account-sharing")
    body = {"owner_card_read": owner_read, "relationship": relationship, "notice": notice, **member}
    return await at.post(BINDINGS, body, Accept_Language="en")


async def both_cards(at: Counter, owner: Someone, member: Someone, relationship: str = "51") -> httpx.Response:
    """Read both cards and bind."""
    owner_read, member_read = await at.token(owner, "sharing"), await at.token(member, "sharing")
    return await bind(at, owner_read, {"member_card_read": member_read}, relationship)


async def with_guardian(
    at: Counter, owner: Someone, member: Someone, guardian: Someone, relationship: str = "41"
) -> httpx.Response:
    """Read both cards and a guardian's, and bind; without another word a grandchild."""
    reads = [await at.token(each, "sharing") for each in (owner, member, guardian)]
    return await bind(at, reads[0], {"member_card_read": reads[1], "guardian_card_read": reads[2]}, relationship)


async def by_number(at: Counter, owner: Someone, card_number: str, relationship: str = "51") -> httpx.Response:
    """Read the owner's card, type the member's number and bind."""
    return await bind(at, await at.token(owner, "sharing"), {"member_card_number": card_number}, relationship)


async def rows(house: House, owner: Someone) -> list[SharingBinding]:
    statement = select(SharingBinding).where(
        SharingBinding.bucket == bucket_of(owner.id), SharingBinding.owner_id == owner.id
    )

    async def read(session: Any) -> list[SharingBinding]:
        return list(await session.scalars(statement))

    return await house.db.run(read)


class TestTwoCards:
    @pytest.mark.parametrize(
        ("place", "way"), [("window", SharingWay.BRANCH_WINDOW), ("hospital", SharingWay.HOSPITAL)]
    )
    async def test_two_cards_bind_at_once_and_say_which_door_it_was(
        self,
        request: pytest.FixtureRequest,
        window: Counter,
        hospital: Counter,
        owner: Someone,
        father: Someone,
        house: House,
        place: str,
        way: SharingWay,
    ) -> None:
        at = {"window": window, "hospital": hospital}[place]

        bound = ok(await both_cards(at, owner, father))

        assert (bound["state"], bound["confirmed_by"], bound["relationship_name"]) == ("active", "nobody", "father")
        (row,) = await rows(house, owner)
        assert (str(row.id), row.way, row.member_id) == (bound["id"], way, father.id)

    async def test_it_is_written_down_with_office_and_operator_on_both_sides(
        self, window: Counter, owner: Someone, father: Someone, make: Make
    ) -> None:
        ok(await both_cards(window, owner, father))

        for person in (owner, father):
            action, facts, actor = (await make.audited(person))[-1]
            assert (action, actor, facts["office"]) == ("counter.bound", window.clerk.id, "west-window")

    async def test_both_cards_are_spent_and_a_repetition_is_answered_the_same(
        self, window: Counter, owner: Someone, father: Someone
    ) -> None:
        read, member = await window.token(owner, "sharing"), {"member_card_read": await window.token(father, "sharing")}
        notice = await window.notice("account-sharing")
        body = {"owner_card_read": read, "relationship": "51", "notice": notice, **member}

        first, again = [await window.post(BINDINGS, body, key="the-same-key") for _ in range(2)]

        assert ok(first) == ok(again)
        refused(await bind(window, read, member), 409, "card-read-used")
        refused(await bind(window, await window.token(owner, "sharing"), member), 409, "card-read-used")

    async def test_of_one_card_read_used_for_two_at_once_one_binds(
        self, window: Counter, owner: Someone, father: Someone, make: Make, house: House
    ) -> None:
        mother = await make.person(sex="2", birth_date=date(1958, 3, 8))
        read = await window.token(owner, "sharing")
        members = [(await window.token(father, "sharing"), "51"), (await window.token(mother, "sharing"), "52")]

        answers = await asyncio.gather(*(bind(window, read, {"member_card_read": m}, kin) for m, kin in members))

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert len(await rows(house, owner)) == 1

    async def test_nobody_shares_with_themselves(self, window: Counter, owner: Someone) -> None:
        refused(await both_cards(window, owner, owner), 409, "self-not-allowed")


class TestTheConsent:
    async def test_is_kept_with_its_text_and_how_it_was_given_and_taken_back_where_it_is_listed(
        self, window: Counter, make: Make, father: Someone, db: Database
    ) -> None:
        owner = await make.card_password(await make.owner(name="王小明"))
        notice = await window.notice("account-sharing")

        bound = ok(await both_cards(window, owner, father))
        (given,) = [each for each in (await owner.read("/v1/consents"))["items"] if each["code"] == "account-sharing"]
        ended = await owner.call("DELETE", given["withdrawal"]["href"])

        assert {name: given[name] for name in notice} == notice
        assert (given["channel"], given["office"], given["device"]) == ("counter", "服务窗口", None)
        assert given["withdrawal"]["href"] == f"/v1/sharing/bindings/{bound['id']}"
        assert ended.status_code == 204
        (row,) = await db.fetch("SELECT * FROM agreement")
        assert (row["operator_id"], row["office_id"], row["account_id"]) == (window.clerk.id, "west-window", None)
        read = await db.fetch("SELECT person_id FROM card_read WHERE id = $1", row["card_read_id"])
        assert [each["person_id"] for each in read] == [owner.id]
        assert row["ended_at"] is not None

    async def test_takes_the_text_in_force(
        self, window: Counter, owner: Someone, father: Someone, house: House
    ) -> None:
        old = await window.notice("account-sharing") | {"sha256": "0" * 64}

        late = await bind(
            window, await window.token(owner, "sharing"), {"member_card_number": card_of(father), "notice": old}
        )
        silent = await bind(
            window, await window.token(owner, "sharing"), {"member_card_number": card_of(father), "notice": None}
        )

        refused(late, 409, "notice-outdated")
        refused(silent, 422, "invalid-request")
        assert await rows(house, owner) == []


class TestAMinorWhoseGuardiansNobodyCanAsk:
    async def test_is_bound_only_with_a_guardian_of_the_register_there(
        self, window: Counter, make: Make, house: House
    ) -> None:
        grandfather, stranger = await make.person(birth_date=date(1950, 3, 8)), await make.person()
        mother = await make.person(sex="2", phone=None)
        child = await make.person(birth_date=date(2016, 3, 8), phone=None, parents={mother.registered.number})

        alone = await both_cards(window, grandfather, child, "41")
        wrong = await with_guardian(window, grandfather, child, stranger)
        assert await rows(house, grandfather) == []
        bound = ok(await with_guardian(window, grandfather, child, mother))

        assert refused(alone, 409, "guardian-not-here")["next"]["text"]
        refused(wrong, 409, "guardian-not-here")
        assert (bound["state"], bound["confirmed_by"]) == ("active", "guardian")
        for person in (grandfather, child, mother):
            assert (await make.audited(person))[-1][1]["guardian_id"] == str(mother.id)

    async def test_who_waited_for_a_visit_waits_for_the_guardian_too(self, window: Counter, make: Make) -> None:
        grandfather = await make.person(birth_date=date(1950, 3, 8))
        mother = await make.person(sex="2", phone=None)
        child = await make.person(birth_date=date(2016, 3, 8), phone=None, parents={mother.registered.number})

        waiting = ok(await by_number(window, grandfather, card_of(child), "41"))
        alone = await both_cards(window, grandfather, child, "41")
        bound = ok(await with_guardian(window, grandfather, child, mother))

        assert (waiting["state"], waiting["confirmed_by"]) == ("pending", "counter")
        refused(alone, 409, "guardian-not-here")
        assert (bound["id"], bound["state"]) == (waiting["id"], "active")

    async def test_nobody_is_written_down_as_a_guardian_who_is_none(
        self, window: Counter, owner: Someone, father: Someone, make: Make
    ) -> None:
        stranger = await make.person(name="李四")
        child = await make.person(birth_date=date(2020, 3, 8), parents=frozenset({owner.registered.number}))

        for member, relationship in ((father, "51"), (child, "20")):
            refused(await with_guardian(window, owner, member, stranger, relationship), 409, "guardian-not-here")

    async def test_of_a_parent_who_is_the_owner_nobody_else_is_asked(self, window: Counter, make: Make) -> None:
        mother = await make.person(sex="2", phone=None, birth_date=date(1987, 3, 8))
        child = await make.person(birth_date=date(2016, 3, 8), phone=None, parents={mother.registered.number})

        bound = ok(await both_cards(window, mother, child, "20"))

        assert (bound["state"], bound["confirmed_by"]) == ("active", "nobody")


class TestOneCardAndANumber:
    async def test_it_waits_for_who_has_to_agree(
        self, window: Counter, owner: Someone, father: Someone, house: House
    ) -> None:
        bound = ok(await by_number(window, owner, card_of(father)))

        assert (bound["state"], bound["confirmed_by"]) == ("pending", "code")
        (row,) = await rows(house, owner)
        assert (row.way, row.active_since) == (SharingWay.BRANCH_WINDOW, None)

    async def test_the_member_comes_with_their_card_later_and_it_is_active(
        self, window: Counter, hospital: Counter, owner: Someone, father: Someone
    ) -> None:
        waiting = ok(await by_number(hospital, owner, card_of(father)))

        bound = ok(await both_cards(window, owner, father))

        assert (bound["id"], bound["state"]) == (waiting["id"], "active")

    async def test_a_number_that_is_nobodys_or_of_a_card_not_in_order_is_one_answer(
        self, window: Counter, owner: Someone, make: Make
    ) -> None:
        lost = await make.person(card=PhysicalCardStatus.LOST)
        dead = await make.person(is_alive=False)

        answers = [await by_number(window, owner, number) for number in ("T00000000", card_of(lost), card_of(dead))]

        said = [refused(answer, 409, "card-not-known") for answer in answers]
        assert len({str({**each, "request_id": ""}) for each in said}) == 1

    async def test_who_shares_with_the_clerk_is_of_their_family(
        self, open_counter: Open, window: Counter, make: Make
    ) -> None:
        colleague, wife = await open_counter("colleague"), await make.person(sex="2")
        bound = ok(await both_cards(colleague, window.clerk_is, wife, "12"))

        refused(await window.read(card_of(wife)), 403, "service-of-own-family")
        assert bound["state"] == "active"

    async def test_who_has_guessed_too_many_numbers_binds_none_that_is_right(
        self, database: cluster.Database, open_counter: Open, make: Make
    ) -> None:
        await set_policy(database, "counters", unknown_a_day=1)
        window = await open_counter()
        read = await window.token(await make.person(), "sharing")

        numbers = ("T00000000", "T00000001", card_of(await make.person()))
        answers = [await bind(window, read, {"member_card_number": number}) for number in numbers]

        assert [answer.status_code for answer in answers] == [409, 429, 429]

    async def test_a_relative_of_the_clerk_is_not_bound_by_a_number_either(
        self, window: Counter, owner: Someone, make: Make
    ) -> None:
        me = window.clerk_is
        cousin = await make.person(parents=frozenset({me.registered.number}))

        refused(await by_number(window, owner, card_of(cousin)), 403, "service-of-own-family")

    async def test_who_is_no_near_relative_is_refused_and_the_card_stays_unspent(
        self, window: Counter, owner: Someone, father: Someone
    ) -> None:
        read = await window.token(owner, "sharing")

        refused(await bind(window, read, {"member_card_number": card_of(father)}, "99"), 409, "relative-not-shared")

        ok(await bind(window, read, {"member_card_number": card_of(father)}))


class TestRefusals:
    async def test_a_card_read_for_something_else_late_or_elsewhere_binds_nothing(
        self, window: Counter, open_counter: Open, owner: Someone, father: Someone, house: House
    ) -> None:
        member = {"member_card_number": card_of(father)}
        colleague = await open_counter("colleague")
        read = await window.token(owner, "sharing")

        refused(await bind(window, await window.token(owner), member), 409, "card-read-for-another-purpose")
        refused(await bind(colleague, read, member), 403, "card-read-of-another")
        refused(await bind(window, "AAAA" + read[4:], member), 403, "card-read-not-valid")
        await later(house, minutes=2)
        refused(await bind(window, read, member), 409, "card-read-over")
        assert await rows(house, owner) == []

    async def test_a_stolen_session_binds_nothing_with_cards_that_were_read(
        self, window: Counter, owner: Someone, father: Someone, house: House
    ) -> None:
        read, member = await window.token(owner, "sharing"), await window.token(father, "sharing")
        body = {"owner_card_read": read, "member_card_read": member, "relationship": "51"}

        refused(await window.clerk.call("POST", BINDINGS, body), 401, "terminal-not-known")
        request = window.request(BINDINGS, body)
        moved = window.request(BINDINGS, body | {"relationship": "52"})
        moved.headers["signature"] = request.headers["signature"]
        refused(await window.terminal.send(moved), 401, "terminal-not-known")
        assert await rows(house, owner) == []

    async def test_a_lost_card_binds_nothing(self, window: Counter, make: Make) -> None:
        lost = await make.person(card=PhysicalCardStatus.LOST)

        refused(await window.read(card_of(lost), "sharing"), 409, "card-lost")

    @pytest.mark.parametrize(
        "member", [{}, {"member_card_read": "AAAA", "member_card_number": "T00000000"}], ids=["none", "both"]
    )
    async def test_a_member_is_named_in_one_way(self, window: Counter, owner: Someone, member: dict[str, str]) -> None:
        refused(await bind(window, await window.token(owner, "sharing"), member), 422, "invalid-request")
