"""Disputes: a member objects to a link; it is frozen at once, people decide, and after some days it ends by itself."""

from functools import partial
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.cases import CasePurpose, CaseReason
from app.models.links import DisputeOutcome, FamilyLink, LinkDispute, LinkDisputeReason, LinkEnd, LinkState
from app.models.sharing import SharingEnd
from app.services import audit, cases, links
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.family import keeping
from app.services.links import disputes, reconfirmations
from app.services.people import homes
from app.services.sharing import ending as unsharing

_AT_ONCE = 50


async def dispute(session: Session, caller: Caller, link_id: UUID, reason: LinkDisputeReason) -> LinkDispute:
    """Freeze the link of somebody who has added the caller, and ask people to decide; disputed already is as good.

    What the two share of their medical accounts ends.

    Raises:
        NotFound: it is not the caller's, or is over.
    """
    return await freeze(session, await keeping.of_member(session, caller, link_id), reason, caller.actor)


async def freeze(session: Session, seen: FamilyLink, reason: LinkDisputeReason, actor: Actor) -> LinkDispute:
    """Freeze a link because its member objects, and ask people to decide; disputed already is as good.

    Raises:
        NotFound: it is over.
    """
    link = await keeping.living(session, seen)
    if link.state is LinkState.FROZEN:
        known = await disputes.open_for(session, link)
        assert known is not None
        return known
    await reconfirmations.cancel_open(session, link, actor)
    await unsharing.end_between(session, link.owner_id, link.member_id, SharingEnd.BY_DISPUTE, actor)
    opened = await disputes.open_new(session, link, reason)
    await session.flush()
    await cases.open_case(
        session,
        home_id=link.member_id,
        purpose=CasePurpose.LINK_DISPUTE,
        subject_id=opened.id,
        member_id=link.member_id,
        reason=CaseReason.LINK_DISPUTED,
        actor=actor,
    )
    await links.record(session, Action.LINK_DISPUTED, link, actor, reason=reason.value)
    links.tell(session, link, "link_disputed")
    return opened


async def about(session: Session, dispute_id: UUID) -> tuple[LinkDispute, FamilyLink]:
    """Return a dispute and the link it is about, without a lock."""
    found = await disputes.one(session, dispute_id)
    link = await session.get_one(FamilyLink, (bucket_of(found.link_id), found.link_id), populate_existing=True)
    return found, link


async def decided(session: Session, dispute_id: UUID, actor: Actor, *, is_upheld: bool) -> None:
    """Go on as people decided about a frozen link: it ends, or is active again. Both homes are locked."""
    link = await links.one(session, (await disputes.one(session, dispute_id)).link_id)
    await _close(session, link, DisputeOutcome.UPHELD if is_upheld else DisputeOutcome.DISMISSED, actor)
    if is_upheld:
        await links.end(session, link.id, LinkEnd.BY_DISPUTE, actor)
    else:
        links.tell(session, link, "link_dispute_dismissed")


async def lapse_due(db: Database) -> int:
    """End the links whose disputes nobody has decided in time; return how many disputes were looked at."""
    found = await db.run(lambda session: disputes.due(session, most=_AT_ONCE))
    for dispute_id in found:
        await db.run(partial(_lapse, dispute_id))
    return len(found)


async def _lapse(dispute_id: UUID, session: Session) -> None:
    seen = await disputes.one(session, dispute_id)
    await homes.lock(session, {seen.owner_id, seen.member_id})
    link = await links.one(session, seen.link_id)
    opened = await disputes.open_for(session, link)
    if opened is None or opened.id != dispute_id or opened.lapses_at > session.now:
        return  # decided meanwhile
    await _close(session, link, DisputeOutcome.LAPSED, audit.SYSTEM)
    await links.end(session, link.id, LinkEnd.BY_DISPUTE, audit.SYSTEM)


async def _close(session: Session, link: FamilyLink, outcome: DisputeOutcome, actor: Actor) -> None:
    await disputes.close(session, link, outcome)
    await links.record(session, Action.LINK_DISPUTE_CLOSED, link, actor, outcome=outcome.value)
    await session.flush()
