"""Wire shapes of what staff do at a counter."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.models.counter import EmergencyFinding, EmergencyLook, EmergencyReason, Purpose
from app.models.sharing import Confirming, SharingBinding, SharingState
from app.schemas.base import Asked, Moment, Told
from app.schemas.enrolments import NoticeShown
from app.schemas.family import TERMS
from app.services.counter.emergencies import LookedAt
from app.services.counter.knowing import Shown
from app.services.counter.looking import Looked, Standing
from app.services.counter.reading import Given

CardNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{9}$")]
"""What stands on a physical card (aaz500)."""


class CardReadAsk(Asked):
    """A card that lies on the counter; the reader's nonce is the signature's."""

    card_number: CardNumber
    purpose: Purpose = Field(description="What its holder is served for; the token is good for nothing else")

    def shown(self) -> Shown:
        return Shown(self.card_number, self.purpose)


CardReadToken = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_=-]+$")]
"""What the reading of a card has given."""


class CardReadRead(Told):
    """A card that was read: the token is good in this session, for this purpose, for `expires_in` seconds."""

    card_read: str
    purpose: Purpose
    expires_in: int
    name: str = Field(description="Masked")

    @classmethod
    def of(cls, given: Given) -> Self:
        return cls(card_read=given.token, purpose=given.purpose, expires_in=given.expires_in, name=given.name)


class LookUpAsk(Asked):
    """The card of whom is looked up, read for what they are looked up for."""

    card_read: CardReadToken


class SharingStanding(Told):
    """With how many somebody shares their medical account, and how many share theirs with them."""

    shares_with: int
    shared_by: int


class StandingRead(Told):
    """How somebody stands, as far as a counter has to know."""

    name: str = Field(description="Masked")
    has_e_card: bool
    is_suspended: bool = Field(description="The e-card was suspended by its holder or for a child")
    sharing: SharingStanding

    @classmethod
    def of(cls, standing: Standing) -> Self:
        return cls(
            name=standing.name,
            has_e_card=standing.has_e_card,
            is_suspended=standing.is_suspended,
            sharing=SharingStanding(shares_with=standing.shares_with, shared_by=standing.shared_by),
        )


class LookUpRead(Told):
    """What a look gives, and what for it is written down."""

    purpose: Purpose
    person: StandingRead

    @classmethod
    def of(cls, looked: Looked) -> Self:
        return cls(purpose=looked.purpose, person=StandingRead.of(looked.standing))


class CounterSharingAsk(Asked):
    """Who shares, by the card that was read, and with whom: by theirs, or where they are not here by its number."""

    owner_card_read: CardReadToken
    member_card_read: CardReadToken | None = None
    member_card_number: CardNumber | None = None
    guardian_card_read: CardReadToken | None = Field(
        default=None, description="Of a guardian who has come along with a minor, by the register"
    )
    notice: NoticeShown = Field(description="Which exact text of `account-sharing` the owner has read or heard")
    relationship: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="What the member is to the owner, GB/T 4761"
    )

    @model_validator(mode="after")
    def _one_member(self) -> Self:
        if (self.member_card_read is None) == (self.member_card_number is None):
            raise PydanticCustomError("one_of", "member_card_read or member_card_number", {"code": "missing"})
        if self.guardian_card_read is not None and self.member_card_read is None:
            raise PydanticCustomError("needed", "member_card_read", {"code": "missing", "fields": ["member_card_read"]})
        return self


class CounterSharingRead(Told):
    """A binding that was made at a counter: active where the member's card was read, or nobody has to agree."""

    id: str
    state: SharingState
    confirmed_by: Confirming = Field(description="Who agrees, or has agreed")
    relationship: str = Field(description="What the member is to the owner, GB/T 4761")
    relationship_name: str = Field(description="The same in words")
    expires_at: Moment | None = Field(description="When it is over, if nobody agrees before")

    @classmethod
    def of(cls, bound: SharingBinding, language: str) -> Self:
        return cls(
            id=str(bound.id),
            state=bound.state,
            confirmed_by=bound.confirming,
            relationship=bound.relationship,
            relationship_name=TERMS[language][bound.relationship],
            expires_at=bound.expires_at if bound.state is SharingState.PENDING else None,
        )


class BreakGlassAsk(Asked):
    """Who is here without their card, as their papers or companions name them, and why that cannot wait."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    social_security_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    reason: EmergencyReason


class BreakGlassRead(Told):
    """A look without the card: flagged, told to whom it is about, and reviewed by another of the staff."""

    id: str
    reason: EmergencyReason
    review_due_at: Moment
    card: str | None = Field(description="How the physical card stands by the register now, if there is one")
    person: StandingRead

    @classmethod
    def of(cls, looked: LookedAt) -> Self:
        return cls(
            id=str(looked.look.id),
            reason=looked.look.reason,
            review_due_at=looked.look.due_at,
            card=None if looked.card is None else looked.card.name.lower(),
            person=StandingRead.of(looked.standing),
        )


class UnreviewedLookRead(Told):
    """A look without a card that waits for its review: where and why it was made, and nothing of whom it is about."""

    id: str
    reason: EmergencyReason
    office_id: str
    operator_id: str
    region: str
    looked_at: Moment
    due_at: Moment
    is_overdue: bool

    @classmethod
    def of(cls, look: EmergencyLook, now: datetime) -> Self:
        return cls(
            id=str(look.id),
            reason=look.reason,
            office_id=look.office_id,
            operator_id=str(look.operator_id),
            region=look.region,
            looked_at=look.looked_at,
            due_at=look.due_at,
            is_overdue=look.due_at <= now,
        )


class LookReviewAsk(Asked):
    """What a reviewer finds of a look without a card."""

    finding: EmergencyFinding


class LookReviewRead(Told):
    """A look that was reviewed."""

    id: str
    finding: EmergencyFinding
    reviewed_at: Moment
