"""What others do while the register thinks about who is at a window."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.db import Database
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests import cluster
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.counters import Counter, Open
from tests.factories.gates import KeptRegister
from tests.factories.houses import build
from tests.window.conftest import ALL, ENROLMENTS, Window, father_at_face
from tests.window.test_offline import Queue, outcomes


@pytest.fixture
async def house(database: cluster.Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A whole server whose register keeps an answer back when a test says so."""
    built = build(settings, database.app_url, keys)
    async with main.opened(replace(built, ports=replace(built.ports, register=KeptRegister(built.db)))) as house:
        yield house


@pytest.fixture
def register(house: House) -> KeptRegister:
    """The register of the server."""
    assert isinstance(house.ports.register, KeptRegister)
    return house.ports.register


async def name_instead(owner: Owner, enrolment: str, person: TestPerson) -> None:
    """Let the owner's app say that the application is about somebody else."""
    said = {"name": person.name, "social_security_number": person.number, "relationship": "52"}
    version = f'"{(await owner.read(enrolment))["version"]}"'
    ok(await owner.call("PUT", f"{enrolment}/details", said, If_Match=version))


async def test_a_relative_of_the_clerk_who_is_named_meanwhile_is_neither_attested_nor_read(
    open_counter: Open, owner: Owner, kin: Kin, register: KeptRegister, db: Database
) -> None:
    counter = await open_counter()
    window, mother = Window(counter), await kin(age=66, sex="2", parents=[counter.clerk_is.registered.number])
    _, enrolment = await father_at_face(owner, kin)
    shown = await window.shown("id_card", services=ALL)

    kept = register.keep_next()
    attesting = asyncio.create_task(window.attest(enrolment, shown))
    await kept.arrival()
    also_kept = register.keep_next()
    reading = asyncio.create_task(window.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}"))
    await also_kept.arrival()
    await name_instead(owner, enrolment, mother)
    kept.open()
    also_kept.open()

    refused(await attesting, 409, "attestation-not-possible")
    refused(await reading, 403, "service-of-own-family")
    assert await db.fetch("SELECT 1 FROM attestation") == []


async def test_a_deed_that_is_done_meanwhile_is_answered_as_done(
    counter_window: Counter, owner: Owner, kin: Kin, register: KeptRegister
) -> None:
    queue, window = Queue(counter_window), Window(counter_window)
    _, enrolment = await father_at_face(owner, kin)
    shown = await window.shown("id_card", services=ALL)
    deed = queue.sign({"kind": "attestation", "enrolment_id": enrolment.rpartition("/")[2], **shown})

    kept = register.keep_next()
    slow = asyncio.create_task(queue.replay(deed))
    await kept.arrival()
    fast = await queue.replay(deed)
    kept.open()

    assert outcomes(fast) == [("done", None, False)]
    assert outcomes(await slow) == [("done", None, True)]
    assert ok(await window.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}"))["state"] == "active"


async def test_who_is_named_after_somebody_was_seen_is_not_attested_instead(
    counter_window: Counter, owner: Owner, kin: Kin, house: House, db: Database
) -> None:
    queue, window, victim = Queue(counter_window), Window(counter_window), await kin(age=66, sex="2")
    _, enrolment = await father_at_face(owner, kin)
    shown = await window.shown("id_card", services=ALL)
    read = await window.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}")
    deed = queue.sign({"kind": "attestation", "enrolment_id": enrolment.rpartition("/")[2], **shown})
    await later(house, minutes=10)
    await name_instead(owner, enrolment, victim)

    (item,) = await queue.replay(deed)
    late = await window.attest(enrolment, shown, If_Match=read.headers["etag"])

    assert (item["status"], item["code"]) == ("refused", "attestation-not-possible")
    refused(late, 412, "version-stale")
    assert await db.fetch("SELECT 1 FROM attestation") == []
