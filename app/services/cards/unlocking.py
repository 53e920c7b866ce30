"""A lock of the card password is lifted for a holder who is there in person; a password is set by nobody else."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, TooMany
from app.models.cards import CardPassword, CardPasswordWrong
from app.services import audit, outbox, policies, throttles
from app.services.audit import Action, Actor
from app.services.cards.passwords import CardPasswordNotSet, CardPasswordResetNeeded
from app.services.throttles import Counter, Limit

_DAY = timedelta(days=1)


class CardPasswordNotLocked(Conflict):
    """The card password is not locked: there is nothing to lift."""

    code = "card-password-not-locked"


class UnlocksUsedUp(TooMany):
    """The lock of this card was lifted often enough today."""

    code = "unlocks-used-up"


async def unlock(session: Session, person_id: UUID, actor: Actor, **facts: str) -> int:
    """Lift the lock of somebody's card password; their home is locked. Tell them, and write down who did it.

    What counts towards a lock starts again. What counts towards a reset, all wrong ones since the last right one, is
    kept: guessing with the help of a counter leads there too.

    Returns:
        How many wrong ones are left until only a reset helps.

    Raises:
        CardPasswordNotSet, CardPasswordNotLocked.
        CardPasswordResetNeeded: lifting the lock would not help.
        UnlocksUsedUp: it was lifted as often as it may be today (policy).
    """
    rules = await policies.current(session)
    row: CardPassword | None = await session.get(
        CardPassword, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise CardPasswordNotSet
    if row.wrong_since_right >= rules.card_passwords.since_right:
        raise CardPasswordResetNeeded(tries_left=0)
    if row.locked_until is None or row.locked_until <= session.now:
        raise CardPasswordNotLocked
    limit = Limit("card_password_unlocks", rules.window.unlocks_a_day, _DAY)
    await throttles.require(session, Counter(limit, bucket_of(person_id), person_id.bytes), UnlocksUsedUp)
    row.streak, row.locked_until = 0, None
    await session.execute(
        delete(CardPasswordWrong)
        .where(CardPasswordWrong.bucket == row.bucket, CardPasswordWrong.person_id == person_id)
        .execution_options(synchronize_session=False)
    )
    outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message="card_password_unlocked")
    await audit.record(session, Action.CARD_PASSWORD_UNLOCKED, home_id=person_id, actor=actor, facts=facts)
    return rules.card_passwords.since_right - row.wrong_since_right
