"""Insurance records in tables of our own, for the demo: each person's life is kept shortly and told until today."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from pydantic import TypeAdapter
from sqlalchemy import delete, insert, select, text

from app.adapters.insurance.plans import Plan
from app.core.clock import today
from app.core.db import Database, Session, new_id
from app.models.stand_ins import InsurancePlan
from app.ports.insurance import (
    Answered,
    Authority,
    Benefit,
    Contribution,
    Insurance,
    InsuranceRecords,
    InsuranceUnavailable,
    Item,
    Participation,
    Silence,
)

_NUMBER: Final = "insurance-number"
_PLAN: Final = "insurance_plan.plan"
_SLOW_SECONDS: Final = 60.0
_plans: Final = TypeAdapter(Plan)


class Behaviour(StrEnum):
    """How a stand-in behaves; more than one is for development."""

    ANSWERS = "answers"
    DOWN = "down"
    SLOW = "slow"
    NONSENSE = "nonsense"


class EmbeddedInsurance(InsuranceRecords):
    """One authority at home: one sealed plan a person, found by a keyed digest of the number."""

    def __init__(self, db: Database, authority: Authority) -> None:
        self._db = db
        self._authority = authority
        self.behaviour = Behaviour.ANSWERS

    async def participations(self, number: str) -> Answered[Participation]:
        return await self._told(number, lambda plan: plan.participations(today(self._db.clock.now())))

    async def contributions(self, number: str, insurance: Insurance) -> Answered[Contribution]:
        return await self._told(number, lambda plan: plan.contributions(insurance, today(self._db.clock.now())))

    async def benefits(self, number: str, insurance: Insurance) -> Answered[Benefit]:
        return await self._told(number, lambda plan: plan.benefits(insurance, today(self._db.clock.now())))

    async def put(self, plans: Mapping[str, Plan]) -> None:
        """Take plans in, by number, all or none; a person's earlier one is replaced."""

        async def replace(session: Session) -> None:
            await session.execute(text("LOCK TABLE insurance_plan IN SHARE ROW EXCLUSIVE MODE"))
            known = [digest for number in plans for digest in session.lookup.digests(_NUMBER, number)]
            await session.execute(
                delete(InsurancePlan).where(
                    InsurancePlan.authority == self._authority, InsurancePlan.number_hmac.in_(known)
                )
            )
            await session.execute(
                insert(InsurancePlan), [self._row(session, number, plan) for number, plan in plans.items()]
            )

        if plans:
            await self._db.run(replace)

    def _row(self, session: Session, number: str, plan: Plan) -> Mapping[str, object]:
        row_id = new_id(0)
        return {
            "id": row_id,
            "number_hmac": session.lookup.digest(_NUMBER, number),
            "authority": self._authority,
            "plan": session.vault.system.seal_bytes(_PLAN, row_id, _plans.dump_json(plan)),
            "changed_at": session.now,
        }

    async def _told(self, number: str, tell: Callable[[Plan], tuple[Item, ...]]) -> Answered[Item]:
        await self.behave()
        plan = await self._db.run(lambda session: self._plan(session, number))
        return Answered(self._db.clock.now(), tell(plan))

    async def _plan(self, session: Session, number: str) -> Plan:
        row = (
            await session.execute(
                select(InsurancePlan.id, InsurancePlan.plan).where(
                    InsurancePlan.authority == self._authority,
                    InsurancePlan.number_hmac.in_(session.lookup.digests(_NUMBER, number)),
                )
            )
        ).one_or_none()
        if row is None:
            return Plan()
        try:
            return _plans.validate_json(session.vault.system.open_bytes(_PLAN, row.id, row.plan))
        except InvalidTag as error:  # under another key ring's system key, or not ours at all
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error

    async def behave(self) -> None:
        """Wait or fail as this authority is to behave; comes before each answer."""
        match self.behaviour:
            case Behaviour.ANSWERS:
                return
            case Behaviour.DOWN:
                raise InsuranceUnavailable(Silence.NO_ANSWER)
            case Behaviour.NONSENSE:
                raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD)
            case Behaviour.SLOW:
                await asyncio.sleep(_SLOW_SECONDS)
