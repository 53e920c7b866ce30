"""Binds a relative for an owner: by whichever door they come, the same rules hold and the same rows are written."""

from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from uuid import UUID

from app.core.clock import today
from app.core.db import Session, bucket_of, new_id
from app.core.errors import Conflict, NextStep
from app.models.sharing import Confirming, SharingBinding, SharingState, SharingWay
from app.ports.register import RegisteredPerson
from app.services import policies
from app.services.audit import Action, Actor
from app.services.people import homes
from app.services.people.fitting import SelfNotAllowed, require_plausible
from app.services.people.homes import KnownPerson
from app.services.people.identifiers import SocialSecurityNumber, mask_number
from app.services.people.relationships import Relationship
from app.services.rules import Policies
from app.services.rules.sharing import Sharing
from app.services.sharing import codes, confirming, rows, telling


class AlreadyShared(Conflict):
    """The owner shares with this relative already, as another kind of relative; `next_step` leads there."""

    code = "already-shared"


class SharingDeclined(Conflict):
    """This relative has said no lately; `retry_after_seconds` says how long that holds."""

    code = "sharing-declined"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A relative whom an owner wants to share with, as the register has confirmed them, and how it came.

    `has_phone` is what `confirming.can_be_reached` says; `language` is that of the code's text. `guardian` is the
    number of somebody who is there in person to agree for a minor.
    """

    owner_id: UUID
    number: SocialSecurityNumber = field(repr=False)
    registered: RegisteredPerson = field(repr=False)
    relationship: Relationship
    way: SharingWay
    channel: str | None
    language: str
    has_phone: bool
    guardian: str | None = field(default=None, repr=False)


async def bind(session: Session, wanted: Wanted, actor: Actor) -> SharingBinding:
    """Bind one relative, or let the binding wait for whoever has to agree; both homes are locked here, in order.

    The same again gives the same binding, and another code where one is waited for.

    Raises:
        SelfNotAllowed, RelativeNotShared, RelationshipImplausible, AlreadyShared, SharingDeclined.
        MembersAtLimit, SharersAtLimit: no place is left, on the owner's side or on the relative's.
        SharingCodesUsedUp: too many codes were sent today.
    """
    owner, member_id, rules = await _met(session, wanted)
    known = await _known(session, wanted, member_id)
    made = known or await _add(session, wanted, owner, member_id, rules)
    if made.confirming is not Confirming.NOBODY:
        await _ask(session, made, wanted, rules.sharing, actor, is_new=known is None)
    elif known is None:
        await activate(session, made, rules.sharing, actor)
    return made


async def bind_in_person(session: Session, wanted: Wanted, actor: Actor) -> SharingBinding:
    """Bind one relative who stands before us, or whose card does: they need not agree any more.

    For a minor a guardian does, there in person or by code where one can be asked. One that waited for another's answer
    is active now. Both homes are locked here, in order.

    Raises:
        SelfNotAllowed, RelativeNotShared, RelationshipImplausible, AlreadyShared, MembersAtLimit, SharersAtLimit.
        GuardianNotHere: a guardian has to agree, and is neither there nor to be asked; or whoever is there is none.
        SharingCodesUsedUp: too many codes were sent to guardians today.
    """
    owner, member_id, rules = await _met(session, wanted)
    known = await _known(session, wanted, member_id)
    is_for_guardian = confirming.needs_guardian(rules.sharing, owner, wanted.registered, session.now)
    agreeing = Confirming.GUARDIAN if is_for_guardian else Confirming.NOBODY
    is_agreed = _is_guardian_here(wanted) or not is_for_guardian
    if not is_agreed and not wanted.has_phone:
        raise confirming.GuardianNotHere
    made = known or await _add(session, wanted, owner, member_id, rules, agreeing, is_agreed=is_agreed)
    if not is_agreed:
        await _ask(session, made, wanted, rules.sharing, actor, is_new=known is None)
    elif made.state is SharingState.PENDING:
        await activate(session, made, rules.sharing, actor)
    return made


def _is_guardian_here(wanted: Wanted) -> bool:
    """Say whether a guardian is there.

    Raises:
        GuardianNotHere: whoever is there as one is none by the register.
    """
    if wanted.guardian is not None and wanted.guardian not in confirming.guardians(wanted.registered):
        raise confirming.GuardianNotHere
    return wanted.guardian is not None


async def activate(session: Session, binding: SharingBinding, rules: Sharing, actor: Actor) -> None:
    """Let a locked binding that waits be active; both homes are locked.

    Raises:
        SharersAtLimit: the member has no slot free.
    """
    await rows.free_slot(session, binding)  # the request, where one waited
    await rows.take_slot(session, binding, rules.sharers_per_member)
    binding.advance(SharingState.ACTIVE)
    binding.active_since, binding.expires_at = session.now, None
    await session.flush()
    await telling.record(session, Action.SHARING_STARTED, binding, actor, way=binding.way.value)
    telling.tell(session, binding, "sharing_started")


async def _met(session: Session, wanted: Wanted) -> tuple[KnownPerson, UUID, Policies]:
    """Meet the relative, lock both homes, and return who the owner is and the rules of where they are insured."""
    member_id = await homes.find_or_create(session, wanted.number, wanted.registered)
    if member_id == wanted.owner_id:
        raise SelfNotAllowed
    await homes.lock(session, {wanted.owner_id, member_id})
    owner = await homes.person(session, wanted.owner_id)
    return owner, member_id, await policies.current(session, owner.region)


async def _known(session: Session, wanted: Wanted, member_id: UUID) -> SharingBinding | None:
    known = await rows.living(session, wanted.owner_id, member_id)
    if known is not None and known.relationship != wanted.relationship.code:
        raise AlreadyShared(next_step=NextStep("see-sharing", f"/v1/sharing/bindings/{known.id}"))
    return known


async def _add(
    session: Session,
    wanted: Wanted,
    owner: KnownPerson,
    member_id: UUID,
    rules: Policies,
    agreeing: Confirming | None = None,
    *,
    is_agreed: bool = False,
) -> SharingBinding:
    """Write the owner's row: pending, in a place of its own; both homes are locked.

    Args:
        agreeing: who agrees where that is not as by every other door.
    """
    registered, relationship = wanted.registered, wanted.relationship
    by_rule = await confirming.who(
        session, rules.sharing, owner, member_id, registered, relationship, has_phone=wanted.has_phone
    )
    require_plausible(rules, relationship, owner, registered, today(session.now))
    if not is_agreed:
        await _require_not_declined(session, owner.id, member_id, rules.sharing)
    place_no = await rows.free_place(session, owner.id, rules.sharing.members_per_owner)
    key, binding_id = await homes.key_of(session, owner.id), new_id(bucket_of(owner.id))
    made = SharingBinding(
        bucket=bucket_of(owner.id),
        id=binding_id,
        owner_id=owner.id,
        member_id=member_id,
        relationship=relationship.code,
        state=SharingState.PENDING,
        place_no=place_no,
        way=wanted.way,
        channel=wanted.channel,
        confirming=agreeing or by_rule,
        monthly_cap=None,
        member_name=key.seal("sharing_binding.member_name", binding_id, registered.name),
        member_number=key.seal("sharing_binding.member_number", binding_id, mask_number(registered.number)),
        asked_at=session.now,
        expires_at=session.now + timedelta(hours=rules.sharing.pending_hours),
    )
    session.add(made)
    await session.flush()
    return made


async def _ask(
    session: Session, made: SharingBinding, wanted: Wanted, rules: Sharing, actor: Actor, *, is_new: bool
) -> None:
    """Ask whoever has to agree; those who were asked before get another code, while it is waited for."""
    if is_new:
        await codes.begin(session, made, await rows.add_request(session, made, rules, wanted.language), rules)
        await telling.record(session, Action.SHARING_ASKED, made, actor, way=made.way.value)
        telling.tell(session, made, "sharing_asked")
        return
    waiting = await rows.request(session, made)
    if waiting is not None and not rows.is_over(session, made):
        await codes.again(session, made, waiting, rules)


async def _require_not_declined(session: Session, owner_id: UUID, member_id: UUID, rules: Sharing) -> None:
    last = await rows.last_no(session, owner_id, member_id)
    until = None if last is None else last + timedelta(days=rules.declined_days)
    if until is not None and until > session.now:
        raise SharingDeclined(retry_after_seconds=ceil((until - session.now).total_seconds()))
