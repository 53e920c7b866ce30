"""Our book of draws: a movement of which a side is missing is found in the night."""

from decimal import Decimal

from structlog.testing import capture_logs

from app.core.db import Database, Session, bucket_of, new_id
from app.models.medical_accounts import LedgerEntry, Movement
from app.services.medical_accounts import comparing
from app.worker import reports
from tests.factories.adding import ok
from tests.factories.make import Holder
from tests.factories.paying import pay, put
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
