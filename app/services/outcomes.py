"""Brings face checks and cases to their one outcome, whoever brings the news: client, callback, poller or people."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import NotFound, Unavailable
from app.models.documents import Document
from app.models.enrolments import Enrolment
from app.models.faces import OPEN, FaceCheck, FaceCheckState, FacePurpose
from app.ports import Ports
from app.ports.face import FaceCallback, FaceDecision, FaceEvidence, FaceReason, FaceResult, FrameFaceProvider
from app.ports.register import RegisteredPerson
from app.services import audit, documents, files
from app.services.accounts.doers import Doer
from app.services.audit import Actor
from app.services.cards import resets, upgrades
from app.services.certifications import ending as certifications
from app.services.enrolments import checking, finishing, loading
from app.services.faces import checks, ending, events, frames, tries
from app.services.family import reconfirmed
from app.services.links import slots
from app.services.people import homes

_log = logging.logger(__name__)
_DUE_AT_ONCE = 50
_SILENCE = timedelta(seconds=30)
_LOOKS, _LOOK_SECONDS = 10, 0.1


@dataclass(frozen=True, slots=True)
class _About:
    """A check, the number of whose face it is about, and until when we ask about it (None: somebody else does)."""

    check: FaceCheck
    number: str | None = field(repr=False)
    asked_until: datetime | None


async def complete(db: Database, ports: Ports, doer: Doer, check_id: UUID) -> FaceCheck:
    """Ask the provider how one of the doer's checks stands, because the client says it is done.

    Raises:
        NotFound: it is not theirs.
        FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable: nothing has changed; ask again.
    """
    await db.run(lambda session: checks.of_doer(session, doer, check_id))
    return await settle(db, ports, check_id, doer.actor)


async def settle(db: Database, ports: Ports, check_id: UUID, actor: Actor = audit.SYSTEM) -> FaceCheck:
    """Ask the provider about a check and draw the consequence, once, however often this is called.

    One asks at a time; whoever comes meanwhile, or within two seconds of an answer that decides nothing, waits a second
    for theirs and gets the check as it stands then; the poller asks for them. No connection is held while provider and
    register think; the check is looked at again under lock.

    Raises:
        NotFound: there is no such check.
        FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable: nothing has changed.
    """
    about = await db.run(lambda session: _about(session, check_id))
    check, provider_ref = about.check, about.check.provider_ref
    if check.state not in OPEN or provider_ref is None:
        return await db.run(lambda session: _close_if_over(session, check_id, actor))
    until = about.asked_until
    if until is None:
        return await _waited(db, await db.run(lambda session: _stand_by(session, check_id)))
    try:
        result = await _asked(db, ports, check, provider_ref, about.number)
        is_passed = result.decision is FaceDecision.PASSED
        registered = await ports.register.find(about.number) if is_passed and about.number else None
    except BaseException:
        await db.run(lambda session: checks.let_go(session, check_id, until))
        raise
    return await db.run(lambda session: _settle(session, check_id, result, registered, actor))


async def called_back(db: Database, ports: Ports, provider: str, callback: FaceCallback) -> None:
    """Hear a provider: a hint to ask how a check stands; an event that has led to an end before is none.

    Raises:
        FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable: nothing has changed.
    """
    event = ports.faces[provider].event_of(callback)
    if event is None or not await db.run(lambda session: events.is_news(session, provider, event)):
        return
    check = await settle(db, ports, event.check_id)
    if check.state not in OPEN:
        await db.run(lambda session: events.settled(session, provider, event))


async def settle_due(db: Database, ports: Ports) -> int:
    """Ask about the checks that nobody has asked about in time; return how many were looked at."""

    async def due(session: Session) -> Sequence[UUID]:
        rows = await session.scalars(
            select(FaceCheck.id)
            .where(FaceCheck.due_at <= session.now, FaceCheck.state.in_(sorted(OPEN)))
            .order_by(FaceCheck.due_at)
            .limit(_DUE_AT_ONCE)
        )
        return rows.all()

    found = await db.run(due)
    for check_id in found:
        try:
            await _settle_or_put_off(db, ports, check_id)
        except homes.HomeErased:  # ended when it is told that they are gone; it hides no other's checks
            _log.info("face_check_of_nobody", check_id=str(check_id))
    return len(found)


async def _settle_or_put_off(db: Database, ports: Ports, check_id: UUID) -> None:
    try:
        await settle(db, ports, check_id)
    except Unavailable:
        _log.warning("face_provider_silent", check_id=str(check_id))
        await db.run(partial(_put_off, check_id))


async def _put_off(check_id: UUID, session: Session) -> None:
    """Ask a silent provider later, so that it hides no other's checks; when the check's time is over, give it up."""
    check = await _close_if_over(session, check_id, audit.SYSTEM)
    if check.state in OPEN:
        check.due_at = session.now + _SILENCE


async def slot_freed(db: Database, ports: Ports, member_id: UUID) -> int:
    """Give a member's free slots to the enrolments that wait for one; return how many went on."""
    waiting = await db.run(lambda session: slots.waiting(session, member_id))
    number = (await db.run(lambda session: homes.person(session, member_id))).number
    registered = await ports.register.find(number)
    if registered is None or not registered.is_alive:
        return 0
    return sum([await db.run(partial(_go_on, enrolment_id, registered)) for enrolment_id in waiting])


async def given_up(db: Database, ports: Ports, check_id: UUID) -> None:
    """Tell the provider that a check was given up; one that this server has no more need not know.

    Raises:
        FaceServiceUnavailable: the provider does not answer; tell it again.
    """
    check = await db.run(lambda session: session.get(FaceCheck, (bucket_of(check_id), check_id)))
    if check is None or check.provider_ref is None:
        return
    if check.provider not in ports.faces:
        _log.warning("face_provider_gone", check_id=str(check_id), provider=check.provider)
        return
    await checks.provider_of(ports, check).cancel(check.provider_ref)


async def _go_on(enrolment_id: UUID, registered: RegisteredPerson, session: Session) -> bool:
    seen = await session.get(Enrolment, (bucket_of(enrolment_id), enrolment_id))
    if seen is None or seen.member_id is None:
        return False
    await homes.lock(session, {seen.home_id, seen.member_id})
    enrolment = await loading.locked(session, enrolment_id)
    assert enrolment is not None
    return await finishing.get_slot(session, enrolment, registered, audit.SYSTEM)


async def _about(session: Session, check_id: UUID) -> _About:
    """Return what is to be asked about a check; one that a provider knows of is taken, if nobody else has it."""
    until = await checks.take(session, check_id)
    check = await session.get(FaceCheck, (bucket_of(check_id), check_id), populate_existing=True)
    if check is None:
        raise NotFound
    return _About(check, (await homes.person(session, check.member_id)).number, until)


async def _stand_by(session: Session, check_id: UUID) -> FaceCheck:
    """Return a check whose provider somebody else asks; should they hear nothing, the poller asks after them."""
    check = await checks.locked(session, check_id)
    if check.state in OPEN:
        check.advance(FaceCheckState.PROCESSING)
        after = check.asked_until or session.now
        check.due_at = after if check.due_at is None else min(check.due_at, after)
    return check


async def _waited(db: Database, check: FaceCheck) -> FaceCheck:
    """Return a check as it is when it changes, or a second later; no connection is held between."""
    for _ in range(_LOOKS):
        if check.state not in OPEN or await checks.version(db, check.id) != check.version:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return await db.run(lambda session: session.get_one(FaceCheck, (check.bucket, check.id)))


async def _asked(db: Database, ports: Ports, check: FaceCheck, provider_ref: str, number: str | None) -> FaceResult:
    """Ask the provider how a check stands; one that is judged here is judged once all its frames are here."""
    provider = checks.provider_of(ports, check)
    if not isinstance(provider, FrameFaceProvider):
        return await provider.result(provider_ref)
    here = await db.run(lambda session: frames.count(session, check.id))
    if here < provider.challenge(provider_ref).frames:
        return await provider.result(provider_ref)
    photo = await db.run(lambda session: _photo(session, check))
    evidence = FaceEvidence(
        reference=await ports.register.portrait(number) if number else None,
        photo=None if photo is None else await files.read(db, ports.store, photo),
        frames=await frames.read(db, ports.store, check.id),
    )
    return await provider.judge(provider_ref, evidence)


async def _photo(session: Session, check: FaceCheck) -> Document | None:
    """Return the facial photo that a check is about, if it is about one."""
    if check.photo_hmac is None:
        return None
    return await documents.facial_photo(session, check.home_id, check.subject_id)


async def _settle(
    session: Session, check_id: UUID, result: FaceResult, registered: RegisteredPerson | None, actor: Actor
) -> FaceCheck:
    check = await _locked_with_homes(session, check_id)
    if await ending.apply(session, check, result, actor):
        await _draw(session, check, registered, actor)
        if not result.charged:
            await session.flush()
            await tries.give_back_cost(check.provider, session)
    elif check.state in OPEN and check.expires_at <= session.now:
        await _expire(session, check, actor)
    return check


async def _close_if_over(session: Session, check_id: UUID, actor: Actor) -> FaceCheck:
    """End an open check whose time is over."""
    check = await _locked_with_homes(session, check_id)
    if check.state in OPEN and check.expires_at <= session.now:
        await _expire(session, check, actor)
    return check


async def _expire(session: Session, check: FaceCheck, actor: Actor) -> None:
    await ending.end(session, check, FaceCheckState.EXPIRED, FaceReason.TIMED_OUT, actor)
    await _draw(session, check, None, actor)


async def _draw(session: Session, check: FaceCheck, registered: RegisteredPerson | None, actor: Actor) -> None:
    match check.purpose:
        case FacePurpose.ENROLMENT:
            enrolment = await loading.locked(session, check.subject_id)
            assert enrolment is not None
            await checking.ended(session, enrolment, check, registered, actor)
        case FacePurpose.CARD_PASSWORD_RESET:
            await resets.ended(session, check.subject_id, check, actor)
        case FacePurpose.CERTIFICATION:
            await certifications.face_ended(session, check.subject_id, check, actor)
        case FacePurpose.RECONFIRMATION:
            await reconfirmed.ended(session, check.subject_id, check, registered, actor)
        case FacePurpose.CARD_UPGRADE:
            await upgrades.ended(session, check.subject_id, check, actor)


async def _locked_with_homes(session: Session, check_id: UUID) -> FaceCheck:
    """Return a check, locked after the homes it concerns and the enrolment it decides: that order is everybody's."""
    seen = await session.get_one(FaceCheck, (bucket_of(check_id), check_id))
    concerned = {seen.home_id, seen.account_id, seen.member_id}
    if seen.purpose is FacePurpose.RECONFIRMATION:
        concerned |= await reconfirmed.homes_of(session, seen.subject_id)
    await homes.lock(session, concerned)
    if seen.purpose is FacePurpose.ENROLMENT:
        await loading.locked(session, seen.subject_id)
    return await checks.locked(session, check_id)
