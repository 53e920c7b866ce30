"""Balances that were ours move to whoever keeps the accounts, and back: no cent is lost, and no open draw."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from app.adapters.postgres.schema import configuration
from app.core.db import Database
from tests import cluster
from tests.factories.adding import ok
from tests.factories.make import Holder, Make
from tests.factories.paying import give_back, pay, put, sharer
from tests.factories.terminals import Terminal

BEFORE = "0048"
OLD_SUMS = """
SELECT a.person_id, a.balance, (SELECT sum(amount) FROM ledger_entry WHERE account_id = a.person_id) AS booked
FROM medical_account a ORDER BY a.balance
"""
NEW_SUMS = """
SELECT i.person_id, a.balance, (SELECT sum(amount) FROM funds_entry WHERE account_id = a.id) AS booked
FROM funds_account a JOIN identifier i USING (number_hmac) ORDER BY a.balance
"""
LOPSIDED = "SELECT movement_id FROM {} GROUP BY movement_id HAVING sum(amount) <> 0"


@pytest.fixture
def config(database: cluster.Database) -> Config:
    """How Alembic finds the test's database."""
    return configuration(database.owner_url)


@pytest.fixture
def apart() -> Iterator[ThreadPoolExecutor]:
    """Alembic runs an event loop of its own."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_every_cent_and_every_draw_moves_back_and_forth(
    make: Make,
    son: Holder,
    till: Terminal,
    db: Database,
    database: cluster.Database,
    config: Config,
    apart: ThreadPoolExecutor,
) -> None:
    await put(db, son, "12.30")
    mother = await sharer(make, db, son, amount="100.00")
    kept, returned = [ok(await pay(till, son, amount)) for amount in ("20.00", "5.00")]
    ok(await give_back(till, returned["id"]))
    left = [(son.id, "0.00", "0.00"), (mother.owner.id, "92.30", "92.30")]

    apart.submit(command.downgrade, config, BEFORE).result()
    connection = await asyncpg.connect(database.owner_url)
    try:
        old = await connection.fetch(OLD_SUMS)
        old_torn = await connection.fetch(LOPSIDED.format("ledger_entry"))
        apart.submit(command.upgrade, config, "head").result()
        new = await connection.fetch(NEW_SUMS)
        new_torn = [await connection.fetch(LOPSIDED.format(book)) for book in ("ledger_entry", "funds_entry")]
        orders = await connection.fetch("SELECT order_id::text, given_back_at IS NULL FROM funds_settlement")
        draws = await connection.fetch("SELECT DISTINCT state FROM draw UNION ALL SELECT kind FROM ledger_entry")
    finally:
        await connection.close()

    assert [(row[0], str(row[1]), str(row[2])) for row in old] == left
    assert [(row[0], str(row[1]), str(row[2])) for row in new] == left
    assert (old_torn, new_torn) == ([], [[], []])
    assert {tuple(row) for row in orders} == {(kept["id"], True), (returned["id"], False)}
    assert {row[0] for row in draws} == {"settled", "draw", "reversal"}


async def test_there_is_no_way_back_while_it_is_not_known_how_a_draw_ended(
    son: Holder,
    till: Terminal,
    db: Database,
    database: cluster.Database,
    config: Config,
    apart: ThreadPoolExecutor,
) -> None:
    await put(db, son, "12.30")
    ok(await pay(till, son, "2.00"))
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("UPDATE draw SET state = 'pending'")
    finally:
        await connection.close()

    with pytest.raises(DBAPIError, match="let a worker ask first"):
        apart.submit(command.downgrade, config, BEFORE).result()
