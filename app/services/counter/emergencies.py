"""Breaking the glass: a look at somebody without their card, at once, which others of the staff review later.

Who was looked at is told at once. Whoever has too many looks that nobody has reviewed makes no more: each takes one of
their numbered places until it is reviewed.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Denied
from app.models.counter import EmergencyLook, EmergencyReason, EmergencySlot
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson
from app.services import audit, lookups, outbox, policies
from app.services.audit import Action
from app.services.counter import knowing, looking, serving
from app.services.counter.looking import Standing
from app.services.counter.serving import AtCounter
from app.services.lookups import Asker, Question
from app.services.operators import duties, sessions
from app.services.operators.duties import Duty
from app.services.people import homes
from app.services.people.identifiers import Population, SocialSecurityNumber
from app.services.people.names import same_name
from app.services.rules import Policies
from app.services.terminals import requests


class EmergencyLooksUnreviewed(Denied):
    """As many of the operator's looks without a card wait for a review as may."""

    code = "emergency-looks-unreviewed"


@dataclass(frozen=True, slots=True)
class Emergency:
    """Who is here without their card, as their papers or companions name them, and why that cannot wait."""

    name: str = field(repr=False)
    number: SocialSecurityNumber = field(repr=False)
    reason: EmergencyReason


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What a look without a card gives; `card` is the physical card's status now, if there is one."""

    look: EmergencyLook
    card: PhysicalCardStatus | None
    standing: Standing


Remember = Callable[[Session, LookedAt], Awaitable[None]]


async def look(
    db: Database,
    register: Register,
    population: Population,
    at: AtCounter,
    emergency: Emergency,
    remember: Remember,
) -> None:
    """Look at how somebody stands without their card; what comes of it is flagged, told, and reviewed later.

    Args:
        remember: keeps the answer, in the transaction of the look.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, StaffSessionEnded: the operator may not.
        RequestReplayed: the request's nonce was taken before.
        EmergencyLooksUnreviewed: others have to review some of the operator's looks first.
        PersonNotVerified, LookupsUsedUp, LookupInProgress: as wherever somebody is named.
        ServiceOfOwnFamily: it is the operator, or a relative; that is written down.
        RegisterUnavailable: the register does not answer.
    """
    began = time.monotonic()
    duties.require(at.staff, Duty.BREAK_GLASS)
    asker = Asker(at.staff.id, at.staff.id, at.staff.actor)
    question = await db.run(lambda session: _begin(session, at, asker, emergency, began))
    registered = await lookups.ask(
        db, register, asker, question, lambda found: same_name(found.name, emergency.name), purpose="emergency"
    )
    person_id = await knowing.home_of(db, population, registered)
    await serving.require_not_own(db, register, at.staff, person_id)
    await db.run(lambda session: _look(session, at, emergency, person_id, registered, remember))


async def _begin(session: Session, at: AtCounter, asker: Asker, emergency: Emergency, began: float) -> Question:
    rules = await policies.current(session, at.staff.region)
    await requests.take(session, at.terminal)
    waiting = await session.scalar(
        select(func.count()).where(
            EmergencySlot.bucket == bucket_of(at.staff.id), EmergencySlot.operator_id == at.staff.id
        )
    )
    if (waiting or 0) >= rules.counters.emergency_looks:
        raise EmergencyLooksUnreviewed
    return await lookups.count(session, asker, emergency.number.value, rules.lookups, began)


async def _look(
    session: Session,
    at: AtCounter,
    emergency: Emergency,
    person_id: UUID,
    registered: RegisteredPerson,
    remember: Remember,
) -> None:
    await homes.lock(session, {person_id, at.staff.id})
    await sessions.require_going_on(session, at.caller)
    made = await _add(session, at, emergency, person_id, registered)
    status = None if registered.card is None else registered.card.status
    await remember(session, LookedAt(made, status, await looking.standing_of(session, person_id)))


async def _add(
    session: Session, at: AtCounter, emergency: Emergency, person_id: UUID, registered: RegisteredPerson
) -> EmergencyLook:
    rules = await policies.current(session, at.staff.region)
    look_id = new_id(bucket_of(person_id))
    await _take_slot(session, at.staff.id, look_id, rules)
    made = EmergencyLook(
        bucket=bucket_of(person_id),
        id=look_id,
        person_id=person_id,
        operator_id=at.staff.id,
        office_id=at.staff.office_id,
        region=registered.region,
        terminal_id=at.terminal.id,
        reason=emergency.reason,
        looked_at=session.now,
        due_at=session.now + timedelta(hours=rules.counters.emergency_review_hours),
    )
    session.add(made)
    await session.flush()
    facts = {"look_id": str(look_id), "reason": emergency.reason.value, "office": at.staff.office_id}
    await audit.record(
        session,
        Action.EMERGENCY_LOOKED,
        home_id=person_id,
        actor=at.staff.actor,
        facts={"purpose": "emergency", **facts},
    )
    outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message="emergency_look_member", member_id=str(person_id))
    return made


async def _take_slot(session: Session, operator_id: UUID, look_id: UUID, rules: Policies) -> None:
    for slot_no in range(1, rules.counters.emergency_looks + 1):
        taken = await session.scalar(
            insert(EmergencySlot)
            .values(bucket=bucket_of(operator_id), operator_id=operator_id, slot_no=slot_no, look_id=look_id)
            .on_conflict_do_nothing(
                index_elements=[EmergencySlot.bucket, EmergencySlot.operator_id, EmergencySlot.slot_no]
            )
            .returning(EmergencySlot.slot_no)
        )
        if taken is not None:
            return
    raise EmergencyLooksUnreviewed
