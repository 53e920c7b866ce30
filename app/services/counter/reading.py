"""Cards that terminals read at a counter: whose they are, whether they are in order, and a token good for one thing.

A card that is lost, locked or cancelled is
refused with its reason: who holds it need not be whose it is.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import NextStep
from app.core.sealing import Lookup
from app.models.counter import CardRead, Purpose
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson
from app.services import audit, policies, throttles
from app.services.audit import Action
from app.services.cards import allowing
from app.services.counter import knowing, serving
from app.services.counter.knowing import ReadsUsedUp, Shown
from app.services.counter.serving import AtCounter, Serving
from app.services.operators import sessions
from app.services.people import homes
from app.services.people.identifiers import Population
from app.services.people.names import mask_name
from app.services.rules import Policies
from app.services.terminals import requests
from app.services.throttles import Counter, Limit

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Given:
    """What a card's reading gives: the token, good for `expires_in` seconds; the name is masked."""

    token: str = field(repr=False)
    purpose: Purpose
    expires_in: int
    name: str = field(repr=False)


async def read(db: Database, register: Register, population: Population, at: AtCounter, shown: Shown) -> Given:
    """Take a card that a terminal has read; the very same request again is answered the same, half a minute long.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded: the operator may not.
        RequestReplayed: the reader's nonce was taken before.
        ReadsUsedUp: the operator has asked too often.
        CardNotKnown: it is nobody's.
        CardIsLost, CardIsLocked, CardNotActivated, CardCancelled: it is not in order; that is written down.
        ServiceOfOwnFamily: it is the operator's own, or a relative's; that too.
        StaffSessionEnded: the session was ended meanwhile.
        RegisterUnavailable: the register does not answer.
    """
    serving.require_may(at.staff, shown.purpose)
    rules = await db.run(lambda session: _begin(session, at))
    registered = await knowing.holder_of(db, register, at.staff, shown)
    person_id = await knowing.home_of(db, population, registered)
    served = Serving(at.caller, person_id, shown.purpose, terminal_id=at.terminal.id)
    await _require_in_order(db, served, registered)
    await serving.require_stranger(db, register, served)
    read_id = await db.run(lambda session: _write(session, at, served, rules))
    return Given(
        token=token_of(db.lookup, read_id),
        purpose=shown.purpose,
        expires_in=rules.counters.card_read_seconds,
        name=mask_name(registered.name),
    )


def token_of(lookup: Lookup, read_id: UUID) -> str:
    """Return the token of a read card: its id and a keyed digest of that, so that the same is answered the same."""
    return urlsafe_b64encode(read_id.bytes + lookup.digest("card-read", str(read_id))).decode()


async def _begin(session: Session, at: AtCounter) -> Policies:
    """Take the nonce and count the question, before anybody is asked anything."""
    rules = await policies.current(session, at.staff.region)
    await requests.take(session, at.terminal)
    hourly = Limit("card_reads", rules.counters.reads_an_hour, _HOUR)
    await throttles.require(session, Counter(hourly, bucket_of(at.staff.id), at.staff.id.bytes), ReadsUsedUp)
    return rules


async def _require_in_order(db: Database, served: Serving, registered: RegisteredPerson) -> None:
    status = PhysicalCardStatus.CANCELLED if registered.card is None else registered.card.status
    if status is PhysicalCardStatus.NORMAL:
        return
    refusal = allowing.of_status(status)
    await db.run(lambda session: serving.refused(session, served, refusal.code))
    raise refusal(next_step=NextStep("see-offices", f"/v1/offices?region={registered.region}"))


async def _write(session: Session, at: AtCounter, served: Serving, rules: Policies) -> UUID:
    await homes.lock(session, {served.person_id})
    await sessions.require_going_on(session, at.caller)
    bucket = bucket_of(served.person_id)
    taken: UUID | None = await session.scalar(
        insert(CardRead)
        .values(
            bucket=bucket,
            id=new_id(bucket),
            person_id=served.person_id,
            operator_id=at.staff.id,
            session_id=at.caller.session_id,
            office_id=at.staff.office_id,
            terminal_id=at.terminal.id,
            nonce=at.terminal.nonce,
            purpose=served.purpose,
            read_at=session.now,
            expires_at=session.now + timedelta(seconds=rules.counters.card_read_seconds),
        )
        .on_conflict_do_nothing(index_elements=[CardRead.bucket, CardRead.terminal_id, CardRead.nonce])
        .returning(CardRead.id)
    )
    if taken is None:
        return await _read_before(session, at, bucket)
    await audit.record(session, Action.CARD_READ, home_id=served.person_id, actor=served.actor, facts=served.facts)
    return taken


async def _read_before(session: Session, at: AtCounter, bucket: int) -> UUID:
    known: UUID | None = await session.scalar(
        select(CardRead.id).where(
            CardRead.bucket == bucket, CardRead.terminal_id == at.terminal.id, CardRead.nonce == at.terminal.nonce
        )
    )
    assert known is not None
    return known
