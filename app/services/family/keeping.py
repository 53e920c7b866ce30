"""Ends and narrows links, for the owner and for the member alike."""

from uuid import UUID

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.links import FamilyLink, LinkEnd, LinkState
from app.services import authority, links
from app.services.accounts.sessions import Caller
from app.services.links import Services
from app.services.people import homes


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

    Raises:
        NotFound: it is not the caller's, or is over.
        ServicesNotAllowed: it would allow more than before.
    """
    await authority.narrow(session, await of_member(session, caller, link_id), services, caller.actor)


async def of_member(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    """Return the link of somebody who has added the caller, ended or not, without a lock.

    Raises:
        NotFound: it is not the caller's.
    """
    link = await _started(session, link_id)
    if link.member_id != authority.person_of(caller):
        raise NotFound
    return link


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
