"""The demo's clock: ahead of the machine's by what one row says, the same in every process."""

import asyncio
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import MovableClock
from app.core.db import Database, Session
from app.models.stand_ins import DevelopmentClock

_LOOK_EVERY_SECONDS = 1.0


class SharedClock(MovableClock):
    """A movable clock that looks at its row now and then."""

    async def look(self, db: Database) -> None:
        """Take over how far the row is ahead."""
        seconds = await db.run(lambda session: session.scalar(select(DevelopmentClock.advance_seconds)))
        # A look that began before the last move may end after it; no clock goes back.
        self.advance = max(self.advance, timedelta(seconds=seconds or 0))

    async def keep_looking(self, db: Database) -> None:
        """Look every second until cancelled."""
        while True:
            await self.look(db)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def move_everywhere(self, db: Database, by: timedelta) -> None:
        """Move the row forward, and with it every process.

        Raises:
            ValueError: the span is negative.
        """
        if by < timedelta():
            raise ValueError("a clock does not go back")

        async def add(session: Session) -> None:
            seconds = round(by.total_seconds())
            row = insert(DevelopmentClock).values(id=1, advance_seconds=seconds)
            await session.execute(
                row.on_conflict_do_update(
                    index_elements=[DevelopmentClock.id],
                    set_={"advance_seconds": DevelopmentClock.advance_seconds + seconds},
                )
            )

        await db.run(add)
        await self.look(db)
