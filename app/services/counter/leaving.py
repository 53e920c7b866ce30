"""Links ended and disputed at a window, by a member who is there: with or without an account, at once.

Neither the member nor an owner whose link it is may be of the clerk's family.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from uuid import UUID

from app.core.db import Database, Session
from app.models.links import LinkDispute, LinkDisputeReason
from app.ports.register import Register
from app.services import audit
from app.services.audit import Action
from app.services.counter import deeds, using
from app.services.counter.deeds import Hand
from app.services.counter.serving import Serving
from app.services.family import disputing, leaving
from app.services.family.leaving import Held
from app.services.people import homes

RememberLinks = Callable[[Session, Sequence[Held]], Awaitable[None]]
RememberDisputes = Callable[[Session, Sequence[LinkDispute]], Awaitable[None]]


async def show(db: Database, hand: Hand, served: Serving, remember: RememberLinks) -> None:
    """Tell a member who is there who holds links to them; the look is written down.

    Raises:
        StaffSessionEnded, RequestReplayed.
    """

    async def work(session: Session) -> None:
        await homes.lock(session, {served.person_id})
        await hand.confirm(session)
        found = await leaving.end(session, served.person_id, (), hand.actor)
        await audit.record(
            session, Action.LINKS_SEEN_AT_COUNTER, home_id=served.person_id, actor=hand.actor, facts=served.facts
        )
        await remember(session, found)

    await db.run(work)


async def end(
    db: Database, register: Register, hand: Hand, served: Serving, link_ids: Collection[UUID], remember: RememberLinks
) -> None:
    """End links to a member who is there, at once; ended before is as good.

    Raises:
        NotFound: there is no such link of theirs; then nothing ends.
        ServiceOfOwnFamily, RegisterUnavailable, and what `using.use_once` raises.
    """
    await _require_strangers(db, register, hand, served, link_ids)

    async def work(session: Session) -> None:
        await _locked(session, hand, served, link_ids)
        found = await leaving.end(session, served.person_id, link_ids, hand.actor)
        await _record(session, Action.LINKS_ENDED_AT_COUNTER, hand, served, links=len(set(link_ids)))
        await remember(session, found)

    await db.run(work)


async def dispute(
    db: Database,
    register: Register,
    hand: Hand,
    served: Serving,
    link_ids: Collection[UUID],
    reason: LinkDisputeReason,
    remember: RememberDisputes,
) -> None:
    """Freeze links at once because their member, who is there, objects; disputed already is as good.

    Raises:
        NotFound: there is no such link of theirs, or one is over; then nothing is frozen.
        ServiceOfOwnFamily, RegisterUnavailable, and what `using.use_once` raises.
    """
    await _require_strangers(db, register, hand, served, link_ids)

    async def work(session: Session) -> None:
        await _locked(session, hand, served, link_ids)
        seen = [await leaving.of_member(session, served.person_id, link_id) for link_id in sorted(set(link_ids))]
        opened = [await disputing.freeze(session, link, reason, hand.actor) for link in seen]
        await _record(session, Action.LINK_DISPUTED_AT_COUNTER, hand, served, links=len(seen))
        await remember(session, opened)

    await db.run(work)


async def all_of(session: Session, served: Serving) -> frozenset[UUID]:
    """Return every link that somebody holds to a member now: for one who says that it be all of them."""
    held = await leaving.end(session, served.person_id, (), served.actor)
    return frozenset(each.link_id for each in held)


async def _require_strangers(
    db: Database, register: Register, hand: Hand, served: Serving, link_ids: Collection[UUID]
) -> None:
    owners = await db.run(lambda session: _owners(session, served, link_ids))
    await deeds.require_strangers(db, register, hand.caller, owners, served.purpose)


async def _locked(session: Session, hand: Hand, served: Serving, link_ids: Collection[UUID]) -> None:
    """Lock the homes of all whom it concerns, and only then what belongs to the clerk: that order is everybody's."""
    await homes.lock(session, {served.person_id, *await _owners(session, served, link_ids)})
    await hand.confirm(session)
    if served.read_id is not None:
        await using.use_once(session, served)


async def _owners(session: Session, served: Serving, link_ids: Collection[UUID]) -> frozenset[UUID]:
    found = [await leaving.of_member(session, served.person_id, link_id) for link_id in sorted(set(link_ids))]
    return frozenset(link.owner_id for link in found)


async def _record(session: Session, action: Action, hand: Hand, served: Serving, **facts: str | int) -> None:
    """Write down with the member what was done for them, where and for what."""
    await audit.record(session, action, home_id=served.person_id, actor=hand.actor, facts={**served.facts, **facts})
