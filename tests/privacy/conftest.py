"""Fixtures of the add flow."""

from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.staff import hire as hire
