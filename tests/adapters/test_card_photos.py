"""What is measured of a photo for a card, in this process: background, head, colour, and the size as it was sent."""

import io
from typing import Any

import pytest
from PIL import ExifTags, Image

from app.adapters.demo_pictures import card_photo
from app.adapters.images.worker import portrayed
from app.adapters.images.workers import WorkerImages
from app.ports.images import CardPhotoLook, ImageFault, ImageType, ImageTypeUnsupported, ImageUnreadable


def look(content: bytes) -> CardPhotoLook:
    found = portrayed(content, ImageType.JPEG)
    assert not isinstance(found, ImageFault)
    return found[1]


def saved(image: Image.Image, **more: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **more)
    return buffer.getvalue()


def test_a_good_photo_has_a_white_wall_and_the_head_in_the_middle() -> None:
    seen = look(card_photo(5))

    assert (seen.width, seen.height) == (358, 441)
    assert seen.background > 0.99
    assert seen.off_centre < 0.02
    assert 0.05 < seen.headroom < 0.2
    assert seen.beside > 0.1
    assert 0.3 < seen.subject < 0.7
    assert seen.colour > 20


def test_a_photo_that_lies_on_its_side_is_measured_as_it_is_looked_at() -> None:
    upright = Image.open(io.BytesIO(card_photo(5)))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6

    turned = look(saved(upright.transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes()))

    assert (turned.width, turned.height) == (358, 441)
    assert turned.background > 0.99
    assert turned.off_centre < 0.02


def test_a_larger_one_is_told_by_its_own_size() -> None:
    large = Image.open(io.BytesIO(card_photo(5))).resize((1432, 1764))

    assert (look(saved(large)).width, look(saved(large)).height) == (1432, 1764)


def test_a_white_sheet_is_all_background_and_nobody() -> None:
    sheet = look(saved(Image.new("RGB", (358, 441), "white")))

    assert (sheet.background, sheet.subject, sheet.headroom, sheet.colour) == (1.0, 0.0, 1.0, 0.0)


def test_a_coloured_wall_is_no_background() -> None:
    assert look(card_photo(5, wall="#9ec4ee")).background < 0.1


@pytest.mark.parametrize(
    ("moved", "part"), [((0, -90), "headroom"), ((90, 0), "beside")], ids=["above the edge", "beside the edge"]
)
def test_a_head_at_the_edge_leaves_no_room_there(moved: tuple[int, int], part: str) -> None:
    assert getattr(look(card_photo(5, moved=moved)), part) < 0.01


def test_half_a_file_is_unreadable() -> None:
    assert portrayed(card_photo(5)[:2000], ImageType.JPEG) is ImageFault.UNREADABLE


async def test_only_a_jpeg_is_taken(images: WorkerImages) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (358, 441), "white").save(buffer, "PNG")

    with pytest.raises(ImageTypeUnsupported):
        await images.card_photo(buffer.getvalue())
    with pytest.raises(ImageTypeUnsupported):
        await images.card_photo(b"hello")
    with pytest.raises(ImageUnreadable):
        await images.card_photo(card_photo(5)[:2000])
