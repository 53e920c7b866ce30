"""The nightly look at both sides of sharing: whole sharing passes, every way to be torn is found."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import delete, update

from app.core.db import Database
from app.models.sharing import SharerSlot, SharingBinding
from app.services.sharing import comparing
from app.worker import reports
from tests.factories.make import Holder, Make
from tests.factories.sharing import BINDINGS, shared

ELDER = date(1957, 3, 8)


async def test_sharing_that_lives_is_paused_or_was_ended_is_whole(db: Database, make: Make, me: Holder) -> None:
    made = [await shared(db, me, await make.person(birth_date=ELDER)) for _ in range(3)]
    await me.call("PUT", f"{BINDINGS}/{made[0].id}/pause")
    await me.call("PUT", f"{BINDINGS}/{made[1].id}/cap", {"monthly_cap": "12.50"})
    await me.call("DELETE", f"{BINDINGS}/{made[2].id}")

    assert await comparing.torn(db, at_once=1) == []
    assert await reports.report_torn_sharing(db) == 0


@pytest.mark.parametrize("lost", ["slot", "binding", "cap", "pause"])
async def test_sides_that_do_not_agree_are_found(db: Database, make: Make, me: Holder, lost: str) -> None:
    made, _ = [await shared(db, me, await make.person(birth_date=ELDER)) for _ in range(2)]
    of_slot, of_binding = SharerSlot.binding_id == made.id, SharingBinding.id == made.id
    damage = {
        "slot": delete(SharerSlot).where(of_slot),
        "binding": delete(SharingBinding).where(of_binding),
        "cap": update(SharingBinding).where(of_binding).values(monthly_cap=Decimal("1.00")),
        "pause": update(SharerSlot).where(of_slot).values(is_paused=True),
    }
    await db.run(lambda session: session.execute(damage[lost]))

    assert await comparing.torn(db) == [made.id]
    assert await reports.report_torn_sharing(db) == 1
