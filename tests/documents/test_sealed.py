"""Files lie in the store alone, and sealed: whoever has the folder or the database has no picture."""

import stat

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from app.core.settings import Settings
from app.models.documents import Document
from app.services import files
from tests.factories.adding import PORTRAIT, Kin, Owner, stored_files
from tests.factories.images import document_photo

SMALL = 4096


async def to_face(owner: Owner, kin: Kin) -> str:
    return await owner.to_face(await kin(age=9, parents=[owner.person.number]), "20", age=9)


async def test_the_store_holds_only_sealed_bytes(owner: Owner, kin: Kin, settings: Settings) -> None:
    await to_face(owner, kin)

    files = stored_files(settings)

    assert len(files) == 2
    for file in files:
        content = file.read_bytes()
        assert not any(sign in content for sign in (b"\xff\xd8\xff", b"JFIF", b"Exif", b"%PDF", b"sandbox:"))
        assert content[:1000].count(content[:1]) < 100, "nothing repeats as it does in a picture"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_no_two_files_of_the_same_picture_look_alike(owner: Owner, kin: Kin, settings: Settings) -> None:
    enrolment = await to_face(owner, kin)
    for page in (2, 3):
        await owner.put(enrolment, f"household_register/{page}", document_photo(1, "page"))

    contents = {file.read_bytes() for file in stored_files(settings)}

    assert len(contents) == 4


async def test_the_database_holds_no_picture(owner: Owner, kin: Kin) -> None:
    enrolment = await to_face(owner, kin)
    await owner.face_check(enrolment)
    db = owner.house.db

    columns = await db.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('bytea', 'text', 'jsonb') AND table_name <> 'register_person'"
    )
    largest = {
        f"{table}.{column}": (
            await db.fetch(f"SELECT max(octet_length({column}::text)) AS n FROM {table}")  # noqa: S608 - names from the catalogue
        )[0]["n"]
        for table, column in ((row["table_name"], row["column_name"]) for row in columns)
    }

    assert len(PORTRAIT) > 2 * SMALL
    assert {place: size for place, size in largest.items() if size and size > SMALL} == {}


async def test_what_is_sealed_is_bound_to_its_row(owner: Owner, kin: Kin) -> None:
    await to_face(owner, kin)
    db, store = owner.house.db, owner.house.ports.store
    one, other = (await db.run(lambda session: session.scalars(select(Document)))).all()
    one.object_key = other.object_key

    with pytest.raises(InvalidTag):
        await files.read(db, store, one)
