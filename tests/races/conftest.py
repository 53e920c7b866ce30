"""Fixtures of the add flow."""

from tests.factories.adding import house as house
from tests.factories.adding import image_workers as image_workers
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
