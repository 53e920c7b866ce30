"""The fixtures of counters."""

from tests.factories.counters import hospital as hospital
from tests.factories.counters import open_counter as open_counter
from tests.factories.counters import window as window
from tests.factories.staff import hire as hire
from tests.factories.terminals import install as install
