"""Adding payment to an e-card (level 2): the holder's agreement, their live face, and a physical card in order.

A live face of theirs that passed within a day (policy) is not asked for again. Whoever would rather not use their face,
and whoever's fails three times, is seen by people. Taken off again, the card is of level 1 at once.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, NextStep, Unavailable
from app.models.cards import CardUpgrade, UpgradeState
from app.models.cases import CaseReason
from app.models.faces import FacePurpose
from app.ports import Ports
from app.ports.face import FaceMode, FaceRequest, FaceServiceUnavailable, FaceStart
from app.services import cases, notices, outbox, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.cards import allowing, following, upgrades
from app.services.cards.allowing import PAYMENT_LEVEL, Use
from app.services.cards.reading import OwnCardNeeded
from app.services.cards.upgrades import UpgradeView
from app.services.faces import checks, ending, frames, passes, starting
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed, Opening
from app.services.faces.tries import FaceStartsUsed
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.homes import KnownPerson

HERE: Final = "/v1/holders/me/card/level-upgrades"
_NOTICE: Final = "card-payment"
_FACE_NOTICE: Final = "face-check"


class PaymentAdded(Conflict):
    """The card pays already."""

    code = "card-payment-added"
    leads_to = NextStep("see-card", "/v1/holders/me/card")


class UpgradeInReview(Conflict):
    """People look at it already."""

    code = "card-payment-in-review"
    leads_to = NextStep("wait-for-review", "/v1/notifications")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the holder agrees to; `with_people` asks for people instead of a face, which takes a consent of its own."""

    shown: Shown
    face_shown: Shown | None
    with_people: bool
    device_meta: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Begun:
    upgrade_id: UUID
    opened: starting.Begun
    person: KnownPerson


Remember = Callable[[Session, UpgradeView], Awaitable[None]]


async def begin(
    db: Database, ports: Ports, caller: Caller, wish: Wish, *, unit_id: UUID, callback_url: str, remember: Remember
) -> None:
    """Add payment to the caller's own card, at once where their face has just passed, or begin to.

    No connection is held while register and provider think.

    Raises:
        OwnCardNeeded: there is no card.
        PaymentAdded, UpgradeInReview, NoticeOutdated, FaceConsentNeeded, FaceTriesUsed, FaceStartsUsed.
        One of `allowing.REFUSALS`: the card as it stands would not pay.
        RegisterUnavailable: whether the physical card is in order cannot be asked.
        FaceServiceUnavailable: nothing counts against the person.
    """
    if caller.person_id is None or not caller.is_proven:
        raise OwnCardNeeded
    await following.refresh(db, ports.register, caller.person_id)
    begun = await db.run(partial(_begin, ports, caller, wish, unit_id, remember))
    if begun is None:
        return
    check, person = begun.opened.check, begun.person
    try:
        request = FaceRequest(
            check_id=check.id,
            mode=FaceMode.LIVE,
            name=person.name,
            number=person.number,
            reference=await ports.register.portrait(person.number),
            photo=None,
            device_meta=wish.device_meta,
            callback_url=callback_url,
        )
        start = await starting.tell(db, ports, begun.opened, request)
    except Unavailable as error:
        await db.run(lambda session: starting.not_started(session, check.id, caller.device_id, caller.actor))
        raise FaceServiceUnavailable(retry_after_seconds=30) from error
    await db.run(partial(_record, begun.upgrade_id, check.id, start, remember))


async def read(session: Session, caller: Caller) -> UpgradeView | None:
    """Return the caller's newest upgrade, if there ever was one.

    Raises:
        OwnCardNeeded: nobody has shown by this account to be its holder.
    """
    person_id = await _holder(session, caller)
    upgrade: CardUpgrade | None = await session.scalar(
        select(CardUpgrade)
        .where(CardUpgrade.bucket == bucket_of(person_id), CardUpgrade.person_id == person_id)
        .order_by(CardUpgrade.agreed_at.desc(), CardUpgrade.id)
        .limit(1)
    )
    return None if upgrade is None else await upgrades.view(session, upgrade)


async def take_off(session: Session, caller: Caller) -> None:
    """Take payment off the caller's card, and back what they agreed to; one that is under way is given up.

    Without payment nothing happens.

    Raises:
        OwnCardNeeded: nobody has shown by this account to be its holder.
    """
    person_id = await _locked_holder(session, caller)
    card = await upgrades.card_of(session, person_id)
    for upgrade in await upgrades.in_force(session, person_id):
        was = upgrade.state
        upgrade.advance(UpgradeState.WITHDRAWN, session.now)
        await ending.give_up_open(session, person_id, upgrade.id, caller.actor)
        await frames.let_go_of(session, person_id, upgrade.id)
        await cases.withdraw(session, person_id, upgrade.id)
        await upgrades.write(session, Action.CONSENT_WITHDRAWN, upgrade, caller.actor, purpose=_NOTICE)
        if was is UpgradeState.DONE:
            outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message="card_payment_removed")
    card.level = 1


async def _begin(
    ports: Ports, caller: Caller, wish: Wish, unit_id: UUID, remember: Remember, session: Session
) -> _Begun | None:
    """Write the agreement down; return the face check that is to be started, if one is."""
    person_id = await _locked_holder(session, caller)
    upgrade = await _of_unit(session, person_id, unit_id)
    if upgrade is None:
        await allowing.require(session, person_id, Use.PAY, to_holder=True, as_level=PAYMENT_LEVEL)
        upgrade = await _agreed(session, person_id, caller, wish)
    if upgrade.state is not UpgradeState.FACE_PENDING:
        pass  # it went on while we were cut off
    elif wish.with_people:
        await upgrades.to_people(session, upgrade, CaseReason.ASKED_FOR, caller.actor)
    elif await _has_fresh_face(session, caller, person_id):
        await upgrades.finish(session, upgrade, caller.actor)
    else:
        _require_face_consent(session, wish)
        person = await homes.person(session, person_id)
        opening = Opening.live(caller, person, FacePurpose.CARD_UPGRADE, upgrade.id, person.id, unit_id)
        return _Begun(upgrade.id, await _opened(session, ports, opening, caller.actor), person)
    await session.flush()
    await remember(session, await upgrades.view(session, upgrade))
    return None


async def _agreed(session: Session, person_id: UUID, caller: Caller, wish: Wish) -> CardUpgrade:
    """Write down what the holder agrees to; of one that waits for a face the agreement is renewed."""
    notices.require_in_force(session, wish.shown, _NOTICE)
    upgrade = next(iter(await upgrades.in_force(session, person_id)), None)
    if upgrade is not None and upgrade.state is UpgradeState.IN_REVIEW:
        raise UpgradeInReview
    if upgrade is not None and upgrade.state is UpgradeState.DONE:
        raise PaymentAdded
    if upgrade is None:
        bucket = bucket_of(person_id)
        upgrade = CardUpgrade(bucket=bucket, id=new_id(bucket), person_id=person_id, state=UpgradeState.FACE_PENDING)
        session.add(upgrade)
    upgrade.account_id, upgrade.device_id, upgrade.channel = caller.account_id, caller.device_id, caller.channel
    shown = wish.shown
    upgrade.notice_version, upgrade.language, upgrade.sha256 = shown.version, shown.language, shown.sha256
    upgrade.agreed_at = session.now
    await session.flush()
    await upgrades.write(session, Action.CONSENT_GIVEN, upgrade, caller.actor, purpose=_NOTICE)
    return upgrade


def _require_face_consent(session: Session, wish: Wish) -> None:
    if wish.face_shown is None:
        raise FaceConsentNeeded(next_step=NextStep("consent", HERE, notices.address(_FACE_NOTICE)))
    notices.require_in_force(session, wish.face_shown, _FACE_NOTICE)


async def _has_fresh_face(session: Session, caller: Caller, person_id: UUID) -> bool:
    """Say whether the holder's face has passed lately, before this very account: nobody else's wish adds payment."""
    hours = (await policies.current(session)).card_payment.face_hours
    if not await passes.is_fresh(session, person_id, timedelta(hours=hours)):
        return False
    check = await passes.last(session, person_id)
    return check is not None and check.account_id == caller.account_id


async def _opened(session: Session, ports: Ports, opening: Opening, actor: Actor) -> starting.Begun:
    try:
        return await starting.begin(session, ports, opening, actor)
    except (FaceTriesUsed, FaceStartsUsed) as error:
        error.next_step = NextStep("add-payment-with-people", HERE)
        raise


async def _record(upgrade_id: UUID, check_id: UUID, start: FaceStart, remember: Remember, session: Session) -> None:
    await starting.started(session, check_id, start)
    await session.flush()
    await remember(session, await upgrades.view(session, await upgrades.locked(session, upgrade_id)))


async def _holder(session: Session, caller: Caller) -> UUID:
    person_id = caller.person_id
    if person_id is None or not caller.is_proven or await homes.holder(session, person_id) != caller.account_id:
        raise OwnCardNeeded
    return person_id


async def _locked_holder(session: Session, caller: Caller) -> UUID:
    if caller.person_id is not None:
        await homes.lock(session, {caller.person_id})
    return await _holder(session, caller)


async def _of_unit(session: Session, person_id: UUID, unit_id: UUID) -> CardUpgrade | None:
    """Return the upgrade for which the same unit of work has begun a face check before it was cut off."""
    check = await checks.of_unit(session, person_id, unit_id)
    return None if check is None else await upgrades.locked(session, check.subject_id)
