"""Fixtures of the staff's side."""

from tests.factories.staff import hire as hire
