"""Who somebody is, attested at a window in place of a face that is waited for outside of applications.

Their card was read for one of three things: a certification of benefits, a reset of the card password, the confirmation
of links from 16 on. What they have begun goes on as after a face that has passed; a face check under way is given up,
and a case that waits for people is withdrawn. A password is set by its holder alone, in the app.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict
from app.models.attestations import SeenDocument
from app.models.counter import Purpose
from app.models.links import MemberSlot
from app.models.people import Proof
from app.ports.register import Register, RegisteredPerson
from app.services import audit, outbox
from app.services.audit import Action, Actor
from app.services.cards import resets
from app.services.certifications import attesting as certifications
from app.services.counter import deeds, using
from app.services.counter.deeds import Hand
from app.services.counter.serving import Serving
from app.services.family import reconfirmed
from app.services.people import homes


class NothingToAttest(Conflict):
    """They have begun nothing of the kind, or it is over."""

    code = "nothing-to-attest"


@dataclass(frozen=True, slots=True)
class Proven:
    """What goes on now, because it was seen in person who somebody is: its ids."""

    purpose: Purpose
    ids: Sequence[UUID]


Remember = Callable[[Session, Proven], Awaitable[None]]


async def attest(
    db: Database, register: Register, hand: Hand, card_read: str, seen: Set[SeenDocument], remember: Remember
) -> None:
    """Attest who somebody is whose card was read for what waits for their face; that spends the reading. They are told.

    Args:
        seen: the kinds of originals that they have shown besides their card.
        remember: keeps the answer, in the transaction of the effect.

    Raises:
        NothingToAttest: nothing of theirs waits for it.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, ServiceOfOwnFamily, RegisterUnavailable, and what
        `using.open_read` and `using.use_once` raise.
    """
    served = await db.run(lambda session: using.open_read(session, hand, card_read, *_GO_ON))
    concerned = await db.run(lambda session: _concerned(session, served))
    await deeds.require_strangers(db, register, hand.caller, concerned, served.purpose)
    number = (await db.run(lambda session: homes.person(session, served.person_id))).number
    registered = await register.find(number)

    async def work(session: Session) -> None:
        await homes.lock(session, concerned)
        if await _concerned(session, served) != concerned:
            raise NothingToAttest  # it is about others by now
        await hand.confirm(session)
        await using.use_once(session, served)
        done = await _GO_ON[served.purpose](session, served.person_id, registered, hand.actor)
        if not done:
            raise NothingToAttest
        await _record(session, hand, served, done, seen)
        await remember(session, Proven(served.purpose, done))

    await db.run(work)


async def _certify(session: Session, person_id: UUID, _: RegisteredPerson | None, actor: Actor) -> Sequence[UUID]:
    return await certifications.attest(session, person_id, actor)


async def _reset(session: Session, person_id: UUID, _: RegisteredPerson | None, actor: Actor) -> Sequence[UUID]:
    return await resets.attest(session, person_id, actor)


async def _reconfirm(
    session: Session, person_id: UUID, registered: RegisteredPerson | None, actor: Actor
) -> Sequence[UUID]:
    links = [link_id for link_id, _ in await _links(session, person_id)]
    return await reconfirmed.attest(session, links, registered, actor)


GoOn = Callable[[Session, UUID, RegisteredPerson | None, Actor], Awaitable[Sequence[UUID]]]
_GO_ON: Final[Mapping[Purpose, GoOn]] = {
    Purpose.CERTIFICATION: _certify,
    Purpose.PASSWORD_RESET: _reset,
    Purpose.RECONFIRMATION: _reconfirm,
}


async def _concerned(session: Session, served: Serving) -> frozenset[UUID]:
    """Return whom it concerns: the person, and who has begun it for them or acts for them."""
    if served.purpose is Purpose.CERTIFICATION:
        return frozenset({served.person_id, *await certifications.homes_of(session, served.person_id)})
    if served.purpose is Purpose.RECONFIRMATION:
        return frozenset({served.person_id, *(owner for _, owner in await _links(session, served.person_id))})
    return frozenset({served.person_id})


async def _links(session: Session, person_id: UUID) -> Sequence[tuple[UUID, UUID]]:
    rows = await session.execute(
        select(MemberSlot.link_id, MemberSlot.owner_id)
        .where(MemberSlot.bucket == bucket_of(person_id), MemberSlot.member_id == person_id)
        .order_by(MemberSlot.link_id)
    )
    return [(row.link_id, row.owner_id) for row in rows]


async def _record(session: Session, hand: Hand, served: Serving, done: Sequence[UUID], seen: Set[SeenDocument]) -> None:
    documents = {SeenDocument.SOCIAL_SECURITY_CARD, *seen}
    await audit.record(
        session,
        Action.IDENTITY_ATTESTED,
        home_id=served.person_id,
        actor=hand.actor,
        facts={
            **served.facts,
            "proof": Proof.IN_PERSON.value,
            "documents": " ".join(sorted(documents)),
            "about": " ".join(str(each) for each in done),
        },
    )
    outbox.tell(session, outbox.Kind.TELL_PERSON, served.person_id, message="identity_attested_here")
