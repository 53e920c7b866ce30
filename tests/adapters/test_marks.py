"""Who looks is written across a picture: on bright and dark alike, and what it shows can still be made out."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageChops, ImageStat

from app.adapters.demo_pictures import document_photo, portrait_photo
from app.adapters.images.workers import WorkerImages
from app.ports.images import ImageUnreadable

WHO = "li.wei 2026-11-22 05:09:33Z adee4f21"


@pytest.fixture
async def images() -> AsyncIterator[WorkerImages]:
    pool = WorkerImages(niceness=0)
    yield pool
    await pool.close()


def plain(colour: str, size: tuple[int, int] = (800, 600)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def difference(before: bytes, after: bytes) -> Image.Image:
    first, second = (Image.open(io.BytesIO(content)).convert("L") for content in (before, after))
    return ImageChops.difference(first, second)


def tiles(picture: Image.Image, count: int = 4) -> list[Image.Image]:
    width, height = picture.width // count, picture.height // count
    return [
        picture.crop((x * width, y * height, (x + 1) * width, (y + 1) * height))
        for x in range(count)
        for y in range(count)
    ]


@pytest.mark.parametrize("colour", ["white", "black", "#808080", "#c03030", "#f3d3b4"])
async def test_it_shows_on_every_ground_in_every_part(images: WorkerImages, colour: str) -> None:
    before = plain(colour)

    after = await images.marked(before, WHO)

    contrast = [ImageStat.Stat(tile).extrema[0][1] for tile in tiles(difference(before, after))]
    assert min(contrast) >= 40


@pytest.mark.parametrize("content", [portrait_photo(3), document_photo(4, "MEMBER 100101201705200077")])
async def test_what_the_picture_shows_can_still_be_made_out(images: WorkerImages, content: bytes) -> None:
    after = await images.marked(content, WHO)

    changed = difference(content, after)
    assert 1 < ImageStat.Stat(changed).mean[0] < 25
    untouched = sum(changed.point(lambda value: 255 * (value < 24)).histogram()[255:]) / (
        changed.width * changed.height
    )
    assert untouched > 0.7


@pytest.mark.parametrize("size", [(240, 240), (240, 2400), (2400, 1697)])
async def test_pictures_of_every_size_keep_it(images: WorkerImages, size: tuple[int, int]) -> None:
    before = plain("white", size)

    after = await images.marked(before, WHO)

    assert Image.open(io.BytesIO(after)).size == size
    assert all(ImageStat.Stat(tile).extrema[0][1] >= 40 for tile in tiles(difference(before, after), 2))


async def test_another_text_is_another_mark_and_the_same_is_the_same(images: WorkerImages) -> None:
    content = plain("white")
    one, same, other = [await images.marked(content, text) for text in (WHO, WHO, WHO.replace("li", "wang"))]

    assert one == same
    assert ImageStat.Stat(difference(one, other)).mean[0] > 0.5


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"%PDF-1.7", plain("white")[:400]])
async def test_what_is_no_picture_of_ours_is_told(images: WorkerImages, content: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        await images.marked(content, WHO)


async def test_nothing_but_pixels_comes_out(images: WorkerImages) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (600, 600), "white").save(buffer, "JPEG", comment=b"sandbox:face_mismatch")

    after = Image.open(io.BytesIO(await images.marked(buffer.getvalue(), WHO)))

    assert "comment" not in after.info
    assert not after.getexif()
