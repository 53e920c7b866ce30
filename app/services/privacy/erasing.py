"""Takes a home apart: rows go or lose their names, files are swept, the key is destroyed.

Without the key nothing that was sealed in the home can be read, here or in a backup that has not got it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from app.core.db import Database, Session, bucket_of
from app.models.accounts import Login
from app.models.answers import KeptAnswer
from app.models.base import Base
from app.models.enrolments import Enrolment
from app.models.faces import FaceCheck, FaceFrame
from app.models.outbox import OutboxEvent
from app.models.people import Home, Identifier
from app.services import audit
from app.services.accounts import ties
from app.services.certifications import abandoning
from app.services.enrolments import finishing
from app.services.lookups import PersonNotVerified
from app.services.outbox import Kind
from app.services.people import homes
from app.services.privacy.holdings import HOLDINGS, Fate, Holding

_TOLD_STILL: Final = (
    Kind.FACE_GIVEN_UP.value,
    Kind.HOME_ERASED.value,
    Kind.TELL_CHANNEL.value,
    Kind.GIVE_DRAW_BACK.value,
)


async def look_ups(session: Session, *, account_id: UUID, phone: str, number: str | None) -> None:
    """Delete what finds somebody by their phone, a channel's user or their number, and answers kept for them."""
    await session.execute(
        delete(Login).where(Login.bucket == session.lookup.bucket("phone", phone), Login.account_id == account_id)
    )
    await ties.forget(session, account_id)
    if number is not None:
        bucket = homes.number_bucket(session, number)
        person_id = await homes.find(session, number)
        await session.execute(delete(Identifier).where(Identifier.bucket == bucket, Identifier.person_id == person_id))
    await session.execute(
        delete(KeptAnswer).where(KeptAnswer.bucket == bucket_of(account_id), KeptAnswer.scope == account_id.bytes)
    )


async def rows(session: Session, ids: frozenset[UUID], buckets: Sequence[int]) -> None:
    """Delete what lies in these homes, or empty it of its names; files go with the next sweep."""
    await session.flush()
    order = {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}
    for holding in sorted(HOLDINGS, key=lambda holding: order[holding.name], reverse=True):
        theirs = _theirs(holding, ids, buckets)
        match holding.fate:
            case Fate.DELETED:
                await _execute(session, delete(holding.table).where(theirs))
            case Fate.SWEPT:
                await _execute(session, update(holding.table).where(theirs).values(purge_at=session.now))
            case Fate.RECORD if holding.emptied:
                await _execute(session, update(holding.table).where(theirs).values(dict.fromkeys(holding.emptied)))
            case Fate.RECORD | Fate.AUDIT:
                pass
    frames = update(FaceFrame).where(
        FaceFrame.bucket.in_(buckets),
        FaceFrame.check_id.in_(select(FaceCheck.id).where(FaceCheck.bucket.in_(buckets), FaceCheck.home_id.in_(ids))),
    )
    await _execute(session, frames.values(purge_at=session.now))
    await _execute(
        session,
        delete(OutboxEvent).where(
            OutboxEvent.bucket.in_(buckets), OutboxEvent.home_id.in_(ids), OutboxEvent.kind.not_in(_TOLD_STILL)
        ),
    )
    session.expunge_all()


async def key(session: Session, home_id: UUID) -> None:
    """Destroy a home's key: what is left of the home is an id."""
    home = await session.get_one(Home, (bucket_of(home_id), home_id))
    session.vault.forget(home.wrapped_key)
    await _execute(
        session,
        update(Home)
        .where(Home.bucket == bucket_of(home_id), Home.id == home_id)
        .values(wrapped_key=b"", erased_at=session.now),
    )


async def afterwards(db: Database, account_id: UUID, person_id: UUID) -> None:
    """Empty the applications in which others have named somebody who is gone, and end what is under way.

    They are found across all homes, so this is no part of a request; done again, it finds nothing. What was on its way
    into the homes while they were erased (an answer, a notification) is erased too.
    """
    found = await db.run(lambda session: _naming(session, person_id))
    for enrolment_id in found:
        await db.run(lambda session, each=enrolment_id: _forget_in(session, each))  # type: ignore[misc]
    await abandoning.end_all(db, person_id)
    await db.run(partial(_erase_late, frozenset({account_id, person_id})))


async def _erase_late(ids: frozenset[UUID], session: Session) -> None:
    await homes.lock_rows(session, ids)  # whoever has begun to write there has ended then
    await rows(session, ids, sorted({bucket_of(each) for each in ids}))


async def _naming(session: Session, person_id: UUID) -> Sequence[UUID]:
    return (await session.scalars(select(Enrolment.id).where(Enrolment.member_id == person_id))).all()


async def _forget_in(session: Session, enrolment_id: UUID) -> None:
    seen = await session.get_one(Enrolment, (bucket_of(enrolment_id), enrolment_id))
    if await homes.is_erased(session, seen.home_id):
        return
    await homes.lock(session, {seen.home_id})
    enrolment = await session.get_one(Enrolment, (seen.bucket, seen.id), with_for_update=True, populate_existing=True)
    if enrolment.is_open:
        await finishing.cancel(session, enrolment, audit.SYSTEM, PersonNotVerified.code)
    enrolment.member_id = enrolment.member_name = enrolment.member_number = enrolment.member_birth_date = None


def _theirs(holding: Holding, ids: frozenset[UUID], buckets: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that rows lie in one of these homes, or are of one of these ids."""
    columns = holding.stored.columns
    by = sorted({*holding.by, holding.home})
    return and_(columns["bucket"].in_(buckets), or_(*(columns[name].in_(ids) for name in by)))


async def _execute(session: Session, statement: Any) -> None:
    await session.execute(statement.execution_options(synchronize_session=False))
