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
async def house(
    database: cluster.Database, settings: Settings, keys: FileKeys, images: WorkerImages
) -> AsyncIterator[House]:
    built = build(settings, database.app_url, keys, images=images, papers=WorkerPapers(images.pool))
    built = replace(built, ports=replace(built.ports, insurance=Insured(built.db).at))
    async with main.opened(built) as house:
        yield house


@pytest.fixture
def insured(house: House) -> Insured:
    """The authorities of the house."""
    authorities = Insured(house.db)
    authorities.at = house.ports.insurance  # type: ignore[assignment] # made above
    return authorities
