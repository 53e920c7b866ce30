"""What people agree to in an enrolment, each thing apart from the others, and how they take it back.

Taking back undoes what rested on it, at once and in every state: it is as easy as giving (PIPL art. 15).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Session, bucket_of
from app.core.errors import FieldError, Invalid, NotFound
from app.models.accounts import Device
from app.models.consents import Consent, ConsentPurpose
from app.models.documents import DocumentKind
from app.models.enrolments import Enrolment, EnrolmentKind, Event, State
from app.models.handovers import HandoverEnd
from app.models.links import LinkEnd
from app.ports.face import FaceMode
from app.services import audit, cases, documents, links, notices
from app.services.accounts.doers import Doer
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.authority import ServicesNotAllowed
from app.services.cards import issuing
from app.services.enrolments import agreeing, consequences, finishing, loading, requirements, viewing
from app.services.enrolments.consequences import Consequence
from app.services.enrolments.viewing import EnrolmentView
from app.services.faces import ending, frames
from app.services.handovers import rows as handovers
from app.services.links import Service
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.names import mask_name

_FACES: Final = frozenset({DocumentKind.FACIAL_PHOTO})
_EVERYTHING: Final = frozenset(DocumentKind)
_RESTS_ON: Final[Mapping[ConsentPurpose, frozenset[DocumentKind]]] = {
    ConsentPurpose.NOTICE: _EVERYTHING,
    ConsentPurpose.IDENTITY_DOCUMENT: _EVERYTHING - _FACES,
    ConsentPurpose.FACE_CHECK: _FACES,
    ConsentPurpose.MINOR_DATA: _EVERYTHING,
    ConsentPurpose.COUNTER_CHECK: frozenset(),
}
"""Which files nobody may keep without it."""


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent as the one who gave it reads it; `member_name` is masked, None before the details.

    `device` is the one it was given on, None where that was the member's own or was removed; `consequence` is what
    taking it back does now.
    """

    consent: Consent
    kind: EnrolmentKind
    state: State
    member_name: str | None
    link_id: UUID | None
    device: str | None = field(repr=False)
    consequence: Consequence | None


async def give(
    session: Session,
    caller: Caller,
    enrolment_id: UUID,
    purpose: ConsentPurpose,
    shown: Shown,
    services: AbstractSet[str] | None,
) -> EnrolmentView:
    """Remember one consent; from 16 the member chooses services with the face check.

    Raises:
        NotFound, StepNotAllowed, ConsentNotNeeded, NoticeOutdated, ServicesNotAllowed.
        Invalid: a service that is none.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    await give_in(session, enrolment, Doer.of(caller), purpose, shown, services)
    return await viewing.view(session, enrolment)


async def give_in(
    session: Session,
    enrolment: Enrolment,
    doer: Doer,
    purpose: ConsentPurpose,
    shown: Shown,
    services: AbstractSet[str] | None,
) -> None:
    """Remember one consent in a locked enrolment, whoever gives it; the same again changes nothing.

    What the member has agreed to on their own phone is not what the owner says instead: then the handover ends.

    Raises:
        StepNotAllowed, ConsentNotNeeded, NoticeOutdated, ServicesNotAllowed.
        Invalid: a service that is none.
    """
    if services is not None and not services <= set(Service):
        raise Invalid(errors=[FieldError("/services", "choice")])
    if await agreeing.is_given(session, enrolment, doer, purpose, shown, services):
        return
    loading.require(session, enrolment, Event.CONSENT)
    await requirements.require_wanted(session, enrolment, purpose)
    chosen = agreeing.written(services)
    known = (await loading.consents(session, enrolment)).get(purpose)
    notices.require_in_force(session, shown, purpose.value)
    if chosen is not None:
        await _require_choice(session, enrolment, purpose)
    if known is not None:
        known.withdrawn_at = session.now
        await _end_handover(session, enrolment, known, doer)
    await agreeing.agree(session, doer, enrolment, purpose, shown, chosen)
    await session.flush()
    enrolment.advance(Event.CONSENT, await requirements.state_by_papers(session, enrolment), session.now)
    await _record(session, enrolment, Action.CONSENT_GIVEN, purpose, doer.actor, **_told_by(doer))


async def list_given(
    session: Session, caller: Caller, *, before: tuple[datetime, UUID] | None, most: int
) -> Sequence[ConsentView]:
    """Return what the caller has agreed to, withdrawn or not, the newest first.

    Args:
        before: when the last one that is known was given, and its id.
    """
    found: list[tuple[Consent, Enrolment]] = []
    for home_id in dict.fromkeys((caller.account_id, caller.home_id)):
        rows = await session.execute(
            select(Consent, Enrolment)
            .join(Enrolment, (Enrolment.bucket == Consent.bucket) & (Enrolment.id == Consent.enrolment_id))
            .where(
                Consent.bucket == bucket_of(home_id),
                Consent.home_id == home_id,
                loading.are_of(caller),
                *([] if before is None else [tuple_(Consent.given_at, Consent.id) < before]),
            )
            .order_by(Consent.given_at.desc(), Consent.id.desc())
            .limit(most)
        )
        found += [(consent, enrolment) for consent, enrolment in rows]
    found.sort(key=lambda pair: (pair[0].given_at, pair[0].id), reverse=True)
    return [await view(session, consent, enrolment) for consent, enrolment in found[:most]]


async def withdraw(session: Session, caller: Caller, consent_id: UUID) -> None:
    """Take one of the caller's consents back; taken back already is as good.

    An open enrolment goes back to what it asks for now; without the notice it is cancelled. Of one that is over, the
    files that rested on the consent go at once; without the notice the link ends, and so it does without a guardian's
    consent for a child. An own card without its notice is no longer in use.

    Raises:
        NotFound: it is not the caller's.
    """
    seen = await session.get(Consent, (bucket_of(consent_id), consent_id))
    if seen is None:
        raise NotFound
    member_id = (await loading.of_caller_unlocked(session, caller, seen.enrolment_id)).member_id
    await homes.lock(session, {seen.home_id} if member_id is None else {seen.home_id, member_id})
    enrolment = await loading.of_caller(session, caller, seen.enrolment_id)
    consent = await session.get_one(Consent, (seen.bucket, seen.id), with_for_update=True, populate_existing=True)
    if consent.withdrawn_at is not None:
        return
    consent.withdrawn_at = session.now
    await session.flush()
    await _record(session, enrolment, Action.CONSENT_WITHDRAWN, consent.purpose, caller.actor)
    if loading.is_overdue(session, enrolment):
        await finishing.expire(session, enrolment)
    if not enrolment.is_open:
        await _undo_ended(session, enrolment, consent.purpose, caller.actor)
    elif consent.purpose is ConsentPurpose.NOTICE:
        await finishing.cancel(session, enrolment, caller.actor)
    else:
        await _undo_open(session, enrolment, consent.purpose, caller.actor)


async def view(session: Session, consent: Consent, enrolment: Enrolment) -> ConsentView:
    """Return a consent as whoever it concerns reads it."""
    member = await loading.named(session, enrolment)
    return ConsentView(
        consent=consent,
        kind=enrolment.kind,
        state=enrolment.state,
        member_name=None if member is None else mask_name(member.name),
        link_id=enrolment.link_id if enrolment.state is State.ACTIVE else None,
        device=await device_name(session, consent.device_id, consent.account_id),
        consequence=await consequences.of(session, consent, enrolment),
    )


async def device_name(session: Session, device_id: UUID | None, account_id: UUID | None) -> str | None:
    """Return the name of the device a consent was given on, if it is the account's; in person there was none."""
    if device_id is None:
        return None
    device: Device | None = await session.get(Device, (bucket_of(device_id), device_id))
    if device is None or device.account_id != account_id:
        return None
    return (await homes.key_of(session, device.account_id)).open("device.name", device.id, device.name)


async def take_back(session: Session, enrolment: Enrolment, consent: Consent, actor: Actor) -> None:
    """Take a consent back that is in force, with the files that rested on it; the enrolment is locked."""
    consent.withdrawn_at = session.now
    await session.flush()
    await _record(session, enrolment, Action.CONSENT_WITHDRAWN, consent.purpose, actor)
    await _discard(session, enrolment, consent.purpose)


async def _undo_open(session: Session, enrolment: Enrolment, purpose: ConsentPurpose, actor: Actor) -> None:
    """Go back to the step that asks for the consent; what the face has shown rested on it too."""
    await _discard(session, enrolment, purpose)
    if enrolment.state is State.PASSWORD_PENDING:  # who it is was shown and stays shown
        enrolment.advance(Event.WITHDRAW_CONSENT, State.PASSWORD_PENDING, session.now)
        return
    await ending.give_up_open(session, enrolment.home_id, enrolment.id, actor)
    await handovers.end_open(session, enrolment, HandoverEnd.ENROLMENT_CHANGED, actor)
    await cases.withdraw(session, enrolment.home_id, enrolment.id)
    enrolment.forget_face()
    if enrolment.link_id is not None:
        await links.stop_waiting(session, enrolment.link_id)
    to = await requirements.state_by_papers(session, enrolment)
    enrolment.advance(Event.WITHDRAW_CONSENT, to, session.now)


async def _undo_ended(session: Session, enrolment: Enrolment, purpose: ConsentPurpose, actor: Actor) -> None:
    await _discard(session, enrolment, purpose)
    if enrolment.state is not State.ACTIVE or enrolment.member_id is None:
        return
    if enrolment.link_id is not None and await consequences.carries_link(session, enrolment.member_id, purpose):
        await links.end(session, enrolment.link_id, LinkEnd.BY_OWNER, actor)
    elif purpose is ConsentPurpose.NOTICE and await loading.holds_member(session, enrolment):
        await issuing.deactivate(session, enrolment.member_id)


async def _discard(session: Session, enrolment: Enrolment, purpose: ConsentPurpose) -> None:
    await documents.discard(session, enrolment.home_id, enrolment.id, _RESTS_ON[purpose])
    if _RESTS_ON[purpose] >= _FACES:
        await frames.let_go_of(session, enrolment.home_id, enrolment.id)


async def _end_handover(session: Session, enrolment: Enrolment, replaced: Consent, doer: Doer) -> None:
    """End the handover by which the member has agreed to something else than is said now, and what rests on it."""
    if replaced.handover_id is not None and doer.handover_id is None:
        await handovers.end_open(session, enrolment, HandoverEnd.ENROLMENT_CHANGED, doer.actor)
        await handovers.give_up_checks(session, enrolment.home_id, enrolment.id, doer.actor)


def _told_by(doer: Doer) -> dict[str, str]:
    return {} if doer.handover_id is None else {"handover_id": str(doer.handover_id)}


async def _require_choice(session: Session, enrolment: Enrolment, purpose: ConsentPurpose) -> None:
    face = (await viewing.view(session, enrolment)).face
    is_members = face is not None and face.mode is FaceMode.LIVE and enrolment.kind is EnrolmentKind.FAMILY_MEMBER
    if purpose is not ConsentPurpose.FACE_CHECK or not is_members:
        raise ServicesNotAllowed


async def _record(
    session: Session, enrolment: Enrolment, action: Action, purpose: ConsentPurpose, actor: Actor, **facts: str
) -> None:
    await audit.record(
        session,
        action,
        home_id=enrolment.home_id,
        actor=actor,
        on_behalf_of=enrolment.member_id,
        facts={"enrolment_id": str(enrolment.id), "purpose": purpose.value, **facts},
    )
