"""Work that stands still until a test lets it go on: what others may do meanwhile shows then."""

import asyncio

from app.adapters.register.embedded import EmbeddedRegister
from app.core.db import Database
from app.core.passwords import Cost, Passwords
from app.core.suites import Suite
from app.ports.register import RegisteredPerson


class Gate:
    """Open at first; who comes while it is shut waits."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._arrived = asyncio.Semaphore(0)

    def shut(self) -> None:
        self._arrived = asyncio.Semaphore(0)
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    async def arrival(self) -> None:
        """Wait until one more has come since the gate was shut."""
        await asyncio.wait_for(self._arrived.acquire(), 60)

    async def come(self) -> None:
        """Pass, once it is open."""
        self._arrived.release()
        await self._is_open.wait()


class GatedPasswords(Passwords):
    """Real passwords, with a gate before each kind of work."""

    def __init__(self, pepper: bytes, suite: Suite, *, cost: Cost) -> None:
        super().__init__(pepper, suite, cost=cost)
        self.hashing = Gate()
        self.verifying = Gate()

    async def hash(self, password: str) -> str:
        await self.hashing.come()
        return await super().hash(password)

    async def verify(self, stored: str | None, password: str) -> bool:
        await self.verifying.come()
        return await super().verify(stored, password)


class KeptRegister(EmbeddedRegister):
    """The embedded register, which keeps one answer back when a test says so; others are given meanwhile."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._gates: list[Gate] = []

    def keep_next(self) -> Gate:
        """Keep the next answer back until the gate is opened."""
        gate = Gate()
        gate.shut()
        self._gates.append(gate)
        return gate

    async def find(self, number: str) -> RegisteredPerson | None:
        if self._gates:
            await self._gates.pop().come()
        return await super().find(number)


class GatedRegister(EmbeddedRegister):
    """The embedded register, with a gate before each answer about somebody."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.finding = Gate()

    async def find(self, number: str) -> RegisteredPerson | None:
        await self.finding.come()
        return await super().find(number)
