"""Fixtures of handovers."""

from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.handing import enrolment as enrolment
from tests.factories.handing import father as father
from tests.factories.handing import member as member
