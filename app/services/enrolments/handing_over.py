"""Hands the face step over to the member's own phone: a link and a spoken code, opened once, taken back at any time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, Denied, NextStep, NotFound, TooMany
from app.core.tokens.handovers import HandoverTokens, Presented
from app.models.audit import ActorKind
from app.models.enrolments import Enrolment, EnrolmentKind, Event, State
from app.models.handovers import Handover, HandoverEnd, HandoverState
from app.ports.face import FaceMode
from app.services import policies, throttles
from app.services.accounts.sessions import Caller, DeviceInfo
from app.services.audit import SYSTEM, Action, Actor
from app.services.enrolments import loading, requirements
from app.services.faces import tries
from app.services.faces.starting import FaceTriesUsed
from app.services.handovers import rows as handovers
from app.services.handovers.holding import NOBODYS_SEED
from app.services.people import homes
from app.services.throttles import Counter, Limit

Remember = Callable[[Session, Handover], Awaitable[None]]


class HandoverNotPossible(Conflict):
    """The face step is by photo, or about oneself: there is nobody with another phone to hand it to."""

    code = "handover-not-possible"


class HandoversUsedUp(TooMany):
    """More links were made today than anybody needs."""

    code = "handovers-used-up"


class HandoverLinkOver(NotFound):
    """The link is not ours, was opened, or is over: one answer for all."""

    code = "handover-link-over"


class HandoverCodeWrong(Denied):
    """The link is right and the spoken code is not; `tries_left` says how many more it takes."""

    code = "handover-code-wrong"


class HandoverCodesUsedUp(Denied):
    """The link is right and the spoken code was wrong for the last time: it takes a new link."""

    code = "handover-codes-used-up"


@dataclass(frozen=True, slots=True)
class Offered:
    """What the owner passes on: the link's code by message, the spoken one by voice."""

    link: str = field(repr=False)
    spoken_code: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What the member's phone holds from now on."""

    token: str = field(repr=False)
    expires_in: int


async def offer(session: Session, caller: Caller, enrolment_id: UUID) -> Handover:
    """Begin a handover; an older one of the same enrolment ends, and so does what was begun by it.

    Raises:
        NotFound, StepNotAllowed, FaceTriesUsed.
        HandoverNotPossible: for oneself, or by photo.
        HandoversUsedUp: too many were made today.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    await requirements.catch_up(session, enrolment)
    loading.require(session, enrolment, Event.HAND_OVER)
    if enrolment.awaits_slot:
        raise enrolment.refusal
    await _require_possible(session, enrolment)
    await _count(session, enrolment)
    handover = await handovers.begin(session, enrolment, caller.account_id, caller.actor)
    enrolment.advance(Event.HAND_OVER, State.FACE_PENDING, session.now)
    return handover


async def offered(session: Session, tokens: HandoverTokens, handover_id: UUID) -> Offered:
    """Return what a handover's owner passes on; asked again, it is the same link and the same code."""
    handover = await handovers.one(session, handover_id)
    return Offered(
        link=tokens.link(handover.id, handover.seed),
        spoken_code=tokens.spoken_code(handover.id, handover.seed),
        expires_in=_seconds_left(session, handover),
    )


async def take_back(session: Session, caller: Caller, enrolment_id: UUID) -> None:
    """Take the open handover of one of the caller's enrolments back; none there is as good.

    Raises:
        NotFound: the enrolment is not the caller's.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    handover = await handovers.open_of(session, enrolment)
    if handover is not None:
        await _end(session, enrolment, handover, HandoverEnd.TAKEN_BACK, caller.actor)


async def open_link(
    db: Database, tokens: HandoverTokens, *, link: str, spoken_code: str, device: DeviceInfo, remember: Remember
) -> None:
    """Open a link with its spoken code (6 digits, 5 tries by policy) on the member's phone; that spends it.

    Args:
        remember: keeps that this unit of work opened it, in the transaction that does.

    Raises:
        HandoverLinkOver: unknown, wrong, opened before, over; a link without its secret is answered by the same
            statements as one of nobody.
        HandoverCodeWrong: with the tries left.
        HandoverCodesUsedUp: this was the last try; it has ended the handover.
    """
    presented = tokens.read_link(link)
    if presented is None:
        raise HandoverLinkOver
    tries_left = await db.run(lambda session: _open(session, tokens, presented, spoken_code, device, remember))
    if tries_left == 0:
        raise HandoverCodesUsedUp(tries_left=0)
    if tries_left is not None:
        raise HandoverCodeWrong(tries_left=tries_left)


async def opened(session: Session, tokens: HandoverTokens, handover_id: UUID) -> Opened:
    """Return what the phone that opened a handover holds; asked again, it is the same token."""
    handover = await handovers.one(session, handover_id)
    return Opened(tokens.token(handover.id, handover.seed), _seconds_left(session, handover))


async def expire(enrolment_id: UUID, session: Session) -> bool:
    """End an enrolment's handover whose time is over, so that the owner who waits hears of it; say whether it did."""
    enrolment = await loading.locked(session, enrolment_id)
    assert enrolment is not None  # its handover refers to it
    found = await handovers.open_of(session, enrolment)
    if found is None or not found.is_over(session.now):
        return False
    await _end(session, enrolment, found, HandoverEnd.EXPIRED, SYSTEM)
    return True


async def _require_possible(session: Session, enrolment: Enrolment) -> None:
    here = f"/v1/enrolments/{enrolment.id}"
    member = await loading.named(session, enrolment)
    assert member is not None  # the face step comes after the details
    is_live = await requirements.face_mode(session, member.birth_date) is FaceMode.LIVE
    if enrolment.kind is EnrolmentKind.OWN_CARD or not is_live:
        raise HandoverNotPossible(next_step=NextStep("face-check", f"{here}/face-checks"))
    if await tries.left(session, enrolment.home_id, member.id) == 0:
        raise FaceTriesUsed(next_step=NextStep("review", f"{here}/review-requests"), tries_left=0)


async def _count(session: Session, enrolment: Enrolment) -> None:
    a_day = (await policies.current(session)).handovers.a_day
    limit = Limit("handovers", a_day, timedelta(days=1))
    counter = Counter(limit, bucket_of(enrolment.home_id), enrolment.home_id.bytes)
    await throttles.require(session, counter, HandoversUsedUp)


async def _open(
    session: Session,
    tokens: HandoverTokens,
    presented: Presented,
    spoken_code: str,
    device: DeviceInfo,
    remember: Remember,
) -> int | None:
    """Open a link, or count a wrong spoken code and return how many tries are left."""
    seen = await handovers.seen(session, presented.handover_id)
    is_ours = tokens.is_link(presented, NOBODYS_SEED if seen is None else seen.seed)
    if seen is None or not is_ours:
        raise HandoverLinkOver
    enrolment = await loading.locked(session, seen.enrolment_id)
    assert enrolment is not None  # the row refers to it
    handover = await handovers.locked(session, seen.id)
    is_theirs = await homes.holder(session, handover.home_id) == handover.account_id  # who handed it over is the owner
    if handover.state is not HandoverState.WAITING or handover.is_over(session.now) or not is_theirs:
        raise HandoverLinkOver
    if not tokens.is_spoken_code(spoken_code, handover.id, handover.seed):
        return await _count_wrong(session, enrolment, handover)
    await _begin_step(session, enrolment, handover, device)
    enrolment.advance(Event.HAND_OVER, State.FACE_PENDING, session.now)
    await remember(session, handover)
    return None


async def _count_wrong(session: Session, enrolment: Enrolment, handover: Handover) -> int:
    handover.tries_left -= 1
    if handover.tries_left == 0:
        await _end(session, enrolment, handover, HandoverEnd.WRONG_CODES, SYSTEM)
    return handover.tries_left


async def _begin_step(session: Session, enrolment: Enrolment, handover: Handover, device: DeviceInfo) -> None:
    """Tie the handover to the device that opened it; the same device is counted as one, whoever's link it opens."""
    handover.advance(HandoverState.OPENED, session.now)
    minutes = (await policies.current(session)).handovers.step_minutes
    handover.expires_at = min(session.now + timedelta(minutes=minutes), enrolment.expires_at)
    known_by = session.lookup.lasting("handover-device", device.id)
    handover.device_id = UUID(bytes=known_by[-16:])
    key = await homes.key_of(session, handover.home_id)
    handover.device_name = key.seal("handover.device_name", handover.id, device.name)
    handover.platform = device.platform
    actor = Actor(ActorKind.PERSON, handover.member_id)
    await handovers.record(session, Action.HANDOVER_OPENED, handover, actor, platform=device.platform)


async def _end(session: Session, enrolment: Enrolment, handover: Handover, because: HandoverEnd, actor: Actor) -> None:
    """End a handover whose enrolment stays at the face step; its version moves, for those who wait."""
    await handovers.end(session, handover, because, actor)
    enrolment.advance(Event.HAND_OVER, State.FACE_PENDING, session.now)


def _seconds_left(session: Session, handover: Handover) -> int:
    return max(0, round((handover.expires_at - session.now).total_seconds()))
