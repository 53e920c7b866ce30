"""What offices got on a day: terminal by terminal, to the cent, whatever is given back and whenever it was known."""

from datetime import date, timedelta
from decimal import Decimal

from app.core.clock import today
from app.core.db import Database
from app.routers.deps import House
from app.services.draws import totals
from tests.factories.adding import ok
from tests.factories.make import Holder, Make
from tests.factories.paying import give_back, pay, put, sharer
from tests.factories.terminals import Install, Terminal
from tests.family.test_coming_of_age import until


async def told(db: Database, till: Terminal, day: date) -> list[tuple[str | None, int, str, int, str, str]]:
    rows = await db.fetch("SELECT office_id FROM terminal WHERE name = 'till-1'")
    found = await totals.of_office(db, rows[0]["office_id"], day)
    return [
        (each.terminal, each.draws, str(each.drawn), each.reversals, str(each.returned), str(each.net))
        for each in found
    ]


async def test_a_day_is_told_by_terminal_and_stays_as_it_was(
    make: Make, son: Holder, till: Terminal, install: Install, db: Database, house: House
) -> None:
    other = await install("till-2")
    await put(db, son, "30.00")
    await sharer(make, db, son, amount="100.00")
    first = today(house.db.clock.now())
    ok(await pay(till, son, "40.10"))
    ok(await pay(till, son, "0.01"))
    later = ok(await pay(till, son, "7.00"))
    ok(await give_back(other, ok(await pay(other, son, "5.55"))["id"]))
    before = await told(db, till, first)
    await until(house, first + timedelta(days=1))
    ok(await give_back(other, later["id"]))

    assert before == [
        ("till-1", 3, "47.11", 0, "0.00", "47.11"),
        ("till-2", 1, "5.55", 1, "5.55", "0.00"),
    ]
    assert await told(db, till, first) == before
    assert await told(db, till, first + timedelta(days=1)) == [("till-2", 0, "0.00", 1, "7.00", "-7.00")]
    rows = await db.fetch("SELECT sum(covered) AS all FROM draw")
    assert rows[0]["all"] == sum((Decimal(row[2]) for row in before), Decimal())


async def test_an_office_where_nothing_was_drawn_has_no_lines(db: Database) -> None:
    assert await totals.of_office(db, "nowhere", date(2026, 1, 1)) == []
