"""Handovers as they stand: begun, found, ended. Whoever locks one has locked its enrolment before."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.core.db import Session, bucket_of, new_id
from app.models.enrolments import Enrolment
from app.models.faces import FaceCheck, FaceCheckState
from app.models.handovers import OPEN, Handover, HandoverEnd, HandoverState
from app.ports.face import FaceReason
from app.services import audit, policies
from app.services.audit import Action, Actor
from app.services.faces import checks, ending
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a handover is, as the owner reads it; the device is gone from it once it is over."""

    state: HandoverState
    ended_because: HandoverEnd | None
    expires_at: datetime
    device_name: str | None = field(repr=False)
    platform: str | None
    face_check: FaceCheckState | None


async def begin(session: Session, enrolment: Enrolment, account_id: UUID, actor: Actor) -> Handover:
    """Begin a handover of a locked enrolment, which ends an older one; its link lives 15 minutes (policy)."""
    assert enrolment.member_id is not None  # the face step comes after the details
    await end_open(session, enrolment, HandoverEnd.REPLACED, actor)
    await session.flush()
    rules = (await policies.current(session)).handovers
    until = session.now + timedelta(minutes=rules.link_minutes)
    handover = Handover(
        bucket=enrolment.bucket,
        id=new_id(enrolment.bucket),
        home_id=enrolment.home_id,
        enrolment_id=enrolment.id,
        account_id=account_id,
        member_id=enrolment.member_id,
        state=HandoverState.WAITING,
        seed=os.urandom(16),
        tries_left=rules.tries,
        created_at=session.now,
        expires_at=min(until, enrolment.expires_at),
    )
    session.add(handover)
    await record(session, Action.HANDOVER_OFFERED, handover, actor)
    await session.flush()
    return handover


async def seen(session: Session, handover_id: UUID) -> Handover | None:
    """Return a handover without a lock."""
    found: Handover | None = await session.get(Handover, (bucket_of(handover_id), handover_id), populate_existing=True)
    return found


async def one(session: Session, handover_id: UUID) -> Handover:
    """Return a handover that is there, without a lock."""
    found = await seen(session, handover_id)
    assert found is not None
    return found


async def locked(session: Session, handover_id: UUID) -> Handover:
    """Return a handover that is there, locked."""
    return await session.get_one(
        Handover, (bucket_of(handover_id), handover_id), with_for_update=True, populate_existing=True
    )


async def open_of(session: Session, enrolment: Enrolment) -> Handover | None:
    """Return the handover of an enrolment that is waiting or opened, locked."""
    found: Handover | None = await session.scalar(
        select(Handover)
        .where(*_of(enrolment), Handover.state.in_(sorted(OPEN)))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def progress(session: Session, enrolment: Enrolment) -> Progress | None:
    """Return how far the newest handover of an enrolment is; one whose time is over reads as ended."""
    newest: Handover | None = await session.scalar(
        select(Handover).where(*_of(enrolment)).order_by(Handover.created_at.desc(), Handover.id.desc()).limit(1)
    )
    if newest is None:
        return None
    name = None
    if newest.device_name is not None:
        key = await homes.key_of(session, newest.home_id)
        name = key.open("handover.device_name", newest.id, newest.device_name)
    is_overdue = newest.state in OPEN and newest.is_over(session.now)
    check = await check_of(session, newest)
    return Progress(
        state=HandoverState.ENDED if is_overdue else newest.state,
        ended_because=HandoverEnd.EXPIRED if is_overdue else newest.ended_because,
        expires_at=newest.expires_at,
        device_name=name,
        platform=newest.platform,
        face_check=None if check is None else check.state,
    )


async def check_of(session: Session, handover: Handover) -> FaceCheck | None:
    """Return the face check that was started last by a handover."""
    check: FaceCheck | None = await session.scalar(
        select(FaceCheck)
        .where(
            FaceCheck.bucket == handover.bucket,
            FaceCheck.subject_id == handover.enrolment_id,
            FaceCheck.handover_id == handover.id,
        )
        .order_by(FaceCheck.started_at.desc())
        .limit(1)
    )
    return check


async def end(session: Session, handover: Handover, because: HandoverEnd, actor: Actor) -> None:
    """End a locked handover: link and token are worth nothing any more, and its check is given up.

    A check under way when the time is over comes to its own end: the person is before the camera.
    """
    if not handover.advance(HandoverState.ENDED, session.now):
        return
    handover.ended_because = because
    if because is not HandoverEnd.EXPIRED:
        await give_up_checks(session, handover.home_id, handover.enrolment_id, actor)
    await record(session, Action.HANDOVER_ENDED, handover, actor, because=because.value)


async def end_open(session: Session, enrolment: Enrolment, because: HandoverEnd, actor: Actor) -> None:
    """End what is open of an enrolment's handovers."""
    handover = await open_of(session, enrolment)
    if handover is not None:
        await end(session, handover, HandoverEnd.EXPIRED if handover.is_over(session.now) else because, actor)


async def finish(session: Session, enrolment: Enrolment, actor: Actor) -> None:
    """Close an enrolment's handover because the face step is over; who has opened it may still read how it went."""
    handover = await open_of(session, enrolment)
    if handover is None:
        return
    if handover.state is HandoverState.WAITING:
        await end(session, handover, HandoverEnd.ENROLMENT_CHANGED, actor)
        return
    handover.advance(HandoverState.DONE, session.now)
    await record(session, Action.HANDOVER_ENDED, handover, actor, because=HandoverState.DONE.value)


async def give_up_checks(session: Session, home_id: UUID, enrolment_id: UUID, actor: Actor) -> None:
    """Give up what was started by handovers of an enrolment; a check on the owner's device goes on."""
    for check in await checks.open_of(session, home_id, enrolment_id):
        if check.handover_id is not None:
            await ending.end(session, check, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, actor)


async def disputed_until(session: Session, owner_id: UUID, member_id: UUID) -> datetime | None:
    """Return until when an owner may not name a member, who has disputed that they are to be added."""
    days = (await policies.current(session)).handovers.disputed_days
    last: datetime | None = await session.scalar(
        select(func.max(Handover.ended_at)).where(
            Handover.bucket == bucket_of(owner_id),
            Handover.home_id == owner_id,
            Handover.member_id == member_id,
            Handover.state == HandoverState.DISPUTED,
        )
    )
    until = None if last is None else last + timedelta(days=days)
    return until if until is not None and until > session.now else None


async def due(session: Session, *, most: int) -> Sequence[UUID]:
    """Return enrolments that have a handover whose time is over, across all homes."""
    rows = await session.scalars(
        select(Handover.enrolment_id)
        .where(Handover.state.in_(sorted(OPEN)), Handover.expires_at <= session.now)
        .order_by(Handover.expires_at)
        .limit(most)
    )
    return rows.all()


async def record(session: Session, action: Action, handover: Handover, actor: Actor, **facts: str) -> None:
    """Write an event into the home of the enrolment."""
    await audit.record(
        session,
        action,
        home_id=handover.home_id,
        actor=actor,
        on_behalf_of=handover.member_id,
        facts={"enrolment_id": str(handover.enrolment_id), "handover_id": str(handover.id), **facts},
    )


def _of(enrolment: Enrolment) -> tuple[ColumnElement[bool], ...]:
    return Handover.bucket == enrolment.bucket, Handover.enrolment_id == enrolment.id
