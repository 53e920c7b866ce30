"""Whose filings are, and whether they may leave."""

from typing import Final

from app.core.db import Session
from app.core.errors import AppError, NotFound
from app.models.filings import Filing, FilingEnd
from app.services import authority
from app.services.authority import Acting, LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.allowing import CardClosed, Use
from app.services.links import Service

_ENDS: Final[dict[type[AppError], FilingEnd]] = {
    NotFound: FilingEnd.LINK_ENDED,
    LinkFrozen: FilingEnd.LINK_FROZEN,
    ServiceNotShared: FilingEnd.SERVICE_NOT_SHARED,
}


def sign(filing: Filing, acting: Acting) -> None:
    """Write down who files it, and by which link."""
    filing.filed_by = acting.doer_id
    filing.link_id = None if acting.link is None else acting.link.id


async def may_leave(session: Session, filing: Filing, use: Use) -> bool:
    """Say whether a filing may leave, and write down why not: what was asked when it was handed in is asked again.

    The homes are locked.

    Args:
        use: what the holder's card has to allow.
    """
    filing.not_submitted_because = await _end(session, filing, use)
    return filing.not_submitted_because is None


async def _end(session: Session, filing: Filing, use: Use) -> FilingEnd | None:
    if filing.link_id is not None:
        ended = await authority.obstacle(session, filing.link_id, Service.FILE)
        if ended is not None:
            return _ENDS[ended]
    refusal = await allowing.obstacle(session, filing.person_id, use, to_holder=filing.link_id is None)
    if refusal is None:
        return None
    return FilingEnd.HOLDER_DIED if refusal is CardClosed else FilingEnd.CARD_NOT_IN_ORDER
