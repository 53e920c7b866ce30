"""The port to the authority that pays benefits: who has to show each year that they live, and what came of it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable


class CertificationsUnavailable(Unavailable):
    """The authority that pays benefits does not answer, or not in a way that we understand."""

    code = "certifications-unavailable"


class CertifiedKind(StrEnum):
    """Benefits that are paid for life, and so need a certification."""

    PENSION = "pension"
    SURVIVOR = "survivor"
    INJURY = "injury"


class PaymentState(StrEnum):
    """How a benefit is paid; `restored` after it was suspended, until the next certification is due."""

    PAID = "paid"
    SUSPENDED = "suspended"
    RESTORED = "restored"


class Way(StrEnum):
    """How somebody can be certified: by data that others hold, by their face, at a counter, at home."""

    DATA_MATCH = "data_match"
    FACE = "face"
    COUNTER = "counter"
    HOME_VISIT = "home_visit"


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit of somebody's; what was paid back is in CNY and for so many months."""

    kind: CertifiedKind
    payment: PaymentState
    suspended_since: date | None = None
    restored_on: date | None = None
    back_paid: Decimal | None = field(default=None, repr=False)
    back_paid_months: int | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What the authority knows of somebody: benefits that need a certification, and how the last one stands.

    Without benefits there is nothing to certify. `due_on` is the last day on which the next certification is in time.
    """

    benefits: tuple[Benefit, ...] = field(default=(), repr=False)
    certified_on: date | None = None
    way: Way | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A certification to be told: `order` is ours, the same whenever it is told again."""

    order: UUID
    number: str = field(repr=False)
    way: Way
    certified_at: datetime


class Refusal(StrEnum):
    """Why the authority does not accept a certification: the closed list."""

    NOT_ENTITLED = "not_entitled"
    DECEASED = "deceased"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the authority answers to a report: how things stand now, or why it does not accept it."""

    order: UUID
    entitlement: Entitlement = field(repr=False)
    refusal: Refusal | None = None


class Certifications(Protocol):
    """Asks the authority, and tells it."""

    async def entitlement(self, number: str) -> Entitlement:
        """Return what the authority knows of the person with this social security number; nothing of most people.

        Raises:
            CertificationsUnavailable: no answer, or none that we understand.
        """
        ...

    async def report(self, report: Report) -> Receipt:
        """Tell that somebody was certified. Told again under the same order it changes nothing, and answers the same.

        Raises:
            CertificationsUnavailable: no answer, or none that we understand; whether it was heard is not known.
        """
        ...
