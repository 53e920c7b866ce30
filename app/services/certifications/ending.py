"""How a certification ends: by a face, by people, by what the authority knows, or because another was faster."""

from uuid import UUID

from app.core.clock import today
from app.core.db import Session, bucket_of, new_id
from app.core.errors import NotFound
from app.models.cases import Case, CasePurpose, CaseReason, CaseState
from app.models.certifications import Certification, CertificationState, Event, Recipient, Standing
from app.models.faces import FaceCheck, FaceCheckState
from app.models.links import LinkState
from app.ports.certifications import Entitlement, Way
from app.ports.face import COUNTED, FaceReason
from app.services import audit, cases, links, outbox, policies
from app.services.audit import Action, Actor
from app.services.certifications import rows, stages, turning
from app.services.certifications.telling import tell_home
from app.services.faces import ending as face_ending
from app.services.faces import frames, tries


async def face_ended(session: Session, certification_id: UUID, check: FaceCheck, actor: Actor) -> None:
    """Draw the consequence of a face check that has ended now; the homes it concerns are locked.

    A face that has passed is the person's own and certifies them, whatever has become of the link meanwhile. The third
    that failed goes to people, and so does somebody without a reference portrait.
    """
    certification = await rows.certification(session, certification_id)
    if certification.state is not CertificationState.OPEN:
        return
    if check.state is FaceCheckState.PASSED:
        await frames.let_go(session, check.id)
        await succeed(session, certification, actor)
        return
    await session.flush()
    reason = await _needs_people(session, check)
    if reason is not None and await rows.in_review(session, certification.person_id) is None:
        await to_review(session, certification, reason, actor)
        return
    await frames.let_go(session, check.id)
    failed = check.state is FaceCheckState.FAILED
    certification.reason = None if check.reason is None else check.reason.value
    certification.advance(CertificationState.FACE_FAILED if failed else CertificationState.CANCELLED, session.now)
    if failed:
        recipient = await rows.locked(session, certification.person_id)
        recipient.advance(Event.FAIL_FACE, Standing.FACE_FAILED)
    await record(session, Action.CERTIFICATION_ENDED, certification, actor)


async def succeed(session: Session, certification: Certification, actor: Actor) -> None:
    """Let a locked certification succeed, unless another did today; the authority is told, and then it has passed."""
    day = today(session.now)
    if await rows.success(session, certification.person_id, day) is not None:
        certification.advance(CertificationState.NOT_NEEDED, session.now)
        await record(session, Action.CERTIFICATION_ENDED, certification, actor)
        return
    certification.advance(CertificationState.REPORTING, session.now)
    certification.certified_at, certification.certified_on = session.now, day
    await session.flush()
    outbox.tell(
        session, outbox.Kind.REPORT_CERTIFICATION, certification.person_id, certification_id=str(certification.id)
    )


async def to_review(session: Session, certification: Certification, reason: CaseReason, actor: Actor) -> None:
    """Let people decide on a locked certification."""
    certification.advance(CertificationState.IN_REVIEW, session.now)
    recipient = await rows.locked(session, certification.person_id)
    recipient.advance(Event.ASK_PEOPLE, Standing.IN_REVIEW)
    await session.flush()
    await cases.open_case(
        session,
        home_id=certification.home_id,
        purpose=CasePurpose.CERTIFICATION,
        subject_id=certification.id,
        member_id=certification.person_id,
        reason=reason,
        actor=actor,
    )
    await tell(session, certification, "certification_in_review")


async def decided(session: Session, case: Case, actor: Actor) -> None:
    """Go on as people decided on a certification; its person's home and that of whoever asked are locked."""
    certification = await rows.certification(session, case.subject_id)
    await frames.let_go_of(session, certification.home_id, certification.id)
    if case.state is CaseState.APPROVED:
        await succeed(session, certification, actor)
        return
    certification.reason = case.decision_reason
    await reject(session, certification, actor)


async def reject(session: Session, certification: Certification, actor: Actor) -> None:
    """End a locked certification that people or the authority do not accept; `reason` says why."""
    certification.advance(CertificationState.REJECTED, session.now)
    recipient = await rows.locked(session, certification.person_id)
    await turning.by_declining(session, recipient, was_face=certification.way is Way.FACE)
    await record(session, Action.CERTIFICATION_ENDED, certification, actor)
    await tell(session, certification, "certification_rejected")


async def certified_elsewhere(session: Session, recipient: Recipient, said: Entitlement) -> None:
    """Write down that the authority has certified somebody without us, by what others know or at a counter of its."""
    assert said.certified_on is not None
    if await rows.success(session, recipient.person_id, said.certified_on) is not None:
        return  # that was we
    rules = (await policies.current(session)).certifications
    bucket = bucket_of(recipient.person_id)
    certification = Certification(
        bucket=bucket,
        id=new_id(bucket),
        person_id=recipient.person_id,
        home_id=recipient.person_id,
        unit_id=new_id(bucket),
        way=said.way or Way.DATA_MATCH,
        state=CertificationState.PASSED,
        version=1,
        is_face_reused=False,
        channel="authority",
        certified_on=said.certified_on,
        valid_until=stages.due_on(said, rules),
        reported_at=session.now,
        created_at=session.now,
        ended_at=session.now,
    )
    session.add(certification)
    await session.flush()
    await record(session, Action.CERTIFICATION_ENDED, certification, audit.SYSTEM)
    await tell(session, certification, "certification_passed")


async def no_longer_looked_at(session: Session, person_id: UUID) -> None:
    """Take back from people what is settled without them."""
    certification = await rows.in_review(session, person_id)
    if certification is not None:
        certification.advance(CertificationState.NOT_NEEDED, session.now)
        await frames.let_go_of(session, certification.home_id, certification.id)
        await cases.withdraw(session, certification.home_id, certification.id)
        await record(session, Action.CERTIFICATION_ENDED, certification, audit.SYSTEM)


async def take_back(session: Session, certification: Certification, actor: Actor) -> None:
    """End a certification that has not succeeded, because it is no longer wanted; ended already is as good."""
    was = certification.state
    if not certification.advance(CertificationState.CANCELLED, session.now):
        return
    await face_ending.give_up_open(session, certification.home_id, certification.id, actor)
    if was is CertificationState.IN_REVIEW:
        await frames.let_go_of(session, certification.home_id, certification.id)
        await cases.withdraw(session, certification.home_id, certification.id)
        recipient = await rows.locked(session, certification.person_id)
        await turning.by_declining(session, recipient, was_face=certification.way is Way.FACE)
    await record(session, Action.CERTIFICATION_ENDED, certification, actor)


async def record(session: Session, action: Action, certification: Certification, actor: Actor, **facts: str) -> None:
    """Write an event into the home of the person whose benefits it is about."""
    await audit.record(
        session,
        action,
        home_id=certification.person_id,
        actor=actor,
        on_behalf_of=None if certification.link_id is None else certification.person_id,
        facts={
            "certification_id": str(certification.id),
            "way": certification.way.value,
            "state": certification.state.value,
            **facts,
        },
    )


async def tell(session: Session, certification: Certification, message: str) -> None:
    """Tell the person how their certification is, and whoever asked for it by a link that is there still."""
    facts = {"member_id": str(certification.person_id)}
    if certification.valid_until is not None:
        facts["valid_until"] = certification.valid_until.isoformat()
    if certification.link_id is not None:
        facts |= {"link_id": str(certification.link_id), "owner_id": str(certification.home_id)}
        if await _is_there(session, certification):
            tell_home(session, certification.home_id, f"{message}_owner", facts)
    tell_home(session, certification.person_id, f"{message}_member", facts)


async def _is_there(session: Session, certification: Certification) -> bool:
    assert certification.link_id is not None
    try:
        link = await links.find_for_owner(session, certification.home_id, certification.link_id)
    except NotFound:
        return False
    return link.state is LinkState.ACTIVE


async def _needs_people(session: Session, check: FaceCheck) -> CaseReason | None:
    if check.reason is FaceReason.SOURCE_PHOTO_MISSING:
        return CaseReason.NO_REFERENCE_PORTRAIT
    if check.reason in COUNTED and not await tries.left(session, check.home_id, check.member_id):
        return CaseReason.FACE_FAILED
    return None
