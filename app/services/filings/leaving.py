"""Whose filings are, and whether they may leave."""

from typing import Final

from app.core.db import Session
from app.core.errors import AppError, NotFound
from app.models.filings import Filing, FilingEnd
from app.services import authority
from app.services.authority import Acting, LinkFrozen, ServiceNotShared
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


async def may_leave(session: Session, filing: Filing) -> bool:
    """Say whether a filing may leave, and write down why not: who has filed it for a member may do so no more.

    The homes are locked.
    """
    if filing.link_id is not None:
        refusal = await authority.obstacle(session, filing.link_id, Service.FILE)
        filing.not_submitted_because = None if refusal is None else _ENDS[refusal]
    return filing.not_submitted_because is None
