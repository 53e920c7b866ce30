"""People ask an enrolment's owner for more: what can be asked for, and where it leads back to."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from app.core.db import Session
from app.models.cases import Finding
from app.models.documents import DocumentKind
from app.models.enrolments import Enrolment, EnrolmentKind, Event, Guardianship
from app.services import documents, policies
from app.services.enrolments import finishing, loading, requirements
from app.services.faces import frames, tries
from app.services.people.ages import is_under

_PAPERS: Final = frozenset(DocumentKind) - {DocumentKind.FACIAL_PHOTO}
_LET_GO: Final[Mapping[Finding, Collection[DocumentKind]]] = {
    Finding.PAPERS_UNREADABLE: _PAPERS,
    Finding.PAPERS_OF_SOMEBODY_ELSE: _PAPERS,
    Finding.PHOTO_UNSUITABLE: {DocumentKind.FACIAL_PHOTO},
    Finding.FACE_AGAIN: (),
}
"""Which files are to come anew; guardianship's are a policy."""
FINDINGS: Final = (*_LET_GO, Finding.GUARDIANSHIP_PAPERS_NEEDED)
"""All that can be asked for, of whatever enrolment."""
_ABOUT_FACES: Final = frozenset({Finding.PHOTO_UNSUITABLE, Finding.FACE_AGAIN})


async def possible(session: Session, enrolment: Enrolment) -> tuple[Finding, ...]:
    """Return what can be asked for: papers of a relative, a photo of the young, a live face of the others."""
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        return (Finding.FACE_AGAIN,)
    found = [Finding.PAPERS_UNREADABLE, Finding.PAPERS_OF_SOMEBODY_ELSE]
    if enrolment.guardianship in (Guardianship.BY_DOCUMENTS, Guardianship.OTHER_RELATIVE):
        found.append(Finding.GUARDIANSHIP_PAPERS_NEEDED)
    member = await loading.named(session, enrolment)
    assert member is not None  # review comes after the details
    years = (await policies.current(session)).ages.live_face
    is_by_photo = is_under(member.birth_date, years, session.now)
    return *found, Finding.PHOTO_UNSUITABLE if is_by_photo else Finding.FACE_AGAIN


async def ask_for_more(session: Session, enrolment: Enrolment, finding: Finding) -> None:
    """Lead back to the step that something is missing at; the owner is told and has three days at least (policy).

    The files in question are let go. A face has to be shown again, with all tries anew where it is the face that people
    ask for: they have looked, so it is no stranger's guess.
    """
    rules = await policies.current(session)
    for kind in _LET_GO.get(finding, map(DocumentKind, rules.documents.guardianship)):
        await documents.detach(session, enrolment.home_id, enrolment.id, kind)
    await frames.let_go_of(session, enrolment.home_id, enrolment.id)
    if finding in _ABOUT_FACES and enrolment.member_id is not None:
        await tries.forgive(session, enrolment.home_id, enrolment.member_id)
    enrolment.forget_face()
    to = await requirements.state_by_papers(session, enrolment)
    enrolment.advance(Event.ASK_FOR_MORE, to, session.now)
    enrolment.asked_for = finding.value
    enrolment.expires_at = max(enrolment.expires_at, session.now + timedelta(hours=rules.reviews.more_hours))
    finishing.tell_owner(session, enrolment, "enrolment_more_asked_for")
