"""Doing something for a member: written down with them, and they are told, the first time of a day."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.core.db import Database, Session
from app.core.errors import AppError, NotFound
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import authority, links
from app.services.accounts import sessions
from app.services.accounts.sessions import Caller
from app.services.audit import SYSTEM, Action
from app.services.authority import Acting, ServiceNotShared
from app.services.cards.reading import OwnCardNeeded
from app.services.links import Service
from tests.factories.make import Holder, Make, Member
from tests.family.test_members_and_owners import told


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner()


@pytest.fixture
async def father(make: Make, me: Holder) -> Member:
    """Their father, for whom they may do all but pay."""
    return await make.member(me)


async def caller_of(db: Database, holder: Holder) -> Caller:
    return await sessions.caller(db, holder.claims)


async def whose(session: Session, acting: Acting) -> Acting:
    return acting


async def test_what_one_does_for_oneself_concerns_oneself(db: Database, me: Holder) -> None:
    acting = await authority.act(db, await caller_of(db, me), None, Service.FILE, whose)

    assert (acting.person_id, acting.link, acting.on_behalf_of) == (me.id, None, None)


async def test_what_one_does_by_a_link_concerns_the_member(db: Database, me: Holder, father: Member) -> None:
    acting = await authority.act(db, await caller_of(db, me), father.link_id, Service.FILE, whose)

    assert acting.person_id == acting.on_behalf_of == father.person.id


async def test_who_has_shown_nobody_to_be_is_led_to_a_card_of_their_own(db: Database, house: House, make: Make) -> None:
    stranger = await make.owner()
    caller = await caller_of(db, stranger)
    nobody = Caller(**{name: getattr(caller, name) for name in caller.__slots__} | {"person_id": None})

    with pytest.raises(OwnCardNeeded):
        await authority.look(db, nobody, None, Action.CARD_SEEN, whose)


async def test_what_is_not_shared_is_refused_and_written_down_once(
    db: Database, me: Holder, father: Member, make: Make
) -> None:
    caller = await caller_of(db, me)

    for _ in range(2):
        with pytest.raises(ServiceNotShared):
            await authority.act(db, caller, father.link_id, Service.PAY, whose)

    assert [
        facts["service"] for action, facts, _ in await make.audited(father.person) if action == Action.LINK_REFUSED
    ] == ["pay"]


async def test_somebody_elses_link_is_not_there(db: Database, father: Member, make: Make) -> None:
    stranger = await caller_of(db, await make.owner())

    for service in Service:
        with pytest.raises(NotFound):
            await authority.act(db, stranger, father.link_id, service, whose)


async def test_the_member_is_told_once_a_day(db: Database, me: Holder, father: Member, house: House) -> None:
    caller = await caller_of(db, me)
    for _ in range(3):
        await authority.look(db, caller, father.link_id, Action.CARD_SEEN, whose)

    first = await told(db, father.person)
    assert house.sandbox is not None
    await house.sandbox.move_clock(timedelta(days=1))
    await authority.act(db, caller, father.link_id, Service.FILE, whose)

    assert first.count("acted_today_member") == 1
    assert (await told(db, father.person)).count("acted_today_member") == 2


async def test_an_end_comes_before_a_deed_or_after_it(
    db: Database, me: Holder, father: Member, client: httpx.AsyncClient
) -> None:
    caller, done = await caller_of(db, me), []

    async def deed(session: Session, acting: Acting) -> None:
        await asyncio.sleep(0.05)
        link = await links.find_for_owner(session, me.id, father.link_id)
        done.append(link.state)

    async def end() -> None:
        await asyncio.sleep(0.02)
        await db.run(lambda session: links.end(session, father.link_id, LinkEnd.BY_OWNER, SYSTEM))

    outcomes = await asyncio.gather(
        *(authority.act(db, caller, father.link_id, Service.FILE, deed) for _ in range(6)),
        end(),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, AppError)]
    assert all(isinstance(outcome, NotFound) for outcome in refused)
    assert done == ["active"] * (6 - len(refused))


async def test_a_narrowed_link_refuses_at_the_next_request(db: Database, me: Holder, father: Member) -> None:
    caller = await caller_of(db, me)
    kept = {"services": ["view", "show_code"]}
    assert (await me.call("PUT", f"/v1/family/members/{father.link_id}/services", kept)).status_code == 200

    with pytest.raises(ServiceNotShared):
        await authority.act(db, caller, father.link_id, Service.FILE, whose)
