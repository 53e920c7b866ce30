"""Fixtures of tests in which cards are shown."""

from tests.factories.staff import hire as hire
from tests.factories.terminals import install as install
