"""What a family link lets its owner do: asked at every request, its looks written down, narrowed by either side."""

from datetime import timedelta
from uuid import UUID

from app.core.db import Session, bucket_of
from app.core.errors import AppError, Conflict, Denied, NotFound
from app.models.links import FamilyLink, LinkState
from app.services import audit, links, throttles
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.links import Service, Services
from app.services.people import homes
from app.services.throttles import Counter, Limit

_LOOK_WINDOW = timedelta(minutes=10)


class LinkFrozen(Conflict):
    """The member disputes the link; nothing can be done by it until that is decided."""

    code = "link-frozen"


class ServiceNotShared(Denied):
    """The member does not let the owner do this."""

    code = "service-not-shared"


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


def refusal(link: FamilyLink, service: Service) -> type[AppError] | None:
    """Return why one of the owner's living links does not let them do something for the member, if it does not."""
    if link.state is LinkState.FROZEN:
        return LinkFrozen
    return None if service in Services.of(link).names else ServiceNotShared


async def record_look(session: Session, action: Action, link: FamilyLink, actor: Actor) -> None:
    """Write down in the member's home that the owner looks at what is theirs; once in ten minutes for the same."""
    counter = Counter(
        Limit(f"look:{action.value}", 1, _LOOK_WINDOW),
        bucket_of(link.member_id),
        session.lookup.digest("look", f"{actor.id}:{link.id}"),
    )
    if (await throttles.use(session, counter)).is_allowed:
        await audit.record(
            session,
            action,
            home_id=link.member_id,
            actor=actor,
            on_behalf_of=link.member_id,
            facts={"link_id": str(link.id)},
        )


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
    before = Services.of(link)
    if not set(services.names) <= set(before.names):
        raise ServicesNotAllowed
    if services == before:
        return
    link.may_view, link.may_show_code = services.view, services.show_code
    link.may_certify, link.may_file, link.may_pay = services.certify, services.file, services.pay
    await links.record(session, Action.LINK_SERVICES_CHANGED, link, actor, services=" ".join(services.names))
