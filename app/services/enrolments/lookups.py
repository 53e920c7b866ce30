"""Counts questions about people: for who asks and for the number asked about; right ones are given back.

A stranger's wrong questions about a number shut out nobody who has not asked about it wrongly too.
"""

from collections.abc import Sequence
from datetime import timedelta

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, TooMany
from app.services import throttles
from app.services.accounts.sessions import Caller
from app.services.people import homes
from app.services.rules.adding import Lookups
from app.services.throttles import Counter, Limit

_DAY = timedelta(days=1)
_MOMENT = timedelta(seconds=10)
_NO_LIMIT = 1000


class LookupsUsedUp(TooMany):
    """Too many wrong questions today."""

    code = "lookups-used-up"


class LookupInProgress(Conflict):
    """As many of the caller's questions are under way as may still be wrong today: wait for their answers."""

    code = "lookup-in-progress"


async def count(session: Session, caller: Caller, number: str, rules: Lookups) -> tuple[Counter, ...]:
    """Count a question before it is asked; return under what, to be given back when it was a right one.

    Raises:
        LookupsUsedUp: too many were wrong; nothing is counted.
        LookupInProgress: too many would be, if all that are under way were wrong.
    """
    counters = _counters(session, caller, number, rules)
    by_owner, of_number, of_pair = uses = [await throttles.use(session, counter) for counter in counters]
    under_way = await throttles.use(session, _under_way(caller))
    has_asked_before = of_pair.used > 1
    if not by_owner.is_allowed or (not of_number.is_allowed and has_asked_before):
        if under_way.used > 1:
            raise LookupInProgress(retry_after_seconds=1)
        refused = of_number if by_owner.is_allowed else by_owner
        raise LookupsUsedUp(
            retry_after_seconds=refused.wait_seconds(session.now), quota=rules.per_owner_a_day, window_seconds=86400
        )
    return tuple(counter for counter, use in zip(counters, uses, strict=True) if use.is_allowed)


async def answered(session: Session, caller: Caller) -> None:
    """Remember that one of the caller's questions is no longer under way."""
    await throttles.give_back(session, _under_way(caller))


async def give_back(session: Session, counted: Sequence[Counter]) -> None:
    """Take a question back that was a right one, whatever is refused after it."""
    for counter in counted:
        await throttles.give_back(session, counter)


def _under_way(caller: Caller) -> Counter:
    """Return where the caller's questions are counted while they wait for an answer; a lost one lapses."""
    limit = Limit("lookups_under_way", _NO_LIMIT, _MOMENT)
    return Counter(limit, bucket_of(caller.account_id), caller.account_id.bytes)


def _counters(session: Session, caller: Caller, number: str, rules: Lookups) -> tuple[Counter, ...]:
    """Return what a question is counted under: by who asks, of the number, and of the two together."""
    home = bucket_of(caller.account_id)
    pair = session.lookup.digest("lookup-pair", f"{caller.account_id}:{number}")
    return (
        Counter(Limit("lookups_by_owner", rules.per_owner_a_day, _DAY), home, caller.account_id.bytes),
        Counter(
            Limit("lookups_of_number", rules.per_number_a_day, _DAY),
            homes.number_bucket(session, number),
            homes.number_digest(session, number),
        ),
        Counter(Limit("lookups_of_pair", _NO_LIMIT, _DAY), home, pair),
    )
