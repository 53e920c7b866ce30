"""A file is sealed anew whatever breaks meanwhile: it can be read at any moment, and no object is left alone."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.core.db import Session, bucket_of, new_id
from app.core.suites import MARKS, Suite
from app.models.documents import DocumentState
from app.models.people import HomeKind
from app.models.rekeying import RekeyJob
from app.models.statements import StatementFile, StatementKind
from app.ports.storage import ObjectStore
from app.routers.deps import House
from app.services import files, housekeeping, rekeying
from app.services.people import homes
from app.services.rekeying import Tools
from app.services.statements import Pdf
from tests.factories.callers import pass_time
from tests.factories.stores import Eventful, Store
from tests.rekeying.conftest import Serve, Stages, of_suite

CONTENT = b"%PDF-1.7 a paper"
YEAR = timedelta(days=365)


@pytest.fixture
async def house(serve: Serve, stages: Stages) -> AsyncIterator[House]:
    """A server of the suite `sm`, with a file from before."""
    first = of_suite(stages.before, Suite.INTERNATIONAL, "first.json")
    async with serve(first, Suite.INTERNATIONAL) as server:
        await keep_file(server.house)
    async with serve(of_suite(first, Suite.SM, "second.json"), Suite.SM) as server:
        yield server.house


async def keep_file(house: House) -> None:
    """Put a file into the store, in a home of its own."""
    home_id, pdf = new_id(7), Pdf.of(CONTENT)

    async def begin(session: Session) -> UUID:
        await homes.create(session, HomeKind.ACCOUNT, home_id)
        row = StatementFile(bucket=bucket_of(home_id), id=new_id(7), home_id=home_id, kind=StatementKind.RIGHTS)
        row.number = (await homes.key_of(session, home_id)).seal("statement_file.number", row.id, secrets.token_hex(16))
        return await files.begin(session, row, pdf, files.digest_of(session, CONTENT))

    file_id = await house.db.run(begin)
    await files.put(house.db, house.ports.store, StatementFile, [file_id], [pdf])
    await house.db.run(lambda session: files.keep(session, StatementFile, [file_id], YEAR))


async def seal_anew(house: House, store: ObjectStore | None = None) -> None:
    """Go through the files once, with the store of the house or another."""
    tools = Tools(house.db, house.ports.keys, store or house.ports.store)
    await rekeying.begin(tools, [RekeyJob.SUITE])
    while await rekeying.step(tools, rows_a_second=100_000):
        pass


async def row_of(house: House) -> StatementFile:
    (row,) = await house.db.run(_all)
    return row


async def _all(session: Session) -> list[StatementFile]:
    return list(await session.scalars(select(StatementFile)))


async def objects(house: House) -> list[str]:
    return [entry.key async for entry in house.ports.store.list("evidence")]


async def mark(house: House) -> bytes:
    return (await house.ports.store.get((await row_of(house)).object_key))[:1]


@pytest.mark.parametrize(
    ("method", "more"),
    [("put", {}), ("put", {"is_done": True}), ("delete", {}), ("get", {})],
    ids=["not put", "put unheard", "not deleted", "not read"],
)
async def test_whatever_fails_the_next_run_puts_it_right(house: House, method: str, more: dict[str, Any]) -> None:
    await seal_anew(house, Store(house.ports.store, method, **more))
    between = await files.read(house.db, house.ports.store, await row_of(house))
    strays_between = await housekeeping.strays(house.db, house.ports.store)

    await seal_anew(house)
    row = await row_of(house)

    assert (between, strays_between) == (CONTENT, [])
    assert await files.read(house.db, house.ports.store, row) == CONTENT
    assert (row.moving_key, await objects(house), await mark(house)) == (None, [row.object_key], MARKS[Suite.SM])


async def test_who_is_overtaken_while_storing_takes_nothing_away(house: House) -> None:
    async def another() -> None:
        await pass_time(house, seconds=30)
        await seal_anew(house)

    await seal_anew(house, Eventful(house.ports.store, another))
    row = await row_of(house)

    assert await files.read(house.db, house.ports.store, row) == CONTENT
    assert (row.moving_key, await objects(house), await mark(house)) == (None, [row.object_key], MARKS[Suite.SM])


async def test_who_has_read_the_row_before_is_led_to_the_new_object(house: House) -> None:
    before = await row_of(house)
    await seal_anew(house)

    content = await files.read(house.db, house.ports.store, before)

    assert content == CONTENT
    assert before.object_key not in await objects(house)


@pytest.mark.parametrize("method", ["put", "delete"])
async def test_both_objects_go_with_the_row(house: House, method: str) -> None:
    await seal_anew(house, Store(house.ports.store, method, is_done=True))
    await pass_time(house, days=400)

    swept = await files.sweep(house.db, house.ports.store)

    assert swept == 1
    assert await objects(house) == []
    assert await house.db.fetch("SELECT 1 FROM statement_file") == []


async def test_a_file_that_is_being_stored_is_left_alone(house: House) -> None:
    await keep_file(house)
    await house.db.run(_let_it_be_pending)

    await seal_anew(house)

    rows = await house.db.run(_all)
    assert {row.state for row in rows} == {DocumentState.PENDING}
    assert sorted(row.object_key for row in rows) == sorted(await objects(house))
    assert all("." not in row.object_key for row in rows)


async def _let_it_be_pending(session: Session) -> None:
    await session.execute(update(StatementFile).values(state=DocumentState.PENDING))
