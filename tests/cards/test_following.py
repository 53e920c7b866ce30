"""E-cards follow what the register says of the physical ones."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database, bucket_of
from app.models.stand_ins import RegisterPerson
from app.ports.register import (
    PhysicalCardStatus,
    Register,
    RegisteredPerson,
    RegisterUnavailable,
    TestPerson,
)
from app.routers.deps import House
from app.services import audit
from app.services.audit import Action
from app.services.cards import following, issuing
from tests.factories.make import Holder, Make, Someone
from tests.factories.phone import Phone

MINE = "/v1/holders/me/card"


async def say(house: House, person: Someone, *, is_alive: bool = True, **card: Any) -> None:
    """Let the register hold another card, or another end, of somebody from now on."""
    held = person.registered.card
    assert held is not None
    changed = replace(person.registered, card=replace(held, **card), is_alive=is_alive)
    await EmbeddedRegister(house.db).put([Entry(changed)])


async def told(db: Database, person: Someone) -> list[str]:
    """Return what somebody's outbox holds of cards and their end."""
    rows = await db.fetch(
        "SELECT facts->>'message' AS message, facts->>'change' AS change FROM outbox_event"
        " WHERE bucket = $1 AND home_id = $2 ORDER BY created_at, id",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] or f"changed: {row['change']}" for row in rows if row["message"] or row["change"]]


async def written(make: Make, person: Someone) -> list[str]:
    return [action for action, _, _ in await make.audited(person) if action.startswith("card.")]


async def status_of(me: Holder) -> str:
    word: str = (await me.read(MINE))["physical_card"]
    return word


class Answering(Register):
    """A register that has said what it says before it is let answer."""

    def __init__(self, inner: Register) -> None:
        self._inner = inner
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def find(self, number: str) -> RegisteredPerson | None:
        found = await self._inner.find(number)
        self.asked.set()
        await self.answer.wait()
        return found

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        return await self._inner.find_by_card(card_number)

    async def portrait(self, number: str) -> bytes | None:
        return await self._inner.portrait(number)


class Silent(Register):
    """A register that does not answer."""

    async def find(self, number: str) -> RegisteredPerson | None:
        raise RegisterUnavailable

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        raise RegisterUnavailable

    async def portrait(self, number: str) -> bytes | None:
        raise RegisterUnavailable


class TestTheStatus:
    async def test_a_loss_is_in_force_on_the_next_request_and_is_told(self, make: Make, house: House) -> None:
        me = await make.owner()
        await say(house, me, status=PhysicalCardStatus.LOST)

        await following.hear(house.db, house.ports.register, me.registered.number)

        card = await me.read(MINE)
        assert (card["physical_card"], card["allows"]["order"], card["allows"]["show_code"]) == ("lost", True, False)
        assert await told(house.db, me) == ["card_lost_member"]
        assert (await make.audited(me))[-1][:2] == (Action.CARD_STATUS_CHANGED, {"from": "1", "to": "2"})

    async def test_a_card_that_is_found_again_works_again(self, make: Make, house: House) -> None:
        me = await make.owner()
        for status in (PhysicalCardStatus.LOST_TEMPORARILY, PhysicalCardStatus.NORMAL):
            await say(house, me, status=status)
            await following.refresh(house.db, house.ports.register, me.id)

        assert (await me.read(MINE))["allows"]["show_code"]
        assert await told(house.db, me) == ["card_lost_member", "card_normal_member"]

    async def test_a_cancellation_leaves_the_past_and_the_family_hears_of_it(self, make: Make, house: House) -> None:
        me = await make.owner()
        await say(house, me, status=PhysicalCardStatus.CANCELLED)

        await following.refresh(house.db, house.ports.register, me.id)

        card = await me.read(MINE)
        assert [use for use, is_allowed in card["allows"].items() if is_allowed] == ["order", "history"]
        assert sorted(await told(house.db, me)) == ["card_cancelled_member", "changed: card_cancelled"]

    async def test_nothing_new_is_nothing_to_tell(self, make: Make, house: House) -> None:
        me = await make.owner()

        for _ in range(2):
            await following.refresh(house.db, house.ports.register, me.id)

        assert await told(house.db, me) == []
        assert await written(make, me) == [Action.CARD_ISSUED]

    async def test_a_card_that_is_gone_waits_to_be_collected(self, make: Make, house: House) -> None:
        me = await make.owner()
        await EmbeddedRegister(house.db).put([Entry(replace(me.registered, card=None))])

        await following.refresh(house.db, house.ports.register, me.id)

        assert await status_of(me) == "not_activated"

    async def test_somebody_whom_we_do_not_know_is_nobodys_business(self, house: House) -> None:
        await following.hear(house.db, house.ports.register, "100101199001010046")

        assert await house.db.fetch("SELECT 1 FROM card") == []


class TestReplacement:
    async def test_the_e_card_goes_with_the_new_card_and_keeps_all_else(self, make: Make, house: House) -> None:
        me = await make.card_password(await make.owner())
        father = await make.member(me)
        before = await me.read(MINE + "?reveal=true")
        await say(house, me, number="T99999998")

        await following.refresh(house.db, house.ports.register, me.id)

        after = await me.read(MINE + "?reveal=true")
        assert after == before | {"card_number": "T99999998"}
        assert (await me.call("GET", f"/v1/holders/{father.link_id}/card")).status_code == 200
        assert await told(house.db, me) == ["link_started_owner", "card_replaced_member"]
        assert Action.CARD_REPLACED in await written(make, me)

    async def test_a_new_card_for_a_lost_one_is_told_once(self, make: Make, house: House) -> None:
        me = await make.owner()
        await say(house, me, status=PhysicalCardStatus.LOST)
        await following.refresh(house.db, house.ports.register, me.id)

        await say(house, me, number="T99999998", status=PhysicalCardStatus.NORMAL)
        await following.refresh(house.db, house.ports.register, me.id)

        assert await status_of(me) == "normal"
        assert await told(house.db, me) == ["card_lost_member", "card_replaced_member"]


class TestDeath:
    async def test_the_card_is_closed_and_the_family_hears_of_it(self, make: Make, house: House) -> None:
        me = await make.owner()
        await say(house, me, is_alive=False)

        for _ in range(2):
            await following.refresh(house.db, house.ports.register, me.id)

        card = await me.read(MINE)
        assert [use for use, is_allowed in card["allows"].items() if is_allowed] == ["history"]
        assert card["next"]["action"] == "card-closed"
        assert sorted(await told(house.db, me)) == ["card_closed_member", "changed: died"]

    async def test_an_error_of_the_register_is_put_right(self, make: Make, house: House) -> None:
        me = await make.owner()
        for is_alive in (False, True):
            await say(house, me, is_alive=is_alive)
            await following.refresh(house.db, house.ports.register, me.id)

        assert (await me.read(MINE))["allows"]["show_code"]
        assert (await written(make, me))[-2:] == [Action.CARD_CLOSED, Action.CARD_OPENED_AGAIN]

    async def test_of_somebody_without_a_card_the_family_hears_too(self, make: Make, house: House) -> None:
        me = await make.owner()
        child = await make.member(me, "20", card=None, birth_date=date(2026, 1, 5))
        gone = replace(child.person.registered, is_alive=False)
        await EmbeddedRegister(house.db).put([Entry(gone)])

        await following.hear(house.db, house.ports.register, gone.number)

        assert "changed: died" in await told(house.db, child.person)


class TestAsking:
    async def test_every_card_is_asked_about_within_a_day(self, make: Make, house: House) -> None:
        assert house.sandbox is not None
        me = await make.owner()
        assert await following.ask_due(house.db, house.ports.register) == 1
        assert await following.ask_due(house.db, house.ports.register) == 0
        await say(house, me, status=PhysicalCardStatus.APPLICATION_LOCKED)

        await house.sandbox.move_clock(timedelta(hours=24))

        assert await following.ask_due(house.db, house.ports.register) == 1
        assert await status_of(me) == "application_locked"

    async def test_when_the_register_was_filled_anew_every_card_is_asked_about(self, make: Make, house: House) -> None:
        await make.owner()
        await following.ask_due(house.db, house.ports.register)

        await house.db.run(following.ask_all)

        assert await following.ask_due(house.db, house.ports.register) == 1

    async def test_a_silent_register_is_asked_again_later_and_changes_nothing(self, make: Make, house: House) -> None:
        assert house.sandbox is not None
        me = await make.owner()

        assert await following.ask_due(house.db, Silent()) == 1
        assert await following.ask_due(house.db, Silent()) == 0

        assert await status_of(me) == "normal"
        await house.sandbox.move_clock(timedelta(minutes=5))
        assert await following.ask_due(house.db, house.ports.register) == 1

    async def test_whom_the_register_forgot_stays_as_they_were(self, make: Make, house: House) -> None:
        me = await make.owner()
        await house.db.run(lambda session: session.execute(delete(RegisterPerson)))

        await following.refresh(house.db, house.ports.register, me.id)

        assert await status_of(me) == "normal"

    async def test_an_older_answer_that_comes_late_changes_nothing(self, make: Make, house: House) -> None:
        me = await make.owner()
        slow = Answering(house.ports.register)
        late = asyncio.create_task(following.refresh(house.db, slow, me.id))
        await slow.asked.wait()
        await say(house, me, status=PhysicalCardStatus.LOST)
        await following.refresh(house.db, house.ports.register, me.id)

        slow.answer.set()
        await late

        assert await status_of(me) == "lost"
        assert await told(house.db, me) == ["card_lost_member"]

    async def test_asked_ten_times_at_once_a_loss_is_told_once(self, make: Make, house: House) -> None:
        me = await make.owner()
        await say(house, me, status=PhysicalCardStatus.LOST)

        await asyncio.gather(*(following.refresh(house.db, house.ports.register, me.id) for _ in range(10)))

        assert await told(house.db, me) == ["card_lost_member"]
        assert (await written(make, me)).count(Action.CARD_STATUS_CHANGED) == 1


class TestIssuing:
    async def test_what_an_enrolment_heard_earlier_brings_no_lost_card_back(self, make: Make, house: House) -> None:
        me = await make.owner()
        heard = me.registered
        await say(house, me, status=PhysicalCardStatus.LOST)
        await following.refresh(house.db, house.ports.register, me.id)

        await house.db.run(lambda session: issuing.issue(session, me.id, heard, channel="app", actor=audit.SYSTEM))

        assert await status_of(me) == "lost"
        assert await following.ask_due(house.db, house.ports.register) == 1

    async def test_issued_while_it_gets_lost_it_is_lost(self, make: Make, house: House) -> None:
        me = await make.person()
        slow = Answering(house.ports.register)
        late = asyncio.create_task(following.refresh(house.db, slow, me.id))
        await slow.asked.wait()
        await say(house, me, status=PhysicalCardStatus.LOST)

        holder, _ = await asyncio.gather(make.signed_in(me), following.refresh(house.db, house.ports.register, me.id))
        slow.answer.set()
        await late
        await following.ask_due(house.db, house.ports.register)

        assert await status_of(holder) == "lost"


class TestTheDemo:
    @pytest.mark.parametrize(
        ("body", "held"),
        [
            ({"card_status": "lost"}, ("lost", True)),
            ({"card_status": "cancelled", "is_alive": False}, ("cancelled", False)),
            ({}, ("normal", True)),
        ],
    )
    async def test_the_register_changes_what_it_holds_of_a_test_person(
        self, client: httpx.AsyncClient, people: dict[str, TestPerson], body: dict[str, object], held: tuple[str, bool]
    ) -> None:
        answer = await client.post("/dev/people/spouse", json=body)

        assert answer.status_code == 200, answer.text
        assert (answer.json()["card_status"], answer.json()["is_alive"]) == held
        assert (await client.get("/dev/people/spouse")).json() == answer.json()
        assert answer.json()["card_number"] == people["spouse"].card_number

    async def test_an_e_card_follows_at_once(self, owner: Phone, client: httpx.AsyncClient) -> None:
        before = (await owner.call("GET", MINE)).json()

        await client.post("/dev/people/owner", json={"card_status": "lost"})
        lost = (await owner.call("GET", MINE)).json()
        changed = (await client.post("/dev/people/owner", json={"new_card": True})).json()
        after = (await owner.call("GET", MINE)).json()

        assert (before["physical_card"], lost["physical_card"], after["physical_card"]) == ("normal", "lost", "normal")
        assert after["card_number"][-2:] == changed["card_number"][-2:]
        assert after["issue_number"] == before["issue_number"]

    async def test_nobody_of_that_label_is_not_there(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/dev/people/nobody", json={})).status_code == 404
