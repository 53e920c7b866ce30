"""Photos for cards: measured against each rule, sealed, and gone in time."""

import io
from typing import Any

import pytest
from PIL import Image, ImageFilter

from app.adapters.demo_pictures import card_photo
from app.core.db import Database
from app.models.card_orders import CardPhoto
from app.routers.deps import House
from app.services import files, retention
from tests.card_orders.playing import PHOTO, Ordering
from tests.factories.passing import Time
from tests.factories.rows import count


def changed(change: Any, **saving: Any) -> bytes:
    buffer = io.BytesIO()
    change(Image.open(io.BytesIO(PHOTO))).save(buffer, "JPEG", **{"quality": 92} | saving)
    return buffer.getvalue()


BAD = {
    "photo_pixels": changed(lambda photo: photo.resize((716, 882))),
    "photo_too_few_bytes": changed(lambda photo: photo, quality=4),
    "photo_not_in_colour": changed(lambda photo: photo.convert("L")),
    "photo_blurred": changed(lambda photo: photo.filter(ImageFilter.GaussianBlur(6))),
    "photo_background": card_photo(7, wall="#b8d4f0"),
    "photo_head_cut_off": card_photo(7, moved=(0, -90)),
    "photo_head_too_low": card_photo(7, moved=(0, 120)),
    "photo_off_centre": card_photo(7, moved=(38, 0)),
    "photo_too_far": card_photo(7, scale=0.4),
}


@pytest.mark.parametrize("seed", range(12))
async def test_a_photo_that_keeps_the_rules_is_taken(mine: Ordering, seed: int) -> None:
    order = await mine.draft()

    answer = await mine.photo(order["id"], card_photo(seed))

    assert answer.status_code == 200, answer.text
    assert answer.json()["photo_until"] is not None
    assert [each["step"] for each in answer.json()["next"]] == ["submit", "photo", "withdraw"]


@pytest.mark.parametrize("fault", BAD)
async def test_each_rule_that_is_broken_is_named_with_what_to_do(mine: Ordering, db: Database, fault: str) -> None:
    order = await mine.draft()

    answer = await mine.photo(order["id"], BAD[fault])

    said = answer.json()
    assert (answer.status_code, said["code"]) == (422, "card-photo-unsuitable")
    assert fault in {error["code"] for error in said["errors"]}
    assert all(error["detail"] for error in said["errors"])
    assert await count(db, CardPhoto) == 0


async def test_a_png_and_half_a_file_are_none(mine: Ordering) -> None:
    order = await mine.draft()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(PHOTO)).save(buffer, "PNG")

    png, half = await mine.photo(order["id"], buffer.getvalue()), await mine.photo(order["id"], PHOTO[:3000])

    assert (png.status_code, half.status_code) == (415, 422)
    assert png.json()["code"] == "card-photo-type-unsupported"
    assert half.json()["code"] == "image-unreadable"


async def test_the_same_again_is_no_change_and_another_takes_its_place(
    mine: Ordering, db: Database, house: House
) -> None:
    order = await mine.draft()
    first = await mine.photo(order["id"])
    again = await mine.photo(order["id"])
    same = await count(db, CardPhoto)
    await mine.photo(order["id"], card_photo(3))
    await files.sweep(db, house.ports.store)

    assert first.json() == again.json()
    assert (same, await count(db, CardPhoto)) == (1, 1)


async def test_it_is_sealed_in_the_store(mine: Ordering, db: Database, house: House) -> None:
    await mine.ready()

    rows = await db.fetch("SELECT object_key FROM card_photo")
    stored = await house.ports.store.get(rows[0]["object_key"])
    assert b"\xff\xd8\xff" not in stored[:64]
    assert b"JFIF" not in stored


async def test_it_goes_with_the_decision(mine: Ordering, db: Database, house: House, time: Time) -> None:
    order_id = await mine.order()
    await time.work()
    for _ in range(5):
        await time.pass_by(days=1)
    await files.sweep(db, house.ports.store)

    assert "reviewed" in await mine.states(order_id)
    assert await count(db, CardPhoto) == 0
    assert [entry async for entry in house.ports.store.list("evidence")] == []


async def test_it_goes_after_seven_days_whatever_happens_and_the_order_needs_another(
    mine: Ordering, db: Database, house: House, time: Time
) -> None:
    order_id = await mine.ready()
    kept = await retention.report(db, house.ports.store)
    await time.pass_by(days=7, minutes=1)
    await files.sweep(db, house.ports.store)

    answer = await mine.submit(order_id)

    assert (kept.faces, await count(db, CardPhoto)) == (1, 0)
    assert (answer.status_code, answer.json()["code"]) == (409, "card-order-photo-missing")


async def test_a_submitted_order_keeps_its_photo_as_it_is(mine: Ordering) -> None:
    order_id = await mine.order()

    same, other = await mine.photo(order_id), await mine.photo(order_id, card_photo(3))

    assert (same.status_code, other.status_code) == (200, 409)
    assert other.json()["code"] == "card-order-step-not-allowed"
