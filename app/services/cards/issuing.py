"""Issues e-cards: one for a person, an issue number for each channel."""

import secrets
from dataclasses import replace
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, NextStep
from app.models.cards import Card, CardIssue
from app.models.channels import CardEvent
from app.models.people import Proof
from app.ports.register import PhysicalCardStatus, RegisteredPerson
from app.services import audit, policies
from app.services.audit import Action, Actor
from app.services.cards import announcing
from app.services.cards.allowing import (
    CardCancelled,
    CardIsLocked,
    CardNotActivated,
    NoPhysicalCard,
    Standing,
    Use,
    refusal,
)
from app.services.people import homes

_REFUSALS: dict[PhysicalCardStatus, type[Conflict]] = {
    PhysicalCardStatus.APPLICATION_LOCKED: CardIsLocked,
    PhysicalCardStatus.NOT_ACTIVATED: CardNotActivated,
    PhysicalCardStatus.CANCELLED: CardCancelled,
}


async def require_issuable(session: Session, registered: RegisteredPerson) -> None:
    """Check that an e-card may be issued on this person's physical card.

    Raises:
        NoPhysicalCard, CardIsLocked, CardNotActivated, CardCancelled.
    """
    in_the_way = await obstacle(session, registered)
    if in_the_way is not None:
        raise in_the_way(next_step=NextStep("see-offices", f"/v1/offices?region={registered.region}"))


async def obstacle(session: Session, registered: RegisteredPerson) -> type[Conflict] | None:
    """Return what stands in the way of an e-card on this person's physical card, if anything does."""
    if registered.card is None:
        return NoPhysicalCard
    if not await _is_issuable(session, registered):
        return _REFUSALS.get(registered.card.status, CardIsLocked)
    return None


async def issue(
    session: Session,
    person_id: UUID,
    registered: RegisteredPerson,
    *,
    channel: str,
    actor: Actor,
    proof: Proof | None = None,
) -> bool:
    """Issue the person's e-card in a channel, where the physical card allows it; once, however often asked.

    What we are told of the physical card may be older than what is written by now, so the register is asked again soon.

    Args:
        proof: how it was seen now who the holder is, if it was.

    Returns:
        Whether there is an e-card now.
    """
    if registered.card is None or not await _is_issuable(session, registered):
        return False
    bucket = bucket_of(person_id)
    key = await homes.key_of(session, person_id)
    issued = await session.scalar(
        insert(Card)
        .values(
            bucket=bucket,
            person_id=person_id,
            level=1,
            region=registered.region,
            physical_status=registered.card.status,
            card_number=key.seal("card.card_number", person_id, registered.card.number),
            issued_at=session.now,
            ask_due_at=session.now,
            proof=proof,
        )
        .on_conflict_do_update(
            index_elements=[Card.bucket, Card.person_id],
            set_={"ask_due_at": session.now} | ({} if proof is None else {"proof": proof}),
        )
        .returning(Card.issued_at)
    )
    await add_channel(session, person_id, channel)
    if issued == session.now:
        await audit.record(
            session, Action.CARD_ISSUED, home_id=person_id, actor=actor, facts={"channel": channel, "level": 1}
        )
    return True


async def add_channel(session: Session, person_id: UUID, channel: str) -> bool:
    """Give a person's e-card an issue number in a channel; say whether it had none there."""
    added = await session.scalar(
        insert(CardIssue)
        .values(
            bucket=bucket_of(person_id),
            person_id=person_id,
            channel=channel,
            issue_number=f"{secrets.randbelow(10**20):020}",
            issued_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(CardIssue.issued_at)
    )
    if added is not None:
        await announcing.announce(session, person_id, CardEvent.ISSUED, channel=channel)
    return added is not None


async def activate(session: Session, person_id: UUID) -> None:
    """Remember that the holder has set a password: the card is theirs to use."""
    card = await session.get_one(Card, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True)
    card.activated_at = card.activated_at or session.now


async def deactivate(session: Session, person_id: UUID) -> None:
    """Remember that the holder no longer wants to use the card; a new enrolment takes it into use again."""
    card = await session.get_one(Card, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True)
    card.activated_at = None


async def is_taken_up(session: Session, person_id: UUID) -> bool:
    """Say whether the person has an e-card with a password, whatever it allows now."""
    card = await session.get(Card, (bucket_of(person_id), person_id))
    return card is not None and card.activated_at is not None


async def is_active(session: Session, person_id: UUID) -> bool:
    """Say whether the person has an e-card with a password that may be used."""
    card = await session.get(Card, (bucket_of(person_id), person_id))
    rules = (await policies.current(session)).card_status
    if card is None or card.activated_at is None:
        return False
    standing = replace(Standing.of(card, to_holder=True), is_loss_agreed=True)  # a lost card is a card
    return refusal(standing, Use.VIEW, rules) is None


async def _is_issuable(session: Session, registered: RegisteredPerson) -> bool:
    rules = (await policies.current(session, registered.region)).card_status
    return registered.card is not None and registered.card.status.value in rules.issue
