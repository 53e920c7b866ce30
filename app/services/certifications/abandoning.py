"""Ends what is under way by or for somebody who has closed their account, in the homes of others."""

from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.models.certifications import Certification, CertificationState
from app.services import audit, cases
from app.services.audit import Action
from app.services.certifications import ending, rows
from app.services.faces import ending as face_ending
from app.services.faces import frames
from app.services.people import homes

_UNDER_WAY: Final = (CertificationState.OPEN, CertificationState.IN_REVIEW)


async def end_all(db: Database, person_id: UUID) -> None:
    """End what somebody who is gone had begun for others, and the checks and cases that others had begun for them.

    They are found across all homes, so this is no part of a request; done again, it changes nothing.
    """
    for certification_id in await db.run(partial(_for_others, person_id)):
        await db.run(partial(_end, certification_id))
    for certification_id in await db.run(partial(_by_others, person_id)):
        await db.run(partial(_let_go, certification_id))


async def _for_others(person_id: UUID, session: Session) -> Sequence[UUID]:
    found = await session.scalars(
        select(Certification.id).where(Certification.home_id == person_id, Certification.state.in_(_UNDER_WAY))
    )
    return found.all()


async def _by_others(person_id: UUID, session: Session) -> Sequence[UUID]:
    found = await session.scalars(
        select(Certification.id).where(
            Certification.bucket == bucket_of(person_id),
            Certification.person_id == person_id,
            Certification.home_id != person_id,
        )
    )
    return found.all()


async def _end(certification_id: UUID, session: Session) -> None:
    """Let a member be certified anew: the check and the case are gone with whoever had asked."""
    seen = await rows.seen(session, certification_id)
    await homes.lock_rows(session, {seen.home_id, seen.person_id})
    certification = await rows.certification(session, certification_id)
    if certification.state not in _UNDER_WAY or await homes.is_erased(session, certification.person_id):
        return
    if certification.state is CertificationState.IN_REVIEW:
        await ending.reject(session, certification, audit.SYSTEM)
    else:
        certification.advance(CertificationState.CANCELLED, session.now)
        await ending.record(session, Action.CERTIFICATION_ENDED, certification, audit.SYSTEM)


async def _let_go(certification_id: UUID, session: Session) -> None:
    """End the check and the case of somebody who is gone, in the home of whoever had asked."""
    seen = await rows.seen(session, certification_id)
    if await homes.is_erased(session, seen.home_id):
        return
    await homes.lock_rows(session, {seen.home_id, seen.person_id})
    await face_ending.give_up_open(session, seen.home_id, seen.id, audit.SYSTEM)
    await frames.let_go_of(session, seen.home_id, seen.id)
    await cases.withdraw(session, seen.home_id, seen.id)
