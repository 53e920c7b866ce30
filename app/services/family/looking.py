"""Looks at a member's card: allowed or refused, always written down."""

from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.ports.register import Register, RegisteredPerson
from app.services import audit, authority, outbox
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.cards import allowing, issuing, reading
from app.services.cards.allowing import LostCardConsentNeeded, NoPhysicalCard, Use
from app.services.cards.reading import CardView
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class NoCardYet:
    """A member without an e-card: the code of what stands in its way."""

    reason: str


async def look_at_card(db: Database, register: Register, caller: Caller, link_id: UUID) -> CardView | NoCardYet:
    """Return a member's card, masked. The look is written down in the member's home, a refused one too.

    A member who has collected a physical card since they were added is issued their e-card now.

    Raises:
        NotFound: there is no such link, or it is over.
        LinkFrozen, ServiceNotShared: the owner may not see it.
        LostCardConsentNeeded: the physical card is lost, and nobody has agreed to that.
        RegisterUnavailable: there is no card, and why cannot be asked.
    """
    seen = await authority.look(db, caller, link_id, Action.CARD_SEEN, partial(_look, caller.channel))
    if not isinstance(seen, _WithoutCard):
        return seen
    registered = await register.find(seen.number)
    again = partial(_look_again, caller.channel, registered)
    return await authority.look(db, caller, link_id, Action.CARD_SEEN, again)


@dataclass(frozen=True, slots=True)
class _WithoutCard:
    number: str = field(repr=False)


async def _look_again(
    channel: str, registered: RegisteredPerson | None, session: Session, acting: Acting
) -> CardView | NoCardYet:
    """Issue the card that was not there, if it can be; all may have changed while the register thought."""
    await homes.lock(session, {acting.person_id})
    seen = await _look(channel, session, acting)
    if not isinstance(seen, _WithoutCard):
        return seen
    if registered is None or not registered.is_alive:
        if registered is not None:  # without a card nobody else asks the register about them
            outbox.tell(session, outbox.Kind.PERSON_CHANGED, acting.person_id, change="died")
        return NoCardYet(NoPhysicalCard.code)
    obstacle = await issuing.obstacle(session, registered)
    if obstacle is not None:
        return NoCardYet(obstacle.code)
    await issuing.issue(session, acting.person_id, registered, channel=channel, actor=audit.SYSTEM)
    outbox.tell(session, outbox.Kind.TELL_PERSON, acting.person_id, message="card_issued")
    card = await reading.of_member(session, acting.person_id, channel)
    assert card is not None
    return card


async def _look(channel: str, session: Session, acting: Acting) -> CardView | _WithoutCard:
    card = await reading.of_member(session, acting.person_id, channel)
    if card is not None:
        if card.refused.get(Use.VIEW) == LostCardConsentNeeded.code and acting.link is not None:
            await allowing.require(session, acting.person_id, Use.VIEW, to_holder=False, link_id=acting.link.id)
        return card
    return _WithoutCard((await homes.person(session, acting.person_id)).number)
