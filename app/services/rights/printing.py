"""Writes the statement of somebody's rights: what the authorities have said, masked as on the screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from app import texts
from app.core.clock import SHANGHAI
from app.ports.insurance import (
    AUTHORITY_OF,
    Authority,
    Benefit,
    Contribution,
    Insurance,
    Month,
    Participation,
)
from app.ports.papers import Block, Facts, Mark, Paper, Section, Table, Words
from app.services import statements
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.rights import asking, reading
from app.services.rights.asking import Replies


@dataclass(frozen=True, slots=True)
class Period:
    """From a month to another, both of them in it."""

    first: Month
    last: Month

    def __contains__(self, month: Month) -> bool:
        return self.first <= month <= self.last


@dataclass(frozen=True, slots=True)
class Chapter:
    """What a statement says of one insurance."""

    insurance: Insurance
    participations: Sequence[Participation]
    contributions: Sequence[Contribution]
    benefits: Sequence[Benefit]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a statement says: of whom, for which period, of which day, and what the authorities have said when."""

    name: str
    number: str
    period: Period
    day: date
    as_of: dict[Authority, datetime]
    chapters: tuple[Chapter, ...]


def contents(replies: Replies, insurances: Sequence[Insurance], period: Period, day: date) -> Contents:
    """Gather what a statement says.

    Raises:
        InsuranceUnavailable: one of the authorities has not answered, and nothing is known from before.
    """
    chapters = []
    moments: dict[Authority, list[datetime]] = {}
    for insurance in insurances:
        paid, got = replies.heard(asking.contributions(insurance)), replies.heard(asking.benefits(insurance))
        insured = replies.heard(asking.participations(AUTHORITY_OF[insurance]))
        moments.setdefault(AUTHORITY_OF[insurance], []).extend((paid.as_of, got.as_of, insured.as_of))
        entry = reading.entry(replies, insurance).part.answer
        chapters.append(
            Chapter(
                insurance,
                () if entry is None else entry.items,
                [each for each in paid.items if each.month in period],
                [each for each in got.items if each.month in period],
            )
        )
    as_of = {who: min(each) for who, each in moments.items()}
    name, number = mask_name(replies.person.name), mask_number(replies.person.number)
    return Contents(name, number, period, day, as_of, tuple(chapters))


def paper(told: Contents, number: str, address: str, language: str) -> Paper:
    """Write a statement under a number, whose QR code leads to an address."""
    words = texts.insurance(language)["statement"]
    mark = Mark(statements.printed(number), address, words["verify"])
    sections = [_about(told, language)]
    for chapter in told.chapters:
        sections += _chapter(chapter, language)
    return Paper(words["title"], tuple(sections), foot=words["foot"], mark=mark)


def _about(told: Contents, language: str) -> Section:
    every = texts.insurance(language)
    words = every["statement"]
    pairs = [
        (words["name"], told.name),
        (words["number"], told.number),
        (words["period"], f"{told.period.first} – {told.period.last}"),
        (words["issued"], told.day.isoformat()),
    ]
    for who, moment in told.as_of.items():
        written = moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        pairs.append((words["as_of"], f"{written}  {every['authorities'][who]}"))
    return Section(words["person"], (Facts(tuple(pairs)),))


def _chapter(chapter: Chapter, language: str) -> Iterator[Section]:
    every = texts.insurance(language)
    words, name = every["statement"], every["insurances"][chapter.insurance]
    yield Section(f"{name} · {words['participations']}", (_participations(chapter.participations, language),))
    yield Section(f"{name} · {words['contributions']}", tuple(_contributions(chapter.contributions, language)))
    if chapter.benefits:
        yield Section(f"{name} · {words['benefits']}", tuple(_benefits(chapter.benefits, language)))


def _participations(items: Sequence[Participation], language: str) -> Block:
    every = texts.insurance(language)
    words = every["statement"]
    if not items:
        return Words(words["none"])
    heads = tuple(words[each] for each in ("scheme", "status", "region", "employer", "months", "balance"))
    rows = tuple(
        (
            every["schemes"][each.scheme],
            every["statuses"][each.status],
            each.region,
            each.employer or "–",
            str(each.months_paid),
            "–" if each.balance is None else _money(each.balance),
        )
        for each in items
    )
    return Table(heads, rows)


def _contributions(items: Sequence[Contribution], language: str) -> Iterator[Block]:
    every = texts.insurance(language)
    words = every["statement"]
    if not items:
        yield Words(words["none"])
        return
    heads = tuple(words[each] for each in ("month", "scheme", "base", "personal", "by_employer", "arrived"))
    yield Table(
        heads,
        tuple(
            (
                str(each.month),
                every["schemes"][each.scheme],
                _money(each.base),
                _money(each.personal),
                _money(each.by_employer),
                "–" if each.arrived_on is None else each.arrived_on.isoformat(),
            )
            for each in items
        ),
    )
    personal = _money(sum((each.personal for each in items), Decimal()))
    by_employer = _money(sum((each.by_employer for each in items), Decimal()))
    yield Words(f"{words['total']}: {words['personal']} {personal}, {words['by_employer']} {by_employer}")


def _benefits(items: Sequence[Benefit], language: str) -> Iterator[Block]:
    every = texts.insurance(language)
    words = every["statement"]
    yield Table(
        tuple(words[each] for each in ("month", "kind", "amount", "status")),
        tuple(
            (
                str(each.month),
                every["benefits"][each.kind],
                _money(each.amount),
                every["benefit_statuses"][each.status],
            )
            for each in items
        ),
    )
    yield Words(f"{words['total']}: {_money(sum((each.amount for each in items), Decimal()))}")


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"
