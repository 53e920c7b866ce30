"""A house whose authorities keep what a test says, and answer as it says."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app import main
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.adapters.papers.workers import WorkerPapers
from app.core.settings import Settings
from app.routers.deps import House
from tests import cluster
from tests.factories.houses import build
from tests.factories.insured import Insured


@pytest.fixture
async def opened(
    database: cluster.Database, settings: Settings, keys: FileKeys, images: WorkerImages
) -> AsyncIterator[tuple[House, Insured]]:
    built = build(settings, database.app_url, keys, images=images, papers=WorkerPapers(images.pool))
    authorities = Insured(built.db)
    async with main.opened(replace(built, ports=replace(built.ports, insurance=authorities.at))) as house:
        yield house, authorities


@pytest.fixture
def house(opened: tuple[House, Insured]) -> House:
    return opened[0]


@pytest.fixture
def insured(opened: tuple[House, Insured]) -> Insured:
    """The authorities of the house."""
    return opened[1]
