"""Wire shapes of what staff do at a counter."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from app.models.counter import Purpose
from app.schemas.base import Asked, Told
from app.services.counter.looking import Looked, Standing
from app.services.counter.reading import Given, Shown

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
