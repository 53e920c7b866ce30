"""The provider keeps what all of them promise: the conformance kit, with people who act for each reason."""

import httpx
import pytest

from app.kit.promises import PROMISES
from tests.adapters.face.bundled.stage import BundledStage, Cast

pytest.importorskip("dlib", reason="the extra faces is not installed; make test-faces installs it")


@pytest.mark.parametrize("promise", PROMISES)
async def test_it_keeps_what_all_promise(cast: Cast, promise: str) -> None:
    async with httpx.AsyncClient() as client:
        await PROMISES[promise](BundledStage(client, cast))
