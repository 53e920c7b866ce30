"""What an authority's gateway may say of insurance records (docs/gateways.md); nothing else is believed.

Here, and nowhere else, its field codes become ours.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Generic, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints

from app.adapters.gateways import Said
from app.core.clock import today
from app.ports.insurance import (
    AUTHORITY_OF,
    INSURANCE_OF,
    Answered,
    Authority,
    Benefit,
    BenefitKind,
    BenefitStatus,
    Contribution,
    Insurance,
    Item,
    Month,
    Participation,
    ParticipationStatus,
    Scheme,
)

MOST_ITEMS: Final = 3000  # two schemes, each month of a century, and more
SKEW: Final = timedelta(minutes=5)  # as for the times of signatures

_STATUS: Final[Mapping[str, ParticipationStatus]] = {  # aac031
    "1": ParticipationStatus.PAYING,
    "2": ParticipationStatus.PAUSED,
    "3": ParticipationStatus.ENDED,
}
_MONTH: Final = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])")

_Number = Annotated[str, StringConstraints(min_length=1, max_length=32)]
_Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9]{2}$")]
_YearMonth = Annotated[str, StringConstraints(pattern=rf"^{_MONTH.pattern}$")]
_Region = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
_Employer = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class NotBelieved(ValueError):
    """It has the contract's shape and cannot be true, or is not what was asked for; the words tell no value."""


class SaidParticipation(Said):
    """One way of being insured."""

    aae140: Scheme = Field(strict=False)
    aac031: Annotated[str, StringConstraints(pattern="^[123]$")]
    aab301: _Region
    aab004: _Employer | None
    aae041: _YearMonth | None
    aae042: _YearMonth | None
    aae201: int = Field(ge=0, le=1200)
    aae180: _Money | None
    personal: _Money | None
    by_employer: _Money | None
    balance: _Money | None
    arrived: _YearMonth | None

    def told(self) -> Participation:
        """Return it as the port has it."""
        return Participation(
            scheme=self.aae140,
            status=_STATUS[self.aac031],
            region=self.aab301,
            employer=self.aab004,
            first_month=_month(self.aae041),
            last_month=_month(self.aae042),
            months_paid=self.aae201,
            base=_decimal(self.aae180),
            personal=_decimal(self.personal),
            by_employer=_decimal(self.by_employer),
            balance=_decimal(self.balance),
            arrived_month=_month(self.arrived),
        )


class SaidContribution(Said):
    """What was paid for a month."""

    aae002: _YearMonth
    aae140: Scheme = Field(strict=False)
    aab301: _Region
    aab004: _Employer | None
    aae180: _Money
    personal: _Money
    by_employer: _Money
    arrived_on: _Day | None

    def told(self) -> Contribution:
        """Return it as the port has it."""
        return Contribution(
            month=_surely(self.aae002),
            scheme=self.aae140,
            region=self.aab301,
            employer=self.aab004,
            base=Decimal(self.aae180),
            personal=Decimal(self.personal),
            by_employer=Decimal(self.by_employer),
            arrived_on=_day(self.arrived_on),
        )


class SaidBenefit(Said):
    """What somebody got for a month."""

    aae002: _YearMonth
    aae140: Scheme = Field(strict=False)
    kind: BenefitKind = Field(strict=False)
    amount: _Money
    status: BenefitStatus = Field(strict=False)

    def told(self) -> Benefit:
        """Return it as the port has it."""
        return Benefit(_surely(self.aae002), self.aae140, self.kind, Decimal(self.amount), self.status)


Each = TypeVar("Each", bound=Said)


class Page(Said, Generic[Each]):
    """An answer: of whom it is, of when, and all that there is."""

    aac002: _Number = Field(repr=False)
    as_of: AwareDatetime = Field(strict=False)
    items: list[Each] = Field(max_length=MOST_ITEMS, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: of which authority and whom, about which insurance (None: all), and when that is."""

    authority: Authority
    number: str
    insurance: Insurance | None
    now: datetime


def participations(asked: Asked, page: Page[SaidParticipation]) -> Answered[Participation]:
    """Return how somebody is insured.

    Raises:
        NotBelieved.
    """
    found = [each.told() for each in page.items]
    for each in found:
        months = (each.first_month, each.last_month, each.arrived_month)
        _no_month_to_come(asked, [month for month in months if month is not None])
        if each.first_month is not None and each.last_month is not None and each.last_month < each.first_month:
            raise NotBelieved("it ends before it begins")
    return _answered(asked, page, found, lambda each: (each.scheme, each.region, each.employer or ""))


def contributions(asked: Asked, page: Page[SaidContribution]) -> Answered[Contribution]:
    """Return what was paid, the newest first.

    Raises:
        NotBelieved.
    """
    found = [each.told() for each in page.items]
    _no_month_to_come(asked, [each.month for each in found])
    if any(each.arrived_on is not None and each.arrived_on > today(asked.now + SKEW) for each in found):
        raise NotBelieved("money has arrived on a day to come")
    ordered = sorted(found, key=lambda each: (each.month, each.scheme, each.employer or ""), reverse=True)
    return _answered(asked, page, ordered, lambda each: (each.month, each.scheme, each.employer))


def benefits(asked: Asked, page: Page[SaidBenefit]) -> Answered[Benefit]:
    """Return what somebody got, the newest first; two of a kind in one month are two.

    Raises:
        NotBelieved.
    """
    found = [each.told() for each in page.items]
    _no_month_to_come(asked, [each.month for each in found])
    ordered = sorted(found, key=lambda each: (each.month, each.scheme, each.kind, each.amount), reverse=True)
    return _answered(asked, page, ordered, None)


def _answered(
    asked: Asked, page: Page[Each], items: Sequence[Item], key: Callable[[Item], object] | None
) -> Answered[Item]:
    if page.aac002 != asked.number:
        raise NotBelieved("it is about somebody else")
    if page.as_of > asked.now + SKEW:
        raise NotBelieved("it is of a time to come")
    insurances = {INSURANCE_OF[each.scheme] for each in items}  # type: ignore[attr-defined] # each of the three has one
    if any(AUTHORITY_OF[each] is not asked.authority for each in insurances):
        raise NotBelieved("it is about an insurance that this authority does not keep")
    if asked.insurance is not None and not insurances <= {asked.insurance}:
        raise NotBelieved("it is about another insurance")
    if key is not None and len({key(each) for each in items}) < len(items):
        raise NotBelieved("it says the same thing twice")
    return Answered(page.as_of, tuple(items))


def _no_month_to_come(asked: Asked, months: Sequence[Month]) -> None:
    if any(month > Month.of(today(asked.now + SKEW)) for month in months):
        raise NotBelieved("it is about a month to come")


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise NotBelieved("there is no such day") from error


def _surely(text: str) -> Month:
    return Month(int(text[:4]), int(text[4:]))


def _month(text: str | None) -> Month | None:
    return None if text is None else _surely(text)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
