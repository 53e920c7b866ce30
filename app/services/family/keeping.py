"""Ends and narrows links, for the owner and for the member alike; the member gives again what they agreed to."""

from collections.abc import Collection
from uuid import UUID

from app.core.clock import today
from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.links import FamilyLink, LinkEnd, LinkState
from app.services import authority, links, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.authority import ServicesNotAllowed
from app.services.links import Services
from app.services.people import homes
from app.services.people.ages import is_under


async def end_as_owner(session: Session, caller: Caller, link_id: UUID) -> None:
    """End the link to a member, at once; one that has ended already is as good.

    Raises:
        NotFound: it is not the caller's.
    """
    link = await _of_owner(session, caller, link_id)
    await links.end(session, link.id, LinkEnd.BY_OWNER, caller.actor)


async def end_as_member(session: Session, caller: Caller, link_id: UUID) -> None:
    """End the link of somebody who has added the caller, at once; one that has ended already is as good.

    Raises:
        NotFound: it is not the caller's.
    """
    link = await of_member(session, caller, link_id)
    await links.end(session, link.id, LinkEnd.BY_MEMBER, caller.actor)


async def narrow_as_owner(session: Session, caller: Caller, link_id: UUID, services: Services) -> None:
    """Give up some of what the caller may do for a member; the same again changes nothing.

    Raises:
        NotFound: it is not the caller's, or is over.
        ServicesNotAllowed: it would allow more than before.
    """
    await authority.narrow(session, await _of_owner(session, caller, link_id), services, caller.actor)


async def narrow_as_member(session: Session, caller: Caller, link_id: UUID, services: Services) -> None:
    """Take from somebody who has added the caller some of what they may do; the same again changes nothing.

    From the caller's 18th birthday on it is their answer for the link: they keep it, with these services.

    Raises:
        NotFound: it is not the caller's, or is over.
        ServicesNotAllowed: it would allow more than today.
    """
    link = await living(session, await of_member(session, caller, link_id))
    if not _are_within(services, Services.on(link, today(session.now)).names):
        raise ServicesNotAllowed
    await _choose(session, link, services, caller.actor)


async def choose_as_member(session: Session, caller: Caller, link_id: UUID, services: Services) -> None:
    """Let somebody who has added the caller do these things: the caller has given their card password a moment ago.

    They give again what they have agreed to once; more takes a new consent, before the camera.

    Raises:
        NotFound: it is not the caller's, or is over.
        ServicesNotAllowed: one of them was never agreed to.
    """
    link = await living(session, await of_member(session, caller, link_id))
    if not _are_within(services, link.agreed.split()):
        raise ServicesNotAllowed
    await _choose(session, link, services, caller.actor)


async def is_wider(session: Session, caller: Caller, link_id: UUID, services: Services) -> bool:
    """Say whether a choice of the caller's would allow an owner of theirs more than today.

    Raises:
        NotFound: the link is not the caller's, or is over.
    """
    link = await of_member(session, caller, link_id)
    if link.state is LinkState.ENDED:
        raise NotFound
    return not _are_within(services, Services.on(link, today(session.now)).names)


async def of_member(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    """Return the link of somebody who has added the caller, ended or not, without a lock.

    Raises:
        NotFound: it is not the caller's.
    """
    link = await _started(session, link_id)
    if link.member_id != authority.person_of(caller):
        raise NotFound
    return link


async def is_adult(session: Session, person_id: UUID) -> bool:
    """Say whether somebody has come of age."""
    years = (await policies.current(session)).ages.adult
    return not is_under((await homes.person(session, person_id)).birth_date, years, session.now)


async def living(session: Session, seen: FamilyLink) -> FamilyLink:
    """Return a link again with both homes locked.

    Raises:
        NotFound: it has ended.
    """
    await homes.lock(session, {seen.owner_id, seen.member_id})
    link = await links.one(session, seen.id)
    if link.state is LinkState.ENDED:
        raise NotFound
    return link


async def _choose(session: Session, link: FamilyLink, services: Services, actor: Actor) -> None:
    """Let a locked link allow what its member chooses; an adult has answered for it by that."""
    day = today(session.now)
    is_answer = link.view_only_from is not None and await is_adult(session, link.member_id)
    if services == Services.on(link, day) and not is_answer:
        return  # as it was read; what waits for the member's face is not given up by that
    if is_answer:
        link.view_only_from = None
        await links.record(session, Action.LINK_ANSWERED, link, actor, services=" ".join(services.names))
        links.tell(session, link, "link_kept")
    if services != Services.granted_by(link):
        links.grant(link, services)
        await links.record(session, Action.LINK_SERVICES_CHANGED, link, actor, services=" ".join(services.names))


def _are_within(services: Services, allowed: Collection[str]) -> bool:
    return set(services.names) <= set(allowed)


async def _of_owner(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    link = await _started(session, link_id)
    if link.owner_id != authority.person_of(caller):
        raise NotFound
    return link


async def _started(session: Session, link_id: UUID) -> FamilyLink:
    """Return a link that is or was active; a reserved one belongs to its enrolment."""
    link = await session.get(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    if link is None or link.state is LinkState.RESERVED:
        raise NotFound
    return link
