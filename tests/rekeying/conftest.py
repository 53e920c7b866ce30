"""Servers of one installation, each with the key file of its own stage of a rotation."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from app import main
from app.adapters.keys import versions
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.core.suites import Suite
from app.ports.keys import KeyKind
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.houses import build, make_keys

KINDS = (KeyKind.PEPPER, KeyKind.WRAPPING)


@dataclass(frozen=True, slots=True)
class Server:
    """A server and a client of its own."""

    house: House
    client: httpx.AsyncClient


class Serve(Protocol):
    """Starts a server with a key file, under a suite."""

    def __call__(self, key_file: Path, suite: Suite | None = None) -> AbstractAsyncContextManager[Server]: ...


@dataclass(frozen=True, slots=True)
class Stages:
    """The key file as it is at each stage of a rotation: before it, with what is new to be read, and written."""

    before: Path
    added: Path
    written: Path

    def dropped(self) -> Path:
        """Return the file without what was there before."""
        path = _copy(self.written, "dropped.json")
        for kind in KINDS:
            versions.drop(path, kind, 1)
        return path


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    before = tmp_path / "before.json"
    make_keys(before)
    added = _copy(before, "added.json")
    for kind in KINDS:
        versions.add(added, kind, Settings().cipher_suite)
    written = _copy(added, "written.json")
    for kind in KINDS:
        versions.write(written, kind)
    return Stages(before, added, written)


def of_suite(path: Path, suite: Suite, name: str) -> Path:
    """Return a file in which keys of a suite are written, beside those of the file before."""
    made = _copy(path, name)
    for kind in KINDS:
        versions.add(made, kind, suite)
        versions.write(made, kind)
    return made


@pytest.fixture
def serve(database: Database, settings: Settings) -> Serve:
    @asynccontextmanager
    async def serving(key_file: Path, suite: Suite | None = None) -> AsyncIterator[Server]:
        own = settings if suite is None else settings.model_copy(update={"cipher_suite": suite})
        async with main.opened(build(own, database.app_url, FileKeys.read(key_file))) as house:
            transport = httpx.ASGITransport(main.create_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                yield Server(house, client)

    return serving


def _copy(path: Path, name: str) -> Path:
    made = path.with_name(name)
    shutil.copy2(path, made)
    return made
