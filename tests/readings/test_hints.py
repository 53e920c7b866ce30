"""What a machine reads on a document reaches the owner as advice, and stands in nobody's way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app import main
from app.core.db import Database
from app.ports.reader import DocumentReader, ReaderUnavailable
from app.ports.register import TestPerson
from app.routers.deps import House
from app.worker import relay
from tests.factories.adding import Kin, Owner, ok
from tests.factories.images import document_photo

NOBODY = "100101198703140037"


class Reader(DocumentReader):
    """Reads what it is told to read."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()
        self.is_busy = False
        self.seen: list[bytes] = []

    async def read(self, image: bytes) -> tuple[str, ...]:
        if self.is_busy:
            raise ReaderUnavailable
        self.seen.append(image)
        return self.lines

    async def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
async def reading(owner: Owner, house: House, reader: Reader) -> AsyncIterator[Owner]:
    """The owner's app at a server that reads documents."""
    told = replace(house, ports=replace(house.ports, reader=reader))
    transport = httpx.ASGITransport(main.create_app(told))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield Owner(client, told, "", holder=owner.holder)


@pytest.fixture
async def parent(kin: Kin) -> TestPerson:
    return await kin(age=68, name="王建国")


@pytest.fixture
async def enrolment(reading: Owner, parent: TestPerson) -> str:
    """One that waits for documents."""
    enrolment = await reading.open("family_member")
    await reading.acknowledge(enrolment, "family-account")
    await reading.details(enrolment, parent, "51")
    await reading.consent(enrolment, "identity-document")
    return enrolment


async def put(app: Owner, enrolment: str, kind: str = "id_card_front", seed: int = 1) -> dict[str, Any]:
    return ok(await app.call("PUT", f"{enrolment}/documents/{kind}", document_photo(seed, "card")))


async def tell(app: Owner) -> None:
    await relay.tell_due(app.house.db, app.house.ports)


async def test_a_document_that_names_the_member_needs_no_advice(
    reading: Owner, enrolment: str, parent: TestPerson, reader: Reader
) -> None:
    reader.lines = ("姓名王建国", f"公民身份号码{parent.number}")

    before = await put(reading, enrolment)
    await tell(reading)
    after = await reading.read(enrolment)

    assert [image[:2] for image in reader.seen] == [b"\xff\xd8"]
    assert (before["advice"], after["advice"], after["version"]) == ([], [], before["version"])


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "not_readable"),
        (("姓名林若溪", f"公民身份号码{NOBODY}"), "names_somebody_else"),
    ],
)
async def test_otherwise_the_owner_is_told_and_nothing_is_refused(
    reading: Owner, enrolment: str, reader: Reader, lines: tuple[str, ...], code: str
) -> None:
    reader.lines = lines

    before = await put(reading, enrolment)
    waiting = asyncio.create_task(
        reading.call("GET", enrolment, Prefer="wait=10", If_None_Match=f'"{before["version"]}"')
    )
    await tell(reading)
    after = ok(await waiting)

    assert after["advice"] == [{"kind": "id_card_front", "code": code}]
    assert (after["state"], after["next"]) == (before["state"], before["next"])


async def test_a_better_picture_takes_the_advice_away(
    reading: Owner, enrolment: str, parent: TestPerson, reader: Reader
) -> None:
    await put(reading, enrolment)
    await tell(reading)
    reader.lines = (f"公民身份号码{parent.number}",)

    await put(reading, enrolment, seed=2)
    asked = await reading.read(enrolment)
    await tell(reading)

    assert asked["advice"] == []
    assert (await reading.read(enrolment))["advice"] == []


async def test_what_was_taken_back_is_not_read(reading: Owner, enrolment: str, reader: Reader) -> None:
    await put(reading, enrolment)
    gone = await reading.call("DELETE", f"{enrolment}/documents/id_card_front")

    await tell(reading)

    assert (gone.status_code, reader.seen) == (204, [])


async def test_the_back_of_a_card_is_not_read(reading: Owner, enrolment: str, reader: Reader) -> None:
    await put(reading, enrolment, "id_card_back")

    await tell(reading)

    assert reader.seen == []


async def test_a_busy_reader_is_asked_again_later(reading: Owner, enrolment: str, reader: Reader, db: Database) -> None:
    await put(reading, enrolment)
    reader.is_busy = True
    await tell(reading)
    (event,) = await db.fetch("SELECT attempts, done_at FROM outbox_event WHERE kind = 'read_document'")

    assert (event["attempts"], event["done_at"]) == (1, None)
    assert (await reading.read(enrolment))["advice"] == []


async def test_without_a_reader_nothing_is_asked(owner: Owner, parent: TestPerson, db: Database) -> None:
    enrolment = await owner.open("family_member")
    await owner.acknowledge(enrolment, "family-account")
    await owner.details(enrolment, parent, "51")
    await owner.consent(enrolment, "identity-document")

    assert (await put(owner, enrolment))["advice"] == []
    assert await db.fetch("SELECT 1 FROM outbox_event WHERE kind = 'read_document'") == []
