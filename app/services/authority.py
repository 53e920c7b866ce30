"""Who does what for whom: asked at every request, written down with the member, who is told; narrowed by either side.

`look` and `act` stand before everything that is done for a holder, be it for oneself or by a link for a member.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session, bucket_of
from app.core.errors import AppError, Conflict, Denied, NextStep, NotFound
from app.models.links import FamilyLink, LinkState
from app.services import audit, links, outbox, throttles
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.cards.reading import OwnCardNeeded
from app.services.links import Service, Services
from app.services.people import homes
from app.services.throttles import Counter, Limit

_LOOK: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)

T = TypeVar("T")


class LinkFrozen(Conflict):
    """The member disputes the link; nothing can be done by it until that is decided."""

    code = "link-frozen"


class ServiceNotShared(Denied):
    """The member does not let the owner do this."""

    code = "service-not-shared"
    leads_to = NextStep("see-family", "/v1/family")


class ServicesNotAllowed(Conflict):
    """A link is only ever narrowed by a wish; to widen it takes the member's consent."""

    code = "services-not-allowed"


def person_of(caller: Caller) -> UUID:
    """Return who the caller has shown to be.

    Raises:
        NotFound: nobody yet; such a caller has no family here.
    """
    if not caller.is_proven or caller.person_id is None:
        raise NotFound
    return caller.person_id


async def person_still(session: Session, caller: Caller) -> UUID:
    """Return who the caller has shown to be, asked again in this unit of work: another account may have shown it since.

    Raises:
        NotFound: nobody, or nobody any more.
    """
    person_id = person_of(caller)
    if await homes.holder(session, person_id) != caller.account_id:
        raise NotFound
    return person_id


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody doing something for the person whose business it is; `link` is None where that is themselves."""

    person_id: UUID
    actor: Actor
    link: FamilyLink | None

    @property
    def on_behalf_of(self) -> UUID | None:
        """The member who is acted for, as the audit writes it."""
        return None if self.link is None else self.link.member_id

    @property
    def doer_id(self) -> UUID:
        """The person who acts: the holder themselves, or the owner of the link."""
        return self.person_id if self.link is None else self.link.owner_id

    @property
    def address(self) -> str:
        """Where whoever acts finds what is the holder's: `/v1/holders/me`, or with the link's id."""
        return f"/v1/holders/{'me' if self.link is None else self.link.id}"


@dataclass(frozen=True, slots=True)
class _Refused:
    error: type[AppError]
    next_step: NextStep | None


async def look(
    db: Database,
    caller: Caller,
    holder: UUID | None,
    action: Action,
    work: Callable[[Session, Acting], Awaitable[T]],
) -> T:
    """Do `work`, which reads what is a holder's: one's own (None), or a member's by the link's id.

    A look at a member is written down in their home, once in ten minutes for the same action; a refused one too.

    Raises:
        NotFound: it is no link of the caller's, or is over.
        LinkFrozen, ServiceNotShared: the owner may not look.
        OwnCardNeeded: nobody has shown by this account who they are.
    """

    async def unit(session: Session) -> T | _Refused:
        acting = await _asked(session, caller, holder, Service.VIEW)
        if isinstance(acting, _Refused):
            return acting
        if acting.link is not None:
            await _record_once(session, action, acting.link, acting.actor)
        return await work(session, acting)

    return await _done(db, unit)


async def act(
    db: Database,
    caller: Caller,
    holder: UUID | None,
    service: Service,
    work: Callable[[Session, Acting], Awaitable[T]],
) -> T:
    """Do `work`, a deed for a holder: for oneself (None), or for a member by the link's id.

    The homes it concerns are locked before the link is asked, so that a dispute or an end comes before or after it,
    never between.

    Raises:
        NotFound: it is no link of the caller's, or is over.
        LinkFrozen, ServiceNotShared: the owner may not do this; that they tried is written down.
        OwnCardNeeded: nobody has shown by this account who they are.
    """

    async def unit(session: Session) -> T | _Refused:
        await homes.lock(session, await _concerned(session, caller, holder))
        acting = await _asked(session, caller, holder, service)
        return acting if isinstance(acting, _Refused) else await work(session, acting)

    return await _done(db, unit)


async def require_open(session: Session, caller: Caller, link_id: UUID) -> None:
    """Check that one of the caller's links is neither over nor disputed, whatever it allows.

    Raises:
        NotFound, LinkFrozen: it is.
    """
    link = await links.find_for_owner(session, await person_still(session, caller), link_id)
    if link.state is LinkState.FROZEN:
        raise LinkFrozen


async def obstacle(session: Session, link_id: UUID, service: Service) -> type[AppError] | None:
    """Return why a link does not let its owner do something any more: what was begun by it is asked again later.

    The homes of both are locked where nothing may come between the answer and what is done on it.
    """
    link: FamilyLink | None = await session.get(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    if link is None or link.state not in (LinkState.ACTIVE, LinkState.FROZEN):
        return NotFound
    return _refusal(link, service, today(session.now))


async def narrow(session: Session, link: FamilyLink, services: Services, actor: Actor) -> None:
    """Let a link allow these services and no others; both homes are locked here, in order.

    Raises:
        NotFound: it has ended.
        ServicesNotAllowed: one of them was not allowed before.
    """
    await homes.lock(session, {link.owner_id, link.member_id})
    link = await links.one(session, link.id)
    if link.state is LinkState.ENDED:
        raise NotFound
    if services == Services.on(link, today(session.now)):
        return  # as it was read; what waits for the member's face or answer is not given up by that
    before = Services.granted_by(link)
    if not set(services.names) <= set(before.names):
        raise ServicesNotAllowed
    if services == before:
        return
    links.grant(link, services)
    await links.record(session, Action.LINK_SERVICES_CHANGED, link, actor, services=" ".join(services.names))


async def _done(db: Database, unit: Callable[[Session], Awaitable[T | _Refused]]) -> T:
    """Run a unit of work; what it refuses is raised once that it was tried is written down for good."""
    done = await db.run(unit)
    if isinstance(done, _Refused):
        raise done.error(next_step=done.next_step)
    return done


async def _concerned(session: Session, caller: Caller, holder: UUID | None) -> set[UUID]:
    if holder is None:
        return {await _self(session, caller)}
    link = await links.find_for_owner(session, await person_still(session, caller), holder)
    return {link.owner_id, link.member_id}


async def _asked(session: Session, caller: Caller, holder: UUID | None, service: Service) -> Acting | _Refused:
    if holder is None:
        return Acting(await _self(session, caller), caller.actor, None)
    link = await links.find_for_owner(session, await person_still(session, caller), holder)
    refusal = _refusal(link, service, today(session.now))
    if refusal is not None:
        await _record_once(session, Action.LINK_REFUSED, link, caller.actor, service=service.value)
        return _Refused(refusal, _way_out(link, service, today(session.now)))
    await _tell_once_a_day(session, link)
    return Acting(link.member_id, caller.actor, link)


async def _self(session: Session, caller: Caller) -> UUID:
    try:
        return await person_still(session, caller)
    except NotFound:
        raise OwnCardNeeded from None


def _way_out(link: FamilyLink, service: Service, day: date) -> NextStep | None:
    """Return where a refusal leads on to: to the member's own face, if that is all that is missing."""
    is_waiting = link.reconfirm_from is not None and link.reconfirm_from <= day
    if link.state is LinkState.FROZEN or not is_waiting or service not in Services.granted_by(link).names:
        return None
    return NextStep("reconfirm", f"/v1/family/members/{link.id}/reconfirmations", "/v1/notices/face-check")


def _refusal(link: FamilyLink, service: Service, day: date) -> type[AppError] | None:
    """Return why one of the owner's living links does not let them do something for the member, if it does not."""
    if link.state is LinkState.FROZEN:
        return LinkFrozen
    return None if service in Services.on(link, day).names else ServiceNotShared


async def _record_once(session: Session, action: Action, link: FamilyLink, actor: Actor, **facts: str) -> None:
    """Write down in the member's home what the owner does; once in ten minutes for the same."""
    subject = ":".join((str(actor.id), str(link.id), *facts.values()))
    counter = Counter(
        Limit(f"look:{action.value}", 1, _LOOK), bucket_of(link.member_id), session.lookup.digest("look", subject)
    )
    if (await throttles.use(session, counter)).is_allowed:
        await audit.record(
            session,
            action,
            home_id=link.member_id,
            actor=actor,
            on_behalf_of=link.member_id,
            facts={"link_id": str(link.id), **facts},
        )


async def _tell_once_a_day(session: Session, link: FamilyLink) -> None:
    """Tell the member that the owner acts for them, the first time of each day in China."""
    subject = session.lookup.digest("acted", f"{link.id}:{today(session.now)}")
    counter = Counter(Limit("acted-today", 1, _DAY), bucket_of(link.member_id), subject)
    if (await throttles.use(session, counter)).is_allowed:
        outbox.tell(
            session,
            outbox.Kind.TELL_PERSON,
            link.member_id,
            message="acted_today_member",
            link_id=str(link.id),
            owner_id=str(link.owner_id),
            member_id=str(link.member_id),
        )
