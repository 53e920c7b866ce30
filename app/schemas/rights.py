"""Rights and interests on the wire: money as decimal strings, months as `2026-11`, what is missing with its reason."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from app import texts
from app.ports.insurance import (
    AUTHORITY_OF,
    Authority,
    Benefit,
    BenefitKind,
    BenefitStatus,
    Contribution,
    Insurance,
    Month,
    Participation,
    ParticipationStatus,
    Scheme,
    Silence,
)
from app.schemas.base import Moment, Told
from app.schemas.next_steps import NextRead
from app.services.rights.asking import Missing
from app.services.rights.reading import Entry, Listed, Rights

Money = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]{2}$"), Field(examples=["960.00"])]
MonthText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$"), Field(examples=["2026-11"])]


def money(value: Decimal) -> str:
    """Write yuan and fen."""
    return f"{value:.2f}"


def _money_or_none(value: Decimal | None) -> str | None:
    return None if value is None else money(value)


def _month(month: Month | None) -> str | None:
    return None if month is None else str(month)


class MissingRead(Told):
    """Why an authority was not heard just now, and when to ask again."""

    reason: Silence
    retry_at: Moment
    next: NextRead

    @classmethod
    def of(cls, missing: Missing | None, href: str, language: str) -> Self | None:
        """Shape what is missing; `href` is where it is read."""
        if missing is None:
            return None
        text = texts.insurance(language)["silences"][missing.silence]
        again = NextRead(action="read-again", href=href, text=text)
        return cls(reason=missing.silence, retry_at=missing.retry_at, next=again)


class ParticipationRead(Told):
    """How somebody is insured by a scheme (`aae140`) at a place (GB/T 2260); amounts are those of the last month."""

    scheme: Scheme
    scheme_name: str
    status: ParticipationStatus
    status_name: str
    region: str
    employer: str | None
    first_month: MonthText | None
    last_month: MonthText | None
    months_paid: int
    base: Money | None
    personal: Money | None
    by_employer: Money | None
    balance: Money | None = Field(description="Of the personal account, where the scheme has one")
    arrived_month: MonthText | None = Field(description="The last month whose contributions have arrived")

    @classmethod
    def of(cls, item: Participation, language: str) -> Self:
        """Shape a participation."""
        words = texts.insurance(language)
        return cls(
            scheme=item.scheme,
            scheme_name=words["schemes"][item.scheme],
            status=item.status,
            status_name=words["statuses"][item.status],
            region=item.region,
            employer=item.employer,
            first_month=_month(item.first_month),
            last_month=_month(item.last_month),
            months_paid=item.months_paid,
            base=_money_or_none(item.base),
            personal=_money_or_none(item.personal),
            by_employer=_money_or_none(item.by_employer),
            balance=_money_or_none(item.balance),
            arrived_month=_month(item.arrived_month),
        )


class InsuranceRead(Told):
    """How somebody stands in one insurance; `schemes` is null where nothing is known, empty where they have none."""

    insurance: Insurance
    name: str
    authority: Authority
    authority_name: str
    as_of: Moment | None
    schemes: list[ParticipationRead] | None
    missing: MissingRead | None = Field(description="With `schemes`: what is shown is of an earlier time")

    @classmethod
    def of(cls, entry: Entry, href: str, language: str) -> Self:
        """Shape an entry; `href` is where it is read."""
        words, answer = texts.insurance(language), entry.part.answer
        authority = AUTHORITY_OF[entry.insurance]
        return cls(
            insurance=entry.insurance,
            name=words["insurances"][entry.insurance],
            authority=authority,
            authority_name=words["authorities"][authority],
            as_of=None if answer is None else answer.as_of,
            schemes=None if answer is None else [ParticipationRead.of(each, language) for each in answer.items],
            missing=MissingRead.of(entry.part.missing, href, language),
        )


class InsuredRead(Told):
    """Whom it is about, masked."""

    name: str
    social_security_number: str


class RightsRead(Told):
    """How somebody stands in the five insurances."""

    holder: InsuredRead
    insurances: list[InsuranceRead]

    @classmethod
    def of(cls, rights: Rights, href: str, language: str) -> Self:
        """Shape all five; `href` is where they are read."""
        entries = [InsuranceRead.of(entry, f"{href}/{entry.insurance}", language) for entry in rights.entries]
        return cls(holder=_insured(rights), insurances=entries)


class InsuranceRightsRead(InsuranceRead):
    """How somebody stands in one insurance, and who that is."""

    holder: InsuredRead

    @classmethod
    def of_one(cls, rights: Rights, href: str, language: str) -> Self:
        """Shape the only entry; `href` is where it is read."""
        (entry,) = rights.entries
        return cls(holder=_insured(rights), **dict(InsuranceRead.of(entry, href, language)))


def _insured(rights: Rights) -> InsuredRead:
    return InsuredRead(name=rights.name, social_security_number=rights.number)


class ContributionRead(Told):
    """What was paid for a month."""

    month: MonthText
    scheme: Scheme
    scheme_name: str
    region: str
    employer: str | None
    base: Money
    personal: Money
    by_employer: Money
    arrived_on: date | None

    @classmethod
    def of(cls, item: Contribution, language: str) -> Self:
        """Shape a contribution."""
        return cls(
            month=str(item.month),
            scheme=item.scheme,
            scheme_name=texts.insurance(language)["schemes"][item.scheme],
            region=item.region,
            employer=item.employer,
            base=money(item.base),
            personal=money(item.personal),
            by_employer=money(item.by_employer),
            arrived_on=item.arrived_on,
        )


class ContributionsRead(Told):
    """Some months of contributions, the newest first; with `missing` they are of an earlier time."""

    items: list[ContributionRead]
    next_cursor: str | None
    as_of: Moment
    missing: MissingRead | None

    @classmethod
    def of(cls, listed: Listed[Contribution], next_cursor: str | None, href: str, language: str) -> Self:
        """Shape a page; `href` is where it is read."""
        return cls(
            items=[ContributionRead.of(each, language) for each in listed.page.items],
            next_cursor=next_cursor,
            as_of=listed.page.as_of,
            missing=MissingRead.of(listed.missing, href, language),
        )


class BenefitRead(Told):
    """What somebody got for a month."""

    month: MonthText
    scheme: Scheme
    kind: BenefitKind
    kind_name: str
    amount: Money
    status: BenefitStatus
    status_name: str

    @classmethod
    def of(cls, item: Benefit, language: str) -> Self:
        """Shape a benefit."""
        words = texts.insurance(language)
        return cls(
            month=str(item.month),
            scheme=item.scheme,
            kind=item.kind,
            kind_name=words["benefits"][item.kind],
            amount=money(item.amount),
            status=item.status,
            status_name=words["benefit_statuses"][item.status],
        )


class BenefitsRead(Told):
    """Some months of benefits, the newest first; with `missing` they are of an earlier time."""

    items: list[BenefitRead]
    next_cursor: str | None
    as_of: Moment
    missing: MissingRead | None

    @classmethod
    def of(cls, listed: Listed[Benefit], next_cursor: str | None, href: str, language: str) -> Self:
        """Shape a page; `href` is where it is read."""
        return cls(
            items=[BenefitRead.of(each, language) for each in listed.page.items],
            next_cursor=next_cursor,
            as_of=listed.page.as_of,
            missing=MissingRead.of(listed.missing, href, language),
        )
