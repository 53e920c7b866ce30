"""How the provider joins a server: its options, and what is said where its extra is not installed."""

import multiprocessing
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import httpx
import pytest

from app.adapters.face.bundled import seeing
from app.adapters.face.bundled.provider import BundledFaceProvider
from app.core.clock import SystemClock

PROJECT = Path(__file__).parents[4] / "pyproject.toml"

is_there = pytest.mark.skipif(not seeing.is_there(), reason="the extra faces is not installed")
is_not_there = pytest.mark.skipif(seeing.is_there(), reason="the extra faces is installed")


async def made(**options: str) -> BundledFaceProvider:
    async with httpx.AsyncClient() as client:
        return BundledFaceProvider(clock=SystemClock(), client=client, options=options)


@is_not_there
async def test_without_its_extra_it_says_which() -> None:
    with pytest.raises(LookupError, match=r"comes with the extra faces \(escard\[faces\]\)"):
        await made()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": "0"}, "ESCARD_FACE_OPTIONS__BUNDLED__WORKERS"),
        ({"waiting": "many"}, "ESCARD_FACE_OPTIONS__BUNDLED__WAITING"),
        ({"most_apart": "0.7"}, "ESCARD_FACE_OPTIONS__BUNDLED__MOST_APART"),
        ({"threshold": "0.5"}, "does not know ESCARD_FACE_OPTIONS__BUNDLED__THRESHOLD"),
    ],
)
async def test_an_option_that_is_wrong_is_named(options: dict[str, str], said: str) -> None:
    with pytest.raises(LookupError, match=said):
        await made(**options)


@is_there
async def test_with_its_extra_it_is_made_and_starts_no_worker_before_it_must() -> None:
    before = multiprocessing.active_children()

    provider = await made(workers="2", seconds="30")

    assert multiprocessing.active_children() == before
    await provider.close()


def test_it_is_offered_by_its_name() -> None:
    offered = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]["escard.face_providers"]

    assert EntryPoint("bundled", offered["bundled"], "escard.face_providers").load() is BundledFaceProvider
