"""Wire shapes of cards. Reads that people do all day are written straight to JSON; a test compares them with these."""

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, Self

import orjson
from pydantic import Field

from app import texts
from app.core.errors import Conflict
from app.ports.register import PhysicalCardStatus
from app.schemas.base import Moment, Told
from app.schemas.next_steps import NextRead
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.cards.reading import CardView
from app.services.family.looking import NoCardYet
from app.services.family.suspending import Suspension

CardWord = Literal["not_activated", "normal", "lost", "application_locked", "lost_temporarily", "cancelled"]
"""The statuses of a physical card (aaz502) in words."""
JSON_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS  # as `Moment` is written
_IN_ITS_WAY: Final = {
    PhysicalCardStatus.NOT_ACTIVATED: "card-not-activated",
    PhysicalCardStatus.LOST: "card-lost",
    PhysicalCardStatus.APPLICATION_LOCKED: "card-locked",
    PhysicalCardStatus.LOST_TEMPORARILY: "card-lost",
    PhysicalCardStatus.CANCELLED: "card-cancelled",
}
_WORDS: Final[Mapping[PhysicalCardStatus, CardWord]] = {
    PhysicalCardStatus.NOT_ACTIVATED: "not_activated",
    PhysicalCardStatus.NORMAL: "normal",
    PhysicalCardStatus.LOST: "lost",
    PhysicalCardStatus.APPLICATION_LOCKED: "application_locked",
    PhysicalCardStatus.LOST_TEMPORARILY: "lost_temporarily",
    PhysicalCardStatus.CANCELLED: "cancelled",
}
_USES: Final = tuple(Use)
_REFUSALS: Final[tuple[type[Conflict], ...]] = allowing.REFUSALS
_KINDS: Final[Mapping[str, type[Conflict]]] = {kind.code: kind for kind in _REFUSALS}


class AllowsRead(Told):
    """What the card allows now, by the status of the physical card and what else stands in the way."""

    view: bool
    query: bool = Field(description="Rights and interests are read")
    show_code: bool
    certify: bool
    file: bool
    order: bool = Field(description="A physical card is asked for")
    pay: bool
    history: bool = Field(description="What was done before is read")


class RefusalRead(Told):
    """A use that the card does not allow now, and why."""

    use: Use
    reason: str = Field(description="A problem code: `card-lost`, `card-suspended`, `card-payment-not-added`, …")
    next: NextRead


class CardSuspensionRead(Told):
    """Since when the e-card shows no code and files nothing, and who wanted that."""

    since: Moment
    by: Literal["holder", "owner"]


class CardRead(Told):
    """An e-card, masked; `issue_number` is the one in this channel."""

    status: Literal["active", "issued"] = Field(description="`issued`: its holder has set no password yet")
    name: str
    social_security_number: str
    card_number: str
    level: int = Field(description="1 identity, 2 with payment")
    region: str = Field(description="GB/T 2260")
    physical_card: CardWord = Field(description="Status of the physical card (aaz502)")
    allows: AllowsRead
    refusals: list[RefusalRead] = Field(description="Why each of the others is not allowed")
    suspension: CardSuspensionRead | None
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
        said = _next(missing.reason, language, None, to_holder=False)
        return cls(status="not_issued", reason=missing.reason, next=NextRead(**said))


def suspension_of(suspension: Suspension) -> CardSuspensionRead:
    """Return a suspension as it is told."""
    return CardSuspensionRead(since=suspension.since, by="holder" if suspension.is_by_holder else "owner")


def word_of(status: PhysicalCardStatus) -> CardWord:
    """Return the word for a status of a physical card."""
    return _WORDS[status]


def own_card(card: CardView, language: str) -> bytes:
    """Write one's own card as `CardRead`."""
    code = _in_its_way(card)
    if code is None and not card.is_active:
        code = "card-password-not-set"
    elif code is None and card.issue_number is None:
        code = "card-not-in-channel"
    return _written(card, language, code, to_holder=True)


def member_card(card: CardView, language: str) -> bytes:
    """Write a member's card as `CardRead`; whether they have set a password is for themselves to mind."""
    return _written(card, language, _in_its_way(card), to_holder=False)


def _in_its_way(card: CardView) -> str | None:
    """Return the code of what stands in the way of all that the card is for, if anything does."""
    if card.is_closed:
        return "card-closed"
    code = _IN_ITS_WAY.get(card.physical_status)
    return "card-suspended" if code is None and card.suspended_at is not None else code


def _written(card: CardView, language: str, code: str | None, *, to_holder: bool) -> bytes:
    return orjson.dumps(
        {
            "status": "active" if card.is_active else "issued",
            "name": card.name,
            "social_security_number": card.number,
            "card_number": card.card_number,
            "level": card.level,
            "region": card.region,
            "physical_card": _WORDS[card.physical_status],
            "allows": {use.value: use not in card.refused for use in _USES},
            "refusals": [
                {"use": use, "reason": code, "next": _next(code, language, card.region, to_holder=to_holder)}
                for use, code in card.refused.items()
            ],
            "suspension": None if card.suspended_at is None else _suspension(card),
            "issue_number": card.issue_number,
            "issued_at": card.issued_at,
            "next": None if code is None else _next(code, language, card.region, to_holder=to_holder),
        },
        option=JSON_OPTIONS,
    )


def _suspension(card: CardView) -> dict[str, object]:
    return {"since": card.suspended_at, "by": "holder" if card.is_suspended_by_holder else "owner"}


@cache
def _next(code: str, language: str, region: str | None, *, to_holder: bool) -> dict[str, str | None]:
    step = allowing.next_of(_KINDS[code], region, to_holder=to_holder)
    text = texts.problem(code, language).next
    return {"action": code, "href": step.href, "notice": step.notice, "text": text}
