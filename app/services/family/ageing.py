"""A member comes of age: what changes on which day, and telling both sides when it has come.

Nothing that a link allows hangs on this having run: `links.services` asks the calendar at every request. Here it is
written down, and told.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session, bucket_of
from app.models.links import LIVING, FamilyLink, Milestone, MilestoneKind
from app.services import audit, links
from app.services.audit import Action
from app.services.links import ages
from app.services.people import homes
from app.services.people.ages import birthday
from app.services.rules.family import Ages

_AT_ONCE = 50
_WHEN_REACHED: Final = {
    MilestoneKind.OWN_CONSENT: (Action.LINK_CONSENT_PASSED, "link_own_consent"),
    MilestoneKind.LIVE_FACE: (Action.LINK_FACE_DUE, "link_face_due"),
    MilestoneKind.ADULT: (Action.LINK_GUARDIANSHIP_ENDED, "link_adult"),
    MilestoneKind.VIEW_ONLY: (Action.LINK_VIEW_ONLY, "link_view_only"),
}


class ChangeKind(StrEnum):
    """What changes; the words are in `app/texts`."""

    OWN_CONSENT = "own_consent"
    LIVE_FACE = "live_face"
    ADULT = "adult"
    VIEW_ONLY = "view_only"


@dataclass(slots=True)
class Change:
    """Something that changes with a member's age, and from when."""

    kind: ChangeKind
    on: date


def changes(
    birth: date, rules: Ages, reconfirm_from: date | None, view_only_from: date | None, day: date
) -> tuple[Change, ...]:
    """Return what is to come for a link, and what has come and is not answered yet, the earliest first."""
    if reconfirm_from is None and view_only_from is None:
        return ()
    found = [
        Change(kind, on)
        for kind, years in ((ChangeKind.OWN_CONSENT, rules.own_consent), (ChangeKind.ADULT, rules.adult))
        if (on := birthday(birth, years)) > day
    ]
    if reconfirm_from is not None:
        found.append(Change(ChangeKind.LIVE_FACE, reconfirm_from))
    if view_only_from is not None:
        found.append(Change(ChangeKind.VIEW_ONLY, view_only_from))
    return tuple(sorted(found, key=lambda change: change.on))


async def note_days(db: Database) -> int:
    """Note the birthdays of links that started before they were noted; return how many links there were."""
    found = await db.run(lambda session: ages.not_noted(session, most=_AT_ONCE))
    for link_id in found:
        await db.run(partial(_note, link_id))
    return len(found)


async def come_of_age(db: Database) -> int:
    """See to the days that have come; return how many."""
    found = await db.run(lambda session: ages.reached(session, most=_AT_ONCE))
    for day in found:
        await db.run(partial(_reach, day))
    return len(found)


async def _note(link_id: UUID, session: Session) -> None:
    link = await _locked(session, link_id)
    if link.ages_noted or link.state not in LIVING:
        return
    await ages.note(session, link, today(link.active_since or link.reserved_at))


async def _reach(seen: Milestone, session: Session) -> None:
    """Tell both sides of a day that has come, unless another has, or the link is over."""
    link = await _locked(session, seen.link_id)
    row: Milestone | None = await session.get(
        Milestone,
        (seen.bucket, seen.member_id, seen.link_id, seen.kind, seen.due_on),
        with_for_update=True,
        populate_existing=True,
    )
    if row is None or row.done_at is not None:
        return
    row.done_at = session.now
    if row.kind is MilestoneKind.LIVE_FACE_SOON:
        _announce(session, link)
    elif _is_waited_for(link, row.kind):
        action, message = _WHEN_REACHED[row.kind]
        await links.record(session, action, link, audit.SYSTEM)
        links.tell(session, link, message)


def _is_waited_for(link: FamilyLink, kind: MilestoneKind) -> bool:
    """Say whether a day still matters: the member may have shown their face, or answered, before it came."""
    if kind is MilestoneKind.LIVE_FACE:
        return link.reconfirm_from is not None
    return kind is not MilestoneKind.VIEW_ONLY or link.view_only_from is not None


def _announce(session: Session, link: FamilyLink) -> None:
    """Say once a day at most that the member's face will be wanted; who was late to say so says how it stands now."""
    day = today(session.now)
    if link.reconfirm_from is None or link.reconfirm_from <= day or link.announced_on == day:
        return
    link.announced_on = day
    links.tell(session, link, "link_face_soon", on=link.reconfirm_from)


async def _locked(session: Session, link_id: UUID) -> FamilyLink:
    seen = await session.get_one(FamilyLink, (bucket_of(link_id), link_id))
    await homes.lock(session, {seen.owner_id, seen.member_id})
    return await links.one(session, link_id)
