"""What the tests of the command line share: commands as processes of their own, on data of their own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Escard
from tests.cluster import memory_folder


@pytest.fixture
def escard() -> Iterator[Escard]:
    """Commands on a data folder of this test's own, that every account can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="escard-cli-", dir=memory_folder()))
    folder.chmod(0o711)
    commands = Escard(folder / "var")
    try:
        yield commands
    finally:
        commands.end()
        shutil.rmtree(folder)


@pytest.fixture
def ordinary(escard: Escard) -> Escard:
    """The same as an account that may do nothing special."""
    if os.geteuid() == 0:
        escard.become_nobody()
    return escard
