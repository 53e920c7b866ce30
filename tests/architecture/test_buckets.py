"""The rules that let one schema serve a single server and a cluster alike: a person's rows lie together, by bucket."""

import asyncpg
import pytest
from sqlalchemy import ARRAY, CheckConstraint, Enum, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.dialects.postgresql.named_types import NamedType

from app.core.db import BUCKETS, bucket_of, new_id
from app.models import Base
from app.models.base import PERSONAL, REFERENCE, STAND_IN
from tests.cluster import Database

TABLES = list(Base.metadata.sorted_tables)
PERSONAL_TABLES = [table for table in TABLES if table.info == PERSONAL]
personal = pytest.mark.parametrize("table", PERSONAL_TABLES, ids=lambda table: table.name)

# Here the bucket belongs to a value (a phone, a number, a caller's key), not to an id that could be checked against it.
BY_VALUE = {
    "channel_login",
    "channel_message",
    "identifier",
    "image_seen",
    "kept_answer",
    "login",
    "sms_code",
    "statement_number",
    "throttle",
}
# The owning library migrates them; they are no person's and may lie in another database (docs/adr).
NOT_OURS = "pgqueuer%"


def agrees(table: Table) -> bool:
    """Whether a row's bucket is checked against an id, its own or that of the row it hangs on."""
    if any(isinstance(rule, CheckConstraint) and "bucket_agrees" in str(rule.name) for rule in table.constraints):
        return True
    return any(agrees(key.referred_table) for key in table.foreign_key_constraints if key.referred_table is not table)


def test_every_table_says_where_it_lies() -> None:
    assert [table.name for table in TABLES if table.info not in (PERSONAL, REFERENCE, STAND_IN)] == []
    assert len(PERSONAL_TABLES) > 20


@personal
def test_the_bucket_comes_first_in_every_key(table: Table) -> None:
    keys = [list(table.primary_key.columns)]
    keys += [list(rule.columns) for rule in table.constraints if isinstance(rule, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]

    assert [[column.name for column in key] for key in keys if key[0].name != "bucket"] == []
    assert not table.c.bucket.nullable


@personal
def test_references_stay_at_home_or_go_to_small_tables(table: Table) -> None:
    for key in table.foreign_key_constraints:
        pairs = [(element.parent.name, element.column.name) for element in key.elements]

        assert key.referred_table.info == REFERENCE or pairs[0] == ("bucket", "bucket"), key.name
        assert key.referred_table.info != STAND_IN
        assert key.ondelete is None, "rows go in the order that the program says"


@personal
def test_a_bucket_agrees_with_the_id_it_was_taken_from(table: Table) -> None:
    assert agrees(table) is (table.name not in BY_VALUE)


def test_ids_carry_their_bucket() -> None:
    for bucket in (0, 1, 255, 256, BUCKETS - 1):
        made = new_id(bucket)
        assert (bucket_of(made), made.version, made.variant) == (bucket, 8, "specified in RFC 4122")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_of_types_that_need_no_asking(table: Table) -> None:
    """Arrays, enum types and composites make the driver ask the server about them: up to a second on a cluster."""
    for column in table.columns:
        assert not isinstance(column.type, ARRAY | NamedType), column
        assert not (isinstance(column.type, Enum) and column.type.native_enum), column
        assert column.server_default is None, f"{column}: values come from the application"
        assert column.onupdate is None, column
    assert not [rule for rule in table.constraints if isinstance(rule, ExcludeConstraint)]


async def test_the_database_holds_no_more_than_the_tables_say(database: Database) -> None:
    connection = await asyncpg.connect(database.owner_url)
    try:
        tables = await connection.fetch(
            "SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND relname NOT LIKE $1",
            NOT_OURS,
        )
        triggers = await connection.fetch(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text NOT LIKE $1", NOT_OURS
        )
        types = await connection.fetch(
            "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')"
            " AND typname NOT LIKE $1",
            NOT_OURS,
        )
        functions = await connection.fetch(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE '%pgqueuer%'"
        )
        actions = await connection.fetch("SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype <> 'a'")
        extensions = await connection.fetch("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'")
    finally:
        await connection.close()

    assert {row["relname"] for row in tables} == {table.name for table in TABLES} | {"alembic_version"}
    assert not any(row["relrowsecurity"] for row in tables)
    assert (triggers, types, functions, actions, extensions) == ([], [], [], [], [])
