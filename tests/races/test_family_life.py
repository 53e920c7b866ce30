"""A family in which everything happens at once: no two wait for each other in a circle, and each link has one end."""

import asyncio
import secrets
from collections.abc import Awaitable
from datetime import date, timedelta
from typing import Any

import pytest

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.clock import SHANGHAI
from app.core.db import Database
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services.audit import Action
from app.services.family import ageing, disputing, passing
from app.services.links import comparing
from tests.factories.adding import PORTRAIT, later
from tests.factories.make import Holder, Make, Member
from tests.races.test_adding import at_once
from tests.races.test_adding import deadlocks as deadlocks
from tests.transfers.playing import PENSION, Filing


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


def dispute(who: Holder, link: Member) -> Awaitable[Any]:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    return who.call("POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": "other"}, **key)


def end(who: Holder, link: Member, side: str) -> Awaitable[Any]:
    return who.call("DELETE", f"/v1/family/{side}/{link.link_id}")


def choose(who: Holder, link: Member, side: str, *services: str) -> Awaitable[Any]:
    return who.call("PUT", f"/v1/family/{side}/{link.link_id}/services", {"services": list(services)})


async def ends(make: Make, link: Member) -> int:
    return [action for action, _, _ in await make.audited(link.person)].count(Action.LINK_ENDED)


async def test_two_who_added_each_other_do_everything_at_once(db: Database, make: Make, me: Holder) -> None:
    wife = await make.owner(name="李静", sex="2")
    mine, hers = await make.member(me, "12", person=wife), await make.member(wife, "11", person=me)

    await at_once(
        [
            *(dispute(wife, mine) for _ in range(3)),
            *(dispute(me, hers) for _ in range(3)),
            choose(me, mine, "members", "view"),
            choose(wife, hers, "members", "view"),
            choose(wife, mine, "owners", "view"),
            choose(me, hers, "owners", "view"),
            passing.end_all(db, wife.id, LinkEnd.BY_CARD_CANCELLED),
            end(me, mine, "members"),
            end(me, hers, "owners"),
        ]
    )

    assert [await ends(make, link) for link in (mine, hers)] == [2, 2]  # each home keeps the end of both links
    assert await comparing.torn(db) == []
    assert await db.fetch("SELECT 1 FROM review_case WHERE state = 'open'") == []
    assert await db.fetch("SELECT 1 FROM link_dispute WHERE outcome IS NULL") == []


async def test_a_filing_and_a_dispute_at_the_same_moment_are_one_after_the_other(
    db: Database, make: Make, me: Holder
) -> None:
    for _ in range(5):
        link = await make.member(me, "53", sex="1")
        them = await make.signed_in(link.person)
        filing = Filing(me, str(link.link_id))
        key = {"Idempotency-Key": secrets.token_hex(8)}

        filed, disputed = await asyncio.gather(
            me.call("POST", filing.path, PENSION, **key), dispute(them, link), return_exceptions=False
        )

        assert disputed.status_code == 201
        written = [action for action, _, _ in await make.audited(link.person)]
        if filed.status_code == 201:
            assert written.index(Action.TRANSFER_DRAFTED) < written.index(Action.LINK_DISPUTED)
        else:
            assert (filed.status_code, filed.json()["code"]) == (409, "link-frozen")
            assert Action.TRANSFER_DRAFTED not in written
        await end(me, link, "members")


async def test_on_a_birthday_workers_and_people_do_everything_at_once(
    db: Database, make: Make, house: House, me: Holder
) -> None:
    day = house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=1)
    link = await make.member(me, "20", birth_date=date(day.year - 16, day.month, day.day))
    await EmbeddedRegister(db).put([Entry(link.person.registered, portrait=PORTRAIT)])
    await later(house, days=2)
    them = await make.signed_in(link.person)
    notice = (await me.client.get("/v1/notices/face-check")).json()
    body = {name: notice[name] for name in ("code", "version", "language", "sha256")} | {"services": ["view", "file"]}

    async def reconfirm(who: Holder, side: str) -> None:
        key = {"Idempotency-Key": secrets.token_hex(8)}
        begun = await who.call("POST", f"/v1/family/{side}/{link.link_id}/reconfirmations", body, **key)
        if begun.status_code == 201:
            await who.call("POST", f"/v1/face-checks/{begun.json()['face_check']['id']}/completion")

    await at_once(
        [
            *(ageing.come_of_age(db) for _ in range(3)),
            *(ageing.note_days(db) for _ in range(2)),
            *(reconfirm(me, "members") for _ in range(3)),
            *(reconfirm(them, "owners") for _ in range(3)),
            choose(me, link, "members", "view"),
            disputing.lapse_due(db),
            dispute(them, link),
        ]
    )

    assert await comparing.torn(db) == []
    assert [action for action, _, _ in await make.audited(link.person)].count(Action.LINK_RECONFIRMED) <= 1
    assert await db.fetch("SELECT 1 FROM reconfirmation WHERE state = 'face_pending'") == []
    assert (await me.read(f"/v1/family/members/{link.link_id}"))["state"] == "frozen"
