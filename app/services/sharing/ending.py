"""How bindings end: by either side, a no, in time, a death, an account that is closed, a consent taken back."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.models.sharing import SharerSlot, SharingBinding, SharingEnd, SharingRequest, SharingState
from app.services import agreements, audit
from app.services.audit import Action, Actor
from app.services.sharing import rows, telling
from app.services.sharing.asking import NOTICE

_AT_ONCE = 50
_NEVER_BEGAN = "sharing_not_started"
_OVER = "sharing_ended"


async def end(session: Session, binding_id: UUID, because: SharingEnd, actor: Actor, *, of: UUID | None = None) -> None:
    """End a binding at once, on both sides; ended already is as good. Both homes are locked here, in order.

    The owner's consent is over with it; where they end it themselves it is taken back.

    Args:
        of: whose death it is that ends it; nobody is told of their own.
    """
    binding = await rows.locked(session, binding_id)
    if binding.state is SharingState.ENDED:
        return
    message = _NEVER_BEGAN if binding.state is SharingState.PENDING else _OVER
    binding.advance(SharingState.ENDED)
    binding.ended_at, binding.ended_because, binding.place_no = session.now, because, None
    binding.expires_at = binding.member_name = binding.member_number = None
    await rows.free_slot(session, binding)
    given = await agreements.in_force(session, binding.id, NOTICE)
    if given is not None and because is SharingEnd.BY_OWNER:  # whose consent it is
        await agreements.take_back(session, given, actor)
    elif given is not None:
        await agreements.lapse(session, binding.id, NOTICE)
    await telling.record(session, Action.SHARING_ENDED, binding, actor, because=because.value)
    telling.tell(session, binding, message, but=of)


async def end_all(db: Database, person_id: UUID, because: SharingEnd) -> int:
    """End the bindings of somebody, on both sides; return how many were found. Done again it ends what is left.

    Each is a unit of work of its own: it locks the two homes that it concerns, and no more.
    """
    found = await db.run(lambda session: of_person(session, person_id))
    for binding_id in found:
        await db.run(partial(_end, binding_id, because, person_id))
    return len(found)


async def end_between(session: Session, one: UUID, other: UUID, because: SharingEnd, actor: Actor) -> None:
    """End what two people share with each other, in either direction; both homes are locked."""
    for owner_id, member_id in ((one, other), (other, one)):
        binding = await rows.living(session, owner_id, member_id)
        if binding is not None:
            await end(session, binding.id, because, actor)


async def expire_due(db: Database) -> int:
    """End the bindings that nobody has agreed to in time; return how many."""
    found = await db.run(lambda session: rows.due(session, most=_AT_ONCE))
    return sum([await db.run(partial(_expire, binding_id)) for binding_id in found])


async def of_person(session: Session, person_id: UUID) -> Sequence[UUID]:
    """Return the bindings of a person, as owner and as member, those too that wait."""
    bucket = bucket_of(person_id)
    as_owner = await session.scalars(
        select(SharingBinding.id).where(
            SharingBinding.bucket == bucket,
            SharingBinding.owner_id == person_id,
            SharingBinding.state != SharingState.ENDED,
        )
    )
    slots = await session.scalars(
        select(SharerSlot.binding_id).where(SharerSlot.bucket == bucket, SharerSlot.member_id == person_id)
    )
    waiting = await session.scalars(
        select(SharingRequest.binding_id).where(SharingRequest.bucket == bucket, SharingRequest.member_id == person_id)
    )
    return [*as_owner, *slots, *waiting]


async def partners(session: Session, person_id: UUID) -> frozenset[UUID]:
    """Return with whom a person shares, and who shares with them."""
    found = [await rows.seen(session, binding_id) for binding_id in await of_person(session, person_id)]
    both = {each for binding in found if binding is not None for each in (binding.owner_id, binding.member_id)}
    return frozenset(both - {person_id})


async def _end(binding_id: UUID, because: SharingEnd, person_id: UUID, session: Session) -> None:
    of = person_id if because is SharingEnd.BY_DEATH else None
    await end(session, binding_id, because, audit.SYSTEM, of=of)


async def _expire(binding_id: UUID, session: Session) -> bool:
    binding = await rows.locked(session, binding_id)
    if not rows.is_over(session, binding):
        return False
    await end(session, binding_id, SharingEnd.EXPIRED, audit.SYSTEM)
    return True
