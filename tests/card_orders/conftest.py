"""Somebody with a card, an office, and the time that passes."""

import pytest

from app.models.operators import OfficeKind
from app.routers.deps import House
from app.services.operators import offices
from app.services.operators.offices import NewOffice
from tests.card_orders.playing import OFFICE, Ordering
from tests.factories.make import Holder, Make
from tests.factories.passing import Time


@pytest.fixture
async def me(make: Make, house: House) -> Holder:
    """A holder, with an office in their region."""
    office = NewOffice(
        id=OFFICE, name="西区社保服务窗口", kind=OfficeKind.DISTRICT_BRANCH, region="100101", address="西大街 8 号",
        hours="周一至周五", phone="12333",
    )  # fmt: skip
    await house.db.run(lambda session: offices.add(session, office))
    return await make.owner(name="王志远")


@pytest.fixture
def mine(me: Holder) -> Ordering:
    """The same, who orders for himself."""
    return Ordering(me)


@pytest.fixture
def time(house: House) -> Time:
    """The worker and the clock of the house."""
    return Time(house)
