"""Card reads beside faces being judged: the bundled provider at work in the very process that answers.

Only where the extra `faces` and the pictures of its tests are there, which `make test-faces` puts there.
"""

import asyncio
import contextlib
import io
import statistics
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
from fastapi import FastAPI
from PIL import Image

from app.adapters.face.bundled import seeing
from app.adapters.face.bundled.challenges import Challenge
from app.adapters.face.bundled.provider import BundledFaceProvider
from app.core.clock import SystemClock
from app.ports.face import FaceEvidence, FaceFrame, FaceMode, FaceRequest
from benchmarks import load

AT_MOST: Final = 1.5
_PICTURES: Final = Path(__file__).parent.parent / ".tools" / "faces" / "pictures"
_TOLD, _AT_WORK, _JUDGED = "judge", "at-work", "judged"
_LOOK_SECONDS: Final = 0.05


def is_there() -> bool:
    """Say whether there is somebody to judge, and something to judge with."""
    return seeing.is_there() and any(_PICTURES.glob("scikit_image-*.whl"))


def judge_beside(app: FastAPI, folder: Path) -> FastAPI:
    """Let a server judge one check after the other whenever a file in the folder says so."""
    serving = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(served: FastAPI) -> AsyncIterator[None]:
        async with serving(served), httpx.AsyncClient() as client:
            provider = BundledFaceProvider(clock=SystemClock(), client=client)
            judging = asyncio.create_task(_keep_judging(provider, folder))
            yield
            judging.cancel()
            await asyncio.gather(judging, return_exceptions=True)
            await provider.close()

    app.router.lifespan_context = lifespan
    return app


@dataclass(slots=True)
class Beside:
    """The slowest hundredth of card reads in milliseconds, round for round, alone and beside judging."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    judged: int = 0

    @property
    def ratio(self) -> float:
        """How much slower the slowest hundredth was, in the middle of the rounds."""
        return statistics.median(b / a for a, b in zip(self.alone, self.beside, strict=True))


async def measure(
    port: int, requests: Callable[[], Sequence[bytes]], folder: Path, *, rounds: int, seconds: float, connections: int
) -> Beside:
    """Read cards alone and beside judging in turn; the first round warms up."""
    found, told = Beside(), folder / _TOLD
    for turn in range(rounds + 1):
        alone = await load.drive(port, requests(), connections=connections, seconds=seconds)
        told.touch()
        await _until_judged(folder, 1)
        before = _judged(folder)
        beside = await load.drive(port, requests(), connections=connections, seconds=seconds)
        told.unlink()
        await _until_idle(folder)  # what is under way would be there in the next round alone
        found.judged += (_judged(folder) - before) if turn else 0
        if turn:
            found.alone.append(alone.percentile(0.99))
            found.beside.append(beside.percentile(0.99))
    return found


def report(found: Beside) -> bool:
    """Print what was seen; say whether the budget was kept."""
    alone, beside = statistics.median(found.alone), statistics.median(found.beside)
    print(
        f"\nOwn card while faces are judged by the same server: p99 {alone:.2f} ms alone, {beside:.2f} ms beside,"
        f" {found.ratio:.2f} × (at most {AT_MOST:.1f}); {found.judged} checks were judged or under way meanwhile"
    )
    return found.ratio <= AT_MOST and found.judged > 0


async def _keep_judging(provider: BundledFaceProvider, folder: Path) -> None:
    reference, evidence = await _check(provider)
    while True:
        if not (folder / _TOLD).exists():
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        (folder / _AT_WORK).touch()
        await provider.judge(reference, evidence)
        with (folder / _JUDGED).open("ab") as count:
            count.write(b".")
        (folder / _AT_WORK).unlink()


async def _check(provider: BundledFaceProvider) -> tuple[str, FaceEvidence]:
    """Start a check; return its reference, and all that it takes to judge it: one photo, held by an unsteady hand."""
    request = FaceRequest(
        check_id=uuid4(),
        mode=FaceMode.LIVE,
        name="",
        number="",
        reference=b"there is one",
        photo=None,
        device_meta={},
        callback_url="",
    )
    start = await provider.start(request)
    challenge = Challenge.of(start.provider_ref)
    portrait, *frames = _pictures(challenge.frames + 1)
    sent = tuple(FaceFrame(number, content, challenge.started_at) for number, content in enumerate(frames, start=1))
    return start.provider_ref, FaceEvidence(portrait, None, sent)


def _pictures(count: int) -> list[bytes]:
    (wheel,) = _PICTURES.glob("scikit_image-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        photo = Image.open(io.BytesIO(archive.read("skimage/data/astronaut.png"))).convert("RGB")
    made = []
    for number in range(count):
        buffer = io.BytesIO()
        photo.rotate(number % 7 - 3, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
        made.append(buffer.getvalue())
    return made


async def _until_judged(folder: Path, more: int) -> None:
    wanted = _judged(folder) + more
    async with asyncio.timeout(120):
        while _judged(folder) < wanted:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(_LOOK_SECONDS)


async def _until_idle(folder: Path) -> None:
    async with asyncio.timeout(120):
        await asyncio.sleep(_LOOK_SECONDS * 2)
        while (folder / _AT_WORK).exists():  # noqa: ASYNC110 - another process works
            await asyncio.sleep(_LOOK_SECONDS)


def _judged(folder: Path) -> int:
    count = folder / _JUDGED
    return count.stat().st_size if count.exists() else 0
