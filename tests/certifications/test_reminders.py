"""Reminded 60, 30, 7 and 1 day before, and after the end: holder and family, each once, whoever works."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from app.adapters.certifications.embedded import EmbeddedCertifications
from app.core.clock import SHANGHAI, today
from app.models.certifications import Recipient
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit, links
from app.services.certifications import learning
from app.services.links import Services
from app.worker import relay
from tests.factories.callers import pass_time
from tests.factories.certifying import address, ask, look_after, pay, to_noon
from tests.factories.make import Make, Member, Someone
from tests.factories.rows import count


async def messages(house: House) -> list[tuple[str, str]]:
    """Return what was told of certifications, oldest first: the message, and the day in it."""
    rows = await house.db.fetch(
        "SELECT facts ->> 'message' AS message, facts ->> 'due_on' AS due_on FROM outbox_event"
        " WHERE facts ->> 'message' LIKE 'certification%' ORDER BY created_at, facts ->> 'message'"
    )
    return [(row["message"], row["due_on"]) for row in rows]


async def work(house: House, **later: float) -> None:
    """Let time pass, and the worker look after whoever's time has come."""
    if later:
        await pass_time(house, **later)
    while await learning.look_due(house.db, house.ports.certifications):
        pass


@pytest.fixture
async def alone(make: Make, house: House) -> Someone:
    """Somebody with a pension and a card, of whose family nobody is here."""
    await to_noon(house)
    somebody = await make.owner()
    await pay(house, somebody, days=290)
    await learning.begin_new(house.db)
    return somebody


class TestOnce:
    async def test_each_of_the_days_is_told_once(self, house: House, alone: Someone) -> None:
        told: list[Sequence[str]] = []
        for _ in range(110):
            await work(house, days=1)
            told.append([message for message, _ in await messages(house)])

        assert told[-1] == ["certification_due"] * 4 + ["certification_lapsed", "certification_suspended"]
        days = [
            next(day for day, so_far in enumerate(told, start=1) if len(so_far) == number) for number in range(1, 7)
        ]
        assert [later - earlier for earlier, later in pairwise(days)] == [30, 23, 6, 2, 30]

    async def test_after_a_long_pause_only_the_most_urgent_is_told(self, house: House, alone: Someone) -> None:
        await work(house)
        await work(house, days=70)
        await work(house)

        assert [message for message, _ in await messages(house)] == ["certification_due"]
        reminded = await house.db.fetch("SELECT reminded FROM benefit_recipient WHERE person_id = $1", alone.id)
        assert reminded[0]["reminded"] == 7

    async def test_a_pause_over_the_end_tells_that_payment_has_stopped_and_no_more(
        self, house: House, alone: Someone
    ) -> None:
        await work(house)
        await work(house, days=150)

        assert [message for message, _ in await messages(house)] == ["certification_suspended"]

    async def test_two_workers_tell_one(self, house: House, alone: Someone) -> None:
        await work(house)
        await pass_time(house, days=20)

        await asyncio.gather(*(look_after(house, alone) for _ in range(4)))

        assert [message for message, _ in await messages(house)] == ["certification_due"]

    async def test_it_is_told_in_the_morning(self, house: House, make: Make) -> None:
        somebody = await make.owner()
        await pay(house, somebody, days=300)
        await somebody.read(address())

        rows = await house.db.fetch("SELECT look_at, due_on FROM benefit_recipient WHERE person_id = $1", somebody.id)
        look_at = rows[0]["look_at"].astimezone(SHANGHAI)
        assert (look_at.hour, look_at.minute) == (9, 0)
        assert look_at.date() == rows[0]["due_on"] - timedelta(days=60)


class TestWhom:
    async def test_holder_and_those_who_may_certify_are_told(
        self, house: House, make: Make, me: Someone, father: Member
    ) -> None:
        other = await make.owner()
        await make.member(other, person=father.person, services=Services(certify=False))

        await work(house)
        await learning.begin_new(house.db)
        await work(house)

        assert sorted(await told_in(house, me)) == ["certification_due", "certification_due_owner"]
        assert await told_in(house, father.person) == ["certification_due"]
        assert await told_in(house, other) == []

    async def test_whose_link_has_ended_is_not(self, house: House, me: Someone, father: Member) -> None:
        await house.db.run(lambda session: links.end(session, father.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))

        await learning.begin_new(house.db)
        await work(house)

        assert await told_in(house, me) == ["certification_due"]

    async def test_they_can_be_read(self, house: House, me: Someone, father: Member) -> None:
        await learning.begin_new(house.db)
        await work(house)
        await relay.tell_due(house.db, house.ports)

        assert house.sandbox is not None
        texts = [each.text for each in await house.sandbox.inbox.received(None)]
        assert [text for text in texts if "资格认证" in text and "含当日" in text]

    async def test_who_is_certified_or_looked_at_is_left_in_peace(self, house: House, make: Make) -> None:
        somebody = await make.owner()
        await pay(house, somebody, days=350)
        await ask(somebody, way="counter")
        await learning.begin_new(house.db)
        await work(house, days=1)

        assert "certification_due" not in [message for message, _ in await messages(house)]


class TestWhoIsLookedAfter:
    async def test_everybody_with_a_card_is_once(self, house: House, me: Someone, father: Member) -> None:
        first = await learning.begin_new(house.db)
        again = await learning.begin_new(house.db)

        assert (first, again) == (2, 0)
        assert await count(house.db, Recipient) == 2

    async def test_who_gets_nothing_is_asked_about_rarely(self, house: House, make: Make) -> None:
        await make.owner()
        await learning.begin_new(house.db)
        first = await learning.look_due(house.db, house.ports.certifications)
        await pass_time(house, days=29)
        early = await learning.look_due(house.db, house.ports.certifications)
        await pass_time(house, days=2)

        assert (first, early) == (1, 0)
        assert await learning.look_due(house.db, house.ports.certifications) == 1

    async def test_what_it_certified_by_data_is_told(self, house: House, make: Make) -> None:
        somebody = await make.owner()
        await pay(house, somebody, days=340)
        await somebody.read(address())

        day = today(house.db.clock.now())
        await EmbeddedCertifications(house.db).match(somebody.registered.number, day)
        await work(house, days=8)

        assert [message for message, _ in await messages(house)] == ["certification_passed_member"]


async def told_in(house: House, somebody: Someone) -> list[str]:
    """Return what was told of certifications in somebody's home."""
    rows = await house.db.fetch(
        "SELECT facts ->> 'message' AS message FROM outbox_event"
        " WHERE facts ->> 'message' LIKE 'certification%' AND home_id = $1 ORDER BY created_at, facts ->> 'message'",
        somebody.id,
    )
    return [row["message"] for row in rows]
