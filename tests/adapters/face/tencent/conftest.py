"""A vendor that listens, and providers joined to it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.adapters.face.tencent import TencentFaceProvider
from app.core.clock import MovableClock
from tests.adapters.face.tencent.asking import Make
from tests.adapters.face.tencent.vendor import Vendor, joined, opened


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with opened() as vendor:
        yield vendor


@pytest.fixture
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    async with joined(timeout=20) as client:
        yield client


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def make(vendor: Vendor, outside: httpx.AsyncClient, clock: MovableClock) -> Make:
    """Makes a provider that is joined to the vendor, with other options where they are given."""

    def made(**options: str) -> TencentFaceProvider:
        return TencentFaceProvider(clock=clock, client=outside, options=vendor.options | options)

    return made
