"""Everything at once: places, slots, checks and files are taken once, whoever comes together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from datetime import date
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from app.core.db import Database
from app.models.links import LinkEnd
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services import audit, files, links, outcomes
from tests import cluster
from tests.factories.adding import Kin, Owner, app_of, ok, refused, set_policy, tag
from tests.factories.images import document_photo
from tests.factories.make import Make
from tests.factories.phone import JSON, Phone

T = TypeVar("T")
CROWD = 20


@pytest.fixture(autouse=True)
def deadlocks(house: House) -> Iterator[list[str]]:
    """What the database refused: nothing here may ever wait in a circle, not even to be tried again."""
    found: list[str] = []

    def remember(context: ExceptionContext) -> None:
        state = str(getattr(context.original_exception, "sqlstate", ""))
        if state.startswith("40"):
            found.append(state)

    event.listen(house.db.engine.sync_engine, "handle_error", remember)
    yield found
    assert found == []


async def at_once(requests: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*requests))


def codes(answers: Iterable[httpx.Response]) -> Counter[str]:
    """Count the answers: a status, or a problem's code."""
    return Counter(str(answer.status_code) if answer.status_code < 400 else answer.json()["code"] for answer in answers)


def named(person: TestPerson, relationship: str) -> JSON:
    return {"name": person.name, "social_security_number": person.number, "relationship": relationship}


async def to_details(owner: Owner) -> str:
    enrolment = await owner.open("family_member")
    await owner.acknowledge(enrolment, "family-account")
    return enrolment


async def started(owner: Owner, enrolment: str, scenario: str = "ok") -> str:
    meta = {"device_meta": {"sandbox_scenario": scenario}}
    return f"/v1/face-checks/{ok(await owner.call('POST', f'{enrolment}/face-checks', meta))['id']}"


async def checks_of(db: Database, enrolment: str) -> list[Any]:
    return await db.fetch("SELECT state FROM face_check WHERE subject_id::text = $1", enrolment[-36:])


class TestPlaces:
    async def test_of_twenty_adds_at_once_one_takes_the_last_place_in_total(
        self, database: cluster.Database, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "quota", total=10, other=CROWD)
        await set_policy(database, "lookups", per_owner_a_day=100)
        holder = await make.owner()
        owner = await app_of(holder, house)
        for _ in range(9):
            await make.member(holder, "99")
        enrolments = [await to_details(owner) for _ in range(CROWD)]
        relatives = [await kin(age=30) for _ in range(CROWD)]

        answers = await at_once(
            owner.call("PUT", f"{enrolment}/details", named(person, "99"))
            for enrolment, person in zip(enrolments, relatives, strict=True)
        )

        assert codes(answers) == {"200": 1, "quota-reached": CROWD - 1}
        family = ok(await owner.call("GET", "/v1/family"))
        assert family["quota"]["total"]["used"] == 10
        assert len(family["adding"]) == 1

    async def test_one_relative_is_added_once(
        self, database: cluster.Database, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "lookups", per_owner_a_day=100)
        owner, father = await app_of(await make.owner(), house), await kin()
        enrolments = [await to_details(owner) for _ in range(CROWD)]

        answers = await at_once(
            owner.call("PUT", f"{enrolment}/details", named(father, "51")) for enrolment in enrolments
        )

        counted = codes(answers)
        assert (counted["200"], counted["already-adding"] + counted["lookup-in-progress"]) == (1, CROWD - 1)

    async def test_twenty_questions_at_once_are_too_many_for_one_day(self, owner: Owner, kin: Kin) -> None:
        """Parallel wrong questions cannot outrun the limit, and no right one is called wrong for good."""
        enrolment, father = await to_details(owner), await kin()

        answers = await at_once(
            owner.call("PUT", f"{enrolment}/details", named(father, "51") | {"name": "王建中"}) for _ in range(CROWD)
        )
        counted = codes(answers)

        assert counted["person-not-verified"] == 5
        assert set(counted) <= {"person-not-verified", "lookups-used-up", "lookup-in-progress"}


class TestSlots:
    async def test_a_slot_that_is_freed_is_given_once_however_many_hear_of_it(
        self, make: Make, house: House, kin: Kin, db: Database
    ) -> None:
        mother = await make.person(birth_date=date(1957, 3, 8), sex="2", name="陈淑华")
        first, _ = [await make.member(await make.owner(), "52", person=mother) for _ in range(2)]
        waiting = []
        for _ in range(3):
            owner = await app_of(await make.owner(), house)
            enrolment = await owner.to_face(kin.known(mother), "52", age=68)
            await owner.face_check(enrolment, "ok")
            waiting.append((owner, enrolment))

        await db.run(lambda session: links.end(session, first.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))
        went_on = await at_once(outcomes.slot_freed(db, house.ports, mother.id) for _ in range(4))

        assert sum(went_on) == 1
        states = Counter([(await owner.read(enrolment))["state"] for owner, enrolment in waiting])
        assert states == {"active": 1, "face_pending": 2}
        assert len(await db.fetch("SELECT 1 FROM member_slot")) == 2


class TestSpouses:
    async def test_who_name_each_other_at_the_same_moment_both_go_on(self, make: Make, house: House) -> None:
        for _ in range(3):
            husband = await app_of(await make.owner(), house)
            wife = await app_of(await make.owner(name="李静", sex="2"), house)
            pair = ((husband, wife.person, "12"), (wife, husband.person, "11"))
            enrolments = [await to_details(owner) for owner, _, _ in pair]

            given = await at_once(
                owner.call("PUT", f"{enrolment}/details", named(other, relationship))
                for (owner, other, relationship), enrolment in zip(pair, enrolments, strict=True)
            )

            assert codes(given) == {"200": 2}


class TestOneEnrolment:
    async def test_the_same_details_at_once_are_one_change(
        self, database: cluster.Database, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "lookups", per_owner_a_day=100)
        owner, father = await app_of(await make.owner(), house), await kin()
        enrolment = await to_details(owner)

        answers = await at_once(owner.call("PUT", f"{enrolment}/details", named(father, "51")) for _ in range(10))

        assert codes(answers) == {"200": 10}
        assert {ok(answer)["version"] for answer in answers} == {3}

    async def test_different_details_at_once_have_one_winner(
        self, database: cluster.Database, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "lookups", per_owner_a_day=100)
        owner = await app_of(await make.owner(), house)
        enrolment = await to_details(owner)
        fathers = [await kin(name=name) for name in ("王建国", "王建军", "王建民", "王建华")]

        answers = await at_once(
            owner.call("PUT", f"{enrolment}/details", named(father, "51"), If_Match='"2"') for father in fathers
        )

        counted = codes(answers)
        assert counted["200"] == 1
        assert counted["version-stale"] == 3
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["elder"]["used"] == 1

    async def test_a_check_is_started_once_with_one_key(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        answers = await at_once(
            owner.call("POST", f"{enrolment}/face-checks", {}, Idempotency_Key="one-and-the-same") for _ in range(CROWD)
        )
        again = await owner.call("POST", f"{enrolment}/face-checks", {}, Idempotency_Key="one-and-the-same")

        counted = codes(answers)
        assert counted["201"] >= 1
        assert set(counted) <= {"201", "idempotency-key-in-flight"}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201} | {ok(again)["id"]}) == 1
        assert again.headers["idempotency-replayed"] == "true"
        assert len(await checks_of(db, enrolment)) == 1

    async def test_of_checks_started_at_once_one_stays_open(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        answers = await at_once(owner.call("POST", f"{enrolment}/face-checks", {}) for _ in range(10))

        assert codes(answers) == {"201": 10}
        states = Counter(row["state"] for row in await checks_of(db, enrolment))
        assert states == {"started": 1, "cancelled": 9}

    async def test_a_check_completed_by_many_ends_once(self, owner: Owner, kin: Kin, make: Make, house: House) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment)
        callback = {"check_id": check[-36:], "event_id": "x"}

        answers = await at_once(
            [
                *(owner.call("POST", f"{check}/completion") for _ in range(8)),
                *(owner.client.post("/v1/callbacks/face/sandbox", json=callback) for _ in range(8)),
            ]
        )

        assert codes(answers) == {"200": 16}
        assert {answer.json()["state"] for answer in answers[:8]} == {"passed"}
        assert owner.holder is not None
        actions = [action for action, _, _ in await make.audited(owner.holder)]
        assert [actions.count(action) for action in ("face.ended", "link.started", "enrolment.ended")] == [1, 1, 1]

    async def test_three_failures_at_once_are_three(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        for _ in range(2):
            await owner.face_check(enrolment, "face_mismatch")
        check = await started(owner, enrolment, "face_mismatch")

        await at_once(owner.call("POST", f"{check}/completion") for _ in range(8))
        read = await owner.read(enrolment)

        assert (read["state"], read["face"]["tries_left"]) == ("in_review", 0)
        assert len(await db.fetch("SELECT 1 FROM review_case")) == 1

    async def test_the_same_file_at_once_is_kept_once(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await owner.consent(enrolment, "identity-document")
        content = document_photo(1, "card")

        answers = await at_once(owner.call("PUT", f"{enrolment}/documents/id_card_front", content) for _ in range(4))
        swept = await files.sweep(db, owner.house.ports.store)

        assert codes(answers) == {"200": 4}
        assert {ok(answer)["state"] for answer in answers} == {"face_pending"}
        rows = await db.fetch("SELECT state FROM document")
        assert ([row["state"] for row in rows], swept <= 3) == (["stored"], True)

    async def test_different_files_for_a_page_at_once_leave_one(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await owner.consent(enrolment, "identity-document")

        answers = await at_once(
            owner.call("PUT", f"{enrolment}/documents/id_card_front", document_photo(seed, "card")) for seed in range(4)
        )

        assert codes(answers) == {"200": 4}
        states = Counter(row["state"] for row in await db.fetch("SELECT state FROM document"))
        assert states == {"stored": 1, "detached": 3}

    async def test_whatever_is_done_at_once_nothing_breaks(
        self, database: cluster.Database, make: Make, house: House, kin: Kin, db: Database
    ) -> None:
        """Every step against every other: no error of the server, no circle of waiting, one place at most."""
        await set_policy(database, "lookups", per_owner_a_day=1000)
        owner = await app_of(await make.owner(), house)
        for _ in range(4):
            child, other = [await kin(age=9, parents=[owner.person.number]) for _ in range(2)]
            enrolment = await owner.to_face(child, "20", age=9)
            check = await started(owner, enrolment)
            seen = tag(await owner.read(enrolment))
            consents = ok(await owner.call("GET", "/v1/consents"))["items"]

            answers = await at_once(
                [
                    owner.call("POST", f"{check}/completion"),
                    owner.call("PUT", f"{enrolment}/details", named(other, "20"), If_Match=seen),
                    owner.call("PUT", f"{enrolment}/documents/facial_photo", document_photo(7, "x"), If_Match=seen),
                    owner.call("DELETE", f"{enrolment}/documents/household_register", If_Match=seen),
                    owner.call("PUT", f"{enrolment}/consents/face-check", await owner.shown("face-check")),
                    owner.call("POST", f"{enrolment}/face-checks", {}),
                    owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}),
                    owner.call("DELETE", f"/v1/consents/{consents[0]['id']}"),
                    owner.call("GET", enrolment),
                    owner.call("GET", "/v1/enrolments"),
                ]
            )
            read = await owner.read(enrolment)

            assert max(answer.status_code for answer in answers) < 500, codes(answers)
            assert len(await db.fetch("SELECT 1 FROM face_check WHERE state IN ('starting', 'started')")) <= 1
            used = ok(await owner.call("GET", "/v1/family"))["quota"]["total"]["used"]
            assert used == (0 if read["member"] is None or read["state"] in ("cancelled", "rejected") else 1)
            await owner.call("DELETE", enrolment)
            for member in ok(await owner.call("GET", "/v1/family"))["members"]:
                await owner.call("DELETE", f"/v1/family/members/{member['link_id']}")


class TestOwnCards:
    async def test_of_two_accounts_that_show_the_same_face_at_once_one_holds_the_person(
        self, kin: Kin, phone: Any, db: Database
    ) -> None:
        person = await kin(age=40)
        phones: list[Phone] = [phone("10000008001"), phone("10000008002")]
        checks = []
        for each in phones:
            await each.register()
            enrolment = await each.open("own_card")
            await each.acknowledge(enrolment, "own-card")
            await each.details(enrolment, person)
            await each.consent(enrolment, "face-check")
            checks.append(ok(await each.call("POST", f"{enrolment}/face-checks", {}))["id"])

        answers = await at_once(
            each.call("POST", f"/v1/face-checks/{check}/completion") for each, check in zip(phones, checks, strict=True)
        )
        mine = [await each.call("GET", "/v1/me") for each in phones]

        assert {answer.status_code for answer in answers} <= {200, 401}
        shown = [answer.json().get("name") for answer in mine]
        assert shown.count("王**") == 1
        assert len(await db.fetch("SELECT 1 FROM card")) == 1
        loser = mine[1 - shown.index("王**")]
        refused(loser, 401, "session-ended")
