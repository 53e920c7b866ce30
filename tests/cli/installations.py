"""Data folders that every account can reach, empty or as an earlier run has left them; nothing of them stays behind."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import main
from app.adapters.keys.file import FileKeys
from app.adapters.postgres import EmbeddedPostgres, remove
from app.adapters.postgres.founding import APP, OWNER
from app.adapters.postgres.schema import migrate
from app.core.settings import Settings
from tests.cluster import OPTIONS, memory_folder
from tests.factories.houses import make_keys
from tests.factories.phone import settle_people


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder in memory that every account can pass; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="escard-cli-", dir=memory_folder()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for cluster in folder.glob("*/postgres"):
            remove(cluster)
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Installation:
    """What `escard run` makes at its first start: key file, database with its schema, people of the demo."""

    folder: Path

    def make(self) -> None:
        """Make it, without a process for each part."""
        ring = make_keys(self.folder / "keys.json")
        with EmbeddedPostgres(self.folder / "postgres", options=OPTIONS) as server:
            migrate(server.url(OWNER))
            asyncio.run(_settle(Settings(data_folder=self.folder), server.url(APP), ring))
        (self.folder / "postgres" / "port").unlink()  # copies that start at once want one each

    def copy(self, to: Path) -> None:
        """Copy it, with the account that owns each file."""
        subprocess.run(["cp", "-a", self.folder, to], check=True)


async def _settle(settings: Settings, url: str, ring: FileKeys) -> None:
    async with main.opened(main.build(settings, url, keys=ring)) as house:
        await settle_people(house)
