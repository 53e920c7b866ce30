"""How many cases nobody has decided in time, told for each office that could: counts, and nothing of anybody."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import func, select

from app.core.db import Session
from app.models.cases import Case, CaseState
from app.services.operators import offices
from app.services.operators.offices import within


async def by_office(session: Session) -> Mapping[str | None, int]:
    """Return how many open cases are past their deadline, for each office that serves their region: across all homes.

    Two offices that serve one region have the same cases, and both are told. None stands for those that no office
    serves.
    """
    regions = await session.execute(
        select(Case.region, func.count())
        .where(Case.state == CaseState.OPEN, Case.due_at <= session.now)
        .group_by(Case.region)
    )
    known = {office.id: within(office.region) for office in await offices.everywhere(session)}
    late: Counter[str | None] = Counter()
    for region, count in regions:
        serving = [office_id for office_id, prefix in known.items() if region.startswith(prefix)]
        for office_id in serving or (None,):
            late[office_id] += count
    return late
