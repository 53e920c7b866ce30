"""Recipients and certifications as rows: found, locked, and what they hold, opened. The person's home comes first."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import today
from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import NotFound
from app.models.certifications import Certification, CertificationState, Recipient, Standing
from app.ports.certifications import Entitlement
from app.services.people import homes

_ENTITLEMENT: TypeAdapter[Entitlement] = TypeAdapter(Entitlement)
_VERSION = hot("SELECT version FROM benefit_certification WHERE bucket = $1 AND id = $2")


async def recipient(session: Session, person_id: UUID) -> Recipient | None:
    """Return what is known of somebody's benefits, without a lock; None before anybody has asked."""
    found: Recipient | None = await session.get(Recipient, (bucket_of(person_id), person_id), populate_existing=True)
    return found


async def locked(session: Session, person_id: UUID) -> Recipient:
    """Return somebody's row, locked; made where there is none. Their home is locked."""
    fresh = {"state": Standing.NOT_DUE, "staged_on": today(session.now), "look_at": session.now}
    await session.execute(
        insert(Recipient).values(bucket=bucket_of(person_id), person_id=person_id, **fresh).on_conflict_do_nothing()
    )
    return await session.get_one(
        Recipient, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )


async def entitlement(session: Session, of: Recipient) -> Entitlement:
    """Return what the authority said last of somebody; nothing before it was asked."""
    if of.record is None:
        return Entitlement()
    key = await homes.key_of(session, of.person_id)
    return _ENTITLEMENT.validate_json(key.open_bytes("benefit_recipient.record", of.person_id, of.record))


async def keep(session: Session, of: Recipient, said: Entitlement) -> None:
    """Keep what the authority says, sealed."""
    key = await homes.key_of(session, of.person_id)
    of.record = key.seal_bytes("benefit_recipient.record", of.person_id, _ENTITLEMENT.dump_json(said))
    of.learned_at = session.now


async def of_unit(session: Session, person_id: UUID, unit_id: UUID) -> Certification | None:
    """Return the certification that a unit of work has begun."""
    return await _one(session, person_id, Certification.unit_id == unit_id)


async def open_of(session: Session, person_id: UUID, account_id: UUID) -> Certification | None:
    """Return the certification by face that an account has under way for somebody."""
    return await _one(
        session,
        person_id,
        Certification.account_id == account_id,
        Certification.state == CertificationState.OPEN,
    )


async def in_review(session: Session, person_id: UUID) -> Certification | None:
    """Return the certification of somebody's that people look at."""
    return await _one(session, person_id, Certification.state == CertificationState.IN_REVIEW)


async def under_way(session: Session, person_id: UUID) -> Sequence[Certification]:
    """Return the certifications of somebody's that wait for a face or for people, locked, the newest first."""
    rows = await session.scalars(
        select(Certification)
        .where(
            Certification.bucket == bucket_of(person_id),
            Certification.person_id == person_id,
            Certification.state.in_([CertificationState.OPEN, CertificationState.IN_REVIEW]),
        )
        .order_by(Certification.created_at.desc(), Certification.id.desc())
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def success(session: Session, person_id: UUID, day: date) -> Certification | None:
    """Return the certification that has succeeded for somebody on a day, or of which the authority is yet to hear."""
    is_done = (Certification.state == CertificationState.PASSED) & (Certification.certified_on == day)
    return await _one(session, person_id, is_done | (Certification.state == CertificationState.REPORTING))


async def page(
    session: Session, person_id: UUID, *, before: tuple[datetime, UUID] | None, most: int
) -> Sequence[Certification]:
    """Return somebody's certifications, the newest first."""
    rows = await session.scalars(
        select(Certification)
        .where(
            Certification.bucket == bucket_of(person_id),
            Certification.person_id == person_id,
            *([] if before is None else [tuple_(Certification.created_at, Certification.id) < before]),
        )
        .order_by(Certification.created_at.desc(), Certification.id.desc())
        .limit(most)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def of_person(session: Session, person_id: UUID, certification_id: UUID) -> Certification:
    """Return one of somebody's certifications, without a lock.

    Raises:
        NotFound: it is not theirs.
    """
    found: Certification | None = await session.get(
        Certification, (bucket_of(certification_id), certification_id), populate_existing=True
    )
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


async def seen(session: Session, certification_id: UUID) -> Certification:
    """Return a certification that is there, without a lock."""
    return await session.get_one(Certification, (bucket_of(certification_id), certification_id), populate_existing=True)


async def certification(session: Session, certification_id: UUID) -> Certification:
    """Return a certification that is there, locked; the home of its person is."""
    return await session.get_one(
        Certification, (bucket_of(certification_id), certification_id), with_for_update=True, populate_existing=True
    )


async def address(session: Session, of: Certification) -> str | None:
    """Return where a home visit is wanted; None once it is decided."""
    if of.address is None:
        return None
    key = await homes.key_of(session, of.person_id)
    return key.open("benefit_certification.address", of.id, of.address)


async def version(db: Database, certification_id: UUID) -> int | None:
    """Return a certification's version in one trip, without a lock: for those who wait for it to change."""
    rows = await db.fetch(_VERSION, bucket_of(certification_id), certification_id)
    return rows[0]["version"] if rows else None


async def _one(session: Session, person_id: UUID, *where: ColumnElement[bool]) -> Certification | None:
    found: Certification | None = await session.scalar(
        select(Certification)
        .where(Certification.bucket == bucket_of(person_id), Certification.person_id == person_id, *where)
        .order_by(Certification.created_at)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found
