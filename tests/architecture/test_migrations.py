"""The migrations make the schema that the models say, go down and up again, and know every member of every enum."""

from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Enum

from app.adapters.postgres.schema import configuration
from app.models import Base
from tests import cluster

ENUMS = [
    (table.name, column.name, column.type.enums)
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, Enum)
]


def test_the_migrated_schema_is_the_one_the_models_say(database: cluster.Database) -> None:
    with ThreadPoolExecutor(1) as apart:  # Alembic runs an event loop of its own
        apart.submit(command.check, configuration(database.owner_url)).result()


async def test_the_schema_goes_down_to_nothing_and_up_again(database: cluster.Database) -> None:
    config = configuration(database.owner_url)
    with ThreadPoolExecutor(1) as apart:
        apart.submit(command.downgrade, config, "base").result()
        left = await _fetch(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        apart.submit(command.upgrade, config, "head").result()
        apart.submit(command.check, config).result()

    assert [row["tablename"] for row in left] == ["alembic_version"]
    assert await _fetch(database, "SELECT 1 FROM policy WHERE code = 'quota'")


@pytest.mark.parametrize(("table", "column", "members"), ENUMS)
async def test_the_database_takes_every_member_of_an_enum_and_no_other(
    database: cluster.Database, table: str, column: str, members: list[str]
) -> None:
    checks = await _fetch(
        database,
        "SELECT pg_get_constraintdef(oid) AS check FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid = $1::text::regclass",
        table,
    )

    listed = next(row["check"] for row in checks if f"({column})::text = ANY" in row["check"])

    assert sorted(listed.split("'")[1::2]) == sorted(members)


async def _fetch(database: cluster.Database, statement: str, *arguments: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.owner_url)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
        return rows
    finally:
        await connection.close()
