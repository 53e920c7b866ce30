"""How an enrolment ends: active, rejected, cancelled, expired; and what every end does."""

from datetime import timedelta

from app.core.db import Session
from app.core.errors import Conflict
from app.models.cases import CasePurpose, CaseReason
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment, EnrolmentKind, Event, Guardianship, State
from app.models.handovers import HandoverEnd
from app.models.people import Proof
from app.ports.register import RegisteredPerson
from app.services import audit, cases, documents, links, outbox, policies
from app.services.accounts import moving
from app.services.audit import Action, Actor
from app.services.cards import issuing
from app.services.enrolments import loading, risks
from app.services.faces import ending, frames, tries
from app.services.handovers import rows as handovers
from app.services.links import Services
from app.services.lookups import PersonNotVerified
from app.services.people import homes
from app.services.people.ages import is_under


class AlreadyHasCard(Conflict):
    """The caller has a card of their own in use; an account is one person's."""

    code = "already-has-card"


_BY_DEFAULT = frozenset({"view", "show_code", "certify", "file"})


async def accept(
    session: Session, enrolment: Enrolment, event: Event, registered: RegisteredPerson | None, actor: Actor
) -> None:
    """Go on from a face that has passed, or from people's yes: to the password, to a link, or to wait for a slot.

    Whoever has died since the details were given, or whose physical card was shut, is declined with the reason.

    Args:
        event: PASS_FACE or APPROVE.
        registered: the member as the register holds them now.
    """
    assert enrolment.member_id is not None
    await handovers.finish(session, enrolment, actor)
    refusal = await _refusal(session, enrolment, registered)
    if refusal is not None:
        await reject(session, enrolment, refusal.code, actor)
        return
    assert registered is not None
    enrolment.proof = enrolment.proof or Proof.REVIEW
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        await moving.prove_person(session, enrolment.account_id, enrolment.member_id)
        await _issue(session, enrolment, registered, actor)
        enrolment.advance(event, State.PASSWORD_PENDING, session.now)
        _tell_approved(session, enrolment, event)
        await _decide_fate(session, enrolment, keep_papers=True)
        return
    if not await _start_link(session, enrolment, actor):
        enrolment.face_passed_at = session.now
        hours = (await policies.current(session)).enrolments.slot_wait_hours
        enrolment.advance(event, State.FACE_PENDING, session.now)
        enrolment.expires_at = session.now + timedelta(hours=hours)
        _tell_approved(session, enrolment, event)
        await frames.let_go_of(session, enrolment.home_id, enrolment.id)  # the face has passed; what waits is a place
        return
    await _finish_link(session, enrolment, event, registered, actor)


async def get_slot(session: Session, enrolment: Enrolment, registered: RegisteredPerson, actor: Actor) -> bool:
    """Go on with an enrolment that waits for one of the member's slots; say whether it got one. Homes are locked."""
    if not enrolment.awaits_slot or loading.is_overdue(session, enrolment):
        return False
    if not await _start_link(session, enrolment, actor):
        return False
    await _finish_link(session, enrolment, Event.GET_SLOT, registered, actor)
    return True


async def to_review(session: Session, enrolment: Enrolment, event: Event, reason: CaseReason, actor: Actor) -> None:
    """Let people decide; the enrolment's clock stands still meanwhile."""
    assert enrolment.member_id is not None
    await ending.give_up_open(session, enrolment.home_id, enrolment.id, actor)
    await handovers.finish(session, enrolment, actor)
    enrolment.advance(event, State.IN_REVIEW, session.now)
    await cases.open_case(
        session,
        home_id=enrolment.home_id,
        purpose=CasePurpose.ENROLMENT,
        subject_id=enrolment.id,
        member_id=enrolment.member_id,
        reason=reason,
        risks=await risks.of(session, enrolment),
        actor=actor,
    )
    tell_owner(session, enrolment, "enrolment_in_review")


async def reject(session: Session, enrolment: Enrolment, reason: str, actor: Actor) -> None:
    """End it: by people's no, or because it is allowed no longer. The member hears that people said no."""
    enrolment.rejection = reason
    if enrolment.state is State.IN_REVIEW and enrolment.owner_id is not None and enrolment.member_id is not None:
        outbox.tell(
            session,
            outbox.Kind.TELL_PERSON,
            enrolment.member_id,
            message="enrolment_rejected_member",
            owner_id=str(enrolment.owner_id),
            member_id=str(enrolment.member_id),
        )
    enrolment.advance(Event.REJECT, State.REJECTED, session.now)
    tell_owner(session, enrolment, "enrolment_rejected")
    await _end(session, enrolment, actor, keep_papers=True)


async def cancel(session: Session, enrolment: Enrolment, actor: Actor, rejection: str | None = None) -> None:
    """End it because its owner wants to, or its member, who has a reason that the owner reads."""
    await cases.withdraw(session, enrolment.home_id, enrolment.id)
    enrolment.rejection = rejection
    enrolment.advance(Event.CANCEL, State.CANCELLED, session.now)
    await _end(session, enrolment, actor, keep_papers=False)


async def expire(session: Session, enrolment: Enrolment) -> None:
    """End it because its time is over."""
    enrolment.advance(Event.EXPIRE, State.EXPIRED, session.now)
    tell_owner(session, enrolment, "enrolment_expired")
    await _end(session, enrolment, audit.SYSTEM, keep_papers=False)


async def finish_own_card(session: Session, enrolment: Enrolment, actor: Actor) -> None:
    """End an own-card enrolment well: the password is set."""
    assert enrolment.member_id is not None
    await issuing.activate(session, enrolment.member_id)
    enrolment.advance(Event.SET_PASSWORD, State.ACTIVE, session.now)
    outbox.tell(session, outbox.Kind.TELL_PERSON, enrolment.member_id, message="card_issued")
    await _record_end(session, enrolment, actor)


async def needs_people(
    session: Session, enrolment: Enrolment, registered: RegisteredPerson | None
) -> CaseReason | None:
    """Say why people must look although the face has passed, if they must; not where `accept` will decline."""
    assert enrolment.member_id is not None
    if await _refusal(session, enrolment, registered) is not None:
        return None
    if enrolment.proof is not Proof.IN_PERSON and await tries.is_member_tried_much(session, enrolment.member_id):
        return CaseReason.MANY_TRIES_AT_MEMBER
    if enrolment.guardianship is Guardianship.BY_DOCUMENTS:
        return CaseReason.GUARDIANSHIP
    if enrolment.guardianship is Guardianship.OTHER_RELATIVE:
        return CaseReason.OTHER_RELATIVE_OF_CHILD
    return None


def tell_owner(session: Session, enrolment: Enrolment, message: str) -> None:
    """Let whoever opened the enrolment be told."""
    outbox.tell(
        session, outbox.Kind.TELL_PERSON, enrolment.home_id, message=message, member_id=str(enrolment.member_id or "")
    )


def _tell_approved(session: Session, enrolment: Enrolment, event: Event) -> None:
    """Let the owner be told of people's yes where a step is left; a link or a card that starts is told anyway."""
    if event is Event.APPROVE:
        tell_owner(session, enrolment, "enrolment_approved")


async def _refusal(
    session: Session, enrolment: Enrolment, registered: RegisteredPerson | None
) -> type[Conflict] | None:
    """Return why it is allowed no longer: the same that would be said at the details step."""
    if registered is None or not registered.is_alive:
        return PersonNotVerified
    if enrolment.kind is not EnrolmentKind.OWN_CARD:
        return None
    if await moving.person_named_by(session, enrolment.account_id) != enrolment.member_id:
        return AlreadyHasCard  # by another enrolment the account has named somebody else since
    return await issuing.obstacle(session, registered)


async def _start_link(session: Session, enrolment: Enrolment, actor: Actor) -> bool:
    assert enrolment.link_id is not None
    services = await _services(session, enrolment)
    # A photo that was compared, or sent to people, on the day before the birthday stays a photo.
    verified_at = enrolment.face_passed_at or enrolment.review_since
    return await links.activate(
        session, enrolment.link_id, services, actor, verified_at=verified_at, proof=enrolment.proof
    )


async def _finish_link(
    session: Session, enrolment: Enrolment, event: Event, registered: RegisteredPerson, actor: Actor
) -> None:
    """Issue the member's e-card where there is none, and end well; without a collected card it follows later."""
    assert enrolment.member_id is not None
    await _issue(session, enrolment, registered, actor)
    enrolment.advance(event, State.ACTIVE, session.now)
    await _record_end(session, enrolment, actor)
    await _decide_fate(session, enrolment, keep_papers=True)


async def _services(session: Session, enrolment: Enrolment) -> Services:
    """Return what the link will allow: what the member agreed to; for a child all but pay, or the code alone."""
    assert enrolment.member_id is not None
    if enrolment.guardianship is Guardianship.OTHER_RELATIVE:
        return Services(view=False, show_code=True, certify=False, file=False, pay=False)
    member = await homes.person(session, enrolment.member_id)
    rules = await policies.current(session)
    if is_under(member.birth_date, rules.ages.live_face, session.now):
        return Services()
    given = await loading.consents(session, enrolment)
    consent = given.get(ConsentPurpose.COUNTER_CHECK) or given.get(ConsentPurpose.FACE_CHECK)
    agreed = _BY_DEFAULT if consent is None or consent.services is None else frozenset(consent.services.split())
    return Services(**{name: name in agreed for name in ("view", "show_code", "certify", "file", "pay")})


async def _issue(session: Session, enrolment: Enrolment, registered: RegisteredPerson, actor: Actor) -> None:
    assert enrolment.member_id is not None
    channel = enrolment.channel
    await issuing.issue(session, enrolment.member_id, registered, channel=channel, actor=actor, proof=enrolment.proof)


async def _end(session: Session, enrolment: Enrolment, actor: Actor, *, keep_papers: bool) -> None:
    await ending.give_up_open(session, enrolment.home_id, enrolment.id, actor)
    await handovers.end_open(session, enrolment, HandoverEnd.ENROLMENT_CHANGED, actor)
    await _decide_fate(session, enrolment, keep_papers=keep_papers)
    if enrolment.link_id is not None:
        await links.release(session, enrolment.link_id)
    await _record_end(session, enrolment, actor)


async def _decide_fate(session: Session, enrolment: Enrolment, *, keep_papers: bool) -> None:
    """Let every picture of a face go at once, and papers when the review's time is over, or at once too."""
    await documents.decide_fate(session, enrolment.home_id, enrolment.id, keep_papers=keep_papers)
    await frames.let_go_of(session, enrolment.home_id, enrolment.id)


async def _record_end(session: Session, enrolment: Enrolment, actor: Actor) -> None:
    await audit.record(
        session,
        Action.ENROLMENT_ENDED,
        home_id=enrolment.home_id,
        actor=actor,
        on_behalf_of=enrolment.member_id,
        facts={"enrolment_id": str(enrolment.id), "state": enrolment.state.value},
    )
