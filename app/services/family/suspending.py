"""Suspends an e-card and lifts that again: one's own at any age, a child's by who files for them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict
from app.models.cards import Card
from app.models.channels import CardEvent
from app.services import audit, authority, outbox, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.cards import announcing
from app.services.cards.allowing import NoPhysicalCard
from app.services.links import Service
from app.services.people import homes
from app.services.people.ages import is_under


class HolderDecides(Conflict):
    """From 16 on the holder alone suspends their card and lifts that."""

    code = "holder-decides"


@dataclass(frozen=True, slots=True)
class Suspension:
    """Since when a card is suspended, and whether its holder wanted that."""

    since: datetime
    is_by_holder: bool


async def suspend(db: Database, caller: Caller, holder: UUID | None) -> Suspension:
    """Let the card show no code and file nothing; suspended already, it stays as it is.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
        NoPhysicalCard: there is no e-card.
        HolderDecides: the member is 16.
    """
    return await authority.act(db, caller, holder, Service.FILE, _suspend)


async def lift(db: Database, caller: Caller, holder: UUID | None) -> None:
    """Let the card be used again, as far as its physical card allows; not suspended is as good.

    Who has come to be 16 lifts what an owner has suspended.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
        NoPhysicalCard: there is no e-card.
        HolderDecides: the member is 16.
    """
    await authority.act(db, caller, holder, Service.FILE, _lift)


async def _suspend(session: Session, acting: Acting) -> Suspension:
    card = await _card(session, acting)
    if card.suspended_at is None:
        card.suspended_at = session.now
        card.suspended_by = card.person_id if acting.link is None else acting.link.owner_id
        await _record(session, acting, Action.CARD_SUSPENDED, "card_suspended")
        await announcing.announce(session, card.person_id, CardEvent.CHANGED)
    return Suspension(card.suspended_at, card.suspended_by == card.person_id)


async def _lift(session: Session, acting: Acting) -> None:
    card = await _card(session, acting)
    if card.suspended_at is not None:
        card.suspended_at = card.suspended_by = None
        await _record(session, acting, Action.CARD_RESUMED, "card_resumed")
        await announcing.announce(session, card.person_id, CardEvent.CHANGED)


async def _card(session: Session, acting: Acting) -> Card:
    """Return the card, locked, of somebody for whom this may be done."""
    if acting.link is not None:
        member = await homes.person(session, acting.person_id)
        if not is_under(member.birth_date, (await policies.current(session)).ages.live_face, session.now):
            raise HolderDecides
    card: Card | None = await session.get(
        Card, (bucket_of(acting.person_id), acting.person_id), with_for_update=True, populate_existing=True
    )
    if card is None:
        raise NoPhysicalCard
    return card


async def _record(session: Session, acting: Acting, action: Action, message: str) -> None:
    link = acting.link
    facts = {} if link is None else {"link_id": str(link.id)}
    await audit.record(
        session, action, home_id=acting.person_id, actor=acting.actor, on_behalf_of=acting.on_behalf_of, facts=facts
    )
    if link is None:
        outbox.tell(session, outbox.Kind.TELL_PERSON, acting.person_id, message=message)
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        acting.person_id,
        message=f"{message}_member",
        owner_id=str(link.owner_id),
        member_id=str(link.member_id),
        link_id=str(link.id),
    )
