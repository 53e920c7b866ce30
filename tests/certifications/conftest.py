"""What the tests of certifications share."""

import pytest

from app.routers.deps import House
from tests.factories.certifying import pay
from tests.factories.make import Holder, Make, Member


@pytest.fixture
async def me(make: Make, house: House) -> Holder:
    """An owner of 41 who gets an injury benefit themselves, certified 320 days ago."""
    owner = await make.owner()
    await pay(house, owner)
    return owner


@pytest.fixture
async def father(make: Make, me: Holder, house: House) -> Member:
    """Their father of 69, with a pension, certified 320 days ago."""
    member = await make.member(me)
    await pay(house, member.person)
    return member
