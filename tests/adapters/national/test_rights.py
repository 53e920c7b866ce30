"""Insurance records through the national gateway: each authority by itself, and nothing believed that cannot be."""

from collections.abc import AsyncIterator

import pytest
from national_gateway import ExampleGateway
from national_records import made_up

from app.adapters.national.gateway import NationalGateway
from app.adapters.national.rights import NationalInsurance
from app.core.clock import MovableClock
from app.ports.insurance import Authority, Insurance, InsuranceUnavailable, Scheme, Silence
from tests.adapters.national.conftest import WORKER
from tests.factories.national import reaching


@pytest.fixture
async def records(there: ExampleGateway, clock: MovableClock) -> AsyncIterator[NationalInsurance]:
    """What human resources keeps, as the example makes it up."""
    there.records = made_up
    async with reaching(there, clock, timeout_seconds=60) as gateway:
        yield NationalInsurance(Authority.HUMAN_RESOURCES, gateway, clock)


async def silence(records: NationalInsurance) -> Silence:
    with pytest.raises(InsuranceUnavailable) as refused:
        await records.contributions(WORKER.number, Insurance.PENSION)
    return refused.value.silence


async def test_each_authority_is_asked_by_its_name(
    there: ExampleGateway, national: NationalGateway, clock: MovableClock
) -> None:
    work, care = (NationalInsurance(authority, national, clock) for authority in Authority)

    await work.participations(WORKER.number)
    await care.participations(WORKER.number)
    await care.benefits(WORKER.number, Insurance.MEDICAL)

    assert there.asked == [
        ("rights.participations", {"aac002": WORKER.number, "authority": "human_resources"}),
        ("rights.participations", {"aac002": WORKER.number, "authority": "healthcare_security"}),
        ("rights.benefits", {"aac002": WORKER.number, "authority": "healthcare_security", "insurance": "medical"}),
    ]


async def test_what_the_example_makes_up_is_believed(records: NationalInsurance) -> None:
    insured = (await records.participations(WORKER.number)).items
    paid = (await records.contributions(WORKER.number, Insurance.PENSION)).items
    got = (await records.benefits(WORKER.number, Insurance.PENSION)).items

    assert {each.scheme for each in insured} == {Scheme.EMPLOYEE_PENSION, Scheme.UNEMPLOYMENT, Scheme.WORK_INJURY}
    assert len(paid) == 12
    assert got == ()


@pytest.mark.parametrize(
    ("mood", "why"),
    [
        ("down", Silence.NO_ANSWER),
        ("busy", Silence.NO_ANSWER),
        ("other_person", Silence.NOT_UNDERSTOOD),
        ("forged", Silence.NOT_UNDERSTOOD),
        ("wrong_code", Silence.NOT_UNDERSTOOD),
    ],
)
async def test_why_there_is_no_answer_is_told(
    there: ExampleGateway, records: NationalInsurance, mood: str, why: Silence
) -> None:
    there.behave(mood)

    assert await silence(records) is why


async def test_the_other_authoritys_records_are_not_believed(there: ExampleGateway, records: NationalInsurance) -> None:
    there.records = lambda *_: [
        {
            "aae002": "202001",
            "aae140": "310",
            "aab301": "100101",
            "aab004": None,
            "aae180": "1.00",
            "personal": "1.00",
            "by_employer": "1.00",
            "arrived_on": None,
        }
    ]

    assert await silence(records) is Silence.NOT_UNDERSTOOD


async def test_an_answer_of_another_shape_is_not_believed(there: ExampleGateway, records: NationalInsurance) -> None:
    there.records = lambda *_: [{"aae002": 202001}]

    assert await silence(records) is Silence.NOT_UNDERSTOOD
