"""A life in insurance, told shortly, and what it comes to month by month."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from app.ports.insurance import (
    INSURANCE_OF,
    Benefit,
    BenefitKind,
    BenefitStatus,
    Contribution,
    Insurance,
    Month,
    Participation,
    ParticipationStatus,
    Scheme,
)

_FEN: Final = Decimal("0.01")
_ARRIVES_ON: Final = 15  # of the month after
_WITH_ACCOUNT: Final = frozenset({Scheme.EMPLOYEE_PENSION, Scheme.RESIDENT_PENSION, Scheme.EMPLOYEE_MEDICAL})


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which somebody was insured in one way: once a month, or once in every twelve.

    Rates are in thousandths of the base, which grows by `rise` hundredths with each year.
    """

    scheme: Scheme
    first: Month
    last: Month | None
    region: str
    employer: str | None = field(repr=False)
    base: Decimal = field(repr=False)
    personal_rate: int
    employer_rate: int
    rise: int = 4
    is_yearly: bool = False

    def contributions(self, day: date) -> Iterator[Contribution]:
        """Go through what was paid until a day, the oldest first."""
        end = min(self.last or Month.of(day), Month.of(day))
        for passed in range(0, end.since(self.first) + 1, 12 if self.is_yearly else 1):
            month = self.first.after(passed)
            base = _grown(self.base, self.rise, passed // 12)
            next_month = month.after(1)
            arrives = date(next_month.year, next_month.month, _ARRIVES_ON)
            yield Contribution(
                month=month,
                scheme=self.scheme,
                region=self.region,
                employer=self.employer,
                base=base,
                personal=_money(base * self.personal_rate / 1000),
                by_employer=_money(base * self.employer_rate / 1000),
                arrived_on=arrives if arrives <= day else None,
            )


@dataclass(frozen=True, slots=True)
class Income:
    """What somebody gets: each month of a time, or once where it ends with the month that it begins in."""

    scheme: Scheme
    kind: BenefitKind
    first: Month
    last: Month | None
    amount: Decimal = field(repr=False)
    rise: int = 4

    def benefits(self, day: date) -> Iterator[Benefit]:
        """Go through what was paid until a day, the oldest first; this month's is paid on its fifteenth."""
        now = Month.of(day)
        for passed in range(min(self.last or now, now).since(self.first) + 1):
            month = self.first.after(passed)
            is_paid = month < now or day.day >= _ARRIVES_ON
            yield Benefit(
                month=month,
                scheme=self.scheme,
                kind=self.kind,
                amount=_grown(self.amount, self.rise, passed // 12),
                status=BenefitStatus.PAID if is_paid else BenefitStatus.APPROVED,
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What one authority keeps of a person; schemes of which they get something now are ended for contributions."""

    spells: tuple[Spell, ...] = ()
    incomes: tuple[Income, ...] = ()
    ended: frozenset[Scheme] = frozenset()

    def participations(self, day: date) -> tuple[Participation, ...]:
        """Return how somebody is insured on a day: one entry for each scheme."""
        schemes = sorted({spell.scheme for spell in self.spells if spell.first <= Month.of(day)})
        return tuple(self._participation(scheme, day) for scheme in schemes)

    def contributions(self, insurance: Insurance, day: date) -> tuple[Contribution, ...]:
        """Return what was paid for an insurance, the newest first."""
        paid = [
            each
            for spell in self.spells
            if INSURANCE_OF[spell.scheme] is insurance
            for each in spell.contributions(day)
        ]
        return tuple(sorted(paid, key=lambda each: (each.month, each.scheme), reverse=True))

    def benefits(self, insurance: Insurance, day: date) -> tuple[Benefit, ...]:
        """Return what somebody got of an insurance, the newest first."""
        got = [
            each for income in self.incomes if INSURANCE_OF[income.scheme] is insurance for each in income.benefits(day)
        ]
        return tuple(sorted(got, key=lambda each: (each.month, each.kind), reverse=True))

    def _participation(self, scheme: Scheme, day: date) -> Participation:
        spells = [spell for spell in self.spells if spell.scheme is scheme]
        paid = [each for spell in spells for each in spell.contributions(day)]
        latest = max(paid, key=lambda each: each.month)
        months = sum(
            min(12, (spell.last or Month.of(day)).since(each.month) + 1) if spell.is_yearly else 1
            for spell in spells
            for each in spell.contributions(day)
        )
        return Participation(
            scheme=scheme,
            status=self._status(scheme, spells, day),
            region=latest.region,
            employer=latest.employer,
            first_month=min(each.month for each in paid),
            last_month=latest.month,
            months_paid=months,
            base=latest.base,
            personal=latest.personal,
            by_employer=latest.by_employer,
            balance=_sum(each.personal for each in paid) if scheme in _WITH_ACCOUNT else None,
            arrived_month=max((each.month for each in paid if each.arrived_on is not None), default=None),
        )

    def _status(self, scheme: Scheme, spells: Sequence[Spell], day: date) -> ParticipationStatus:
        if scheme in self.ended:
            return ParticipationStatus.ENDED
        is_paying = any(spell.last is None or spell.last >= Month.of(day) for spell in spells)
        return ParticipationStatus.PAYING if is_paying else ParticipationStatus.PAUSED


def _grown(value: Decimal, rise: int, years: int) -> Decimal:
    return _money(value * (Decimal(100 + rise) / 100) ** years)


def _sum(values: Iterator[Decimal]) -> Decimal:
    return sum(values, Decimal("0.00"))


def _money(value: Decimal) -> Decimal:
    return value.quantize(_FEN, ROUND_HALF_UP)
