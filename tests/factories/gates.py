"""Password work that stands still until a test lets it go on: what others may do meanwhile shows then."""

import asyncio

from app.core.passwords import Passwords


class GatedPasswords(Passwords):
    """Real passwords behind a gate that is open at first."""

    def __init__(self, pepper: bytes) -> None:
        super().__init__(pepper)
        self._gate = asyncio.Event()
        self._gate.set()
        self._arrived = asyncio.Semaphore(0)

    def shut(self) -> None:
        self._gate.clear()

    def open(self) -> None:
        self._gate.set()

    async def arrival(self) -> None:
        """Wait until one more piece of work has come to the gate."""
        await asyncio.wait_for(self._arrived.acquire(), 10)

    async def hash(self, password: str) -> str:
        await self._pass()
        return await super().hash(password)

    async def verify(self, stored: str | None, password: str) -> bool:
        await self._pass()
        return await super().verify(stored, password)

    async def _pass(self) -> None:
        self._arrived.release()
        await self._gate.wait()
