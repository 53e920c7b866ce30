"""Fixtures of the add flow."""

from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.counters import open_counter as open_counter
from tests.factories.staff import hire as hire
from tests.factories.terminals import install as install
