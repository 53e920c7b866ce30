"""Our book of draws: what does not add up, or is another in the keeper's book, is found in the night."""

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from app.adapters.medical_funds.embedded import EmbeddedMedicalFunds
from app.core.db import Database, Session, bucket_of, new_id
from app.models.draws import Draw, DrawState
from app.models.medical_accounts import LedgerEntry, Movement
from app.models.stand_ins import FundsSettlement
from app.ports.medical_funds import FundsRefusal
from app.routers.deps import House
from app.services.draws import comparing as holding_against
from app.services.medical_accounts import comparing
from app.worker import reports
from tests.factories.adding import ok
from tests.factories.callers import pass_time
from tests.factories.make import Holder, Make
from tests.factories.paying import give_back, pay, put, sharer
from tests.factories.terminals import Terminal


async def test_a_movement_of_which_a_side_is_missing_is_found(son: Holder, till: Terminal, db: Database) -> None:
    await put(db, son, "10.00")
    ok(await pay(till, son, "1.00"))
    assert await reports.report_unequal_books(db) == 0
    torn = new_id(0)

    async def half(session: Session) -> None:
        session.add(
            LedgerEntry(
                bucket=bucket_of(son.id),
                account_id=son.id,
                movement_id=torn,
                kind=Movement.DRAW,
                amount=Decimal("1.00"),
                booked_at=session.now,
            )
        )

    await db.run(half)
    with capture_logs() as lines:
        found = await reports.report_unequal_books(db)

    (line,) = [line for line in lines if line["event"] == "book_unequal"]
    assert (found, line["movements"]) == (1, [str(torn)])
    assert list(await comparing.unequal(db, at_once=1)) == [torn]


class TestTheKeepers:
    async def test_where_both_say_the_same_nothing_is_told(
        self, make: Make, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        await put(db, son, "10.00")
        await sharer(make, db, son, amount="50.00")
        ok(await pay(till, son, "20.00"))
        ok(await give_back(till, ok(await pay(till, son, "5.00"))["id"]))

        assert await reports.report_differing_draws(db, house.ports) == 0
        assert list(await holding_against.differing(db, EmbeddedMedicalFunds(db), at_once=1)) == []

    @pytest.mark.parametrize("theirs", [{"refusal": FundsRefusal.SHORT}, {"given_back_at": "now"}])
    async def test_what_they_say_otherwise_is_told_by_its_number_alone(
        self, son: Holder, till: Terminal, db: Database, house: House, theirs: dict[str, object]
    ) -> None:
        await put(db, son, "10.00")
        made = ok(await pay(till, son, "1.00"))
        await self._change(db, made["id"], theirs)

        with capture_logs() as lines:
            found = await reports.report_differing_draws(db, house.ports)

        (line,) = [line for line in lines if line["event"] == "draws_differ"]
        assert (found, line["draws"]) == (1, [made["id"]])
        assert "1.00" not in str(line)

    async def test_what_they_have_paid_and_we_hold_to_be_refused_is_told(
        self, son: Holder, till: Terminal, db: Database
    ) -> None:
        await put(db, son, "10.00")
        made = ok(await pay(till, son, "1.00"))
        await db.run(lambda session: session.execute(update(Draw).values(state=DrawState.REFUSED)))

        assert list(await holding_against.differing(db, EmbeddedMedicalFunds(db))) == [UUID(made["id"])]

    async def test_what_is_not_known_yet_or_long_ago_is_left_out(
        self, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        await put(db, son, "10.00")
        before = ok(await pay(till, son, "1.00"))["id"]
        await pass_time(house, hours=80)
        under_way = ok(await pay(till, son, "1.00"))["id"]
        for order_id in (before, under_way):
            await self._change(db, order_id, {"refusal": FundsRefusal.SHORT})
        wanted = update(Draw).where(Draw.id == UUID(under_way)).values(state=DrawState.PENDING)
        await db.run(lambda session: session.execute(wanted))

        assert await reports.report_differing_draws(db, house.ports) == 0

    async def _change(self, db: Database, order_id: str, theirs: dict[str, object]) -> None:
        values = {name: db.clock.now() if value == "now" else value for name, value in theirs.items()}
        wanted = update(FundsSettlement).where(FundsSettlement.order_id == UUID(order_id)).values(**values)
        await db.run(lambda session: session.execute(wanted))
