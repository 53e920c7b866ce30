"""Deletes what was agreed to and what was done once its time is over, as the role that owns the tables.

The server's own role may not: what was written down stays for as long as the law wants it, and goes when somebody says
so.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, Select, Subquery, and_, case, delete, func, or_, select

from app.core.db import BUCKETS, Database, Session
from app.models.agreements import Agreement
from app.models.attestations import Attestation
from app.models.audit import AuditEvent
from app.models.base import Bucketed, Identified
from app.models.cards import CardUpgrade
from app.models.certifications import Certification
from app.models.consents import Consent
from app.models.enrolments import OPEN, Enrolment, EnrolmentKind, State
from app.models.handovers import Handover
from app.models.links import FamilyLink
from app.models.people import Home
from app.models.sharing import SharingBinding
from app.services import audit_cuts, policies
from app.services.audit_cuts import Cut

AUDIT: Final = "audit_event"
_SLICE: Final = BUCKETS // 64


@dataclass(frozen=True, slots=True)
class Over:
    """Records of one kind whose time is over: how many, and the moment from which the oldest was counted."""

    kind: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table of what was agreed to: which of its rows were over, and when; None: they are not.

    `with_it` are the tables of what belongs to its rows, and goes before them.
    """

    name: str
    table: type[Identified]
    ended: Callable[[], Select[Any]]
    with_it: tuple[type[Consent] | type[Attestation] | type[Handover], ...] = ()


CutOf = Callable[[Session, UUID, datetime], Awaitable[Cut | None]]


async def over(db: Database) -> Sequence[Over]:
    """Return what `delete_over` would delete, by kind: across all homes, so only now and then."""
    found = await _slices(db, _count)
    return _added(found + await _audit(db, audit_cuts.look))


async def delete_over(db: Database) -> Sequence[Over]:
    """Delete what is over, a sixty-fourth of a table and one home's audit at a time; return what that was.

    Done again after a failure, it goes on; what has gone stays gone.
    """
    found = await _slices(db, _delete)
    return _added(found + await _audit(db, audit_cuts.cut))


def _of_home(
    table: type[Agreement] | type[CardUpgrade] | type[Certification] | type[SharingBinding], home_id: Any
) -> Select[Any]:
    """Over with its own end, or with its home."""
    ended = func.least(table.ended_at, Home.erased_at)  # PostgreSQL's leaves out what is not known
    return select(table.id, ended.label("ended")).join(Home, and_(Home.bucket == table.bucket, Home.id == home_id))


def _enrolments() -> Select[Any]:
    """Over when it came to nothing; as a link, when that ended; as a card, with the home."""
    ended = case(
        (Enrolment.state.in_(OPEN), None),
        (Enrolment.state != State.ACTIVE, Enrolment.ended_at),
        (Enrolment.kind == EnrolmentKind.FAMILY_MEMBER, FamilyLink.ended_at),
    )
    link = and_(FamilyLink.bucket == Enrolment.bucket, FamilyLink.enrolment_id == Enrolment.id)
    return (
        select(Enrolment.id, func.least(ended, Home.erased_at).label("ended"))
        .join(Home, and_(Home.bucket == Enrolment.bucket, Home.id == Enrolment.home_id))
        .outerjoin(FamilyLink, link)
    )


def _consents() -> Select[Any]:
    """Over when it was taken back, or with what it was given for."""
    enrolment = _enrolments().subquery()
    ended = func.least(Consent.withdrawn_at, enrolment.c.ended)
    return select(Consent.id, ended.label("ended")).join(enrolment, enrolment.c.id == Consent.enrolment_id)


_KINDS: Final = (
    _Kind("agreement", Agreement, partial(_of_home, Agreement, Agreement.person_id)),
    _Kind("card_upgrade", CardUpgrade, partial(_of_home, CardUpgrade, CardUpgrade.person_id)),
    _Kind("sharing_binding", SharingBinding, partial(_of_home, SharingBinding, SharingBinding.owner_id)),
    _Kind("benefit_certification", Certification, partial(_of_home, Certification, Certification.person_id)),
    _Kind("consent", Consent, _consents),
    _Kind("enrolment", Enrolment, _enrolments, (Consent, Attestation, Handover)),
)


async def _slices(db: Database, step: Callable[[_Kind, int, Session], Awaitable[Over | None]]) -> list[Over]:
    found = [await db.run(partial(step, kind, start)) for kind in _KINDS for start in range(0, BUCKETS, _SLICE)]
    return [each for each in found if each is not None]


async def _count(kind: _Kind, start: int, session: Session) -> Over | None:
    due = await _due(kind, start, session)
    count, oldest = (await session.execute(select(func.count(), func.min(due.c.ended)))).one()
    return Over(kind.name, count, oldest) if count else None


async def _delete(kind: _Kind, start: int, session: Session) -> Over | None:
    found = await _count(kind, start, session)
    if found is None:
        return None
    ids = select((await _due(kind, start, session)).c.id)
    for table in kind.with_it:
        await _execute(session, delete(table).where(_within(table, start), table.enrolment_id.in_(ids)))
    await _execute(session, delete(kind.table).where(_within(kind.table, start), kind.table.id.in_(ids)))
    return found


async def _due(kind: _Kind, start: int, session: Session) -> Subquery:
    ended = kind.ended().where(_within(kind.table, start)).subquery()
    return select(ended).where(ended.c.ended < (await _days(session)).living).subquery()


async def _audit(db: Database, cut: CutOf) -> list[Over]:
    found: list[Over] = []
    for start in range(0, BUCKETS, _SLICE):
        for home_id, before in await db.run(partial(_homes, start)):
            done = await db.run(lambda session, each=home_id, before=before: cut(session, each, before))  # type: ignore[misc]
            found += [] if done is None else [Over(AUDIT, done.count, done.oldest)]
    return found


async def _homes(start: int, session: Session) -> Sequence[tuple[UUID, datetime]]:
    """Return the homes with events that go, each with the moment before which those were written."""
    days = await _days(session)
    is_long_gone = Home.erased_at < days.gone
    rows = await session.execute(
        select(Home.id, is_long_gone.label("is_long_gone"))
        .join(AuditEvent, and_(AuditEvent.bucket == Home.bucket, AuditEvent.home_id == Home.id))
        .where(_within(Home, start), or_(AuditEvent.at < days.living, is_long_gone & (AuditEvent.at < days.gone)))
        .distinct()
    )
    return [(row.id, days.gone if row.is_long_gone else days.living) for row in rows]


@dataclass(frozen=True, slots=True)
class _Before:
    """What was over before these moments goes: `living` everywhere, `gone` the audit of closed accounts."""

    living: datetime
    gone: datetime


async def _days(session: Session) -> _Before:
    rules = (await policies.current(session)).erasure
    return _Before(
        living=session.now - timedelta(days=rules.record_days), gone=session.now - timedelta(days=rules.audit_days)
    )


def _added(found: Sequence[Over]) -> Sequence[Over]:
    kinds: dict[str, list[Over]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    return [
        Over(kind, sum(each.count for each in parts), min(each.oldest for each in parts))
        for kind, parts in sorted(kinds.items())
    ]


def _within(table: type[Bucketed], start: int) -> ColumnElement[bool]:
    return table.bucket.between(start, start + _SLICE - 1)


async def _execute(session: Session, statement: Delete) -> None:
    await session.execute(statement.execution_options(synchronize_session=False))
