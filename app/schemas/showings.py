"""Wire shapes of presentation codes: issued, drawn, redeemed."""

import io
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

import orjson
import segno
from pydantic import Field, StringConstraints

from app.core.tokens.codes import NewCode
from app.models.showings import ShowingPurpose
from app.ports.register import PhysicalCardStatus
from app.schemas.base import Asked, Moment, Told
from app.schemas.cards import JSON_OPTIONS
from app.schemas.family import holder_is
from app.services.showings.redeeming import Redeemed, ShownBy

_WORDS: Final = {status: status.name.lower() for status in PhysicalCardStatus}
_BORDER: Final = 4  # modules that stay white around it (ISO/IEC 18004 §6.3.8)
_PIXELS: Final = 6  # a module's side in a PNG
_MASK: Final = 4  # any will do for what looks like noise already; to choose the best of eight takes three times as long


class Drawing(StrEnum):
    """How a code can be drawn."""

    SVG = "svg"
    PNG = "png"

    @property
    def media_type(self) -> str:
        """The drawing's type."""
        return "image/svg+xml" if self is Drawing.SVG else "image/png"


class CodeAsk(Asked):
    """What the code is to be shown for; it is good for nothing else."""

    purpose: ShowingPurpose = ShowingPurpose.IDENTIFY


class CodeRead(Told):
    """A presentation code, good for a minute and once."""

    code: str = Field(description="A compact JWS, to be drawn as a QR code")
    expires_at: Moment


class RedemptionAsk(Asked):
    """The text of a QR code as it was read."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class ShownByRead(Told):
    """The owner who has shown a member's card."""

    name: str = Field(description="Masked")
    relationship: str = Field(description="What the holder is to the owner (GB/T 4761)")
    relationship_text: str = Field(description="What the holder is to the owner, in words: 王**'s mother")

    @classmethod
    def of(cls, owner: ShownBy, language: str) -> Self:
        return cls(
            name=owner.name,
            relationship=owner.relationship,
            relationship_text=holder_is(owner.relationship, owner.name, language),
        )


class ShownHolderRead(Told):
    """Whose card was shown; whole for `medical`, masked for the other purposes."""

    name: str
    social_security_number: str


class ShownCardRead(Told):
    """The card that was shown; its number is masked for `identify`."""

    card_number: str
    level: int = Field(description="1 identity, 2 with payment")
    region: str = Field(description="GB/T 2260")
    physical_card: Literal["not_activated", "normal", "lost", "application_locked", "lost_temporarily", "cancelled"]


class RedemptionRead(Told):
    """A code that is redeemed now: who, which card, shown by whom."""

    purpose: ShowingPurpose
    holder: ShownHolderRead
    card: ShownCardRead
    shown_by: Literal["holder", "owner"]
    owner: ShownByRead | None
    redeemed_at: Moment
    redemption_id: str | None = Field(description="What a payment names it by; null where it was shown to identify")

    @classmethod
    def of(cls, redeemed: Redeemed, language: str) -> Self:
        return cls(
            purpose=redeemed.purpose,
            holder=ShownHolderRead(name=redeemed.name, social_security_number=redeemed.number),
            card=ShownCardRead(
                card_number=redeemed.card_number,
                level=redeemed.level,
                region=redeemed.region,
                physical_card=_WORDS[redeemed.physical_status],
            ),
            shown_by="holder" if redeemed.owner is None else "owner",
            owner=None if redeemed.owner is None else ShownByRead.of(redeemed.owner, language),
            redeemed_at=redeemed.redeemed_at,
            redemption_id=redeemed.redemption_id,
        )


def written(code: NewCode) -> bytes:
    """Write a code as `CodeRead`."""
    return orjson.dumps({"code": code.text, "expires_at": code.expires_at}, option=JSON_OPTIONS)


def good_until(code: NewCode) -> str:
    """Write until when a code is good as `CodeRead` does."""
    expires_at: str = CodeRead(code=code.text, expires_at=code.expires_at).model_dump(mode="json")["expires_at"]
    return expires_at


def redeemed(seen: Redeemed, language: str) -> bytes:
    """Write what a terminal learns as `RedemptionRead`."""
    return RedemptionRead.of(seen, language).model_dump_json().encode()


def drawn(code: NewCode, drawing: Drawing) -> bytes:
    """Draw a code as a QR code: of the lowest error correction, because a screen is neither torn nor dirty."""
    made = segno.make(code.text, error="l", mask=_MASK, micro=False)
    image = io.BytesIO()
    if drawing is Drawing.SVG:
        made.save(image, kind="svg", border=_BORDER, xmldecl=False, omitsize=True)
    else:
        made.save(image, kind="png", border=_BORDER, scale=_PIXELS)
    return image.getvalue()
