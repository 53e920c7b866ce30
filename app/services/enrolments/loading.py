"""Finds an enrolment as the one who may go on with it, and opens what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import NextStep, NotFound, PreconditionFailed, PreconditionRequired
from app.models.consents import Consent, ConsentPurpose
from app.models.enrolments import Enrolment, EnrolmentKind, Event, State, StepNotAllowed
from app.services import notices
from app.services.accounts.doers import Applicant
from app.services.people import homes

_VERSION = hot("SELECT version FROM enrolment WHERE bucket = $1 AND id = $2")


@dataclass(frozen=True, slots=True)
class Named:
    """Whom an enrolment is about, opened."""

    id: UUID
    name: str = field(repr=False)
    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    relationship: str | None


async def of_caller(session: Session, caller: Applicant, enrolment_id: UUID) -> Enrolment:
    """Return one of the caller's enrolments, locked.

    One for a relative belongs to the person, whichever account holds them; one for oneself to the account.

    Raises:
        NotFound: it is not the caller's.
    """
    enrolment = await locked(session, enrolment_id)
    if enrolment is None or not _is_of(enrolment, caller):
        raise NotFound
    return enrolment


async def of_caller_unlocked(session: Session, caller: Applicant, enrolment_id: UUID) -> Enrolment:
    """Return the same without a lock, to learn which homes to lock first.

    Raises:
        NotFound: it is not the caller's.
    """
    enrolment = await session.get(Enrolment, (bucket_of(enrolment_id), enrolment_id), populate_existing=True)
    if enrolment is None or not _is_of(enrolment, caller):
        raise NotFound
    return enrolment


async def for_event(session: Session, caller: Applicant, enrolment_id: UUID, event: Event) -> Enrolment:
    """Return one of the caller's enrolments, locked, when its state answers an event.

    Raises:
        NotFound: it is not the caller's.
        StepNotAllowed: its state does not answer the event, or its time is over.
    """
    enrolment = await of_caller(session, caller, enrolment_id)
    require(session, enrolment, event)
    return enrolment


def require(session: Session, enrolment: Enrolment, event: Event) -> None:
    """Check that an enrolment's state answers an event and its time is not over.

    Raises:
        StepNotAllowed: it does not, or it is.
    """
    if is_overdue(session, enrolment):
        raise StepNotAllowed(next_step=NextStep("start-again", "/v1/enrolments"))
    enrolment.require(event)


def consenting(here: str, purpose: ConsentPurpose) -> NextStep:
    """Return the step of agreeing to one thing, for which the notice of that name was read."""
    return NextStep("consent", f"{here}/consents/{purpose.value}", notices.address(purpose.value))


def is_overdue(session: Session, enrolment: Enrolment) -> bool:
    """Say whether an open enrolment's time is over; none runs in review."""
    return enrolment.is_open and enrolment.state is not State.IN_REVIEW and enrolment.expires_at <= session.now


def require_seen(enrolment: Enrolment, seen: int | None) -> None:
    """Check that whoever changes an earlier step has seen what later ones it undoes.

    Raises:
        PreconditionRequired: no version was given.
        PreconditionFailed: it is not the present one.
    """
    require_version(enrolment, seen, NextStep("read-again", f"/v1/enrolments/{enrolment.id}"))


def require_version(enrolment: Enrolment, seen: int | None, to_read: NextStep) -> None:
    """Check that somebody has seen an enrolment as it is.

    Raises:
        PreconditionRequired: no version was given.
        PreconditionFailed: it is not the present one.
    """
    if seen is None:
        raise PreconditionRequired(next_step=to_read)
    if seen != enrolment.version:
        raise PreconditionFailed(next_step=to_read)


async def locked(session: Session, enrolment_id: UUID) -> Enrolment | None:
    """Return an enrolment, locked."""
    enrolment: Enrolment | None = await session.get(
        Enrolment, (bucket_of(enrolment_id), enrolment_id), with_for_update=True, populate_existing=True
    )
    return enrolment


async def version(db: Database, enrolment_id: UUID) -> int | None:
    """Return an enrolment's version in one trip, without a lock: for those who wait for it to change."""
    rows = await db.fetch(_VERSION, bucket_of(enrolment_id), enrolment_id)
    return rows[0]["version"] if rows else None


async def open_of(session: Session, caller: Applicant) -> Sequence[Enrolment]:
    """Return the caller's open enrolments, the newest first: in the account's home and in the person's."""
    found: list[Enrolment] = []
    for home_id in dict.fromkeys((caller.account_id, caller.home_id)):
        rows = await session.scalars(
            select(Enrolment)
            .where(
                Enrolment.bucket == bucket_of(home_id),
                Enrolment.home_id == home_id,
                Enrolment.ended_at.is_(None),
                are_of(caller),
            )
            .limit(100)
        )
        found += [row for row in rows if not is_overdue(session, row)]
    return sorted(found, key=lambda row: row.created_at, reverse=True)


async def holds_member(session: Session, enrolment: Enrolment) -> bool:
    """Say whether an own card's enrolment is by the account whose holder was shown last to be the person.

    Another may have taken the person over since; then nothing of theirs is for this one to change.
    """
    if enrolment.kind is not EnrolmentKind.OWN_CARD or enrolment.member_id is None:
        return False
    return (await homes.person(session, enrolment.member_id)).account_id == enrolment.account_id


async def named(session: Session, enrolment: Enrolment) -> Named | None:
    """Return whom an enrolment is about, once its details are given."""
    if enrolment.member_id is None:
        return None
    assert enrolment.member_name is not None
    assert enrolment.member_number is not None
    assert enrolment.member_birth_date is not None
    key = await homes.key_of(session, enrolment.home_id)
    birth_date = key.open("enrolment.member_birth_date", enrolment.id, enrolment.member_birth_date)
    return Named(
        id=enrolment.member_id,
        name=key.open("enrolment.member_name", enrolment.id, enrolment.member_name),
        number=key.open("enrolment.member_number", enrolment.id, enrolment.member_number),
        birth_date=date.fromisoformat(birth_date),
        relationship=enrolment.relationship,
    )


async def consents(session: Session, enrolment: Enrolment) -> dict[ConsentPurpose, Consent]:
    """Return the consents that an enrolment has and nobody has withdrawn."""
    rows = await session.scalars(
        select(Consent).where(
            Consent.bucket == enrolment.bucket, Consent.enrolment_id == enrolment.id, Consent.withdrawn_at.is_(None)
        )
    )
    return {row.purpose: row for row in rows}


def are_of(caller: Applicant) -> ColumnElement[bool]:
    """Return the condition that enrolments are the caller's, by the rules of `of_caller`."""
    own = (Enrolment.kind == EnrolmentKind.OWN_CARD) & (Enrolment.account_id == caller.account_id)
    if not caller.is_proven:
        return own
    return own | ((Enrolment.kind == EnrolmentKind.FAMILY_MEMBER) & (Enrolment.owner_id == caller.person_id))


def _is_of(enrolment: Enrolment, caller: Applicant) -> bool:
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        return enrolment.account_id == caller.account_id
    return caller.is_proven and enrolment.owner_id == caller.person_id
