"""What may be done with an e-card while its physical card is lost: what its holder has agreed to, and only so long."""

from typing import Final

from app.core.db import Session
from app.models.cards import Card
from app.services import agreements, policies

NOTICE: Final = "lost-card"


async def takes_consent(session: Session, card: Card) -> bool:
    """Say whether a card stands so that something of it takes a consent."""
    rules = (await policies.current(session, card.region)).card_status
    return card.closed_at is None and bool(rules.after_consent.get(card.physical_status.value))


async def follow(session: Session, card: Card, *, is_new: bool) -> None:
    """Let the consent end by itself once the card is replaced, or is lost no longer; the home is locked."""
    if card.loss_agreed_at is not None and (is_new or not await takes_consent(session, card)):
        card.loss_agreed_at = None
        await agreements.lapse(session, card.person_id, NOTICE)
