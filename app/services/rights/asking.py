"""Asks the authorities, all questions at the same time, and says what is missing of the answers.

Who asks is allowed to before the authorities are asked and again before they read the answers: a link that was frozen
meanwhile shows nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, cast
from uuid import UUID

from pydantic import TypeAdapter

from app.core.db import Database, Session
from app.ports.insurance import (
    AUTHORITY_OF,
    Answered,
    Authority,
    Benefit,
    Contribution,
    Insurance,
    InsuranceRecords,
    InsuranceUnavailable,
    Item,
    Participation,
    Silence,
)
from app.services import authority, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.people import homes
from app.services.people.homes import KnownPerson
from app.services.rights import copies
from app.services.rules.filing import Rights


@dataclass(frozen=True, slots=True)
class Question(Generic[Item]):
    """One question to one authority; its answer is kept under `subject`."""

    subject: str
    authority: Authority
    put: Callable[[InsuranceRecords, str], Awaitable[Answered[Item]]]
    shape: TypeAdapter[Answered[Item]]


@dataclass(frozen=True, slots=True)
class Missing:
    """Why an authority was not heard just now, and when to ask again."""

    silence: Silence
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """What is known: an answer, if there is one; with `missing` it is an earlier one, or none."""

    answer: Answered[Item] | None
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class Replies:
    """What is known about whom."""

    person: KnownPerson
    retry_seconds: int
    parts: Mapping[str, Part[Any]] = field(repr=False)

    def of(self, question: Question[Item]) -> Part[Item]:
        """Return what is known of a question that was asked."""
        return cast(Part[Item], self.parts[question.subject])

    def heard(self, question: Question[Item]) -> Answered[Item]:
        """Return the answer to a question that was asked, an earlier one if need be.

        Raises:
            InsuranceUnavailable: there is none.
        """
        part = self.of(question)
        if part.answer is None:
            silence = part.missing.silence if part.missing else Silence.NO_ANSWER
            raise InsuranceUnavailable(silence, retry_after_seconds=self.retry_seconds)
        return part.answer


_PARTICIPATIONS = TypeAdapter(Answered[Participation])
_CONTRIBUTIONS = TypeAdapter(Answered[Contribution])
_BENEFITS = TypeAdapter(Answered[Benefit])


def participations(who: Authority) -> Question[Participation]:
    """Ask an authority how somebody is insured."""
    return Question(
        f"participations/{who.value}", who, lambda records, number: records.participations(number), _PARTICIPATIONS
    )


def contributions(insurance: Insurance) -> Question[Contribution]:
    """Ask what was paid for somebody."""
    return Question(
        f"contributions/{insurance.value}",
        AUTHORITY_OF[insurance],
        lambda records, number: records.contributions(number, insurance),
        _CONTRIBUTIONS,
    )


def benefits(insurance: Insurance) -> Question[Benefit]:
    """Ask what somebody got."""
    return Question(
        f"benefits/{insurance.value}",
        AUTHORITY_OF[insurance],
        lambda records, number: records.benefits(number, insurance),
        _BENEFITS,
    )


async def ask(
    db: Database,
    records: Mapping[Authority, InsuranceRecords],
    caller: Caller,
    holder: UUID | None,
    questions: Sequence[Question[Any]],
) -> Replies:
    """Return what is known of a holder; a look at a member is written down with them. No connection is held meanwhile.

    Raises:
        What `cards.allowing.require` raises: the card as it stands shows nothing of them.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """
    known = await authority.look(db, caller, holder, Action.RIGHTS_SEEN, partial(_known, questions))
    due = [question for question in questions if question.subject not in known.fresh]
    if not due:
        return Replies(known.person, known.rules.retry_seconds, known.fresh)
    heard = await _put_all(records, known.person.number, due, known.rules.deadline_milliseconds / 1000)
    record = partial(_recorded, known, due, heard)
    return await authority.look(db, caller, holder, Action.RIGHTS_SEEN, record)


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom it is about, and what is known of them before anybody is asked."""

    person: KnownPerson
    rules: Rights
    fresh: Mapping[str, Part[Any]] = field(repr=False)
    stale: Mapping[str, Part[Any]] = field(repr=False)


async def _known(questions: Sequence[Question[Any]], session: Session, acting: Acting) -> _Known:
    await _require_card(session, acting)
    person = await homes.person(session, acting.person_id)
    rules = (await policies.current(session, person.region)).rights
    key = await homes.key_of(session, person.id)
    kept = await copies.find(session, key, person.id, [question.subject for question in questions])
    fresh: dict[str, Part[Any]] = {}
    stale: dict[str, Part[Any]] = {}
    for question in questions:
        copy = kept.get(question.subject)
        if copy is None or session.now - copy.fetched_at >= timedelta(hours=rules.stale_hours):
            continue
        is_fresh = session.now - copy.fetched_at < timedelta(seconds=rules.fresh_seconds)
        (fresh if is_fresh else stale)[question.subject] = Part(question.shape.validate_json(copy.content))
    return _Known(person, rules, fresh, stale)


async def _require_card(session: Session, acting: Acting) -> None:
    link_id = None if acting.link is None else acting.link.id
    await allowing.require(session, acting.person_id, Use.QUERY, to_holder=acting.link is None, link_id=link_id)


async def _put_all(
    records: Mapping[Authority, InsuranceRecords], number: str, due: Sequence[Question[Any]], seconds: float
) -> Sequence[Answered[Any] | Silence]:
    return await asyncio.gather(*(_put(records[each.authority], number, each, seconds) for each in due))


async def _put(
    records: InsuranceRecords, number: str, question: Question[Item], seconds: float
) -> Answered[Item] | Silence:
    try:
        async with asyncio.timeout(seconds):
            return await question.put(records, number)
    except TimeoutError:
        return Silence.TOO_SLOW
    except InsuranceUnavailable as unavailable:
        return unavailable.silence


async def _recorded(
    known: _Known,
    due: Sequence[Question[Any]],
    heard: Sequence[Answered[Any] | Silence],
    session: Session,
    acting: Acting,
) -> Replies:
    assert acting.person_id == known.person.id, "a link is of one member for ever"
    await _require_card(session, acting)
    parts, contents = dict(known.fresh), {}
    for question, told in zip(due, heard, strict=True):
        if isinstance(told, Silence):
            missing = Missing(told, session.now + timedelta(seconds=known.rules.retry_seconds))
            earlier = known.stale.get(question.subject, Part(None))
            parts[question.subject] = Part(earlier.answer, missing)
        else:
            parts[question.subject] = Part(told)
            contents[question.subject] = question.shape.dump_json(told)
    await copies.keep(session, known.person.id, contents)
    return Replies(known.person, known.rules.retry_seconds, parts)
