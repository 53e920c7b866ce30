"""The national gateway of `examples/` beside ours, with two people."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from national_gateway import ExampleGateway

from app.adapters.national.gateway import NationalGateway
from app.adapters.national.register import NationalRegister
from app.core.clock import MovableClock
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson
from tests.factories.national import example, meet, reaching

WORKER = RegisteredPerson(
    number="100101198506150031",
    name="王小明",
    sex="1",
    birth_date=date(1985, 6, 15),
    region="100101",
    is_alive=True,
    phone="10000000901",
    card=PhysicalCard("D00000901", PhysicalCardStatus.NORMAL),
    parents=frozenset({"100101195003120015"}),
)


@pytest.fixture
def clock() -> MovableClock:
    """The clock of both."""
    return MovableClock()


@pytest.fixture
def there(clock: MovableClock) -> ExampleGateway:
    """The gateway of the example."""
    gateway = example(clock)
    meet(gateway, WORKER, b"\xff\xd8\xff\xd9")
    return gateway


@pytest.fixture
async def national(there: ExampleGateway, clock: MovableClock) -> AsyncIterator[NationalGateway]:
    """Ours."""
    async with reaching(there, clock, timeout_seconds=60) as gateway:
        yield gateway


@pytest.fixture
def register(national: NationalGateway, clock: MovableClock) -> NationalRegister:
    """The register behind it."""
    return NationalRegister(national, clock)
