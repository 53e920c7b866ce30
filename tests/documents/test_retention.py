"""The report on what is kept proves that no deadline is past, and says so when one is."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.db import Database
from app.models.documents import Document, DocumentKind
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services import files, retention
from app.services.retention import Retention
from tests.factories.adding import Kin, Owner, later
from tests.factories.images import document_photo


@pytest.fixture
async def enrolment(owner: Owner, kin: Kin) -> str:
    """One that has a paper and a facial photo."""
    child: TestPerson = await kin(age=9, parents=[owner.person.number])
    return await owner.to_face(child, "20", age=9)


async def look(house: House) -> Retention:
    return await retention.report(house.db, house.ports.store)


async def sweep(house: House) -> None:
    await files.sweep(house.db, house.ports.store)


async def test_what_lies_within_its_time_is_told_and_in_order(house: House, enrolment: str) -> None:
    found = await look(house)

    assert [(each.kind, each.count, each.overdue) for each in found.kept] == [
        ("facial_photo", 1, 0),
        ("household_register", 1, 0),
    ]
    assert (found.faces, found.is_kept) == (1, True)
    assert found.kept[0].next_deadline - found.kept[0].oldest == timedelta(days=7)


async def test_without_a_worker_a_deadline_passes_and_it_is_said(house: House, enrolment: str) -> None:
    await later(house, days=7, minutes=11)
    before = await look(house)
    await sweep(house)
    after = await look(house)

    assert (before.is_kept, [each.overdue for each in before.kept if each.is_face]) == (False, [1])
    assert (after.is_kept, after.faces) == (True, 0)


async def test_a_face_is_too_old_after_seven_days_whatever_its_row_says(
    house: House, db: Database, enrolment: str
) -> None:
    late = db.clock.now() + timedelta(days=30)
    await db.run(
        lambda session: session.execute(
            update(Document).where(Document.kind == DocumentKind.FACIAL_PHOTO).values(purge_at=late)
        )
    )
    await later(house, days=7, minutes=11)

    assert not (await look(house)).is_kept


@pytest.mark.parametrize("end", ["passed", "cancelled", "undone", "expired"])
async def test_after_every_end_no_face_is_left(owner: Owner, house: House, enrolment: str, end: str) -> None:
    if end == "passed":
        await owner.face_check(enrolment)
    elif end == "cancelled":
        await owner.call("DELETE", enrolment)
    elif end == "undone":
        seen = f'"{(await owner.read(enrolment))["version"]}"'
        await owner.call("DELETE", f"{enrolment}/documents/facial_photo", If_Match=seen)
    else:
        await later(house, hours=73)
        await owner.read(enrolment)
    await sweep(house)

    found = await look(house)

    assert (found.faces, found.is_kept) == (0, True)


async def test_an_object_that_nobody_knows_of_is_told(house: House) -> None:
    await house.ports.store.put("evidence/0000/00000000-0000-8000-8000-000000000000", b"lost")

    found = await look(house)

    assert (found.is_kept, list(found.strays)) == (False, ["evidence/0000/00000000-0000-8000-8000-000000000000"])


async def test_an_upload_that_broke_off_is_late_after_a_while(owner: Owner, house: House, enrolment: str) -> None:
    photo = document_photo(5, "page")
    await owner.put(enrolment, "birth_certificate", photo)
    await house.db.run(
        lambda session: session.execute(
            update(Document)
            .where(Document.kind == DocumentKind.BIRTH_CERTIFICATE)
            .values(state="pending", purge_at=house.db.clock.now() + timedelta(minutes=15))
        )
    )
    await later(house, minutes=26)
    before = await look(house)
    await sweep(house)

    assert not before.is_kept
    assert (await look(house)).is_kept
