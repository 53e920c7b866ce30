"""Tells people what happened to them: on their own phone, and where they are children or have none, on others' too.

Whoever is under 14 is told through the phone that the register holds and every other owner; whoever has no phone,
through the owners alone. The owner who acted must not be the only one to hear of it. What is about somebody's safety
goes to the phone that the register holds, whatever account says that it is theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import Unavailable
from app.models.links import MemberSlot
from app.models.outbox import OutboxEvent
from app.models.people import Home, HomeKind
from app.ports import Ports
from app.services import policies
from app.services.accounts import profile
from app.services.notifications import handing
from app.services.notifications.handing import Note
from app.services.outbox import Kind, Taken
from app.services.people import homes
from app.services.people.ages import is_under
from app.services.people.homes import KnownPerson
from app.services.people.names import mask_name

_TO_MEMBER: Final = "_member"
_TO_OTHERS: Final = "_other_owner"
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {"owner_id": ("owner",), "member_id": ("member", "name")}
_NOBODY: Final = "***"  # for whom nobody knows any more

_log = logging.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Recipient:
    """Somebody who may be told: the phone of their account, and the number under which the register knows theirs."""

    home_id: UUID
    account_id: UUID | None
    phone: str | None = field(repr=False)
    number: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Whom an event concerns, who stands in for them, who did it, and the masked names that the text takes."""

    to: _Recipient
    stand_ins: Sequence[_Recipient]
    acting: _Recipient | None
    is_child: bool
    names: Mapping[str, str] = field(repr=False)


async def tell(db: Database, ports: Ports, event: Taken) -> None:
    """Tell those whom an event concerns; done again, nobody hears it twice.

    No connection is held while the register is asked and messages are handed over.

    Raises:
        RegisterUnavailable, MessagesUnavailable, PushUnavailable: not everybody has been told.
    """
    if event.facts.get("member_id") == "":
        return  # an application that named nobody yet: there is nothing to say
    plan = await db.run(partial(_plan, event))
    if plan is None:
        return  # nobody lives there any more
    own = await _phone_of(ports, plan.to)
    notes = [_note(event, plan, plan.to, own, event.facts["message"])]
    if own is None or plan.is_child:
        notes += await _for_others(ports, event, plan, own)
    failures: list[Unavailable] = []
    for note in notes:
        try:
            await handing.hand_over(db, ports, note)
        except Unavailable as error:  # the others hear of it all the same, and now
            failures.append(error)
    if failures:
        raise failures[0]


async def write_down(session: Session, home_id: UUID, about: UUID) -> None:
    """Write into a home's list now what it is about to be told of somebody whose name nobody will know afterwards."""
    events = await session.scalars(
        select(OutboxEvent).where(
            OutboxEvent.bucket == bucket_of(home_id),
            OutboxEvent.home_id == home_id,
            OutboxEvent.kind == Kind.TELL_PERSON.value,
            OutboxEvent.done_at.is_(None),
        )
    )
    for event in events:
        if str(about) in event.facts.values():
            values = {**event.facts, **await _names(session, event.facts)}
            await handing.keep(session, Note(event.id, home_id, None, None, event.facts["message"], values))


async def _for_others(ports: Ports, event: Taken, plan: _Plan, own: str | None) -> Sequence[Note]:
    """Return what those are told who stand in; that nobody heard but who did it is put into the log."""
    message = event.facts["message"].removesuffix(_TO_MEMBER) + _TO_OTHERS
    notes = [_note(event, plan, other, await _phone_of(ports, other), message) for other in plan.stand_ins]
    acting = None if plan.acting is None else await _phone_of(ports, plan.acting)
    if not {own, *(note.phone for note in notes)} - {None, acting}:
        _log.warning("nobody_else_told", event_id=str(event.id), message=event.facts["message"])
    return notes


def _note(event: Taken, plan: _Plan, to: _Recipient, phone: str | None, message: str) -> Note:
    return Note(
        event_id=event.id,
        home_id=to.home_id,
        account_id=to.account_id,
        phone=phone,
        message=message,
        values={**event.facts, **plan.names},
    )


async def _phone_of(ports: Ports, recipient: _Recipient) -> str | None:
    if recipient.phone is not None or recipient.number is None:
        return recipient.phone
    registered = await ports.register.find(recipient.number)
    return None if registered is None else registered.phone


async def _plan(event: Taken, session: Session) -> _Plan | None:
    home = await session.get_one(Home, (bucket_of(event.home_id), event.home_id), populate_existing=True)
    if home.erased_at is not None:
        return None
    names = await _names(session, event.facts)
    if home.kind is HomeKind.ACCOUNT:
        phone = await profile.phone_of(session, home.id)
        return _Plan(
            to=_Recipient(home.id, home.id, phone, None), stand_ins=(), acting=None, is_child=False, names=names
        )
    person = await homes.person(session, home.id)
    rules = (await policies.current(session)).ages
    is_child = is_under(person.birth_date, rules.own_consent, session.now)
    acting_id = UUID(event.facts["owner_id"]) if "owner_id" in event.facts else None
    is_by_register = is_child or event.facts.get("phone") == "register"
    has_words_for_others = event.facts["message"].endswith(_TO_MEMBER)
    owners = await _owners(session, home.id) if has_words_for_others else ()
    return _Plan(
        to=_Recipient(home.id, None, None, person.number) if is_by_register else await _recipient(session, person),
        stand_ins=[each for owner in owners if owner != acting_id and (each := await _find(session, owner))],
        acting=None if acting_id is None else await _find(session, acting_id),
        is_child=is_child,
        names={"name": mask_name(person.name)} | names,
    )


async def _find(session: Session, person_id: UUID) -> _Recipient | None:
    person = await homes.find_person(session, person_id)
    return None if person is None else await _recipient(session, person)


async def _recipient(session: Session, person: KnownPerson) -> _Recipient:
    phone = None if person.account_id is None else await profile.phone_of(session, person.account_id)
    return _Recipient(person.id, person.account_id, phone, person.number)


async def _names(session: Session, facts: Mapping[str, str]) -> dict[str, str]:
    """Return the masked names of the people whom the facts name, by the places that texts have for them."""
    found: dict[str, str] = {}
    for fact, places in _PLACES.items():
        if facts.get(fact):
            person = await homes.find_person(session, UUID(facts[fact]))
            found |= dict.fromkeys(places, _NOBODY if person is None else mask_name(person.name))
    return found


async def _owners(session: Session, member_id: UUID) -> Sequence[UUID]:
    rows = await session.scalars(
        select(MemberSlot.owner_id)
        .where(MemberSlot.bucket == bucket_of(member_id), MemberSlot.member_id == member_id)
        .order_by(MemberSlot.slot_no)
    )
    return rows.all()
