"""Tells people of filings."""

from app.core.db import Session
from app.models.filings import Filing
from app.services import authority, outbox
from app.services.links import Service


async def tell(session: Session, filing: Filing, message: str) -> None:
    """Tell the person how it goes, and who has filed it as long as their link is there to see it by."""
    outbox.tell(session, outbox.Kind.TELL_PERSON, filing.person_id, message=message, filing_id=str(filing.id))
    if filing.link_id is None or await authority.obstacle(session, filing.link_id, Service.VIEW) is not None:
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        filing.filed_by,
        message=message,
        filing_id=str(filing.id),
        member_id=str(filing.person_id),
    )


def tell_filed(session: Session, filing: Filing, message: str) -> None:
    """Tell a member what somebody has filed for them; `message` ends with `_member`."""
    if filing.link_id is None:
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        filing.person_id,
        message=message,
        filing_id=str(filing.id),
        link_id=str(filing.link_id),
        owner_id=str(filing.filed_by),
        member_id=str(filing.person_id),
    )
