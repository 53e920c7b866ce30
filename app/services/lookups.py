"""Asks the register whether somebody exists, without telling strangers who does; for all who may name a person.

Unknown, wrong and dead get one answer, by the same statements and port calls in the same order, no sooner than a fixed
time. Wrong questions are counted for who asks and for the number asked about; right ones are given back. A stranger's
wrong questions about a number shut out nobody who has not asked about it wrongly too.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, NextStep, TooMany
from app.ports.register import Register, RegisteredPerson
from app.services import audit, throttles
from app.services.accounts.doers import Applicant
from app.services.audit import Action, Actor
from app.services.people import homes
from app.services.rules.adding import Lookups
from app.services.throttles import Counter, Limit

_DAY = timedelta(days=1)
_MOMENT = timedelta(seconds=10)
_NO_LIMIT = 1000


class PersonNotVerified(Conflict):
    """The register knows no living person who is as they were named; what of it is wrong is not said."""

    code = "person-not-verified"
    leads_to = NextStep("see-offices", "/v1/offices")


class LookupsUsedUp(TooMany):
    """Too many wrong questions today."""

    code = "lookups-used-up"


class LookupInProgress(Conflict):
    """As many of the caller's questions are under way as may still be wrong today: wait for their answers."""

    code = "lookup-in-progress"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: an account or one of the staff, in whose home wrong questions are written down."""

    id: UUID
    home_id: UUID
    actor: Actor

    @classmethod
    def of(cls, caller: Applicant) -> "Asker":
        return cls(caller.account_id, caller.home_id, caller.actor)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was counted: under what, since when (monotonic), and how long a refusal takes.

    `about` is the start of the number's keyed digest: the same questions can be told from others, and nothing more.
    """

    number: str = field(repr=False)
    about: str
    counted: tuple[Counter, ...]
    floor_seconds: float
    began: float


async def count(session: Session, asker: Asker, number: str, rules: Lookups, began: float) -> Question:
    """Count a question before it is asked.

    Args:
        began: when whoever asks began to wait (`time.monotonic`).

    Raises:
        LookupsUsedUp: too many were wrong; nothing is counted.
        LookupInProgress: too many would be, if all that are under way were wrong.
    """
    counters = _counters(session, asker, number, rules)
    by_owner, of_number, of_pair = uses = [await throttles.use(session, counter) for counter in counters]
    under_way = await throttles.use(session, _under_way(asker))
    has_asked_before = of_pair.used > 1
    if not by_owner.is_allowed or (not of_number.is_allowed and has_asked_before):
        if under_way.used > 1:
            raise LookupInProgress(retry_after_seconds=1)
        refused = of_number if by_owner.is_allowed else by_owner
        raise LookupsUsedUp(
            retry_after_seconds=refused.wait_seconds(session.now), quota=rules.per_owner_a_day, window_seconds=86400
        )
    counted = tuple(counter for counter, use in zip(counters, uses, strict=True) if use.is_allowed)
    about = homes.number_digest(session, number).hex()[:16]
    return Question(number, about, counted, rules.floor_milliseconds / 1000, began)


async def ask(
    db: Database,
    register: Register,
    asker: Asker,
    question: Question,
    is_right: Callable[[RegisteredPerson], bool],
    **facts: str,
) -> RegisteredPerson:
    """Ask the register a counted question; no connection is held meanwhile.

    Args:
        is_right: whether the person found is the one who was named.
        facts: what else is written down of a wrong question; nothing personal.

    Raises:
        PersonNotVerified: not before the fixed time is over.
        RegisterUnavailable: nothing is counted.
    """
    try:
        registered = await register.find(question.number)
    except BaseException:  # nobody was told anything: that is no question
        await db.run(lambda session: _uncount(session, asker, question.counted))
        raise
    if registered is None or not registered.is_alive or not is_right(registered):
        await db.run(lambda session: _refuse(session, asker, question, facts))
        await asyncio.sleep(question.floor_seconds - (time.monotonic() - question.began))
        raise PersonNotVerified
    # A right question is none of those that are counted, whatever else is refused after it.
    await db.run(lambda session: _uncount(session, asker, question.counted))
    return registered


async def _uncount(session: Session, asker: Asker, counted: Sequence[Counter]) -> None:
    for counter in counted:
        await throttles.give_back(session, counter)
    await throttles.give_back(session, _under_way(asker))


async def _refuse(session: Session, asker: Asker, question: Question, facts: dict[str, str]) -> None:
    await throttles.give_back(session, _under_way(asker))
    await audit.record(
        session,
        Action.PERSON_LOOKUP_REFUSED,
        home_id=asker.home_id,
        actor=asker.actor,
        facts={**facts, "asked_about": question.about},
    )


def _under_way(asker: Asker) -> Counter:
    """Return where the asker's questions are counted while they wait for an answer; a lost one lapses."""
    return Counter(Limit("lookups_under_way", _NO_LIMIT, _MOMENT), bucket_of(asker.id), asker.id.bytes)


def _counters(session: Session, asker: Asker, number: str, rules: Lookups) -> tuple[Counter, ...]:
    """Return what a question is counted under: by who asks, of the number, and of the two together."""
    home = bucket_of(asker.id)
    pair = session.lookup.digest("lookup-pair", f"{asker.id}:{number}")
    return (
        Counter(Limit("lookups_by_owner", rules.per_owner_a_day, _DAY), home, asker.id.bytes),
        Counter(
            Limit("lookups_of_number", rules.per_number_a_day, _DAY),
            homes.number_bucket(session, number),
            homes.number_digest(session, number),
        ),
        Counter(Limit("lookups_of_pair", _NO_LIMIT, _DAY), home, pair),
    )
