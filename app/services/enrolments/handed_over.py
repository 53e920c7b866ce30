"""The face step in the member's own hands: they see who asks for what, agree, start the check, refuse or dispute."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.core.db import Session, bucket_of
from app.core.errors import Conflict
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment, State
from app.models.faces import FaceCheck
from app.models.handovers import READABLE, DisputeReason, Handover, HandoverState
from app.services import audit, outbox
from app.services.audit import Action
from app.services.enrolments import agreeing, consents, finishing, loading
from app.services.enrolments.checking import Find
from app.services.enrolments.viewing import Step, consent_step
from app.services.faces import tries
from app.services.handovers import rows as handovers
from app.services.handovers.holding import HERE, HandoverEnded, Holder
from app.services.links import Service
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.names import mask_name

_REFUSED, _DISPUTED = "member-refused", "member-disputed"


class HandoverFinished(Conflict):
    """The face step is over, or the member has said no before; there is nothing left to decide here."""

    code = "handover-finished"


@dataclass(frozen=True, slots=True)
class HandoverView:
    """What the member reads: who asks, as what, how far it is; names are masked."""

    state: HandoverState
    enrolment_id: UUID
    enrolment_state: State
    expires_at: datetime
    owner_name: str = field(repr=False)
    member_name: str = field(repr=False)
    relationship: str
    agreed: tuple[Service, ...] | None
    check: FaceCheck | None = field(repr=False)
    tries_left: int
    next: tuple[Step, ...]


async def read(session: Session, holder: Holder) -> HandoverView:
    """Return a handover as the member reads it; nothing is spent by that.

    Raises:
        HandoverEnded: it has, this moment.
    """
    return await _view(session, *await _locked(session, holder))


def found_by(holder: Holder) -> Find:
    """Return how the face step finds the enrolment: locked, while the handover is open.

    What it returns raises:
        HandoverFinished, HandoverEnded.
    """

    async def find(session: Session) -> Enrolment:
        return (await _open(session, holder))[0]

    return find


async def agree(session: Session, holder: Holder, shown: Shown, services: AbstractSet[str]) -> HandoverView:
    """Remember the member's own consent to the face check, and which services they choose: none is a choice too.

    The same again changes nothing, also when the step is over and the handover lives.

    Raises:
        HandoverFinished, HandoverEnded, NoticeOutdated.
    """
    enrolment, handover = await _locked(session, holder)
    purpose = ConsentPurpose.FACE_CHECK
    if not await agreeing.is_given(session, enrolment, holder.doer, purpose, shown, services):
        if handover.state is not HandoverState.OPENED:
            raise HandoverFinished
        await consents.give_in(session, enrolment, holder.doer, purpose, shown, services)
    return await _view(session, enrolment, handover)


async def refuse(session: Session, holder: Holder) -> HandoverView:
    """End the enrolment because the member says no; said before is as good. The owner is told, kindly.

    Raises:
        HandoverFinished: the face step is over; what it led to can be ended elsewhere.
        HandoverEnded.
    """
    enrolment, handover = await _open_or(session, holder, HandoverState.REFUSED)
    if handover.state is HandoverState.OPENED:
        handover.advance(HandoverState.REFUSED, session.now)
        finishing.tell_owner(session, enrolment, "enrolment_refused")
        await handovers.record(
            session, Action.HANDOVER_ENDED, handover, holder.actor, because=HandoverState.REFUSED.value
        )
        await finishing.cancel(session, enrolment, holder.actor, _REFUSED)
    return await _view(session, enrolment, handover)


async def dispute(session: Session, holder: Holder, reason: DisputeReason) -> HandoverView:
    """End the enrolment because the member says that it should not be; said before is as good.

    It is written down in both homes, the phone that the register holds for the member is told, and the owner cannot
    name this member again for some days (policy).

    Raises:
        HandoverFinished, HandoverEnded.
    """
    seen = await handovers.one(session, holder.handover_id)
    await homes.lock(session, {seen.home_id, seen.member_id})
    enrolment, handover = await _open_or(session, holder, HandoverState.DISPUTED)
    if handover.state is HandoverState.OPENED:
        handover.advance(HandoverState.DISPUTED, session.now)
        await _tell_of_dispute(session, enrolment, handover)
        await _record_dispute(session, handover, holder, reason)
        await finishing.cancel(session, enrolment, holder.actor, _DISPUTED)
    return await _view(session, enrolment, handover)


async def _tell_of_dispute(session: Session, enrolment: Enrolment, handover: Handover) -> None:
    finishing.tell_owner(session, enrolment, "enrolment_disputed")
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        handover.member_id,
        message="dispute_heard",
        owner_id=str(handover.home_id),
        member_id=str(handover.member_id),
        phone="register",
    )


async def _record_dispute(session: Session, handover: Handover, holder: Holder, reason: DisputeReason) -> None:
    for home_id in sorted({handover.home_id, handover.member_id}, key=bucket_of):
        await audit.record(
            session,
            Action.HANDOVER_DISPUTED,
            home_id=home_id,
            actor=holder.actor,
            on_behalf_of=handover.member_id,
            facts={
                "enrolment_id": str(handover.enrolment_id),
                "handover_id": str(handover.id),
                "reason": reason.value,
            },
        )


async def _open(session: Session, holder: Holder) -> tuple[Enrolment, Handover]:
    """Return the enrolment and the handover while the step is the member's to do."""
    return await _open_or(session, holder, HandoverState.OPENED)


async def _open_or(session: Session, holder: Holder, also: HandoverState) -> tuple[Enrolment, Handover]:
    """Return the same, also when the handover is in another state."""
    enrolment, handover = await _locked(session, holder)
    if handover.state not in (HandoverState.OPENED, also):
        raise HandoverFinished
    return enrolment, handover


async def _locked(session: Session, holder: Holder) -> tuple[Enrolment, Handover]:
    """Return the enrolment and the handover, locked in this order: it may have ended since the token was looked at."""
    enrolment = await loading.locked(session, holder.enrolment_id)
    assert enrolment is not None  # the row refers to it
    handover = await handovers.locked(session, holder.handover_id)
    if handover.state not in READABLE or handover.expires_at <= session.now:
        raise HandoverEnded
    return enrolment, handover


async def _view(session: Session, enrolment: Enrolment, handover: Handover) -> HandoverView:
    await session.flush()
    assert enrolment.relationship is not None  # without details there is no handover
    agreed = await _agreed(session, enrolment, handover)
    left = await tries.left(session, handover.home_id, handover.member_id)
    return HandoverView(
        state=handover.state,
        enrolment_id=enrolment.id,
        enrolment_state=enrolment.state,
        expires_at=handover.expires_at,
        owner_name=mask_name((await homes.person(session, handover.home_id)).name),
        member_name=mask_name((await homes.person(session, handover.member_id)).name),
        relationship=enrolment.relationship,
        agreed=agreed,
        check=await handovers.check_of(session, handover),
        tries_left=left,
        next=_next(agreed, left) if handover.state is HandoverState.OPENED else (),
    )


async def _agreed(session: Session, enrolment: Enrolment, handover: Handover) -> tuple[Service, ...] | None:
    """Return the services that the member has chosen by this very handover, if they have."""
    consent = (await loading.consents(session, enrolment)).get(ConsentPurpose.FACE_CHECK)
    if consent is None or consent.handover_id != handover.id:
        return None
    chosen = (consent.services or "").split()
    return tuple(service for service in Service if service in chosen)


def _next(agreed: tuple[Service, ...] | None, tries_left: int) -> tuple[Step, ...]:
    no = Step("refuse", "POST", f"{HERE}/refusals"), Step("dispute", "POST", f"{HERE}/disputes")
    if agreed is None:
        return consent_step(HERE, ConsentPurpose.FACE_CHECK), *no
    return (Step("face-check", "POST", f"{HERE}/face-checks"), *no) if tries_left else no
