"""Gives people of tests insurance records, and authorities that behave as a test wants."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from app.adapters.insurance.embedded import Behaviour, EmbeddedInsurance
from app.adapters.insurance.plans import Income, Plan, Spell
from app.core.db import Database
from app.ports.insurance import (
    AUTHORITY_OF,
    INSURANCE_OF,
    Authority,
    BenefitKind,
    Insurance,
    Month,
    Scheme,
)
from tests.factories.make import Someone

FIRST: Final = Month(2023, 1)
EMPLOYER: Final = "示例市第一机械厂"

PENSION: Final = Spell(Scheme.EMPLOYEE_PENSION, FIRST, None, "100101", EMPLOYER, Decimal("12000.00"), 80, 160, rise=0)
MEDICAL: Final = Spell(Scheme.EMPLOYEE_MEDICAL, FIRST, None, "100101", EMPLOYER, Decimal("12000.00"), 20, 80, rise=0)
ILL: Final = Income(
    Scheme.EMPLOYEE_MEDICAL, BenefitKind.MEDICAL_REIMBURSEMENT, Month(2025, 3), Month(2025, 5), Decimal("410.50"), 0
)
AT_WORK: Final = Plan((PENSION, MEDICAL), (ILL,))


class Insured:
    """The embedded authorities of a house, which wait where a test says so."""

    def __init__(self, db: Database) -> None:
        self.at: Mapping[Authority, WaitingInsurance] = {each: WaitingInsurance(db, each) for each in Authority}

    async def put(self, someone: Someone, plan: Plan = AT_WORK) -> None:
        """Let both authorities keep their part of a plan of somebody."""
        for authority, records in self.at.items():
            spells = tuple(each for each in plan.spells if _keeps(authority, each.scheme))
            incomes = tuple(each for each in plan.incomes if _keeps(authority, each.scheme))
            await records.put({someone.registered.number: Plan(spells, incomes, plan.ended)})

    def let(self, authority: Authority, behaviour: Behaviour) -> None:
        """Let an authority behave in some way from now on."""
        self.at[authority].behaviour = behaviour

    @property
    def asked(self) -> int:
        """How often either was asked."""
        return sum(each.asked for each in self.at.values())


class WaitingInsurance(EmbeddedInsurance):
    """The embedded authority; it counts, and waits before it answers while `held`."""

    def __init__(self, db: Database, authority: Authority) -> None:
        super().__init__(db, authority)
        self.asked = 0
        self.arrived = asyncio.Semaphore(0)
        self._free = asyncio.Event()
        self._free.set()

    def hold(self) -> None:
        """Let whoever asks wait."""
        self._free.clear()

    def release(self) -> None:
        """Let them go on."""
        self._free.set()

    async def behave(self) -> None:
        self.asked += 1
        self.arrived.release()
        await self._free.wait()
        await super().behave()


def _keeps(authority: Authority, scheme: Scheme) -> bool:
    return AUTHORITY_OF[INSURANCE_OF[scheme]] is authority


def insurances_of(authority: Authority) -> set[Insurance]:
    """Return what an authority keeps."""
    return {insurance for insurance, who in AUTHORITY_OF.items() if who is authority}
