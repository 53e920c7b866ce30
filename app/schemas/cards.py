"""Wire shapes of cards. Reads that people do all day are written straight to JSON; a test compares them with these."""

from functools import cache
from typing import Final, Literal, Self

import orjson
from pydantic import Field

from app import texts
from app.ports.register import PhysicalCardStatus
from app.schemas.base import Moment, Told
from app.services.cards.reading import CardView
from app.services.family.looking import NoCardYet

JSON_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS  # as `Moment` is written
_IN_ITS_WAY: Final = {
    PhysicalCardStatus.NOT_ACTIVATED: "card-not-activated",
    PhysicalCardStatus.LOST: "card-lost",
    PhysicalCardStatus.APPLICATION_LOCKED: "card-locked",
    PhysicalCardStatus.LOST_TEMPORARILY: "card-lost",
    PhysicalCardStatus.CANCELLED: "card-cancelled",
}
_WORDS: Final = {status: status.name.lower() for status in PhysicalCardStatus}


class NextRead(Told):
    """What the person can do now."""

    action: str
    href: str | None
    text: str


class AllowsRead(Told):
    """What the physical card's status allows."""

    view: bool
    show_code: bool


class CardRead(Told):
    """An e-card, masked; `issue_number` is the one in this channel."""

    status: Literal["active", "issued"] = Field(description="`issued`: its holder has set no password yet")
    name: str
    social_security_number: str
    card_number: str
    level: int = Field(description="1 identity, 2 with payment")
    region: str = Field(description="GB/T 2260")
    physical_card: Literal["not_activated", "normal", "lost", "application_locked", "lost_temporarily", "cancelled"] = (
        Field(description="Status of the physical card (aaz502)")
    )
    allows: AllowsRead
    issue_number: str | None
    issued_at: Moment
    next: NextRead | None


class CardMissingRead(Told):
    """A member without an e-card, and why."""

    status: Literal["not_issued"]
    reason: str = Field(description="A problem code: `no-physical-card`, `card-locked`, …")
    next: NextRead

    @classmethod
    def of(cls, missing: NoCardYet, language: str) -> Self:
        return cls(status="not_issued", reason=missing.reason, next=NextRead(**_next(missing.reason, language)))


def own_card(card: CardView, language: str) -> bytes:
    """Write one's own card as `CardRead`."""
    code = _IN_ITS_WAY.get(card.physical_status)
    if code is None and not card.is_active:
        code = "card-password-not-set"
    return _written(card, language, code)


def member_card(card: CardView, language: str) -> bytes:
    """Write a member's card as `CardRead`; whether they have set a password is for themselves to mind."""
    return _written(card, language, _IN_ITS_WAY.get(card.physical_status))


def _written(card: CardView, language: str, code: str | None) -> bytes:
    return orjson.dumps(
        {
            "status": "active" if card.is_active else "issued",
            "name": card.name,
            "social_security_number": card.number,
            "card_number": card.card_number,
            "level": card.level,
            "region": card.region,
            "physical_card": _WORDS[card.physical_status],
            "allows": {"view": card.may_view, "show_code": card.may_show_code},
            "issue_number": card.issue_number,
            "issued_at": card.issued_at,
            "next": None if code is None else _next(code, language),
        },
        option=JSON_OPTIONS,
    )


@cache
def _next(code: str, language: str) -> dict[str, str | None]:
    text = texts.problem(code, language).next
    href = "/v1/enrolments?state=open" if code == "card-password-not-set" else None
    return {"action": code, "href": href, "text": text}
