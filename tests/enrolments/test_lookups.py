"""Asking about people: so many wrong questions a day, no one shut out by others, nothing told by how it is answered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from app import main
from app.ports.register import Register, RegisteredPerson, TestPerson
from app.routers.deps import House
from tests.factories.adding import Kin, Owner, app_of, later, new_number, ok, refused
from tests.factories.make import Make
from tests.factories.phone import JSON
from tests.factories.statements import is_routine


async def to_details(owner: Owner) -> str:
    enrolment = await owner.open("family_member")
    await owner.acknowledge(enrolment, "family-account")
    return enrolment


def named(person: TestPerson, **other: str) -> JSON:
    return {"name": person.name, "social_security_number": person.number, "relationship": "51"} | other


def unknown() -> JSON:
    return {
        "name": "王建国",
        "social_security_number": new_number(date(1957, 1, 1), "1"),
        "relationship": "51",
    }


class TestLimits:
    async def test_five_wrong_questions_a_day(self, owner: Owner, kin: Kin) -> None:
        enrolment, father = await to_details(owner), await kin()
        for _ in range(5):
            refused(await owner.call("PUT", f"{enrolment}/details", unknown()), 409, "person-not-verified")

        sixth = await owner.call("PUT", f"{enrolment}/details", named(father))
        problem = refused(sixth, 429, "lookups-used-up")
        await later(owner.house, hours=25)
        enrolment = await to_details(owner)
        next_day = await owner.call("PUT", f"{enrolment}/details", named(father))

        assert 86_000 < int(sixth.headers["retry-after"]) == problem["retry_after_seconds"] <= 86_400
        assert sixth.headers["ratelimit-policy"] == '"lookups-used-up";q=5;w=86400'
        assert ok(next_day)["state"] == "documents_pending"

    async def test_right_questions_do_not_count_whatever_is_refused_after_them(self, owner: Owner, kin: Kin) -> None:
        enrolment, father = await to_details(owner), await kin()

        for _ in range(6):
            answer = await owner.call("PUT", f"{enrolment}/details", named(father, relationship="52"))
            refused(answer, 409, "relationship-implausible")
        for relationship in ("51", "57", "59", "97", "99", "51"):
            ok(await owner.call("PUT", f"{enrolment}/details", named(father, relationship=relationship)))

    async def test_a_strangers_wrong_questions_shut_out_nobody_else(
        self, owner: Owner, kin: Kin, make: Make, house: House
    ) -> None:
        father = await kin()
        strangers = [await app_of(await make.owner(name="李雷"), house) for _ in range(2)]
        for stranger, times in zip(strangers, (3, 2), strict=True):
            theirs = await to_details(stranger)
            for _ in range(times):
                wrong = named(father, name="王建中")
                refused(await stranger.call("PUT", f"{theirs}/details", wrong), 409, "person-not-verified")

        mine = await to_details(owner)
        right = await owner.call("PUT", f"{mine}/details", named(father))
        late = await strangers[0].call("PUT", f"{await to_details(strangers[0])}/details", named(father))

        assert ok(right)["state"] == "documents_pending"
        refused(late, 429, "lookups-used-up")

    async def test_on_a_number_at_its_limit_everybody_has_one_wrong_question(
        self, owner: Owner, kin: Kin, make: Make, house: House
    ) -> None:
        father, stranger = await kin(), await app_of(await make.owner(name="李雷"), house)
        theirs, mine = await to_details(stranger), await to_details(owner)
        for _ in range(5):
            await stranger.call("PUT", f"{theirs}/details", named(father, name="王建中"))

        first = await owner.call("PUT", f"{mine}/details", named(father, name="王建"))
        second = await owner.call("PUT", f"{mine}/details", named(father))

        refused(first, 409, "person-not-verified")
        refused(second, 429, "lookups-used-up")

    async def test_saying_the_same_again_is_no_question(self, owner: Owner, kin: Kin) -> None:
        father = await kin()
        enrolment = await owner.to_documents(father, "51")
        other = await to_details(owner)
        for _ in range(5):
            await owner.call("PUT", f"{other}/details", unknown())

        assert ok(await owner.call("PUT", f"{enrolment}/details", named(father)))["state"] == "documents_pending"


class Recorder(Register):
    """The register, and what it was asked and the database with it: shapes only."""

    def __init__(self, house: House) -> None:
        self._register = house.ports.register
        self.told: list[str] = []
        event.listen(house.db.engine.sync_engine, "before_cursor_execute", self._statement)

    async def find(self, number: str) -> RegisteredPerson | None:
        self.told.append("register.find")
        return await self._register.find(number)

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        self.told.append("register.find_by_card")
        return await self._register.find_by_card(card_number)

    async def portrait(self, number: str) -> bytes | None:
        self.told.append("register.portrait")
        return await self._register.portrait(number)

    def _statement(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not is_routine(statement):
            self.told.append(statement)


class TestOneAnswer:
    @pytest.fixture
    async def recorder(self, house: House) -> Recorder:
        return Recorder(house)

    @pytest.fixture
    async def watched(self, owner: Owner, house: House, recorder: Recorder) -> AsyncIterator[Owner]:
        """The owner's app at a server whose register is listened to."""
        listening = replace(house, ports=replace(house.ports, register=recorder))
        transport = httpx.ASGITransport(main.create_app(listening))
        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            yield Owner(client, listening, "", holder=owner.holder)

    async def test_the_unknown_the_misnamed_and_the_dead_cause_the_same_statements_and_calls(
        self, watched: Owner, kin: Kin, recorder: Recorder
    ) -> None:
        enrolment, father, dead = await to_details(watched), await kin(), await kin(is_alive=False)
        await watched.call("PUT", f"{enrolment}/details", unknown())  # whatever is asked once is asked now
        told, answers = [], []

        for body in (unknown(), named(father, name="王建中"), named(dead), named(dead, name="王建中")):
            recorder.told.clear()
            problem = refused(await watched.call("PUT", f"{enrolment}/details", body), 409, "person-not-verified")
            answers.append(problem | {"request_id": ""})
            told.append(list(recorder.told))

        assert told[0].count("register.find") == 1
        assert len(told[0]) > 5
        assert [each == told[0] for each in told] == [True] * 4
        assert [each == answers[0] for each in answers] == [True] * 4

    async def test_a_refused_question_is_written_down_without_saying_whom_it_was_about(
        self, owner: Owner, kin: Kin, make: Make
    ) -> None:
        enrolment, father = await to_details(owner), await kin()

        await owner.call("PUT", f"{enrolment}/details", named(father, name="王建中"))

        assert owner.holder is not None
        action, facts, _ = (await make.audited(owner.holder))[-1]
        assert action == "person.lookup_refused"
        assert father.number not in str(facts)
        assert "王" not in str(facts)
