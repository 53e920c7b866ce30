"""Time that passes, with the worker at work in it."""

from dataclasses import dataclass

from app.routers.deps import House
from app.services.card_orders import tracking as making
from app.services.transfers import tracking
from app.worker import relay
from tests.factories.adding import later


@dataclass(frozen=True, slots=True)
class Time:
    """The worker's work, and days that pass."""

    house: House

    async def work(self) -> None:
        """Let the worker tell what is due, what comes of that too, and ask about filings once."""
        await self._tell()
        await tracking.track_due(self.house.db, self.house.ports.transfers)
        await making.track_due(self.house.db, self.house.ports)
        await self._tell()

    async def pass_by(self, **span: float) -> None:
        """Let time pass, and then the worker work."""
        await later(self.house, **span)
        await self.work()

    async def texts(self) -> list[str]:
        """What people were told, oldest first."""
        assert self.house.sandbox is not None
        return [each.text for each in reversed(await self.house.sandbox.inbox.received(None, 500))]

    async def _tell(self) -> None:
        while await relay.tell_due(self.house.db, self.house.ports):
            pass
