"""Ending links without an account: a code by SMS to the phone that the register holds, and to no other.

Whoever asks reads the same, after the same time, whether there is such a person, such a name, such a phone or none: for
all of them a row is written and an event is told, by the same statements. Only the worker knows whom to send a code.
"""

import asyncio
import hmac
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import NextStep, NotFound, TooMany
from app.models.audit import ActorKind
from app.models.links import FamilyLink, LinkEnd, LinkEnding, LinkState, MemberSlot
from app.ports import Ports
from app.ports.messages import Message, MessageKind
from app.ports.register import Register, RegisteredPerson
from app.services import links, outbox, policies, throttles
from app.services.accounts.codes import SmsCodeWrong
from app.services.audit import Actor
from app.services.people import homes
from app.services.people.identifiers import SocialSecurityNumber
from app.services.people.names import mask_name, same_name
from app.services.sharing import leaving as unsharing
from app.services.sharing.reading import SharedView
from app.services.throttles import Counter, Limit
from app.texts import message

_DAY = timedelta(days=1)
_NO_LIMIT = 1000
_CHANNEL = "sms"


class LinkEndingsUsedUp(TooMany):
    """Too many codes were asked for today, from this address or for this number."""

    code = "link-endings-used-up"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who wants to end links, as they say it, from where, in which language."""

    name: str = field(repr=False)
    number: SocialSecurityNumber = field(repr=False)
    address: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class Held:
    """A link that somebody holds to the member, their name masked; `ended` where it was ended just now or before."""

    link_id: UUID
    owner_name: str = field(repr=False)
    relationship: str
    state: LinkState
    since: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """Who holds links to the member, and who shares a medical account with them."""

    links: Sequence[Held]
    sharing: Sequence[SharedView]


async def ask(db: Database, register: Register, asked: Leaving) -> LinkEnding:
    """Let a code be sent to the phone that the register holds for somebody; say nothing of whether there is one.

    Raises:
        LinkEndingsUsedUp: too many were asked for today; one is left for whoever has not asked for this number yet.
        RegisterUnavailable: it does not answer, whoever is asked about; that is not counted.
    """
    started = time.monotonic()
    floor = await db.run(lambda session: _count(session, asked))
    try:
        registered = await register.find(asked.number.value)
    except BaseException:
        await db.run(lambda session: _uncount(session, asked))
        raise
    ending = await db.run(lambda session: _write(session, asked, registered))
    await asyncio.sleep(floor - (time.monotonic() - started))
    return ending


async def send_code(db: Database, ports: Ports, ending_id: UUID) -> None:
    """Send the code of a request that names somebody rightly; told again it is the same code, sent once.

    Raises:
        RegisterUnavailable, MessagesUnavailable: do it later.
    """
    found = await db.run(lambda session: _to_be_told(session, ending_id))
    if found is None:
        return
    number, code, text = found
    registered = await ports.register.find(number)
    if registered is not None and registered.phone is not None:
        key = f"link-ending:{ending_id}"
        await ports.messages.send(
            Message(key=key, to=registered.phone, kind=MessageKind.SMS_CODE, text=text, code=code)
        )


async def leave(
    db: Database, ending_id: UUID, code: str, link_ids: Collection[UUID], binding_ids: Collection[UUID] = ()
) -> Left:
    """Return who holds links to the member whose code this is, and who shares with them, once these have ended.

    Ended before is as good. A wrong code spends a try; the right one stays good for a quarter of an hour (policy) to
    choose.

    Raises:
        NotFound: there is no such request, or no such link or sharing of theirs; then nothing ends.
        SmsCodeWrong: the code is not right, or over; `tries_left` is there while there are some.
    """
    guess = await db.run(lambda session: _try(session, ending_id, code))
    if guess.person_id is None:
        raise SmsCodeWrong(tries_left=guess.tries_left, next_step=NextStep("ask-for-code", "/v1/family/link-endings"))
    person_id = guess.person_id
    actor = Actor(ActorKind.PERSON, person_id, _CHANNEL)
    await db.run(lambda session: unsharing.require_shared(session, person_id, binding_ids))
    held = await db.run(lambda session: end(session, person_id, link_ids, actor))
    return Left(held, await unsharing.leave(db, person_id, binding_ids, actor))


async def end(session: Session, person_id: UUID, link_ids: Collection[UUID], actor: Actor) -> Sequence[Held]:
    """Return who holds links to somebody, once these of them have ended; ended before is as good.

    Raises:
        NotFound: there is no such link of theirs; then nothing ends.
    """
    slots = (
        await session.scalars(
            select(MemberSlot).where(MemberSlot.bucket == bucket_of(person_id), MemberSlot.member_id == person_id)
        )
    ).all()
    wanted = [await of_member(session, person_id, link_id) for link_id in sorted(set(link_ids))]
    if wanted:
        await homes.lock(session, {person_id, *(link.owner_id for link in wanted)})
    for link in wanted:
        await links.end(session, link.id, LinkEnd.BY_MEMBER, actor)
    shown = {slot.link_id for slot in slots} | {link.id for link in wanted}
    found = [await _held(session, link_id) for link_id in shown]
    return sorted(found, key=lambda held: (held.since, held.link_id))


async def of_member(session: Session, person_id: UUID, link_id: UUID) -> FamilyLink:
    """Return a link to the member that is or was in force, without a lock.

    Raises:
        NotFound: there is none.
    """
    link = await session.get(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    if link is None or link.member_id != person_id or link.active_since is None:
        raise NotFound
    return link


@dataclass(frozen=True, slots=True)
class _Guess:
    """How a guess went: whose code it was, or how many tries are left."""

    person_id: UUID | None
    tries_left: int | None


async def _count(session: Session, asked: Leaving) -> float:
    """Count a request; return how many seconds an answer takes at least."""
    rules = await policies.current(session)
    by_address, of_number, of_pair = [
        await throttles.use(session, counter) for counter in await _counters(session, asked)
    ]
    if not by_address.is_allowed or (not of_number.is_allowed and of_pair.used > 1):
        refused = by_address if not by_address.is_allowed else of_number
        quota = rules.link_endings.per_address_a_day if refused is by_address else rules.link_endings.per_number_a_day
        raise LinkEndingsUsedUp(
            retry_after_seconds=refused.wait_seconds(session.now), quota=quota, window_seconds=86400
        )
    return rules.lookups.floor_milliseconds / 1000


async def _uncount(session: Session, asked: Leaving) -> None:
    for counter in await _counters(session, asked):
        await throttles.give_back(session, counter)


async def _counters(session: Session, asked: Leaving) -> tuple[Counter, Counter, Counter]:
    rules = (await policies.current(session)).link_endings
    digest, number = session.lookup.digest, asked.number.value
    address_bucket = session.lookup.bucket("link-ending-address", asked.address)
    return (
        Counter(
            Limit("link_endings_by_address", rules.per_address_a_day, _DAY),
            address_bucket,
            digest("link-ending-address", asked.address),
        ),
        Counter(
            Limit("link_endings_of_number", rules.per_number_a_day, _DAY),
            homes.number_bucket(session, number),
            homes.number_digest(session, number),
        ),
        Counter(
            Limit("link_endings_of_pair", _NO_LIMIT, _DAY),
            address_bucket,
            digest("link-ending-pair", f"{asked.address}:{number}"),
        ),
    )


async def _write(session: Session, asked: Leaving, registered: RegisteredPerson | None) -> LinkEnding:
    """Write the request down, whoever it is about: who was named wrongly is nobody."""
    person_id = await homes.find(session, asked.number.value)
    is_right = registered is not None and registered.is_alive and same_name(registered.name, asked.name)
    minutes = (await policies.current(session)).link_endings.minutes
    bucket = homes.number_bucket(session, asked.number.value)
    ending = LinkEnding(
        bucket=bucket,
        id=new_id(bucket),
        person_id=person_id if is_right else None,
        seed=os.urandom(16),
        language=asked.language,
        tries_left=(await policies.current(session)).link_endings.tries,
        asked_at=session.now,
        expires_at=session.now + timedelta(minutes=minutes),
        proved_at=None,
    )
    session.add(ending)
    outbox.tell(session, outbox.Kind.SEND_LINK_ENDING_CODE, ending.id, ending_id=str(ending.id))
    return ending


async def _to_be_told(session: Session, ending_id: UUID) -> tuple[str, str, str] | None:
    """Return the number of whom a code is for, the code, and the words around it; None: for nobody."""
    ending = await session.get(LinkEnding, (bucket_of(ending_id), ending_id))
    if ending is None or ending.person_id is None or ending.expires_at <= session.now:
        return None
    minutes = (await policies.current(session)).link_endings.minutes
    code = _code(session, ending)
    text = message("sms_code_end_link", ending.language, code=code, minutes=str(minutes))
    return (await homes.person(session, ending.person_id)).number, code, text


async def _try(session: Session, ending_id: UUID, code: str) -> _Guess:
    ending: LinkEnding | None = await session.get(
        LinkEnding, (bucket_of(ending_id), ending_id), with_for_update=True, populate_existing=True
    )
    if ending is None:
        raise NotFound
    if ending.expires_at <= session.now:
        return _Guess(None, None)
    if ending.tries_left == 0:
        return _Guess(None, 0)
    if not hmac.compare_digest(_code(session, ending), code) or ending.person_id is None:
        ending.tries_left -= 1
        return _Guess(None, ending.tries_left)
    if ending.proved_at is None:
        minutes = (await policies.current(session)).link_endings.choosing_minutes
        ending.proved_at, ending.expires_at = session.now, session.now + timedelta(minutes=minutes)
    return _Guess(ending.person_id, None)


async def _held(session: Session, link_id: UUID) -> Held:
    link = await session.get_one(FamilyLink, (bucket_of(link_id), link_id), populate_existing=True)
    owner = await homes.person(session, link.owner_id)
    since = link.active_since or link.reserved_at
    return Held(link.id, mask_name(owner.name), link.relationship, link.state, since)


def _code(session: Session, ending: LinkEnding) -> str:
    """Return the code of a request: derived from its seed and a key that is in no database."""
    digest = session.lookup.lasting("link-ending-code", f"{ending.id}:{ending.seed.hex()}")
    return f"{int.from_bytes(digest[-8:]) % 1_000_000:06}"
