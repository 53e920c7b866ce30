"""What a person's e-card allows now: one table by the status of its physical card, asked by all who do things with it.

It says nothing about who acts: that a link lets its owner do it is asked of `authority`, and both have to agree. A
person without an e-card has a row of their own in the table (`none`): a newborn is filed for before there is a card.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, NextStep
from app.models.cards import Card
from app.ports.register import PhysicalCardStatus
from app.services import policies
from app.services.cards.passwords import CardPasswordNotSet
from app.services.people import homes
from app.services.people.ages import is_under
from app.services.rules.cards import CardStatus

NO_CARD: Final = "none"
HOLDER_DIED: Final = "died"
PAYMENT_LEVEL: Final = 2
LOST_CARD_NOTICE: Final = "/v1/notices/lost-card"


class NoPhysicalCard(Conflict):
    """An e-card needs a physical card that was collected."""

    code = "no-physical-card"


class CardIsLocked(Conflict):
    """The physical card's application is locked."""

    code = "card-locked"


class CardNotActivated(Conflict):
    """The physical card has not been activated."""

    code = "card-not-activated"


class LostCardConsentNeeded(Conflict):
    """The physical card is lost: its holder has to agree first to what is still done with the e-card."""

    code = "lost-card-consent-needed"


class CardIsLost(Conflict):
    """The physical card has been reported lost."""

    code = "card-lost"


class CardCancelled(Conflict):
    """The physical card was cancelled."""

    code = "card-cancelled"


class CardClosed(Conflict):
    """The register says that the card's holder has died."""

    code = "card-closed"


class CardSuspended(Conflict):
    """The e-card was suspended, by its holder or for a child."""

    code = "card-suspended"


class CardNotHere(Conflict):
    """The holder has left this channel: the card has no issue number in it."""

    code = "card-not-in-channel"
    leads_to = NextStep("use-card-here", "/v1/channels")


class PaymentNotAdded(Conflict):
    """The card is of level 1: it shows who somebody is, and does not pay."""

    code = "card-payment-not-added"


class Use(StrEnum):
    """What can be done with a card.

    `query` is reading rights and interests, `file` transfers and what else is filed, `order` asking for a physical
    card, `history` reading what was done before.
    """

    VIEW = "view"
    QUERY = "query"
    SHOW_CODE = "show_code"
    CERTIFY = "certify"
    FILE = "file"
    ORDER = "order"
    PAY = "pay"
    HISTORY = "history"


_READING: Final = frozenset({Use.VIEW, Use.QUERY, Use.HISTORY})
_SHOWING: Final = frozenset({Use.SHOW_CODE, Use.PAY})
_BY_STATUS: Final[Mapping[str, type[Conflict]]] = {
    PhysicalCardStatus.NOT_ACTIVATED: CardNotActivated,
    PhysicalCardStatus.LOST: CardIsLost,
    PhysicalCardStatus.APPLICATION_LOCKED: CardIsLocked,
    PhysicalCardStatus.LOST_TEMPORARILY: CardIsLost,
    PhysicalCardStatus.CANCELLED: CardCancelled,
    NO_CARD: NoPhysicalCard,
    HOLDER_DIED: CardClosed,
}
BY_STATUS: Final = (*dict.fromkeys(_BY_STATUS.values()), LostCardConsentNeeded)
"""The refusals for the sake of the physical card's status alone."""
REFUSALS: Final = (*BY_STATUS, CardPasswordNotSet, CardSuspended, CardNotHere, PaymentNotAdded)
"""Every refusal that `require` can raise, for the documents of routes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides what a card allows; `status` is a row of the table: aaz502, or one of ours.

    `is_in_use` is False where its own holder has set no password, and `is_here` where it has no issue number in the
    channel it would be shown in; family show it all the same. `is_loss_agreed` is True where somebody has agreed to its
    use while the physical card is lost.
    """

    status: str
    level: int
    is_suspended: bool
    is_in_use: bool = True
    is_here: bool = True
    is_loss_agreed: bool = False

    @classmethod
    def of(cls, card: Card | None, *, to_holder: bool) -> Self:
        """Return how a card stands, for its own holder or for family."""
        if card is None:
            return cls(NO_CARD, 0, is_suspended=False)
        return cls(
            status=HOLDER_DIED if card.closed_at is not None else card.physical_status.value,
            level=card.level,
            is_suspended=card.suspended_at is not None,
            is_in_use=card.activated_at is not None or not to_holder,
            is_loss_agreed=card.loss_agreed_at is not None,
        )


def of_status(status: str) -> type[Conflict]:
    """Return the refusal that a status of the physical card gives, where it gives one."""
    return _BY_STATUS[status]


def refusal(standing: Standing, use: Use, rules: CardStatus) -> type[Conflict] | None:
    """Return why a card that stands so does not allow a use, if it does not."""
    if standing.status not in rules.allowing(use.value):
        return _BY_STATUS.get(standing.status, CardIsLocked)
    if use in rules.after_consent.get(standing.status, ()) and not standing.is_loss_agreed:
        return LostCardConsentNeeded
    if not standing.is_in_use and use not in _READING:
        return CardPasswordNotSet
    if standing.is_suspended and use.value not in rules.suspended:
        return CardSuspended
    if not standing.is_here and use in _SHOWING:
        return CardNotHere
    return PaymentNotAdded if use is Use.PAY and standing.level < PAYMENT_LEVEL else None


_found: dict[tuple[int, Standing], tuple[CardStatus, Mapping[Use, str]]] = {}  # looked up, for cards are read all day
_MOST_FOUND: Final = 2048


def refusals(standing: Standing, rules: CardStatus) -> Mapping[Use, str]:
    """Return every use that a card does not allow as it stands, with the code of why."""
    known = _found.get((id(rules), standing))
    if known is not None and known[0] is rules:
        return known[1]
    asked = ((use, refusal(standing, use, rules)) for use in Use)
    found = {use: refused.code for use, refused in asked if refused is not None}
    if len(_found) >= _MOST_FOUND:
        _found.clear()
    _found[id(rules), standing] = rules, found
    return found


async def require(
    session: Session,
    person_id: UUID,
    use: Use,
    *,
    to_holder: bool,
    as_level: int | None = None,
    link_id: UUID | None = None,
) -> Card | None:
    """Check that a person's card allows a use now; return the card, if they have one.

    Ask it in the transaction of the deed, after the home is locked (`authority.act` does): then no status that comes
    meanwhile is missed.

    Args:
        to_holder: it is the holder themselves who acts; family need no password of theirs.
        as_level: asks what a card of that level would allow that stands so.
        link_id: by which family asks; a child's guardian is led on to what takes a consent of theirs.

    Raises:
        NoPhysicalCard, CardNotActivated, CardIsLost, CardIsLocked, CardCancelled, CardClosed: by the status.
        LostCardConsentNeeded: the physical card is lost, and nobody has agreed to this.
        CardPasswordNotSet, CardSuspended, PaymentNotAdded.
    """
    card: Card | None = await session.get(Card, (bucket_of(person_id), person_id), populate_existing=True)
    rules = (await policies.current(session, *_place(card))).card_status
    standing = Standing.of(card, to_holder=to_holder)
    refused = refusal(standing if as_level is None else replace(standing, level=as_level), use, rules)
    if refused is LostCardConsentNeeded and link_id is not None:
        raise refused(next_step=await _guardians_step(session, person_id, link_id))
    if refused is not None:
        raise refused(next_step=next_of(refused, None if card is None else card.region, to_holder=to_holder))
    return card


async def obstacle(session: Session, person_id: UUID, use: Use, *, to_holder: bool) -> type[Conflict] | None:
    """Return what `require` would raise, if anything."""
    card: Card | None = await session.get(Card, (bucket_of(person_id), person_id), populate_existing=True)
    rules = (await policies.current(session, *_place(card))).card_status
    return refusal(Standing.of(card, to_holder=to_holder), use, rules)


def next_of(refused: type[Conflict], region: str | None, *, to_holder: bool) -> NextStep:
    """Return what the holder, or family, can do about a refusal; the region is that of the card, if there is one."""
    if refused is CardPasswordNotSet:
        return NextStep("own-card", "/v1/enrolments?state=open")
    if refused.leads_to is not None:
        return refused.leads_to
    if refused is LostCardConsentNeeded:
        return NextStep("consent-to-lost-card", consent_address("me") if to_holder else None, LOST_CARD_NOTICE)
    if refused is CardSuspended:
        return NextStep("lift-suspension", "/v1/holders/me/card/suspension" if to_holder else None)
    if refused is PaymentNotAdded:
        here = "/v1/holders/me/card/level-upgrades" if to_holder else None
        return NextStep("add-payment", here, "/v1/notices/card-payment" if to_holder else None)
    return NextStep("see-offices", "/v1/offices" if region is None else f"/v1/offices?region={region}")


def consent_address(holder: str) -> str:
    """Return where somebody agrees to the use of a lost card: `me`, or a link's id."""
    return f"/v1/holders/{holder}/card/lost-card-consent"


async def _guardians_step(session: Session, person_id: UUID, link_id: UUID) -> NextStep:
    """Lead family on: whoever files for a child agrees for it, everybody else's consent is their own."""
    member = await homes.person(session, person_id)
    years = (await policies.current(session)).ages.own_consent
    is_child = is_under(member.birth_date, years, session.now)
    return NextStep("consent-to-lost-card", consent_address(str(link_id)) if is_child else None, LOST_CARD_NOTICE)


def _place(card: Card | None) -> tuple[str, ...]:
    return () if card is None else (card.region,)
