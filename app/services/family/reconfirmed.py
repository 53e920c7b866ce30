"""What comes of a reconfirmation: the member's face has passed or not, or people have decided."""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import Session
from app.models.cases import CasePurpose, CaseReason
from app.models.faces import FaceCheck, FaceCheckState
from app.models.links import LinkState, Reconfirmation, ReconfirmationState
from app.ports.face import COUNTED, FaceReason
from app.ports.register import RegisteredPerson
from app.services import cases, links
from app.services.audit import Action, Actor
from app.services.faces import ending, frames, tries
from app.services.family import keeping
from app.services.links import Services, reconfirmations


async def ended(
    session: Session, reconfirmation_id: UUID, check: FaceCheck, registered: RegisteredPerson | None, actor: Actor
) -> None:
    """Draw the consequence of a face check that has ended now; the homes of owner and member are locked."""
    row = await reconfirmations.locked(session, reconfirmation_id)
    if row.state is not ReconfirmationState.FACE_PENDING:
        return
    await session.flush()
    reason = await _needs_people(session, row, check)
    if reason is not None:
        await to_people(session, row, reason, actor)
    elif check.state is FaceCheckState.PASSED:
        await _confirm(session, row, registered, actor)
    else:
        await frames.let_go(session, check.id)


async def decided(
    session: Session, reconfirmation_id: UUID, registered: RegisteredPerson | None, actor: Actor, *, is_approved: bool
) -> None:
    """Go on as people decided; the homes of owner and member are locked."""
    row = await reconfirmations.locked(session, reconfirmation_id)
    if is_approved:
        await _confirm(session, row, registered, actor)
        return
    await reconfirmations.close(session, row, ReconfirmationState.REJECTED)
    links.tell(session, await links.one(session, row.link_id), "link_reconfirmation_rejected")


async def attest(
    session: Session, link_ids: Sequence[UUID], registered: RegisteredPerson | None, actor: Actor
) -> Sequence[UUID]:
    """Confirm what waits for the member of these links, who was seen at a window; return it. All homes are locked."""
    found = [await reconfirmations.open_of(session, await links.one(session, link_id)) for link_id in link_ids]
    waiting = [row for row in found if row is not None]
    for row in waiting:
        await ending.give_up_open(session, row.home_id, row.id, actor)
        await cases.withdraw(session, row.home_id, row.id)
        await _confirm(session, row, registered, actor)
    return [row.id for row in waiting]


async def homes_of(session: Session, reconfirmation_id: UUID) -> set[UUID]:
    """Return the homes that a reconfirmation changes."""
    row = await reconfirmations.seen(session, reconfirmation_id)
    assert row is not None
    return {row.owner_id, row.member_id}


async def to_people(session: Session, row: Reconfirmation, reason: CaseReason, actor: Actor) -> None:
    """Let people decide who the member is."""
    row.state = ReconfirmationState.IN_REVIEW
    await cases.open_case(
        session,
        home_id=row.home_id,
        purpose=CasePurpose.RECONFIRMATION,
        subject_id=row.id,
        member_id=row.member_id,
        reason=reason,
        actor=actor,
    )


async def _needs_people(session: Session, row: Reconfirmation, check: FaceCheck) -> CaseReason | None:
    if check.state is FaceCheckState.PASSED or check.reason in COUNTED:
        if await tries.is_member_tried_much(session, row.member_id):
            return CaseReason.MANY_TRIES_AT_MEMBER
        is_out_of_tries = not await tries.left(session, row.home_id, row.member_id)
        return CaseReason.FACE_FAILED if check.reason in COUNTED and is_out_of_tries else None
    return CaseReason.NO_REFERENCE_PORTRAIT if check.reason is FaceReason.SOURCE_PHOTO_MISSING else None


async def _confirm(session: Session, row: Reconfirmation, registered: RegisteredPerson | None, actor: Actor) -> None:
    """Let the link allow what the member has agreed to, from now on; of who has died there is nothing to confirm."""
    link = await links.one(session, row.link_id)
    if link.state is not LinkState.ACTIVE or registered is None or not registered.is_alive:
        await reconfirmations.close(session, row, ReconfirmationState.CANCELLED)
        return
    await reconfirmations.close(session, row, ReconfirmationState.PASSED)
    agreed = row.services.split()
    services = Services(**{name: name in agreed for name in ("view", "show_code", "certify", "file", "pay")})
    links.grant(link, services)
    link.agreed, link.reconfirm_from = " ".join(services.names), None
    if await keeping.is_adult(session, link.member_id):
        link.view_only_from = None  # they have just said what they want
    await links.record(session, Action.LINK_RECONFIRMED, link, actor, services=link.agreed)
    links.tell(session, link, "link_reconfirmed")
