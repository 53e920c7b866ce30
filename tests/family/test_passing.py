"""A death, or a cancelled card, ends the links of a person on both sides, once, and whoever is left is told why."""

import asyncio
from dataclasses import replace

import pytest

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database, bucket_of
from app.models.links import LinkEnd
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.audit import Action
from app.services.cards import following
from app.services.family import passing
from app.services.links import comparing
from app.worker import relay
from tests.factories.make import Holder, Make, Someone


async def told(db: Database, person: Someone) -> list[str]:
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2"
        " AND kind = 'tell_person' ORDER BY created_at",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


async def ends(make: Make, person: Someone) -> list[str]:
    return [facts["because"] for action, facts, _ in await make.audited(person) if action == Action.LINK_ENDED]


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


async def test_a_members_death_ends_every_link_to_them_and_tells_their_owners(
    db: Database, make: Make, me: Holder
) -> None:
    sister = await make.owner(name="王静", sex="2")
    mine = await make.member(me, name="王建国")
    hers = await make.member(sister, person=mine.person)

    await asyncio.gather(*(passing.end_all(db, mine.person.id, LinkEnd.BY_DEATH) for _ in range(4)))

    for owner, link in ((me, mine), (sister, hers)):
        assert (await owner.call("GET", f"/v1/family/members/{link.link_id}")).status_code == 404
        assert (await told(db, owner)).count("link_ended_by_death_owner") == 1
        assert await ends(make, owner) == ["by_death"]
    assert [message for message in await told(db, mine.person) if "ended" in message] == []
    assert await passing.end_all(db, mine.person.id, LinkEnd.BY_DEATH) == 0


async def test_an_owners_death_ends_what_they_held_and_tells_the_members(db: Database, make: Make, me: Holder) -> None:
    father = await make.member(me, "51")
    mother = await make.member(me, "52", sex="2")

    await passing.end_all(db, me.id, LinkEnd.BY_DEATH)

    for link in (father, mother):
        assert (await told(db, link.person))[-1] == "link_ended_by_death_member"
    assert "link_ended_by_death_owner" not in await told(db, me)


async def test_a_disputed_link_ends_too_and_people_have_nothing_left_to_decide(
    db: Database, make: Make, me: Holder
) -> None:
    link = await make.member(me)
    father = await make.signed_in(link.person)
    answer = await father.call(
        "POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": "other"}, **{"Idempotency-Key": "a" * 16}
    )
    assert answer.status_code == 201

    await passing.end_all(db, father.id, LinkEnd.BY_DEATH)

    assert await db.fetch("SELECT 1 FROM review_case WHERE state = 'open'") == []
    assert await comparing.torn(db) == []


@pytest.mark.parametrize(
    ("is_alive", "status", "because"),
    [(False, PhysicalCardStatus.NORMAL, "by_death"), (True, PhysicalCardStatus.CANCELLED, "by_card_cancelled")],
)
async def test_what_the_register_tells_reaches_the_family(
    house: House, make: Make, me: Holder, *, is_alive: bool, status: PhysicalCardStatus, because: str
) -> None:
    link = await make.member(me)
    held = link.person.registered
    assert held.card is not None
    changed = replace(held, card=replace(held.card, status=status), is_alive=is_alive)
    await EmbeddedRegister(house.db).put([Entry(changed)])

    await following.refresh(house.db, house.ports.register, link.person.id)
    while await relay.tell_due(house.db, house.ports):
        pass

    assert await ends(make, me) == [because]
    assert (await me.read("/v1/family"))["members"] == []


async def test_a_death_and_an_end_by_hand_end_it_once(db: Database, make: Make, me: Holder) -> None:
    link = await make.member(me)

    await asyncio.gather(
        passing.end_all(db, link.person.id, LinkEnd.BY_DEATH),
        me.call("DELETE", f"/v1/family/members/{link.link_id}"),
        passing.end_all(db, me.id, LinkEnd.BY_CARD_CANCELLED),
    )

    assert len(await ends(make, me)) == 1
    assert len(await ends(make, link.person)) == 1
