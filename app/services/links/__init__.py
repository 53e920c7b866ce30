"""Family links: an owner's places, a member's slots, what a link allows, and its end.

The two homes are locked, in order, before either row is written (`homes.lock`); the keys hold the limits all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.clock import today
from app.core.db import Session, bucket_of, new_id
from app.core.errors import Conflict, NextStep, NotFound
from app.core.sealing import DataKey
from app.models.links import LIVING, DisputeOutcome, FamilyLink, LinkEnd, LinkState, MemberSlot, Place
from app.models.people import Proof
from app.services import audit, outbox, policies
from app.services.audit import Action, Actor
from app.services.links import ages, disputes, reconfirmations, slots
from app.services.links.services import Service as Service
from app.services.links.services import Services as Services
from app.services.people import homes
from app.services.people.identifiers import mask_number
from app.services.rules.family import Quota


class AlreadyMember(Conflict):
    """This relative is in the family already."""

    code = "already-member"


class AlreadyAdding(Conflict):
    """Another enrolment for this relative is open; `next_step` leads there."""

    code = "already-adding"


class QuotaReached(Conflict):
    """No place is left, in total or for this kind of relative."""

    code = "quota-reached"


_ENDED: Final = {LinkEnd.BY_DEATH: "link_ended_by_death", LinkEnd.BY_CARD_CANCELLED: "link_ended_by_card"}


@dataclass(frozen=True, slots=True)
class Relative:
    """The member, as the owner's row keeps them; sealed under the owner's key."""

    id: UUID
    name: str = field(repr=False)
    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    relationship: str
    place: Place


async def reserve(session: Session, *, owner_id: UUID, enrolment_id: UUID, relative: Relative) -> FamilyLink:
    """Take one of the owner's places for a relative who is being added; the owner's home is locked.

    Raises:
        AlreadyMember, AlreadyAdding: the relative has a place.
        QuotaReached: none is free.
    """
    held = await _held_by(session, owner_id)
    for other in held:
        if other.member_id == relative.id:
            raise _taken(other)
    quota = (await policies.current(session)).quota
    total_no = _free({link.total_no for link in held}, quota.total)
    place_no = _free({link.place_no for link in held if link.place is relative.place}, limit_of(quota, relative.place))
    if total_no is None or place_no is None:
        raise QuotaReached(next_step=NextStep("see-family", "/v1/family"))
    link = _reserved(await homes.key_of(session, owner_id), owner_id, relative)
    link.enrolment_id, link.total_no, link.place_no = enrolment_id, total_no, place_no
    link.reserved_at = session.now
    session.add(link)
    await session.flush()
    return link


async def release(session: Session, link_id: UUID) -> None:
    """Give a reserved place back: the relative was not added."""
    link = await _locked(session, link_id)
    if link is not None and link.state is LinkState.RESERVED:
        await slots.leave_queue(session, link)
        await session.delete(link)
        await session.flush()


async def stop_waiting(session: Session, link_id: UUID) -> None:
    """Let a reserved link no longer wait for one of the member's slots: its face has to pass again."""
    await slots.leave_queue(session, await one(session, link_id))


async def activate(
    session: Session,
    link_id: UUID,
    services: Services,
    actor: Actor,
    *,
    verified_at: datetime | None = None,
    proof: Proof | None = None,
) -> bool:
    """Start a reserved link, if the member has a slot free; both homes are locked.

    Args:
        verified_at: when it was seen who the member is; now, unless said otherwise.
        proof: how it was seen.

    Returns:
        Whether it is active now. If not, it waits for the member to end another.
    """
    link = await one(session, link_id)
    if link.state is not LinkState.RESERVED:
        return True
    if not await slots.take(session, link):
        return False
    link.state, link.active_since, link.proof = LinkState.ACTIVE, session.now, proof
    grant(link, services)
    link.agreed = " ".join(services.names)
    await ages.note(session, link, today(verified_at or session.now))
    await record(session, Action.LINK_STARTED, link, actor)
    tell(session, link, "link_started")
    return True


def grant(link: FamilyLink, services: Services) -> None:
    """Let a locked link allow these services and no others."""
    link.may_view, link.may_show_code = services.view, services.show_code
    link.may_certify, link.may_file, link.may_pay = services.certify, services.file, services.pay


async def one(session: Session, link_id: UUID) -> FamilyLink:
    """Return a link that is there, locked."""
    link = await _locked(session, link_id)
    assert link is not None
    return link


async def find_for_owner(session: Session, owner_id: UUID, link_id: UUID) -> FamilyLink:
    """Return one of the owner's living links.

    Raises:
        NotFound: it is not the owner's, or is over.
    """
    link: FamilyLink | None = await session.get(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    if link is None or link.owner_id != owner_id or link.state not in LIVING:
        raise NotFound
    return link


async def find_for_member(session: Session, member_id: UUID, link_id: UUID) -> MemberSlot:
    """Return the member's side of one of their living links.

    Raises:
        NotFound: it is not the member's, or is over.
    """
    slot: MemberSlot | None = await session.scalar(
        select(MemberSlot).where(
            MemberSlot.bucket == bucket_of(member_id), MemberSlot.member_id == member_id, MemberSlot.link_id == link_id
        )
    )
    if slot is None:
        raise NotFound
    return slot


async def end(session: Session, link_id: UUID, because: LinkEnd, actor: Actor, *, of: UUID | None = None) -> None:
    """End a link at once, on both sides; ended already is as good. Both homes are locked here, in order.

    Args:
        of: whose death or whose card it is that ends it; nobody is told of their own death.
    """
    seen = await session.get(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    if seen is None:
        raise NotFound
    await homes.lock(session, {seen.owner_id, seen.member_id})
    link = await one(session, link_id)
    if link.state not in LIVING:
        return
    await reconfirmations.cancel_open(session, link, actor)
    if link.state is LinkState.FROZEN:
        await disputes.close(session, link, DisputeOutcome.LINK_ENDED)
    link.state, link.ended_at, link.ended_because = LinkState.ENDED, session.now, because
    link.total_no = link.place_no = None
    link.member_name = link.member_number = link.member_birth_date = None
    await slots.free(session, link)
    await ages.forget(session, link)
    await record(session, Action.LINK_ENDED, link, actor, because=because.value)
    tell(session, link, _ENDED.get(because, "link_ended"), but=of if because is LinkEnd.BY_DEATH else None)
    outbox.tell(session, outbox.Kind.SLOT_FREED, link.member_id)


async def record(session: Session, action: Action, link: FamilyLink, actor: Actor, **facts: str) -> None:
    """Write the event into both homes, the owner's and the member's."""
    for home_id in sorted({link.owner_id, link.member_id}, key=bucket_of):
        await audit.record(
            session,
            action,
            home_id=home_id,
            actor=actor,
            on_behalf_of=link.member_id,
            facts={"link_id": str(link.id), "relationship": link.relationship, **facts},
        )


def tell(session: Session, link: FamilyLink, message: str, *, on: date | None = None, but: UUID | None = None) -> None:
    """Let owner and member, `but` one of them, be told of their link in words of their own, which may name a day."""
    for home_id, suffix in ((link.owner_id, "owner"), (link.member_id, "member")):
        if home_id == but:
            continue
        outbox.tell(
            session, outbox.Kind.TELL_PERSON, home_id, message=f"{message}_{suffix}", link_id=str(link.id),
            owner_id=str(link.owner_id), member_id=str(link.member_id), on="" if on is None else on.isoformat(),
        )  # fmt: skip


def limit_of(quota: Quota, place: Place) -> int:
    """Return how many places of a kind an owner has."""
    limit: int = getattr(quota, place.value)
    return limit


def _reserved(key: DataKey, owner_id: UUID, relative: Relative) -> FamilyLink:
    """Make a row that allows nothing yet; what it says of the relative is sealed under the owner's key."""
    link_id = new_id(bucket_of(owner_id))
    return FamilyLink(
        bucket=bucket_of(owner_id),
        id=link_id,
        owner_id=owner_id,
        member_id=relative.id,
        state=LinkState.RESERVED,
        relationship=relative.relationship,
        place=relative.place,
        may_view=False,
        may_show_code=False,
        may_certify=False,
        may_file=False,
        may_pay=False,
        agreed="",
        ages_noted=False,
        member_name=key.seal("family_link.member_name", link_id, relative.name),
        member_number=key.seal("family_link.member_number", link_id, mask_number(relative.number)),
        member_birth_date=key.seal("family_link.member_birth_date", link_id, relative.birth_date.isoformat()),
    )


async def _held_by(session: Session, owner_id: UUID) -> Sequence[FamilyLink]:
    rows = await session.scalars(
        select(FamilyLink)
        .where(
            FamilyLink.bucket == bucket_of(owner_id),
            FamilyLink.owner_id == owner_id,
            FamilyLink.state != LinkState.ENDED,
        )
        .execution_options(populate_existing=True)
    )
    return rows.all()


def _taken(link: FamilyLink) -> Conflict:
    if link.state is LinkState.RESERVED:
        return AlreadyAdding(next_step=NextStep("resume", f"/v1/enrolments/{link.enrolment_id}"))
    return AlreadyMember(next_step=NextStep("see-family", f"/v1/family/members/{link.id}"))


def _free(taken: set[int | None], limit: int) -> int | None:
    return next((number for number in range(1, limit + 1) if number not in taken), None)


async def _locked(session: Session, link_id: UUID) -> FamilyLink | None:
    link: FamilyLink | None = await session.get(
        FamilyLink, (bucket_of(link_id), link_id), with_for_update=True, populate_existing=True
    )
    return link
