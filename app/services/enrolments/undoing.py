"""What going back to a step takes away: everything that came after it."""

from app.core.db import Session
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment, Event
from app.models.handovers import HandoverEnd
from app.services import documents, links
from app.services.audit import Actor
from app.services.enrolments import loading
from app.services.faces import checks, ending, frames
from app.services.handovers import rows as handovers

_CONSENTS_AFTER = {
    Event.ACKNOWLEDGE_NOTICE: frozenset(ConsentPurpose),
    Event.GIVE_DETAILS: frozenset(ConsentPurpose) - {ConsentPurpose.NOTICE},
    Event.CHANGE_DOCUMENTS: frozenset[ConsentPurpose](),
}


async def undo_after(session: Session, enrolment: Enrolment, event: Event, actor: Actor) -> None:
    """Undo what came after the step of `event`.

    Face checks under way and handovers are given up. Changed details detach all evidence (faces are deleted at once,
    papers stay sealed until their deadline); a changed notice asks for the details again. Tries and the fingerprints of
    failed images stay with (owner, member).
    """
    await ending.give_up_open(session, enrolment.home_id, enrolment.id, actor)
    await handovers.end_open(session, enrolment, HandoverEnd.ENROLMENT_CHANGED, actor)
    await frames.let_go_of(session, enrolment.home_id, enrolment.id)
    enrolment.forget_face()
    for purpose, consent in (await loading.consents(session, enrolment)).items():
        if purpose in _CONSENTS_AFTER[event]:
            consent.withdrawn_at = session.now
    if event is Event.CHANGE_DOCUMENTS:
        if enrolment.link_id is not None:
            await links.stop_waiting(session, enrolment.link_id)
        return
    await documents.detach(session, enrolment.home_id, enrolment.id)
    await forget_details(session, enrolment)


async def forget_details(session: Session, enrolment: Enrolment) -> None:
    """Take the member from an enrolment and give their reserved place back."""
    if enrolment.link_id is not None:
        await links.release(session, enrolment.link_id)
    enrolment.link_id = enrolment.member_id = enrolment.relationship = enrolment.guardianship = None
    enrolment.asked_for = None
    enrolment.member_name = enrolment.member_number = enrolment.member_birth_date = None
    await session.flush()


async def has_later(session: Session, enrolment: Enrolment, event: Event) -> bool:
    """Say whether anything came after the step of `event` that a change would undo."""
    if enrolment.face_passed_at is not None or enrolment.last_face_reason is not None:
        return True
    if await checks.open_of(session, enrolment.home_id, enrolment.id) or await handovers.open_of(session, enrolment):
        return True
    if event is Event.CHANGE_DOCUMENTS:
        return False
    if event is Event.ACKNOWLEDGE_NOTICE and enrolment.member_id is not None:
        return True
    given = await loading.consents(session, enrolment)
    if given.keys() & _CONSENTS_AFTER[Event.GIVE_DETAILS]:
        return True
    return bool(await documents.attached(session, enrolment.home_id, enrolment.id))
