"""The two sides of links compared: what does not agree is found, what changes meanwhile is no fault."""

import asyncio

import pytest
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from app.core.db import Database
from app.models.links import FamilyLink, LinkState, MemberSlot
from app.services.links import comparing
from app.worker import reports
from tests.factories.make import Holder, Make, Member


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner()


@pytest.fixture
async def father(make: Make, me: Holder) -> Member:
    """Their father, in the family; an uncle is being added."""
    await make.adding(me, "67", name="王建军")
    return await make.member(me)


async def test_a_family_in_order_has_none(db: Database, father: Member) -> None:
    assert await comparing.torn(db) == []


async def test_a_missing_side_is_found_whichever_it_is(db: Database, make: Make, me: Holder, father: Member) -> None:
    mother = await make.member(me, "52", name="李秀英")
    await db.run(lambda session: session.execute(delete(MemberSlot).where(MemberSlot.link_id == father.link_id)))
    await db.run(lambda session: session.execute(delete(FamilyLink).where(FamilyLink.id == mother.link_id)))

    with capture_logs() as lines:
        count = await reports.report_torn_links(db)

    (line,) = [line for line in lines if line["event"] == "links_torn"]
    assert (count, line["count"]) == (2, 2)
    assert set(line["first"]) == {str(father.link_id), str(mother.link_id)}


async def test_every_page_is_looked_at(db: Database, make: Make) -> None:
    links = [await make.member(await make.owner(name=name)) for name in ("张三", "李四", "周五")]
    await db.run(lambda session: session.execute(delete(MemberSlot)))
    lost = await comparing.torn(db, at_once=2)
    await db.run(lambda session: session.execute(delete(FamilyLink)))

    assert lost == sorted(link.link_id for link in links)
    assert await comparing.torn(db, at_once=1) == []


async def test_a_link_frozen_on_one_side_alone_is_found(db: Database, father: Member) -> None:
    await db.run(
        lambda session: session.execute(
            update(FamilyLink).where(FamilyLink.id == father.link_id).values(state=LinkState.FROZEN)
        )
    )

    assert await comparing.torn(db) == [father.link_id]


async def test_a_slot_whose_link_is_over_is_found(db: Database, father: Member) -> None:
    await db.run(
        lambda session: session.execute(
            update(FamilyLink)
            .where(FamilyLink.id == father.link_id)
            .values(state=LinkState.ENDED, total_no=None, place_no=None)
        )
    )

    assert await comparing.torn(db) == [father.link_id]


async def test_what_begins_and_ends_while_we_look_is_no_fault(db: Database, make: Make, father: Member) -> None:
    owners = [await make.owner(name=f"王{name}") for name in "甲乙丙丁"]

    async def come_and_go(owner: Holder) -> None:
        for name in ("张三", "李四", "周五"):
            link = await make.member(owner, name=name)
            await owner.call("DELETE", f"/v1/family/members/{link.link_id}")

    coming_and_going = asyncio.gather(*map(come_and_go, owners))
    seen = []
    while not coming_and_going.done():
        seen.append(await comparing.torn(db))
        await asyncio.sleep(0)
    await coming_and_going

    assert seen.count([]) == len(seen) > 0
