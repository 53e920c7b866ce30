"""At 16 a link that began with a photo is confirmed once more, by the member's own live face; or by people, without it.

Before the camera the member says, one by one, what the owner may do; what they do not agree to is off. The owner begins
it on their own phone when it is time for it, or the member on theirs, at any time: that is also how they agree to more.
"""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session, new_id
from app.core.errors import Conflict, NextStep, NotFound, Unavailable
from app.models.cases import CaseReason
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment
from app.models.faces import FaceCheck, FaceCheckState, FacePurpose
from app.models.links import FamilyLink, LinkState, Reconfirmation, ReconfirmationState
from app.ports import Ports
from app.ports.face import FaceMode, FaceRequest, FaceServiceUnavailable
from app.services import audit, authority, links, notices
from app.services.accounts.doers import Doer
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import LinkFrozen
from app.services.enrolments import agreeing, loading
from app.services.faces import checks, starting
from app.services.faces.starting import FaceTriesUsed, Opening
from app.services.faces.tries import FaceStartsUsed
from app.services.family import keeping, reconfirmed
from app.services.links import reconfirmations
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.homes import KnownPerson


class ReconfirmationNotNeeded(Conflict):
    """The link was confirmed by the member's live face, or it is not time for that yet."""

    code = "reconfirmation-not-needed"
    leads_to = NextStep("see-family", "/v1/family")


class ReconfirmationInReview(Conflict):
    """People are looking at it already."""

    code = "reconfirmation-in-review"


class ReconfirmationWay(StrEnum):
    """How it is seen who the member is: a face is never the only way."""

    FACE = "face"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the member agrees to, having read which text, and how they want to show who they are."""

    shown: Shown
    services: AbstractSet[str]
    way: ReconfirmationWay
    device_meta: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReconfirmationView:
    """Where one stands, and its newest face check."""

    row: Reconfirmation
    check: FaceCheck | None = field(repr=False)


Remember = Callable[[Session, ReconfirmationView], Awaitable[None]]
Find = Callable[[Session, Caller, UUID], Awaitable[FamilyLink]]


async def begin(
    db: Database,
    ports: Ports,
    caller: Caller,
    link_id: UUID,
    find: Find,
    wish: Wish,
    *,
    unit_id: UUID,
    callback_url: str,
    remember: Remember,
) -> None:
    """Begin to confirm a link: start the member's live face check, or ask people; one begun before is given up.

    Args:
        find: `of_owner` or `of_member`: whose the link has to be.

    Raises:
        NotFound, LinkFrozen, ReconfirmationNotNeeded, ReconfirmationInReview, NoticeOutdated, FaceTriesUsed,
        FaceStartsUsed.
        FaceServiceUnavailable: provider or register do not answer; nothing counts against the person.
    """
    begun = await db.run(lambda session: _open(session, ports, caller, link_id, find, wish, unit_id))
    if begun.opened is None or begun.opened.check.state is not FaceCheckState.STARTING:
        await db.run(lambda session: _remembered(session, begun.row.id, remember))
        return
    opened = begun.opened
    try:
        request = FaceRequest(
            check_id=opened.check.id,
            mode=FaceMode.LIVE,
            name=begun.member.name,
            number=begun.member.number,
            reference=await ports.register.portrait(begun.member.number),
            photo=None,
            device_meta=wish.device_meta,
            callback_url=callback_url,
        )
        start = await starting.tell(db, ports, opened, request)
    except Unavailable as error:
        await db.run(lambda session: starting.not_started(session, opened.check.id, caller.device_id, caller.actor))
        raise FaceServiceUnavailable(retry_after_seconds=30) from error

    async def record(session: Session) -> None:
        await starting.started(session, opened.check.id, start)
        await session.flush()
        await _remembered(session, begun.row.id, remember)

    await db.run(record)


async def of_owner(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    """Return the caller's living link to a member.

    Raises:
        NotFound: it is not the caller's, or is over.
    """
    return await links.find_for_owner(session, await authority.person_still(session, caller), link_id)


async def of_member(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    """Return the living link of somebody who has added the caller.

    Raises:
        NotFound: it is not the caller's, or is over.
    """
    await authority.person_still(session, caller)
    return await keeping.of_member(session, caller, link_id)


async def read(
    session: Session, caller: Caller, link_id: UUID, find: Find, reconfirmation_id: UUID
) -> ReconfirmationView:
    """Return one that the caller has begun, or that was begun for them.

    Raises:
        NotFound: it is not of a living link of theirs.
    """
    link = await find(session, caller, link_id)
    row = await reconfirmations.seen(session, reconfirmation_id)
    if row is None or row.link_id != link.id:
        raise NotFound
    return await _view(session, row)


@dataclass(frozen=True, slots=True)
class _Begun:
    row: Reconfirmation
    opened: starting.Begun | None
    member: KnownPerson


async def _open(
    session: Session, ports: Ports, caller: Caller, link_id: UUID, find: Find, wish: Wish, unit_id: UUID
) -> _Begun:
    link = await keeping.living(session, await find(session, caller, link_id))
    member = await homes.person(session, link.member_id)
    home_id = authority.person_of(caller)
    known = await checks.of_unit(session, home_id, unit_id)
    if known is not None:  # the commit was not heard
        row = await reconfirmations.locked(session, known.subject_id)
        opening = Opening.live(caller, member, FacePurpose.RECONFIRMATION, row.id, row.home_id, unit_id)
        return _Begun(row, await starting.begin(session, ports, opening, caller.actor), member)
    await _require_possible(session, link, by_member=home_id == link.member_id)
    notices.require_in_force(session, wish.shown, ConsentPurpose.FACE_CHECK.value)
    await reconfirmations.cancel_open(session, link, caller.actor)
    row = _written(session, link, caller, home_id, wish)
    session.add(row)
    await _agree(session, link, caller, wish)
    await session.flush()
    if wish.way is ReconfirmationWay.PEOPLE:
        await reconfirmed.to_people(session, row, CaseReason.ASKED_FOR, caller.actor)
        return _Begun(row, None, member)
    opening = Opening.live(caller, member, FacePurpose.RECONFIRMATION, row.id, row.home_id, unit_id)
    try:
        return _Begun(row, await starting.begin(session, ports, opening, caller.actor), member)
    except (FaceTriesUsed, FaceStartsUsed) as error:
        side = "members" if home_id == link.owner_id else "owners"
        error.next_step = NextStep("review", f"/v1/family/{side}/{link.id}/reconfirmations")
        raise


async def _require_possible(session: Session, link: FamilyLink, *, by_member: bool) -> None:
    """Check that a link may be confirmed now: whoever has an account of their own is old enough to do so at any time.

    Raises:
        LinkFrozen, ReconfirmationNotNeeded, ReconfirmationInReview.
    """
    if link.state is LinkState.FROZEN:
        raise LinkFrozen
    is_waiting = link.reconfirm_from is not None and link.reconfirm_from <= today(session.now)
    if not is_waiting and not by_member:
        raise ReconfirmationNotNeeded
    open_one = await reconfirmations.open_of(session, link)
    if open_one is not None and open_one.state is ReconfirmationState.IN_REVIEW:
        raise ReconfirmationInReview


def _written(session: Session, link: FamilyLink, caller: Caller, home_id: UUID, wish: Wish) -> Reconfirmation:
    return Reconfirmation(
        bucket=link.bucket,
        id=new_id(link.bucket),
        link_id=link.id,
        owner_id=link.owner_id,
        member_id=link.member_id,
        home_id=home_id,
        state=ReconfirmationState.FACE_PENDING,
        services=agreeing.written(wish.services) or "",
        notice_version=wish.shown.version,
        language=wish.shown.language,
        sha256=wish.shown.sha256,
        begun_at=session.now,
        ended_at=None,
    )


async def _agree(session: Session, link: FamilyLink, caller: Caller, wish: Wish) -> None:
    """Let the member's own consent take the place of the one given for them, where the enrolment is still kept."""
    enrolment: Enrolment | None = await loading.locked(session, link.enrolment_id)
    if enrolment is None:
        return
    known = (await loading.consents(session, enrolment)).get(ConsentPurpose.FACE_CHECK)
    if known is not None:
        known.withdrawn_at = session.now
    shown, services = wish.shown, agreeing.written(wish.services)
    await agreeing.agree(session, Doer.of(caller), enrolment, ConsentPurpose.FACE_CHECK, shown, services)
    await audit.record(
        session,
        Action.CONSENT_GIVEN,
        home_id=link.owner_id,
        actor=caller.actor,
        on_behalf_of=link.member_id,
        facts={"link_id": str(link.id), "purpose": ConsentPurpose.FACE_CHECK.value},
    )


async def _remembered(session: Session, reconfirmation_id: UUID, remember: Remember) -> None:
    row = await reconfirmations.seen(session, reconfirmation_id)
    assert row is not None
    await remember(session, await _view(session, row))


async def _view(session: Session, row: Reconfirmation) -> ReconfirmationView:
    return ReconfirmationView(row, await checks.newest(session, row.home_id, row.id))
