"""What an enrolment still asks for: papers by age and relationship, consents, a photo."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from app.core.clock import today
from app.core.db import Session
from app.models.documents import DocumentKind
from app.models.enrolments import ConsentPurpose, Enrolment, EnrolmentKind, Guardianship
from app.services import policies
from app.services.documents import Attached
from app.services.people.ages import age_on
from app.services.policies import Policies


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing asked for: any one of these, and whether it is there."""

    kind: str
    any_of: tuple[str, ...]
    met: bool


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
    asked = [("identity_document", _identity(rules, age))]
    if enrolment.guardianship in (Guardianship.BY_DOCUMENTS, Guardianship.OTHER_RELATIVE):
        asked.append(("guardianship", rules.documents.guardianship))
    if age < rules.ages.live_face:
        asked.append(("facial_photo", (DocumentKind.FACIAL_PHOTO.value,)))
    papers = [Requirement(kind, any_of, met=not have.isdisjoint(any_of)) for kind, any_of in asked]
    return *papers, *consents_before_papers(rules, age, given)


def consents_before_papers(rules: Policies, age: int, given: Collection[ConsentPurpose]) -> tuple[Requirement, ...]:
    """Return the consents that are asked for before any paper of a person of this age is taken."""
    asked = [ConsentPurpose.IDENTITY_DOCUMENT]
    if age < rules.ages.own_consent:
        asked.append(ConsentPurpose.MINOR_DATA)
    return tuple(Requirement("consent", (purpose.value,), met=purpose in given) for purpose in asked)


def kinds_needed(requirements: Collection[Requirement]) -> set[str]:
    """Return the kinds of documents that these requirements can use, met or not; with the backs of cards."""
    needed = {kind for requirement in requirements if requirement.kind != "consent" for kind in requirement.any_of}
    backs = {kind.replace("_front", "_back") for kind in needed if kind.endswith("_front")}
    return needed | backs


def _identity(rules: Policies, age: int) -> tuple[str, ...]:
    return next(choice.any_of for choice in rules.documents.identity if choice.under is None or age < choice.under)
