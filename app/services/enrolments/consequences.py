"""What happens when a consent is taken back, said before it is: the same that `consents.withdraw` then does."""

from enum import StrEnum
from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.consents import Consent, ConsentPurpose
from app.models.enrolments import Enrolment, EnrolmentKind, State
from app.models.links import FamilyLink, LinkState
from app.services import policies
from app.services.enrolments import loading
from app.services.people import homes
from app.services.people.ages import is_under


class Consequence(StrEnum):
    """What a withdrawal does."""

    CANCELS_APPLICATION = "cancels_application"
    GOES_BACK = "goes_back"
    ENDS_FACE_STEP = "ends_face_step"
    ENDS_LINK = "ends_link"
    CARD_OUT_OF_USE = "card_out_of_use"
    DELETES_FILES = "deletes_files"
    REMOVES_PAYMENT = "removes_payment"
    ENDS_CERTIFICATION = "ends_certification"
    DELETES_CARD_PHOTO = "deletes_card_photo"
    CLOSES_LOST_CARD = "closes_lost_card"
    ENDS_SHARING = "ends_sharing"


async def of(session: Session, consent: Consent, enrolment: Enrolment) -> Consequence | None:
    """Return what taking a consent back does now; None where it was taken back."""
    if consent.withdrawn_at is not None:
        return None
    if enrolment.is_open and not loading.is_overdue(session, enrolment):
        return _of_open(consent.purpose)
    if enrolment.state is not State.ACTIVE or enrolment.member_id is None:
        return Consequence.DELETES_FILES
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        is_carried = consent.purpose is ConsentPurpose.NOTICE and await loading.holds_member(session, enrolment)
        return Consequence.CARD_OUT_OF_USE if is_carried else Consequence.DELETES_FILES
    is_carried = await carries_link(session, enrolment.member_id, consent.purpose)
    if is_carried and await _lives(session, enrolment.link_id):
        return Consequence.ENDS_LINK
    return Consequence.DELETES_FILES


async def carries_link(session: Session, member_id: UUID, purpose: ConsentPurpose) -> bool:
    """Say whether a link ends without this consent: the notice, and a guardian's while the member is a child."""
    if purpose is not ConsentPurpose.MINOR_DATA:
        return purpose is ConsentPurpose.NOTICE
    years = (await policies.current(session)).ages.own_consent
    return is_under((await homes.person(session, member_id)).birth_date, years, session.now)


def _of_open(purpose: ConsentPurpose) -> Consequence:
    match purpose:
        case ConsentPurpose.NOTICE:
            return Consequence.CANCELS_APPLICATION
        case ConsentPurpose.FACE_CHECK:
            return Consequence.ENDS_FACE_STEP
        case ConsentPurpose.IDENTITY_DOCUMENT | ConsentPurpose.MINOR_DATA | ConsentPurpose.COUNTER_CHECK:
            return Consequence.GOES_BACK


async def _lives(session: Session, link_id: UUID | None) -> bool:
    if link_id is None:
        return False
    link = await session.get(FamilyLink, (bucket_of(link_id), link_id))
    return link is not None and link.state in (LinkState.ACTIVE, LinkState.FROZEN)
