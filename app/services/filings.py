"""What transfers and card orders share: whether they may leave, who hears of them, when the other side is asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.db import Session
from app.core.errors import AppError, NotFound
from app.models.filings import FilingEnd
from app.services import authority, outbox
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.links import Service
from app.services.people import homes

_ENDS: Final[dict[type[AppError], FilingEnd]] = {
    NotFound: FilingEnd.LINK_ENDED,
    LinkFrozen: FilingEnd.LINK_FROZEN,
    ServiceNotShared: FilingEnd.SERVICE_NOT_SHARED,
}
_SPREAD: Final = 997


@dataclass(frozen=True, slots=True)
class Filed:
    """A filing: its id, whose business it is, who has filed it, and by which link (None: for oneself)."""

    id: UUID
    person_id: UUID
    filed_by: UUID
    link_id: UUID | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the other side is asked: after so long, and when it says nothing after twice as long, up to an end."""

    first: timedelta
    longest: timedelta


async def lock(session: Session, filed: Filed) -> None:
    """Lock the homes of whom it concerns: an end or a dispute of the link comes before or after, never between.

    Who has filed it may have closed their account since; for the person it goes on.
    """
    await homes.lock_rows(session, {filed.person_id, filed.filed_by})


async def may_not_leave(session: Session, filed: Filed) -> FilingEnd | None:
    """Return why a filing may not leave: who has filed it for a member may do so no more. The homes are locked."""
    if filed.link_id is None:
        return None
    refusal = await authority.obstacle(session, filed.link_id, Service.FILE)
    return None if refusal is None else _ENDS[refusal]


async def tell(session: Session, filed: Filed, message: str) -> None:
    """Tell the person how it goes, and who has filed it as long as their link is there to see it by."""
    outbox.tell(session, outbox.Kind.TELL_PERSON, filed.person_id, message=message, filing_id=str(filed.id))
    if filed.link_id is None or await authority.obstacle(session, filed.link_id, Service.VIEW) is not None:
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        filed.filed_by,
        message=message,
        filing_id=str(filed.id),
        member_id=str(filed.person_id),
    )


def tell_filed(session: Session, filed: Filed, message: str) -> None:
    """Tell a member what somebody has filed for them; `message` ends with `_member`."""
    if filed.link_id is None:
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        filed.person_id,
        message=message,
        filing_id=str(filed.id),
        link_id=str(filed.link_id),
        owner_id=str(filed.filed_by),
        member_id=str(filed.person_id),
    )


def next_look(now: datetime, filing_id: UUID, pace: Pace, failures: int) -> datetime:
    """Return when to ask the other side again: spread by the id, so that what came together is not asked together."""
    pause = min(pace.first * float(2 ** min(failures, 20)), pace.longest)
    return now + pause * (1 + filing_id.int % _SPREAD / _SPREAD / 4)
