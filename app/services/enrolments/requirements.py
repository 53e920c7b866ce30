"""What an enrolment still asks for: papers by age and relationship, consents, a photo."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from app.core.clock import today
from app.core.db import Session
from app.core.errors import Conflict
from app.models.channels import ChannelProof
from app.models.consents import ConsentPurpose
from app.models.documents import DocumentKind
from app.models.enrolments import Enrolment, EnrolmentKind, Event, Guardianship, State
from app.ports.face import FaceMode
from app.services import documents, policies
from app.services.documents import Attached
from app.services.enrolments import loading, proving
from app.services.people.ages import age_on, is_under
from app.services.rules import Policies


class ConsentNotNeeded(Conflict):
    """This enrolment has no use for such a consent, so it is not kept."""

    code = "consent-not-needed"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing asked for: any one of these, and whether it is there."""

    kind: str
    any_of: tuple[str, ...]
    met: bool

    @property
    def is_for_face(self) -> bool:
        """Whether it is asked for because a face is to be compared; people can decide without."""
        return self.any_of in ((DocumentKind.FACIAL_PHOTO.value,), (ConsentPurpose.FACE_CHECK.value,))


async def of_documents(
    session: Session,
    enrolment: Enrolment,
    *,
    birth_date: date,
    attached: Collection[Attached],
    given: Collection[ConsentPurpose],
) -> tuple[Requirement, ...]:
    """Return what the documents step asks for: nothing for an own card."""
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        return ()
    rules = await policies.current(session)
    age = age_on(birth_date, today(session.now))
    have = {page.kind.value for page in attached}
    is_seen = proving.has(enrolment, ChannelProof.IDENTITY_DOCUMENT)
    asked = [] if is_seen else [("identity_document", identity(rules, age))]
    if enrolment.guardianship in (Guardianship.BY_DOCUMENTS, Guardianship.OTHER_RELATIVE):
        asked.append(("guardianship", rules.documents.guardianship))
    consents = list(consents_before(DocumentKind.SOCIAL_SECURITY_CARD, rules, age))
    if not asked:
        consents.remove(ConsentPurpose.IDENTITY_DOCUMENT)
    if age < rules.ages.live_face:
        asked.append(("facial_photo", (DocumentKind.FACIAL_PHOTO.value,)))
        consents.append(ConsentPurpose.FACE_CHECK)
    papers = [Requirement(kind, any_of, met=not have.isdisjoint(any_of)) for kind, any_of in asked]
    return *papers, *(Requirement("consent", (purpose.value,), met=purpose in given) for purpose in consents)


async def of(session: Session, enrolment: Enrolment) -> tuple[Requirement, ...]:
    """Return the same for an enrolment whose details are given, as it is now."""
    member = await loading.named(session, enrolment)
    assert member is not None  # the states with documents come after the details
    return await of_documents(
        session,
        enrolment,
        birth_date=member.birth_date,
        attached=await documents.attached(session, enrolment.home_id, enrolment.id),
        given=await loading.consents(session, enrolment),
    )


async def require_wanted(session: Session, enrolment: Enrolment, purpose: ConsentPurpose) -> None:
    """Check that an enrolment can use a consent: every one that to the face check, the others those it asks for.

    Raises:
        ConsentNotNeeded: it cannot.
    """
    if purpose is ConsentPurpose.FACE_CHECK:
        return
    if not any(need.any_of == (purpose.value,) for need in await of(session, enrolment)):
        raise ConsentNotNeeded


async def state_by_papers(session: Session, enrolment: Enrolment) -> State:
    """Return the state that what is there allows: the face step once nothing is missing."""
    if all(requirement.met for requirement in await of(session, enrolment)):
        return State.FACE_PENDING
    return State.DOCUMENTS_PENDING


async def face_mode(session: Session, birth_date: date) -> FaceMode:
    """Return how somebody's face is checked now: live from 16 on, by photo before."""
    years = (await policies.current(session)).ages.live_face
    return FaceMode.PHOTO if is_under(birth_date, years, session.now) else FaceMode.LIVE


async def catch_up(session: Session, enrolment: Enrolment) -> None:
    """Let a birthday have its effect: what was missing yesterday may not be asked for today."""
    if enrolment.state is not State.DOCUMENTS_PENDING or loading.is_overdue(session, enrolment):
        return
    if await state_by_papers(session, enrolment) is State.FACE_PENDING:
        enrolment.advance(Event.BIRTHDAY, State.FACE_PENDING, session.now)


def consents_before(kind: DocumentKind, rules: Policies, age: int) -> tuple[ConsentPurpose, ...]:
    """Return the consents that are asked for before a file is taken: papers and faces have each their own."""
    is_face = kind is DocumentKind.FACIAL_PHOTO
    purpose = ConsentPurpose.FACE_CHECK if is_face else ConsentPurpose.IDENTITY_DOCUMENT
    return (purpose, ConsentPurpose.MINOR_DATA) if age < rules.ages.own_consent else (purpose,)


def kinds_needed(requirements: Collection[Requirement]) -> set[str]:
    """Return the kinds of documents that these requirements can use, met or not; with the backs of cards."""
    needed = {kind for requirement in requirements if requirement.kind != "consent" for kind in requirement.any_of}
    backs = {kind.replace("_front", "_back") for kind in needed if kind.endswith("_front")}
    return needed | backs


def identity(rules: Policies, age: int) -> tuple[str, ...]:
    """Return the documents of which one shows who somebody of this age is."""
    return next(choice.any_of for choice in rules.documents.identity if choice.under is None or age < choice.under)
