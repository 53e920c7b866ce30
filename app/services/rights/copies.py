"""Keeps the authorities' last answers about a person for a while, sealed: fresh ones spare them the question."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.sealing import DataKey
from app.models.insurance import InsuranceCopy
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class Copy:
    """An answer as it was kept, and when it came."""

    content: bytes = field(repr=False)
    fetched_at: datetime


async def find(session: Session, key: DataKey, home_id: UUID, subjects: Collection[str]) -> Mapping[str, Copy]:
    """Return what is kept of a person, by subject."""
    rows = await session.execute(
        select(InsuranceCopy.subject, InsuranceCopy.content, InsuranceCopy.fetched_at).where(
            InsuranceCopy.bucket == bucket_of(home_id),
            InsuranceCopy.home_id == home_id,
            InsuranceCopy.subject.in_(subjects),
        )
    )
    return {
        row.subject: Copy(key.open_bytes(_column(row.subject), home_id, row.content), row.fetched_at) for row in rows
    }


async def keep(session: Session, home_id: UUID, contents: Mapping[str, bytes]) -> None:
    """Keep new answers about a person, by subject; one that was asked for later stays."""
    key = await homes.key_of(session, home_id)
    for subject in sorted(contents):  # always in the same order, so that no two who keep wait for each other
        row = insert(InsuranceCopy).values(
            bucket=bucket_of(home_id),
            home_id=home_id,
            subject=subject,
            content=key.seal_bytes(_column(subject), home_id, contents[subject]),
            fetched_at=session.now,
        )
        newer = {"content": row.excluded.content, "fetched_at": row.excluded.fetched_at}
        await session.execute(
            row.on_conflict_do_update(
                index_elements=[InsuranceCopy.bucket, InsuranceCopy.home_id, InsuranceCopy.subject],
                set_=newer,
                where=InsuranceCopy.fetched_at <= row.excluded.fetched_at,
            )
        )


def _column(subject: str) -> str:
    return f"insurance_copy.content.{subject}"
