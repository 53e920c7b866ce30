"""Who somebody is, seen in person at a counter, and what they showed."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class SeenDocument(StrEnum):
    """What can be shown at a counter: the kind alone is written down, with no number and no copy."""

    ID_CARD = "id_card"
    SOCIAL_SECURITY_CARD = "social_security_card"
    RESIDENCE_PERMIT = "residence_permit"
    HOUSEHOLD_REGISTER = "household_register"
    BIRTH_CERTIFICATE = "birth_certificate"
    GUARDIANSHIP_PROOF = "guardianship_proof"


class Attestation(Identified, Base):
    """One of the staff has seen who the member is, in person: that took the place of the face step.

    `documents` are the kinds whose originals were shown, separated by spaces.
    """

    __tablename__ = "attestation"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "enrolment_id"], ["enrolment.bucket", "enrolment.id"]),
        Index("ix_attestation_enrolment", "bucket", "enrolment_id"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    operator_id: Mapped[UUID]
    office_id: Mapped[str]
    documents: Mapped[str]
    at: Mapped[datetime]
