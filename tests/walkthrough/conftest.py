"""Fixtures of stories that are played on a running server."""

from collections.abc import Iterator

import pytest

from tests.cli.commands import Escard
from tests.cli.conftest import escard as escard
from tests.cli.conftest import settled as settled


@pytest.fixture
def url(settled: Escard) -> Iterator[str]:
    """The address of a server that runs."""
    running = settled.start("run").ready("escard is running")
    yield settled.url
    assert running.interrupted().status == 0
