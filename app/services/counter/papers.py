"""Somebody at a window who shows an identity document instead of their card: found by name and number.

A number that nobody has, another name and somebody dead are answered alike, not sooner than after a fixed time; an
operator asks only so often about nobody.
"""

import asyncio
import time
from dataclasses import dataclass, field

from app.core.clock import today
from app.core.db import Database, Session
from app.core.errors import FieldError
from app.models.attestations import SeenDocument
from app.models.counter import Purpose
from app.ports.register import Register, RegisteredPerson
from app.services import policies, throttles
from app.services.counter import knowing, serving
from app.services.counter.serving import Serving
from app.services.enrolments import attesting
from app.services.enrolments.attesting import DocumentsNotShown
from app.services.lookups import PersonNotVerified
from app.services.operators.sessions import Staff, StaffCaller
from app.services.people import homes
from app.services.people.ages import age_on
from app.services.people.identifiers import SocialSecurityNumber
from app.services.people.names import same_name


@dataclass(frozen=True, slots=True)
class Paper:
    """What somebody's documents say, and which kinds they were."""

    name: str = field(repr=False)
    number: SocialSecurityNumber = field(repr=False)
    documents: frozenset[SeenDocument]


async def serve(db: Database, register: Register, caller: StaffCaller, paper: Paper, purpose: Purpose) -> Serving:
    """Return whom an operator serves by a document that was shown.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded: the operator may not.
        PersonNotVerified: the register knows no living person of this number and name.
        ReadsUsedUp: the operator has asked about too many such today; then nobody is asked.
        DocumentsNotShown: what was shown does not say who somebody of this age is.
        ServiceOfOwnFamily: that too is written down.
        RegisterUnavailable: it does not answer.
    """
    started = time.monotonic()
    serving.require_may(caller.staff, purpose)
    counted = await db.run(lambda session: knowing.count(session, caller.staff))
    try:
        registered = await register.find(paper.number.value)
    except BaseException:  # nobody was told anything: that is no question
        await db.run(lambda session: throttles.give_back(session, counted))
        raise
    if registered is None or not registered.is_alive or not same_name(registered.name, paper.name):
        floor = await db.run(lambda session: _unknown(session, caller.staff, paper, purpose))
        await asyncio.sleep(floor - (time.monotonic() - started))
        raise PersonNotVerified
    await db.run(lambda session: throttles.give_back(session, counted))
    await db.run(lambda session: _require_shown(session, registered, paper))
    person_id = await db.run(lambda session: homes.find_or_create(session, paper.number, registered))
    return await serving.by_paper(db, register, caller, person_id, purpose)


async def _unknown(session: Session, staff: Staff, paper: Paper, purpose: Purpose) -> float:
    return await knowing.refuse(session, staff, purpose, homes.number_digest(session, paper.number.value))


async def _require_shown(session: Session, registered: RegisteredPerson, paper: Paper) -> None:
    rules = await policies.current(session)
    wanted = attesting.originals_at(rules, age_on(registered.birth_date, today(session.now)))
    if paper.documents.isdisjoint(wanted):
        raise DocumentsNotShown(errors=[FieldError("/person/documents_seen", "missing", allowed=wanted)])
