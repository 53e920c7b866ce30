"""A check is written down first, then told to the first of its providers that answers."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Self
from uuid import UUID

import orjson

from app.core import logging
from app.core.clock import today
from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, Unavailable
from app.models.faces import FaceCheck, FaceCheckState, FacePurpose
from app.ports import Ports
from app.ports.face import FaceMode, FaceReason, FaceRequest, FaceServiceUnavailable, FaceStart
from app.services import audit, outbox, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.faces import checks, choosing, ending, events, tries
from app.services.faces.choosing import Fit
from app.services.people import homes
from app.services.people.ages import age_on
from app.services.people.homes import KnownPerson

_log = logging.logger(__name__)


class FaceConsentNeeded(Conflict):
    """No face is processed without the separate consent for it."""

    code = "face-consent-needed"


class FaceTriesUsed(Conflict):
    """Three tries for this person have failed within 24 hours; people can look instead."""

    code = "face-tries-used"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new check is about: whose face decides what, in which home it was asked for, by whom and where."""

    purpose: FacePurpose
    subject_id: UUID
    home_id: UUID
    account_id: UUID
    device_id: UUID
    channel: str
    member_id: UUID
    birth_date: date = field(repr=False)
    mode: FaceMode
    unit_id: UUID
    handover_id: UUID | None = None
    photo_hmac: bytes | None = field(default=None, repr=False)

    @classmethod
    def live(
        cls, caller: Caller, person: KnownPerson, purpose: FacePurpose, subject_id: UUID, home_id: UUID, unit_id: UUID
    ) -> Self:
        """Return what a check of a person's live face is about, before the camera of whoever calls."""
        return cls(
            purpose=purpose,
            subject_id=subject_id,
            home_id=home_id,
            account_id=caller.account_id,
            device_id=caller.device_id,
            channel=caller.channel,
            member_id=person.id,
            birth_date=person.birth_date,
            mode=FaceMode.LIVE,
            unit_id=unit_id,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A check that is written down, and the providers that may make it, the pinned one first."""

    check: FaceCheck
    providers: tuple[str, ...]


async def begin(session: Session, ports: Ports, opening: Opening, actor: Actor) -> Begun:
    """Write down a check before a provider hears of it; the same unit of work finds its own again.

    A check that is still open for the same subject is given up: the person has started anew.

    Raises:
        FaceTriesUsed: no try is left.
        FaceStartsUsed: too many were started today, by the owner, on the device or for the member.
        FaceServiceUnavailable: no provider makes such checks.
    """
    known = await checks.of_unit(session, opening.home_id, opening.unit_id)
    if known is not None:
        return Begun(known, await _providers(session, ports, opening, known))
    rules = (await policies.current(session)).faces
    if await tries.left(session, opening.home_id, opening.member_id) == 0:
        raise FaceTriesUsed(tries_left=0)
    await tries.count_start(session, opening.home_id, opening.device_id, opening.member_id)
    for older in await checks.open_of(session, opening.home_id, opening.subject_id):
        await ending.end(session, older, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, actor)
    await session.flush()
    check = _opened(opening, session.now, session.now + timedelta(minutes=rules.check_minutes))
    names = await _providers(session, ports, opening, check)
    if not names:
        raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
    check.provider = names[0]
    session.add(check)
    await audit.record(
        session,
        Action.FACE_STARTED,
        home_id=opening.home_id,
        actor=actor,
        on_behalf_of=opening.member_id,
        facts={"check_id": str(check.id), "mode": opening.mode.value, "provider": check.provider, **_told_by(opening)},
    )
    await session.flush()
    return Begun(check, names)


async def tell(db: Database, ports: Ports, begun: Begun, request: FaceRequest) -> FaceStart:
    """Start a check with the first of its providers that answers, and pin it to that one.

    A provider whose money for the day is spent is passed over. The person has not begun: nothing was shown to them.

    Args:
        request: its `callback_url` is that of all providers; each is told its own.

    Raises:
        FaceServiceUnavailable: none answers; nothing counts against the person.
    """
    reason, pinned = FaceReason.PROVIDER_DAILY_LIMIT, begun.check.provider
    for name in begun.providers:
        if not await db.run(partial(tries.book_cost, name)):
            _log.warning("face_provider_spent", provider=name)
            continue
        if name != pinned:
            await db.run(partial(_pin, begun.check.id, name))
            pinned = name
        try:
            return await ports.faces[name].start(replace(request, callback_url=f"{request.callback_url}/{name}"))
        except Unavailable as error:
            reason = error.reason if isinstance(error, FaceServiceUnavailable) else FaceReason.NETWORK
            _log_silence(begun.check.id, name, reason, error)
            await db.run(partial(tries.give_back_cost, name))
    raise FaceServiceUnavailable(reason, retry_after_seconds=30)


async def started(session: Session, check_id: UUID, start: FaceStart) -> FaceCheck:
    """Remember what the provider answered to the start; one that was given up meanwhile it is told of."""
    check = await checks.locked(session, check_id)
    if check.advance(FaceCheckState.STARTED):
        key = await homes.key_of(session, check.home_id)
        check.provider_ref = start.provider_ref
        check.client = key.seal_bytes("face_check.client", check.id, orjson.dumps(dict(start.client)))
        if await events.is_unsettled(session, check.id):  # its provider was faster than this commit
            check.due_at = session.now
    elif check.provider_ref is None:
        check.provider_ref = start.provider_ref
        outbox.tell(session, outbox.Kind.FACE_GIVEN_UP, check.home_id, check_id=str(check.id))
    return check


async def not_started(session: Session, check_id: UUID, device_id: UUID, actor: Actor) -> None:
    """End a check that no provider could start; the start is given back, nothing counts against the person."""
    check = await checks.locked(session, check_id)
    await tries.give_back_start(session, check.home_id, device_id, check.member_id)
    await ending.end(session, check, FaceCheckState.CANCELLED, FaceReason.PROVIDER_BUSY, actor)


async def _providers(session: Session, ports: Ports, opening: Opening, check: FaceCheck) -> tuple[str, ...]:
    rules = (await policies.current(session)).face_providers
    fit = Fit(opening.mode, age_on(opening.birth_date, today(session.now)), opening.channel)
    names = choosing.order(rules, ports.faces, fit, check.id)
    return tuple(sorted(names, key=lambda name: name != check.provider))


async def _pin(check_id: UUID, provider: str, session: Session) -> None:
    check = await checks.locked(session, check_id)
    if check.state is FaceCheckState.STARTING:
        check.provider = provider


def _told_by(opening: Opening) -> dict[str, str]:
    return {} if opening.handover_id is None else {"handover_id": str(opening.handover_id)}


def _log_silence(check_id: UUID, provider: str, reason: FaceReason, error: Unavailable) -> None:
    """Write down what kept a provider from starting a check: the kind of fault, nothing it said."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    _log.warning(
        "face_check_not_started",
        check_id=str(check_id),
        provider=provider,
        reason=reason.value,
        faults=[type(each).__name__ for each in causes],
    )


def _opened(opening: Opening, now: datetime, expires_at: datetime) -> FaceCheck:
    bucket = bucket_of(opening.home_id)
    return FaceCheck(
        bucket=bucket,
        id=new_id(bucket),
        home_id=opening.home_id,
        account_id=opening.account_id,
        purpose=opening.purpose,
        subject_id=opening.subject_id,
        member_id=opening.member_id,
        unit_id=opening.unit_id,
        handover_id=opening.handover_id,
        mode=opening.mode,
        provider="",
        state=FaceCheckState.STARTING,
        photo_hmac=opening.photo_hmac,
        version=1,
        started_at=now,
        expires_at=expires_at,
        due_at=expires_at,
    )
