"""Reads people's rights and interests: all five at once, one of them, its months, what was got of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Generic, TypeVar
from uuid import UUID

from app.core.db import Database
from app.ports.insurance import (
    AUTHORITY_OF,
    INSURANCE_OF,
    Answered,
    Authority,
    Benefit,
    Contribution,
    Insurance,
    InsuranceRecords,
    Item,
    Month,
    Participation,
    Scheme,
)
from app.services.accounts.sessions import Caller
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.rights import asking
from app.services.rights.asking import Missing, Part, Question, Replies

Records = Mapping[Authority, InsuranceRecords]
Monthly = TypeVar("Monthly", Contribution, Benefit)

LONGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody stands in one insurance."""

    insurance: Insurance
    part: Part[Participation]


@dataclass(frozen=True, slots=True)
class Rights:
    """How somebody stands in each insurance; name and number masked."""

    name: str = field(repr=False)
    number: str = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind an entry's month and scheme, and its place among those of both."""

    month: Month
    scheme: Scheme
    index: int


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """Some months, the newest first, where they go on, and of when they are."""

    page: Answered[Item]
    missing: Missing | None
    following: Place | None


async def summary(db: Database, records: Records, caller: Caller, holder: UUID | None) -> Rights:
    """Return how a holder stands in all five.

    Raises:
        InsuranceUnavailable: neither authority answers, and nothing is known from before.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """
    questions = [asking.participations(who) for who in Authority]
    replies = await asking.ask(db, records, caller, holder, questions)
    if all(replies.of(question).answer is None for question in questions):
        replies.heard(questions[0])
    return _rights(replies, tuple(Insurance))


async def one(db: Database, records: Records, caller: Caller, holder: UUID | None, insurance: Insurance) -> Rights:
    """Return how a holder stands in one of the five.

    Raises:
        InsuranceUnavailable: its authority does not answer, and nothing is known from before.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """
    question = asking.participations(AUTHORITY_OF[insurance])
    replies = await asking.ask(db, records, caller, holder, [question])
    replies.heard(question)
    return _rights(replies, (insurance,))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which months of a list: of a year (None: of all), behind a place, so many at most."""

    year: int | None = None
    behind: Place | None = None
    limit: int = LONGEST_PAGE


async def contributions(
    db: Database, records: Records, caller: Caller, holder: UUID | None, insurance: Insurance, wanted: Wanted
) -> Listed[Contribution]:
    """Return what was paid for a holder, month by month.

    Raises:
        InsuranceUnavailable: the authority does not answer, and nothing is known from before.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """
    question = asking.contributions(insurance)
    return _listed(await asking.ask(db, records, caller, holder, [question]), question, wanted)


async def benefits(
    db: Database, records: Records, caller: Caller, holder: UUID | None, insurance: Insurance, wanted: Wanted
) -> Listed[Benefit]:
    """Return what a holder got, month by month.

    Raises:
        InsuranceUnavailable: the authority does not answer, and nothing is known from before.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """
    question = asking.benefits(insurance)
    return _listed(await asking.ask(db, records, caller, holder, [question]), question, wanted)


def _rights(replies: Replies, insurances: Sequence[Insurance]) -> Rights:
    return Rights(
        mask_name(replies.person.name),
        mask_number(replies.person.number),
        tuple(entry(replies, insurance) for insurance in insurances),
    )


def entry(replies: Replies, insurance: Insurance) -> Entry:
    """Return how somebody stands in one insurance, of what its authority has said of all that it keeps."""
    part = replies.of(asking.participations(AUTHORITY_OF[insurance]))
    if part.answer is None:
        return Entry(insurance, part)
    items = tuple(each for each in part.answer.items if INSURANCE_OF[each.scheme] is insurance)
    return Entry(insurance, Part(Answered(part.answer.as_of, items), part.missing))


def _listed(replies: Replies, question: Question[Monthly], wanted: Wanted) -> Listed[Monthly]:
    heard = replies.heard(question)
    placed = [(place, each) for place, each in _placed(heard.items) if _is_wanted(place, wanted)]
    shown = placed[: wanted.limit]
    following = shown[-1][0] if len(placed) > len(shown) else None
    page = Answered(heard.as_of, tuple(each for _, each in shown))
    return Listed(page, replies.of(question).missing, following)


def _placed(items: Sequence[Monthly]) -> Iterator[tuple[Place, Monthly]]:
    """Go through months, the newest first, each with its place; a month that is added later moves no other."""
    ordered = sorted(items, key=lambda each: (each.month, each.scheme), reverse=True)
    for (month, scheme), group in groupby(ordered, key=lambda each: (each.month, each.scheme)):
        for index, each in enumerate(group):
            yield Place(month, scheme, index), each


def _is_wanted(place: Place, wanted: Wanted) -> bool:
    if wanted.year is not None and place.month.year != wanted.year:
        return False
    behind = wanted.behind
    if behind is None:
        return True
    if (place.month, place.scheme) == (behind.month, behind.scheme):
        return place.index > behind.index
    return (place.month, place.scheme) < (behind.month, behind.scheme)
