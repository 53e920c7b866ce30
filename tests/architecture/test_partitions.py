"""Statements that run all day touch one shard: shown on a copy of the schema that is split by bucket.

A stand-in for a cluster on plain PostgreSQL: the tables of persons are HASH (bucket) partitioned, and EXPLAIN says how
many partitions a statement reads.
"""

import ast
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import MetaData, Table, text
from sqlalchemy.ext.asyncio import create_async_engine

import app
from app import main
from app.core.db import HOT, new_id
from app.models import Base
from app.models.base import PERSONAL, STAND_IN
from tests.cluster import Cluster

PARTS = 4
BUCKET = 0xBEEF
SOURCES = Path(app.__file__).parent
# Said where it stands: `SELECT 1` asks only whether the database answers.
NOT_ABOUT_PEOPLE = {"SELECT 1"}

assert main  # every statement is marked once everything is imported


def split_by_bucket() -> MetaData:
    """The tables as they are, those of persons made of partitions."""
    split = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        if table.info != STAND_IN:
            copy = table.to_metadata(split)
            if table.info == PERSONAL:
                copy.dialect_options["postgresql"]["partition_by"] = "HASH (bucket)"
    return split


def parts_of(table: Table) -> Iterator[str]:
    for part in range(PARTS):
        yield (
            f'CREATE TABLE "{table.name}__p{part}" PARTITION OF "{table.name}"'
            f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )


@pytest.fixture
async def split(pg: Cluster) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A database with the split schema."""
    name = "split_by_bucket_" + new_id(0).hex
    pg.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
    url = pg.url("postgres", name)
    metadata = split_by_bucket()
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as making:
        await making.run_sync(metadata.create_all)
        for table in metadata.sorted_tables:
            if table.info == PERSONAL:
                for statement in parts_of(table):
                    await making.execute(text(statement))
    await engine.dispose()
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()
    pg.drop(name)


def example(kind: str) -> object:
    """A value for a place in a statement; the first is always a bucket."""
    return {"int4": BUCKET, "uuid": new_id(BUCKET), "timestamptz": datetime(2026, 11, 22, tzinfo=UTC), "text": "app"}[
        kind
    ]


async def touched(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> dict[str, set[int]]:
    """Return the partitions that a statement reads, by table."""
    prepared = await connection.prepare(statement)
    arguments = [example(parameter.name) for parameter in prepared.get_parameters()]
    plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments))
    found: dict[str, set[int]] = {}
    for table, part in re.findall(r'"Relation Name": "(\w+?)__p(\d+)"', json.dumps(plan)):
        found.setdefault(table, set()).add(int(part))
    return found


def test_hot_statements_are_known() -> None:
    assert len(HOT) >= 3
    assert len(set(HOT)) == len(HOT)


@pytest.mark.parametrize("generic", [False, True], ids=["first plans", "later plans"])
async def test_every_hot_statement_touches_one_partition_of_each_table(
    split: "asyncpg.Connection[asyncpg.Record]", *, generic: bool
) -> None:
    await split.execute(f"SET plan_cache_mode = force_{'generic' if generic else 'custom'}_plan")
    for statement in HOT:
        parts = await touched(split, statement)

        tables = set(re.findall(r"(?:FROM|JOIN) (\w+)", statement))
        spread = {table.name for table in Base.metadata.sorted_tables if table.info == PERSONAL}
        assert parts.keys() == tables & spread, statement
        assert {len(part) for part in parts.values()} == {1}, parts
        assert len(set.union(*parts.values())) == 1, "all of them in the same shard"


async def test_a_statement_without_its_bucket_is_found_out(split: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await touched(split, "SELECT 1 FROM session WHERE id = $1") == {"session": set(range(PARTS))}
    half = "SELECT 1 FROM session s JOIN home h ON h.id = s.home_id WHERE s.bucket = $1 AND s.id = $2"
    parts = await touched(split, half)
    assert (len(parts["session"]), len(parts["home"])) == (1, PARTS)


async def test_a_home_lies_in_one_shard(split: "asyncpg.Connection[asyncpg.Record]") -> None:
    personal = [table.name for table in Base.metadata.sorted_tables if table.info == PERSONAL]

    parts = [await touched(split, f"SELECT 1 FROM {name} WHERE bucket = $1") for name in personal]  # noqa: S608 - ours

    assert [found.keys() for found in parts] == [{name} for name in personal]
    assert len({part for found in parts for where in found.values() for part in where}) == 1


def test_whatever_is_read_without_a_transaction_is_marked_hot() -> None:
    """`Database.fetch` is how hot reads go; what it is given is marked with `hot(…)` beside it, or said above."""
    unmarked = []
    for source in SOURCES.rglob("*.py"):
        tree = ast.parse(source.read_text("utf-8"))
        marked = {
            target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) == "hot"
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("db.fetch", "self.fetch"))):
                continue
            statement = node.args[0]
            is_marked = isinstance(statement, ast.Name) and statement.id in marked
            if not is_marked and not (isinstance(statement, ast.Constant) and statement.value in NOT_ABOUT_PEOPLE):
                unmarked.append(f"{source.relative_to(SOURCES)}:{node.lineno}")

    assert unmarked == []
