"""Upgrades of e-cards to payment as they stand, and how they end: by the holder's face, or by people."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import AppError
from app.models.cards import OPEN_UPGRADES, Card, CardUpgrade, UpgradeState
from app.models.cases import Case, CasePurpose, CaseReason, CaseState
from app.models.faces import FaceCheck, FaceCheckState
from app.ports.face import COUNTED, FaceReason
from app.services import audit, cases, outbox
from app.services.audit import Action, Actor
from app.services.cards import allowing
from app.services.cards.allowing import PAYMENT_LEVEL, Use
from app.services.cards.reading import OwnCardNeeded
from app.services.faces import checks, ending, frames, tries


@dataclass(frozen=True, slots=True)
class UpgradeView:
    """Where an upgrade stands, and its newest face check."""

    id: UUID
    state: UpgradeState
    rejection: str | None
    check: FaceCheck | None = field(repr=False)


async def ended(session: Session, upgrade_id: UUID, check: FaceCheck, actor: Actor) -> None:
    """Draw the consequence of a face check that has ended now; the person's home is locked."""
    upgrade = await locked(session, upgrade_id)
    if upgrade.state is UpgradeState.FACE_PENDING and check.state is FaceCheckState.PASSED:
        await frames.let_go(session, check.id)
        await finish(session, upgrade, actor)
        return
    await session.flush()
    reason = await _needs_people(session, check)
    if upgrade.state is UpgradeState.FACE_PENDING and reason is not None:
        await to_people(session, upgrade, reason, actor)
    else:
        await frames.let_go(session, check.id)


async def decided(session: Session, case: Case, actor: Actor) -> None:
    """Go on as people decided; the person's home is locked."""
    upgrade = await locked(session, case.subject_id)
    await frames.let_go_of(session, upgrade.person_id, upgrade.id)
    if case.state is CaseState.APPROVED:
        await finish(session, upgrade, actor)
    else:
        _reject(session, upgrade, case.decision_reason)


async def finish(session: Session, upgrade: CardUpgrade, actor: Actor) -> None:
    """Add payment, unless the card has been shut since the holder agreed."""
    card = await card_of(session, upgrade.person_id)
    try:
        await allowing.require(session, upgrade.person_id, Use.PAY, to_holder=True, as_level=PAYMENT_LEVEL)
    except AppError as error:
        _reject(session, upgrade, error.code)
        return
    if upgrade.advance(UpgradeState.DONE, session.now):
        card.level = PAYMENT_LEVEL
        await write(session, Action.CARD_PAYMENT_ADDED, upgrade, actor)
        outbox.tell(session, outbox.Kind.TELL_PERSON, upgrade.person_id, message="card_payment_added")


async def to_people(session: Session, upgrade: CardUpgrade, reason: CaseReason, actor: Actor) -> None:
    """Let people decide; a face check that is under way is given up."""
    upgrade.advance(UpgradeState.IN_REVIEW, session.now)
    await session.flush()
    await ending.give_up_open(session, upgrade.person_id, upgrade.id, actor)
    await cases.open_case(
        session,
        home_id=upgrade.person_id,
        purpose=CasePurpose.CARD_UPGRADE,
        subject_id=upgrade.id,
        member_id=upgrade.person_id,
        reason=reason,
        actor=actor,
    )


async def write(session: Session, action: Action, upgrade: CardUpgrade, actor: Actor, **facts: str) -> None:
    """Write down in the holder's home what was done about an upgrade."""
    await audit.record(
        session, action, home_id=upgrade.person_id, actor=actor, facts={"upgrade_id": str(upgrade.id), **facts}
    )


async def view(session: Session, upgrade: CardUpgrade) -> UpgradeView:
    """Return an upgrade as its holder reads it."""
    check = await checks.newest(session, upgrade.person_id, upgrade.id)
    return UpgradeView(upgrade.id, upgrade.state, upgrade.rejection, check)


async def card_of(session: Session, person_id: UUID) -> Card:
    """Return a person's card, locked.

    Raises:
        OwnCardNeeded: there is none.
    """
    card: Card | None = await session.get(
        Card, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )
    if card is None:
        raise OwnCardNeeded
    return card


async def in_force(session: Session, person_id: UUID) -> list[CardUpgrade]:
    """Return the upgrade that is open and the one by which the card pays, locked: of each there is one at most."""
    rows = await session.scalars(
        select(CardUpgrade)
        .where(
            CardUpgrade.bucket == bucket_of(person_id),
            CardUpgrade.person_id == person_id,
            CardUpgrade.state.in_(sorted({*OPEN_UPGRADES, UpgradeState.DONE})),
        )
        .order_by(CardUpgrade.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def locked(session: Session, upgrade_id: UUID) -> CardUpgrade:
    """Return an upgrade, locked."""
    return await session.get_one(
        CardUpgrade, (bucket_of(upgrade_id), upgrade_id), with_for_update=True, populate_existing=True
    )


def _reject(session: Session, upgrade: CardUpgrade, reason: str | None) -> None:
    if upgrade.advance(UpgradeState.REJECTED, session.now):
        upgrade.rejection = reason
        outbox.tell(session, outbox.Kind.TELL_PERSON, upgrade.person_id, message="card_payment_declined")


async def _needs_people(session: Session, check: FaceCheck) -> CaseReason | None:
    if check.reason is FaceReason.SOURCE_PHOTO_MISSING:
        return CaseReason.NO_REFERENCE_PORTRAIT
    is_last = check.reason in COUNTED and not await tries.left(session, check.member_id, check.member_id)
    return CaseReason.FACE_FAILED if is_last else None
