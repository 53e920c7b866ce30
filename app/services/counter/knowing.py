"""Whose card a number is on: nobody's, a dead person's, and one that is not right get one answer, in the same time.

A question is counted before it is asked, and a right one given back: who has asked too often about nobody is told
nothing of anybody.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, TooMany
from app.models.counter import Purpose
from app.ports.register import Register, RegisteredPerson, RegisterUnavailable
from app.services import audit, policies, throttles
from app.services.audit import Action
from app.services.operators.sessions import Staff
from app.services.people import homes
from app.services.people.identifiers import NumberNotValid, Population, SocialSecurityNumber, parse_number
from app.services.throttles import Counter, Limit

_DAY = timedelta(days=1)


class CardNotKnown(Conflict):
    """Nobody has a card of this number, or nobody who lives."""

    code = "card-not-known"


class ReadsUsedUp(TooMany):
    """The operator has read too many cards this hour, or asked about too many unknown ones today."""

    code = "card-reads-used-up"


@dataclass(frozen=True, slots=True)
class Shown:
    """A card, by what is printed on it (aaz500, 9 characters), and what it is shown for."""

    card_number: str = field(repr=False)
    purpose: Purpose


def _anybody(_: RegisteredPerson) -> bool:
    return True


async def holder_of(
    db: Database,
    register: Register,
    staff: Staff,
    shown: Shown,
    is_right: Callable[[RegisteredPerson], bool] = _anybody,
) -> RegisteredPerson:
    """Ask the register whose card it is; no connection is held meanwhile.

    Raises:
        CardNotKnown: nobody's who lives and is right; not before a fixed time is over.
        ReadsUsedUp: the operator has asked about too many such numbers today; then nobody is asked.
        RegisterUnavailable: the register does not answer; nothing is counted.
    """
    started = time.monotonic()
    counted = await db.run(lambda session: count(session, staff))
    try:
        registered = await register.find_by_card(shown.card_number)
    except BaseException:  # nobody was told anything: that is no question
        await db.run(lambda session: throttles.give_back(session, counted))
        raise
    if registered is None or not registered.is_alive or not is_right(registered):
        about = db.lookup.digest("card-number", shown.card_number)
        floor = await db.run(lambda session: refuse(session, staff, shown.purpose, about))
        await asyncio.sleep(floor - (time.monotonic() - started))
        raise CardNotKnown
    await db.run(lambda session: throttles.give_back(session, counted))
    return registered


async def count(session: Session, staff: Staff) -> Counter:
    """Count a question of an operator about somebody who may be nobody; a right one is to be given back.

    Raises:
        ReadsUsedUp: too many of today's were about nobody.
    """
    rules = await policies.current(session, staff.region)
    counter = Counter(Limit("unknown_cards", rules.counters.unknown_a_day, _DAY), bucket_of(staff.id), staff.id.bytes)
    await throttles.require(session, counter, ReadsUsedUp)
    return counter


async def refuse(session: Session, staff: Staff, purpose: Purpose, about: bytes) -> float:
    """Write a question about nobody down, in the operator's own home; return how many seconds an answer takes.

    Args:
        about: the keyed digest of what was asked about.
    """
    await audit.record(
        session,
        Action.PERSON_LOOKUP_REFUSED,
        home_id=staff.id,
        actor=staff.actor,
        facts={"purpose": purpose.value, "office": staff.office_id, "asked_about": about.hex()[:16]},
    )
    return (await policies.current(session, staff.region)).lookups.floor_milliseconds / 1000


def number_of(registered: RegisteredPerson, population: Population) -> SocialSecurityNumber:
    """Read the number of somebody whom the register has named.

    Raises:
        RegisterUnavailable: it is none.
    """
    try:
        return parse_number(registered.number, population=population)
    except NumberNotValid as error:
        raise RegisterUnavailable from error


async def home_of(db: Database, population: Population, registered: RegisteredPerson) -> UUID:
    """Return somebody's home, made when we meet them first.

    Raises:
        RegisterUnavailable: their number is none.
    """
    number = number_of(registered, population)
    return await db.run(lambda session: homes.find_or_create(session, number, registered))
