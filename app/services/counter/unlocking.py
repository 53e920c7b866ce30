"""The lock of a card password, lifted for a holder whose card lies on the counter; a password is the holder's alone."""

from collections.abc import Awaitable, Callable

from app.core.db import Database, Session
from app.models.counter import Purpose
from app.services.cards import unlocking
from app.services.counter import using
from app.services.counter.deeds import Hand
from app.services.people import homes

Remember = Callable[[Session, int], Awaitable[None]]


async def unlock(db: Database, hand: Hand, card_read: str, remember: Remember) -> None:
    """Lift the lock of somebody's card password, whose card was read for this; the holder is told.

    Args:
        remember: keeps how many wrong ones are left until only a reset helps.

    Raises:
        CardPasswordNotSet, CardPasswordNotLocked, CardPasswordResetNeeded, UnlocksUsedUp, and what `using.open_read`
        and `using.use_once` raise.
    """

    async def work(session: Session) -> None:
        served = await using.open_read(session, hand, card_read, Purpose.PASSWORD_UNLOCK)
        await homes.lock(session, {served.person_id})
        await hand.confirm(session)
        await using.use_once(session, served)
        facts = {name: str(value) for name, value in served.facts.items()}
        await remember(session, await unlocking.unlock(session, served.person_id, hand.actor, **facts))

    await db.run(work)
