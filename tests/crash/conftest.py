"""Fixtures of servers that are killed."""

from tests.cli.conftest import escard as escard
from tests.cli.conftest import settled as settled
