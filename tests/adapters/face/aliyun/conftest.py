"""A vendor that listens, and a provider joined to it."""

from collections.abc import AsyncIterator

import pytest

from app.adapters.face.aliyun import AliyunFaceProvider
from app.core.clock import MovableClock
from tests.adapters.face.aliyun.vendor import AliyunVendor, stage


@pytest.fixture
async def vendor() -> AsyncIterator[AliyunVendor]:
    async with stage() as vendor:
        yield vendor


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def provider(vendor: AliyunVendor, clock: MovableClock) -> AliyunFaceProvider:
    return vendor.made(clock)
