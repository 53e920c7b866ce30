"""The port to the two authorities that keep people's insurance records: what was paid for them, and what they got.

Human resources and social security keeps pension, unemployment and work injury; healthcare security keeps medical and
maternity. The codes are those of LD/T 32 and its sisters (aae140, aac031), mapped by whoever speaks to an authority.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, Protocol, Self, TypeVar

from app.core.errors import Unavailable

Item = TypeVar("Item")


class Insurance(StrEnum):
    """The five insurances."""

    PENSION = "pension"
    MEDICAL = "medical"
    UNEMPLOYMENT = "unemployment"
    WORK_INJURY = "work_injury"
    MATERNITY = "maternity"


class Authority(StrEnum):
    """Who keeps records."""

    HUMAN_RESOURCES = "human_resources"
    HEALTHCARE_SECURITY = "healthcare_security"


class Scheme(StrEnum):
    """What somebody is insured by, as aae140 numbers it."""

    EMPLOYEE_PENSION = "110"
    RESIDENT_PENSION = "170"
    UNEMPLOYMENT = "210"
    EMPLOYEE_MEDICAL = "310"
    CRITICAL_ILLNESS = "330"
    RESIDENT_MEDICAL = "390"
    WORK_INJURY = "410"
    MATERNITY = "510"


AUTHORITY_OF: Final[Mapping[Insurance, Authority]] = {
    Insurance.PENSION: Authority.HUMAN_RESOURCES,
    Insurance.MEDICAL: Authority.HEALTHCARE_SECURITY,
    Insurance.UNEMPLOYMENT: Authority.HUMAN_RESOURCES,
    Insurance.WORK_INJURY: Authority.HUMAN_RESOURCES,
    Insurance.MATERNITY: Authority.HEALTHCARE_SECURITY,
}
INSURANCE_OF: Final[Mapping[Scheme, Insurance]] = {
    Scheme.EMPLOYEE_PENSION: Insurance.PENSION,
    Scheme.RESIDENT_PENSION: Insurance.PENSION,
    Scheme.UNEMPLOYMENT: Insurance.UNEMPLOYMENT,
    Scheme.EMPLOYEE_MEDICAL: Insurance.MEDICAL,
    Scheme.CRITICAL_ILLNESS: Insurance.MEDICAL,
    Scheme.RESIDENT_MEDICAL: Insurance.MEDICAL,
    Scheme.WORK_INJURY: Insurance.WORK_INJURY,
    Scheme.MATERNITY: Insurance.MATERNITY,
}


class ParticipationStatus(StrEnum):
    """How a participation stands (aac031)."""

    PAYING = "paying"
    PAUSED = "paused"
    ENDED = "ended"


class BenefitKind(StrEnum):
    """What somebody gets."""

    PENSION = "pension"
    FUNERAL = "funeral"
    MEDICAL_REIMBURSEMENT = "medical_reimbursement"
    UNEMPLOYMENT = "unemployment"
    INJURY = "injury"
    MATERNITY = "maternity"


class BenefitStatus(StrEnum):
    """How far a benefit is."""

    APPROVED = "approved"
    PAID = "paid"
    SUSPENDED = "suspended"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month of a day."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-11`.

        Raises:
            ValueError: it is no month.
        """
        year, _, month = text.partition("-")
        if len(text) != 7 or not (text.isascii() and year.isdigit() and month.isdigit()):
            raise ValueError("a month is written as 2026-11")
        return cls.of(date(int(year), int(month), 1))

    def after(self, months: int) -> "Month":
        """Return the month so many later, or earlier."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def since(self, other: "Month") -> int:
        """Return how many months later this one is."""
        return (self.year - other.year) * 12 + self.month - other.month

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class Participation:
    """How somebody is insured by a scheme at a place; money in yuan of a month, `balance` that of a personal account.

    `arrived_month` is the last month whose contributions have arrived.
    """

    scheme: Scheme
    status: ParticipationStatus
    region: str
    employer: str | None = field(repr=False)
    first_month: Month | None
    last_month: Month | None
    months_paid: int
    base: Decimal | None = field(repr=False)
    personal: Decimal | None = field(repr=False)
    by_employer: Decimal | None = field(repr=False)
    balance: Decimal | None = field(repr=False)
    arrived_month: Month | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What was paid for a month; `arrived_on` is None until it has arrived."""

    month: Month
    scheme: Scheme
    region: str
    employer: str | None = field(repr=False)
    base: Decimal = field(repr=False)
    personal: Decimal = field(repr=False)
    by_employer: Decimal = field(repr=False)
    arrived_on: date | None


@dataclass(frozen=True, slots=True)
class Benefit:
    """What somebody got, or is to get, for a month."""

    month: Month
    scheme: Scheme
    kind: BenefitKind
    amount: Decimal = field(repr=False)
    status: BenefitStatus


@dataclass(frozen=True, slots=True)
class Answered(Generic[Item]):
    """What an authority says, and of when that is."""

    as_of: datetime
    items: tuple[Item, ...] = field(repr=False)


class Silence(StrEnum):
    """Why there is no answer."""

    NO_ANSWER = "no_answer"
    TOO_SLOW = "too_slow"
    NOT_UNDERSTOOD = "not_understood"


class InsuranceUnavailable(Unavailable):
    """An authority does not answer, not in time, or not in a way that we believe."""

    code = "insurance-records-unavailable"

    def __init__(self, silence: Silence = Silence.NO_ANSWER, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.silence = silence


class InsuranceRecords(Protocol):
    """Reads what one authority keeps of a person, who is named by their social security number (aac002).

    Somebody whom the authority does not know has nothing. What is told is the person's alone, of insurances that the
    authority keeps, of no month to come, without negative money, nothing twice; the newest month first. Each method
    raises `InsuranceUnavailable`.
    """

    async def participations(self, number: str) -> Answered[Participation]:
        """Return how somebody is insured."""
        ...

    async def contributions(self, number: str, insurance: Insurance) -> Answered[Contribution]:
        """Return what was paid for somebody: at most one entry for a month, a scheme and an employer."""
        ...

    async def benefits(self, number: str, insurance: Insurance) -> Answered[Benefit]:
        """Return what somebody got."""
        ...
