"""Looks at a member's card: allowed or refused, always written down."""

from dataclasses import dataclass, field
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import AppError
from app.ports.register import Register, RegisteredPerson
from app.services import audit, authority, links, outbox
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import issuing, reading
from app.services.cards.issuing import NoPhysicalCard
from app.services.cards.reading import CardView
from app.services.links import Service
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
        RegisterUnavailable: there is no card, and why cannot be asked.
    """
    seen = await db.run(lambda session: _look(session, caller, link_id))
    if isinstance(seen, _WithoutCard):
        member_id, registered = seen.person_id, await register.find(seen.number)
        found = await db.run(lambda session: _look_again(session, caller, link_id, member_id, registered))
    else:
        found = seen
    if isinstance(found, _Refused):
        raise found.error
    return found


@dataclass(frozen=True, slots=True)
class _Refused:
    error: type[AppError]


@dataclass(frozen=True, slots=True)
class _WithoutCard:
    person_id: UUID
    number: str = field(repr=False)


async def _look_again(
    session: Session, caller: Caller, link_id: UUID, person_id: UUID, registered: RegisteredPerson | None
) -> CardView | NoCardYet | _Refused:
    """Issue the card that was not there, if it can be; all may have changed while the register thought."""
    await homes.lock(session, {person_id})
    seen = await _look(session, caller, link_id)
    if not isinstance(seen, _WithoutCard):
        return seen
    if registered is None or not registered.is_alive:
        return NoCardYet(NoPhysicalCard.code)
    obstacle = await issuing.obstacle(session, registered)
    if obstacle is not None:
        return NoCardYet(obstacle.code)
    await issuing.issue(session, person_id, registered, channel=caller.channel, actor=audit.SYSTEM)
    outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message="card_issued")
    card = await reading.of_member(session, person_id, caller.channel)
    assert card is not None
    return card


async def _look(session: Session, caller: Caller, link_id: UUID) -> CardView | _WithoutCard | _Refused:
    link = await links.find_for_owner(session, await authority.person_still(session, caller), link_id)
    refusal = authority.refusal(link, Service.VIEW)
    if refusal is not None:
        await authority.record_look(session, Action.CARD_LOOK_REFUSED, link, caller.actor)
        return _Refused(refusal)
    await authority.record_look(session, Action.CARD_SEEN, link, caller.actor)
    card = await reading.of_member(session, link.member_id, caller.channel)
    if card is not None:
        return card
    return _WithoutCard(link.member_id, (await homes.person(session, link.member_id)).number)
