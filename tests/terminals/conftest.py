"""Fixtures of tests with terminals."""

from tests.factories.staff import hire as hire
from tests.factories.terminals import install as install
