"""Resetting a forgotten card password: the phone's code, then the holder's live face, then a new password."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, NextStep, NotFound, Unavailable
from app.core.passwords import Passwords
from app.models.accounts import SmsPurpose
from app.models.cards import CardPasswordReset, ResetState
from app.models.cases import CasePurpose, CaseReason
from app.models.faces import FaceCheck, FaceCheckState, FacePurpose
from app.ports import Ports
from app.ports.face import COUNTED, FaceMode, FaceReason, FaceRequest, FaceServiceUnavailable, FaceStart
from app.services import audit, cases, outbox, policies
from app.services.accounts import codes, profile
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.cards import passwords as card_passwords
from app.services.cards.passwords import CardPasswordNotSet
from app.services.faces import checks, ending, frames, starting, tries
from app.services.faces.starting import Opening
from app.services.people import homes
from app.services.people.homes import KnownPerson


class ResetNotReady(Conflict):
    """The face has not passed yet, or the reset's hour is over."""

    code = "reset-not-ready"


@dataclass(frozen=True, slots=True)
class ResetView:
    """Where a reset stands, and its newest face check."""

    id: UUID
    state: ResetState
    expires_at: datetime
    check: FaceCheck | None = field(repr=False)


Remember = Callable[[Session, ResetView], Awaitable[None]]


async def begin(
    db: Database,
    ports: Ports,
    caller: Caller,
    *,
    sms_code: str,
    unit_id: UUID,
    device_meta: Mapping[str, str],
    callback_url: str,
    remember: Remember,
) -> None:
    """Begin a reset with the code sent to the account's phone, and start the live face check.

    Raises:
        CardPasswordNotSet: there is no card with a password.
        SmsCodeWrong: the code is not right.
        FaceTriesUsed, FaceStartsUsed.
        FaceServiceUnavailable: provider or register do not answer; the code is good for another try.
    """
    phone = await db.run(lambda session: _phone(session, caller))
    begun = await db.run(lambda session: _begun(session, ports, caller, unit_id))
    if begun is None:
        await _prove(db, phone, sms_code)
        begun = await db.run(lambda session: _open(session, ports, caller, unit_id, phone, sms_code))
    reset, opened, person = begun
    check = opened.check
    try:
        request = FaceRequest(
            check_id=check.id,
            mode=FaceMode.LIVE,
            name=person.name,
            number=person.number,
            reference=await ports.register.portrait(person.number),
            photo=None,
            device_meta=device_meta,
            callback_url=callback_url,
        )
        start = await starting.tell(db, ports, opened, request)
    except Unavailable as error:
        await db.run(lambda session: _give_up(session, check.id, caller, phone, sms_code))
        raise FaceServiceUnavailable(retry_after_seconds=30) from error
    await db.run(lambda session: _record(session, reset, check.id, start, remember))


async def finish(db: Database, passwords: Passwords, caller: Caller, reset_id: UUID, new: str) -> None:
    """Set the new password of a reset whose face has passed.

    Sent again with the same password it changes nothing; whether it is the same is a check like any other.

    Raises:
        NotFound: it is not the caller's.
        ResetNotReady, CardPasswordTooSimple; sent again, what `cards.passwords.check` raises.
    """

    async def prepare(session: Session) -> bool:
        if (await _of_caller(session, caller, reset_id)).state is ResetState.DONE:
            return False
        reset = await _ready(session, caller, reset_id)
        await card_passwords.require_good(session, reset.person_id, caller.account_id, new, "/new")
        return True

    async def store(session: Session) -> None:
        reset = await _ready(session, caller, reset_id)
        await card_passwords.store(session, reset.person_id, hashed, caller.actor)
        reset.state = ResetState.DONE

    if not await db.run(prepare):
        await card_passwords.check(db, passwords, caller, new)
        return
    hashed = await passwords.hash(new)
    await db.run(store)


async def read(session: Session, caller: Caller, reset_id: UUID) -> ResetView:
    """Return one of the caller's resets.

    Raises:
        NotFound: it is not the caller's.
    """
    reset = await _of_caller(session, caller, reset_id)
    check = await checks.newest(session, reset.person_id, reset.id)
    return ResetView(reset.id, reset.state, reset.expires_at, check)


async def ended(session: Session, reset_id: UUID, check: FaceCheck, actor: Actor) -> None:
    """Draw the consequence of a face check that has ended now; a frame of it stays only where people look."""
    reset = await _locked(session, reset_id)
    if check.state is FaceCheckState.PASSED:
        reset.state = ResetState.READY
        await frames.let_go(session, check.id)
        return
    await session.flush()
    is_out_of_tries = check.reason in COUNTED and not await tries.left(session, reset.person_id, reset.person_id)
    if is_out_of_tries or check.reason is FaceReason.SOURCE_PHOTO_MISSING:
        reset.state = ResetState.IN_REVIEW
        await cases.open_case(
            session,
            home_id=reset.person_id,
            purpose=CasePurpose.CARD_PASSWORD_RESET,
            subject_id=reset.id,
            member_id=reset.person_id,
            reason=CaseReason.FACE_FAILED if is_out_of_tries else CaseReason.NO_REFERENCE_PORTRAIT,
            actor=actor,
        )
    else:
        await frames.let_go(session, check.id)


async def decided(session: Session, reset_id: UUID, *, is_approved: bool) -> None:
    """Go on as people decided; the holder has an hour from then."""
    reset = await _locked(session, reset_id)
    await frames.let_go_of(session, reset.person_id, reset.id)
    minutes = (await policies.current(session)).card_passwords.reset_minutes
    reset.state = ResetState.READY if is_approved else ResetState.REJECTED
    reset.expires_at = session.now + timedelta(minutes=minutes)
    message = "card_password_reset_ready" if is_approved else "card_password_reset_declined"
    outbox.tell(session, outbox.Kind.TELL_PERSON, reset.person_id, message=message)


async def attest(session: Session, person_id: UUID, actor: Actor) -> Sequence[UUID]:
    """Let the resets be ready that a holder has begun, who was seen at a window; return them. Their home is locked.

    The holder sets the new password in the app, within the hour: nobody does it for them.
    """
    rows = await session.scalars(
        select(CardPasswordReset)
        .where(
            CardPasswordReset.bucket == bucket_of(person_id),
            CardPasswordReset.person_id == person_id,
            or_(
                CardPasswordReset.state == ResetState.IN_REVIEW,
                and_(CardPasswordReset.state == ResetState.FACE_PENDING, CardPasswordReset.expires_at > session.now),
            ),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = rows.all()
    for reset in found:
        await ending.give_up_open(session, person_id, reset.id, actor)
        await cases.withdraw(session, person_id, reset.id)
        await decided(session, reset.id, is_approved=True)
    return [reset.id for reset in found]


async def _phone(session: Session, caller: Caller) -> str:
    if not caller.is_proven or caller.card_password_version is None:
        raise CardPasswordNotSet
    return await profile.phone_of(session, caller.account_id)


async def _prove(db: Database, phone: str, sms_code: str) -> None:
    guess = await db.run(
        lambda session: codes.spend_try(session, phone=phone, purpose=SmsPurpose.CARD_PASSWORD_RESET, code=sms_code)
    )
    if not guess.is_right:
        raise codes.SmsCodeWrong(tries_left=guess.tries_left)


_Begun = tuple[CardPasswordReset, starting.Begun, KnownPerson]


async def _begun(session: Session, ports: Ports, caller: Caller, unit_id: UUID) -> _Begun | None:
    """Return what the same unit of work began before it was cut off."""
    assert caller.person_id is not None
    check = await checks.of_unit(session, caller.person_id, unit_id)
    if check is None:
        return None
    reset = await session.get_one(CardPasswordReset, (bucket_of(check.subject_id), check.subject_id))
    person = await homes.person(session, caller.person_id)
    opening = Opening.live(caller, person, FacePurpose.CARD_PASSWORD_RESET, reset.id, person.id, unit_id)
    return reset, await starting.begin(session, ports, opening, caller.actor), person


async def _open(session: Session, ports: Ports, caller: Caller, unit_id: UUID, phone: str, sms_code: str) -> _Begun:
    assert caller.person_id is not None
    if begun := await _begun(session, ports, caller, unit_id):  # the commit was not heard
        return begun
    await codes.use(session, phone=phone, purpose=SmsPurpose.CARD_PASSWORD_RESET, code=sms_code)
    await homes.lock(session, {caller.person_id})
    rules = (await policies.current(session)).card_passwords
    bucket = bucket_of(caller.person_id)
    reset = CardPasswordReset(
        bucket=bucket,
        id=new_id(bucket),
        person_id=caller.person_id,
        account_id=caller.account_id,
        state=ResetState.FACE_PENDING,
        created_at=session.now,
        expires_at=session.now + timedelta(minutes=rules.reset_minutes),
    )
    session.add(reset)
    await audit.record(session, Action.CARD_PASSWORD_RESET_STARTED, home_id=caller.person_id, actor=caller.actor)
    person = await homes.person(session, caller.person_id)
    opening = Opening.live(caller, person, FacePurpose.CARD_PASSWORD_RESET, reset.id, person.id, unit_id)
    return reset, await starting.begin(session, ports, opening, caller.actor), person


async def _record(
    session: Session, reset: CardPasswordReset, check_id: UUID, start: FaceStart, remember: Remember
) -> None:
    started = await starting.started(session, check_id, start)
    await session.flush()
    await remember(session, ResetView(reset.id, reset.state, reset.expires_at, started))


async def _ready(session: Session, caller: Caller, reset_id: UUID) -> CardPasswordReset:
    reset = await _of_caller(session, caller, reset_id)
    if reset.state is not ResetState.READY or reset.expires_at <= session.now:
        raise ResetNotReady(next_step=NextStep("start-again", "/v1/card/password-resets"))
    return reset


async def _of_caller(session: Session, caller: Caller, reset_id: UUID) -> CardPasswordReset:
    reset = await session.get(
        CardPasswordReset, (bucket_of(reset_id), reset_id), with_for_update=True, populate_existing=True
    )
    if reset is None or reset.account_id != caller.account_id or not caller.is_proven:
        raise NotFound
    return reset


async def _locked(session: Session, reset_id: UUID) -> CardPasswordReset:
    return await session.get_one(
        CardPasswordReset, (bucket_of(reset_id), reset_id), with_for_update=True, populate_existing=True
    )


async def _give_up(session: Session, check_id: UUID, caller: Caller, phone: str, sms_code: str) -> None:
    await codes.unuse(session, phone=phone, purpose=SmsPurpose.CARD_PASSWORD_RESET, code=sms_code)
    await starting.not_started(session, check_id, caller.device_id, caller.actor)
