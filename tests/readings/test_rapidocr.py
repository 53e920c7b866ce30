"""The reader of the extra `ocr`, on real pictures; `make test-ocr` runs these."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from app.adapters.demo_pictures import portrait_photo
from app.models.documents import Agreement
from app.services.readings import Reading, compare

pytest.importorskip("rapidocr_onnxruntime", reason="the extra ocr is not installed; make test-ocr installs it")

from app.adapters.reader.rapidocr import RapidReader

CARD = (Path(__file__).parents[1] / "files" / "id_card.jpg").read_bytes()
NAME, NUMBER = "王子墨", "100101201703040014"


@pytest.fixture
async def reader() -> AsyncIterator[RapidReader]:
    reader = RapidReader(niceness=0, patience_seconds=120)
    yield reader
    await reader.close()


def changed(blur: float = 0, turn: float = 0, scale: float = 1) -> bytes:
    picture = Image.open(io.BytesIO(CARD)).filter(ImageFilter.GaussianBlur(blur)).rotate(turn, expand=True)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


async def test_a_card_is_read(reader: RapidReader) -> None:
    reading = compare(await reader.read(CARD), name=NAME, number=NUMBER)

    assert reading == Reading(Agreement.AGREES, Agreement.AGREES)


@pytest.mark.parametrize(
    "content", [changed(turn=4), changed(blur=1.5), changed(scale=2)], ids=["askew", "soft", "big"]
)
async def test_a_card_is_read_though_the_picture_is_not_perfect(reader: RapidReader, content: bytes) -> None:
    reading = compare(await reader.read(content), name=NAME, number=NUMBER)

    assert reading.number is Agreement.AGREES


async def test_somebody_elses_card_is_told(reader: RapidReader) -> None:
    reading = compare(await reader.read(CARD), name="林若溪", number="100101198703140037")

    assert reading == Reading(Agreement.DIFFERS, Agreement.DIFFERS)


@pytest.mark.parametrize(
    "content", [portrait_photo(1), changed(blur=12), b"\xff\xd8broken"], ids=["face", "fog", "broken"]
)
async def test_nothing_to_be_read_is_nothing(reader: RapidReader, content: bytes) -> None:
    reading = compare(await reader.read(content), name=NAME, number=NUMBER)

    assert reading == Reading(Agreement.UNREAD, Agreement.UNREAD)
