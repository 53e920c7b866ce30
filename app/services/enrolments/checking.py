"""The face step: a check is started with a provider, and what its end means for the enrolment."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import NextStep, Unavailable
from app.models.cases import CaseReason
from app.models.consents import ConsentPurpose
from app.models.documents import Document
from app.models.enrolments import Enrolment, EnrolmentKind, Event, State
from app.models.faces import FaceCheck, FaceCheckState, FacePurpose
from app.models.people import Proof
from app.ports import Ports
from app.ports.face import COUNTED, FaceMode, FaceReason, FaceRequest, FaceServiceUnavailable
from app.ports.register import RegisteredPerson
from app.services import documents, files
from app.services.accounts.doers import Doer
from app.services.audit import Actor
from app.services.enrolments import finishing, loading, requirements
from app.services.enrolments.loading import Named
from app.services.faces import starting, tries
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed, Opening
from app.services.faces.tries import FaceStartsUsed
from app.services.handovers.holding import HERE

Find = Callable[[Session], Awaitable[Enrolment]]
Remember = Callable[[Session, FaceCheck], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A check that is written down and that its provider is yet to hear of."""

    opened: starting.Begun
    member: Named
    photo: Document | None


async def start(
    db: Database,
    ports: Ports,
    doer: Doer,
    find: Find,
    *,
    unit_id: UUID,
    device_meta: Mapping[str, str],
    callback_url: str,
    remember: Remember,
) -> None:
    """Start a check on this device: live from 16 on, by photo before; no connection is held while the provider thinks.

    Args:
        find: returns the enrolment as its doer may have it, locked.
        unit_id: names this piece of work; done again, it finds the check it made.
        remember: keeps the answer, in the transaction that records the start.

    Raises:
        StepNotAllowed, FaceConsentNeeded, FaceTriesUsed, FaceStartsUsed, and what `find` raises.
        FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable: nothing counts against the person.
    """
    begun = await db.run(lambda session: _begin(session, ports, doer, find, unit_id))
    check = begun.opened.check
    if check.state is not FaceCheckState.STARTING:
        await db.run(lambda session: remember(session, check))
        return
    try:
        answer = await starting.tell(
            db, ports, begun.opened, await _request(db, ports, begun, device_meta, callback_url)
        )
    except Unavailable as error:
        await db.run(lambda session: starting.not_started(session, check.id, doer.device_id, doer.actor))
        raise FaceServiceUnavailable(retry_after_seconds=30) from error

    async def record(session: Session) -> None:
        started = await starting.started(session, check.id, answer)
        await session.flush()
        await remember(session, started)

    await db.run(record)


async def _request(
    db: Database, ports: Ports, begun: _Begun, device_meta: Mapping[str, str], callback_url: str
) -> FaceRequest:
    """Gather what the provider compares: the register's portrait, and the facial photo where there is one."""
    return FaceRequest(
        check_id=begun.opened.check.id,
        mode=begun.opened.check.mode,
        name=begun.member.name,
        number=begun.member.number,
        reference=await ports.register.portrait(begun.member.number),
        photo=None if begun.photo is None else await files.read(db, ports.store, begun.photo),
        device_meta=device_meta,
        callback_url=callback_url,
    )


async def ended(
    session: Session, enrolment: Enrolment, check: FaceCheck, registered: RegisteredPerson | None, actor: Actor
) -> None:
    """Draw the consequence of a check that has ended now; homes and enrolment are locked.

    A passed one goes on, unless people must look; the third failed one within 24 hours goes to people, and so does a
    person without a reference portrait: no face can decide there.
    """
    if enrolment.state is not State.FACE_PENDING or enrolment.awaits_slot:
        return  # undone, cancelled or decided meanwhile
    if loading.is_overdue(session, enrolment):
        await finishing.expire(session, enrolment)
        return
    assert enrolment.member_id is not None
    enrolment.last_face_reason = check.reason
    if check.state is FaceCheckState.PASSED:
        await _passed(session, enrolment, check, registered, actor)
        return
    if check.reason in COUNTED and check.photo_hmac is not None:
        await documents.remember_failed(session, enrolment.home_id, enrolment.member_id, check.photo_hmac)
    await session.flush()
    reason = await _needs_people(session, enrolment, check)
    if reason is not None:
        await finishing.to_review(session, enrolment, Event.FAIL_FACE, reason, actor)
    else:
        enrolment.advance(Event.FAIL_FACE, State.FACE_PENDING, session.now)


async def _passed(
    session: Session, enrolment: Enrolment, check: FaceCheck, registered: RegisteredPerson | None, actor: Actor
) -> None:
    enrolment.face_passed_at = session.now
    enrolment.proof = Proof.LIVE if check.mode is FaceMode.LIVE else Proof.PHOTO
    reason = await finishing.needs_people(session, enrolment, registered)
    if reason is not None:
        await finishing.to_review(session, enrolment, Event.PASS_FACE, reason, actor)
    else:
        await finishing.accept(session, enrolment, Event.PASS_FACE, registered, actor)


async def _needs_people(session: Session, enrolment: Enrolment, check: FaceCheck) -> CaseReason | None:
    assert enrolment.member_id is not None
    if check.reason is FaceReason.SOURCE_PHOTO_MISSING:
        return CaseReason.NO_REFERENCE_PORTRAIT
    if check.reason not in COUNTED:
        return None
    if await tries.left(session, enrolment.home_id, enrolment.member_id) == 0:
        return CaseReason.FACE_FAILED
    if await tries.is_member_tried_much(session, enrolment.member_id):
        return CaseReason.MANY_TRIES_AT_MEMBER
    return None


async def _begin(session: Session, ports: Ports, doer: Doer, find: Find, unit_id: UUID) -> _Begun:
    enrolment = await find(session)
    await requirements.catch_up(session, enrolment)
    loading.require(session, enrolment, Event.START_FACE)
    if enrolment.awaits_slot:
        raise enrolment.refusal
    member = await loading.named(session, enrolment)
    assert member is not None  # the face step comes after the details
    await _require_consent(session, enrolment, doer)
    is_live = (
        enrolment.kind is EnrolmentKind.OWN_CARD
        or await requirements.face_mode(session, member.birth_date) is FaceMode.LIVE
    )
    photo = None if is_live else await documents.facial_photo(session, enrolment.home_id, enrolment.id)
    if not is_live and photo is None:
        raise enrolment.refusal
    opening = Opening(
        purpose=FacePurpose.ENROLMENT,
        subject_id=enrolment.id,
        home_id=enrolment.home_id,
        account_id=doer.account_id,
        device_id=doer.device_id,
        channel=doer.channel,
        member_id=member.id,
        birth_date=member.birth_date,
        mode=FaceMode.LIVE if is_live else FaceMode.PHOTO,
        unit_id=unit_id,
        handover_id=doer.handover_id,
        photo_hmac=photo.upload_hmac if photo is not None else None,
    )
    try:
        opened = await starting.begin(session, ports, opening, doer.actor)
    except (FaceTriesUsed, FaceStartsUsed) as error:
        if doer.handover_id is None:
            error.next_step = NextStep("review", f"/v1/enrolments/{enrolment.id}/review-requests")
        raise
    if doer.handover_id is not None:  # the owner waits elsewhere and is to hear of it
        enrolment.advance(Event.START_FACE, State.FACE_PENDING, session.now)
    return _Begun(opened, member, photo)


async def _require_consent(session: Session, enrolment: Enrolment, doer: Doer) -> None:
    """Check that there is a consent to the face check: on the member's own phone, one that was given there.

    Raises:
        FaceConsentNeeded: there is none.
    """
    consent = (await loading.consents(session, enrolment)).get(ConsentPurpose.FACE_CHECK)
    if consent is None or doer.handover_id not in (None, consent.handover_id):
        here = f"/v1/enrolments/{enrolment.id}" if doer.handover_id is None else HERE
        raise FaceConsentNeeded(next_step=loading.consenting(here, ConsentPurpose.FACE_CHECK))
