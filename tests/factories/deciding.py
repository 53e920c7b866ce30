"""People who decide: reviewers for everywhere, hired when they are first needed, who claim a case and decide it."""

from contextlib import suppress
from typing import Final

import httpx

from app.cli.cases import decide as decide_at_machine
from app.core.db import Session
from app.models.cases import Case, Finding, Verdict
from app.models.operators import OfficeKind, OperatorRole
from app.routers.deps import House
from app.services import cases
from app.services.cases import Decision
from app.services.operators import offices, registering
from app.services.operators.offices import NewOffice, OfficeKnown
from app.services.operators.registering import Factors, LoginTaken, NewOperator
from tests.factories.make import Make

YES: Final = Decision(Verdict.APPROVE, Finding.PAPERS_FIT)
NO: Final = Decision(Verdict.REJECT, Finding.PAPERS_DO_NOT_FIT)
_OFFICE = NewOffice("machine-room", "机房", OfficeKind.DISTRICT_BRANCH, "000000", "地下 1 层", "0–24", "12333")


async def the_case(house: House) -> Case:
    """Return the one case that waits."""
    (case,) = await house.db.run(cases.waiting)
    return case


async def people_decide(house: House, decision: Decision = YES, *, login: str = "li", case: Case | None = None) -> Case:
    """Let a reviewer claim a case, the one that waits unless said otherwise, and decide it."""
    found = case or await the_case(house)
    await hired(house, login)
    return await decide_at_machine(house, found.id, login, decision)


async def hired(house: House, login: str) -> None:
    """Make sure that there is a reviewer of this login; they cannot sign in."""
    factors = Factors("", bytes(20), "no password")

    if await house.db.run(lambda session: registering.find(session, login)) is not None:
        return
    async with httpx.AsyncClient() as nowhere:
        who = await Make(nowhere, house).person(name="审核人")

    async def add(session: Session) -> None:
        await registering.add(session, NewOperator(login, OperatorRole.REVIEWER, _OFFICE.id, who.id), factors)

    with suppress(OfficeKnown):
        await house.db.run(lambda session: offices.add(session, _OFFICE))
    with suppress(LoginTaken):
        await house.db.run(add)
