"""What the tests of the command line share: commands as processes of their own, on data of their own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Escard
from tests.cli.forking import Mother
from tests.cli.installations import Installation, open_folder


@pytest.fixture
def escard(mother: Mother) -> Iterator[Escard]:
    """Commands on a data folder of this test's own, that every account can reach."""
    with open_folder() as folder:
        commands = Escard(folder / "var", mother)
        try:
            yield commands
        finally:
            commands.end()


@pytest.fixture
def ordinary(escard: Escard) -> Escard:
    """The same as an account that may do nothing special."""
    if os.geteuid() == 0:
        escard.become_nobody()
    return escard


@pytest.fixture
def with_keys(escard: Escard, key_file: Path) -> Escard:
    """Commands that have the key file of the house of this test."""
    escard.data_folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(key_file, escard.data_folder / "keys.json")
    return escard


@pytest.fixture
def settled(escard: Escard, installation: Installation) -> Escard:
    """Commands on a data folder that has been run before."""
    installation.copy(escard.data_folder)
    return escard
