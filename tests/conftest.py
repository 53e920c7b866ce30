"""One PostgreSQL for the run; a database, a house and a client of its own for each test that goes through HTTP."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from app import main
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.adapters.papers.workers import WorkerPapers
from app.adapters.postgres.schema import migrate
from app.core.db import Database
from app.core.settings import Settings
from app.core.suites import Suite
from app.ports.register import TestPerson
from app.routers.deps import House
from tests import cluster
from tests.adapters.embedded import ROOT
from tests.cli.forking import Mother
from tests.cli.installations import Installation, open_folder
from tests.cluster import Cluster
from tests.factories.houses import build, make_keys
from tests.factories.images import RememberingImages
from tests.factories.make import Holder, Make
from tests.factories.phone import Phone
from tests.factories.seeds import Seeds, settled_people

# Where it is not the point, nobody waits until it no longer shows how long the register has thought.
NO_FLOOR = """UPDATE policy SET value = value || '{"floor_milliseconds": 0}' WHERE code = 'lookups'"""

LONGEST = ("walkthrough", "crash")
"""Folders of tests that take the better part of a minute each, and wait for other processes meanwhile."""

_running: list[Cluster] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the run be under either cipher suite."""
    parser.addoption("--suite", choices=[suite.value for suite in Suite], default=Suite.INTERNATIONAL.value)


def pytest_configure(config: pytest.Config) -> None:
    """Start the cluster where the run starts; workers find it in the environment."""
    # For every house of the run, in whichever process; a test that says its own suite is under that.
    os.environ["ESCARD_CIPHER_SUITE"] = config.getoption("suite")
    # Looking through all that is loaded, again and again, for cycles that no test makes took a quarter of the run.
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    # With every local value beside it, as structlog shows it at a terminal, a trace takes seconds to write.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain])
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        started = cluster.start_cluster()
        started.make_template(migrate, NO_FLOOR)
        started.to_env()
        _running.append(started)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, in whichever order they are: one that comes last keeps one core waiting for the other."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_xdist_auto_num_workers() -> int:
    """Take two workers a core: each waits for the database and for other processes half of its time."""
    return min(2 * len(os.sched_getaffinity(0)), 12)  # more would ask for more connections than there are


def pytest_unconfigure() -> None:
    """Stop it where it was started."""
    cluster.hang_up()
    while _running:
        _running.pop().stop()
        os.environ.pop(cluster.ENVIRONMENT_NAME, None)


@pytest.fixture(scope="session")
def pg() -> Cluster:
    """The cluster of this run."""
    return Cluster.from_env()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file of this worker's own."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    make_keys(path)
    return path


@pytest.fixture(scope="session")
def keys(key_file: Path) -> FileKeys:
    """The key ring of that file."""
    return FileKeys.read(key_file)


@pytest.fixture(scope="session")
def images() -> Iterator[WorkerImages]:
    """One pool that decodes images for all tests of this worker, each once; it serves their event loops in turn."""
    pool = RememberingImages(niceness=0, patience_seconds=120, keep_comment=main.SANDBOX_COMMENT)
    yield pool
    asyncio.run(pool.close())


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    """What starts commands quickly."""
    mother = Mother(ROOT)
    yield mother
    mother.close()


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """A data folder to copy, as an earlier run has left it."""
    with open_folder() as folder:
        made = Installation(folder / "var")
        made.make()
        yield made


@pytest.fixture(scope="session")
def seeds(pg: Cluster, keys: FileKeys, tmp_path_factory: pytest.TempPathFactory) -> Seeds:
    """Databases in which something has happened already, each made when first asked for."""
    return Seeds(pg, keys, tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def database(pg: Cluster, seeds: Seeds, request: pytest.FixtureRequest) -> Iterator[cluster.Database]:
    """A database of this test's own: migrated, and holding what the test's other fixtures say."""
    seed = next((name for name in ("made_owner", "owner", "people") if name in request.fixturenames), None)
    clone = pg.clone(seeds.template(seed)) if seed is not None else pg.clone()
    yield clone
    pg.drop(clone.name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Development settings with a folder of this test's own."""
    return Settings(
        data_folder=tmp_path,
        database_connections=20,
        database_timeout_seconds=60,  # nothing is given up because a machine is busy
        requests_per_minute=100_000,
    )


@pytest.fixture
async def house(
    database: cluster.Database, settings: Settings, keys: FileKeys, images: WorkerImages
) -> AsyncIterator[House]:
    """A whole server with its embedded adapters, opened."""
    async with main.opened(
        build(settings, database.app_url, keys, images=images, papers=WorkerPapers(images.pool))
    ) as house:
        yield house


@pytest.fixture
def db(house: House) -> Database:
    """The database of the house."""
    return house.db


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client joined to the app without a network between."""
    transport = httpx.ASGITransport(main.create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield client


@pytest.fixture
async def people(house: House) -> dict[str, TestPerson]:
    """The test people by their labels; the register knows them."""
    return await settled_people(house)


@pytest.fixture
def phone(client: httpx.AsyncClient, house: House) -> Callable[[str], Phone]:
    """Makes phones that play the API as an app would."""
    return lambda number: Phone(client, house, number)


@pytest.fixture
def make(client: httpx.AsyncClient, house: House) -> Make:
    """Makes people, cards and families without playing the whole flow."""
    return Make(client, house)


@pytest.fixture
async def owner(seeds: Seeds, client: httpx.AsyncClient, house: House) -> Phone:
    """The phone of somebody with an own card; the register knows the test people."""
    return await seeds.owner(client, house)


@pytest.fixture
def made_owner(seeds: Seeds, client: httpx.AsyncClient, house: House) -> Holder:
    """A man born in 1985 with a card, who was there before the test began."""
    return seeds.made_owner(client, house)
