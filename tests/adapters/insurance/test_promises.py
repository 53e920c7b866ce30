"""What every source of insurance records promises: the demo's tables, an authority's gateway and the national one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.adapters.insurance import demo
from app.adapters.insurance.embedded import EmbeddedInsurance
from app.adapters.insurance.gateway import GatewayInsurance
from app.adapters.insurance.plans import Plan
from app.adapters.national.rights import NationalInsurance
from app.core.clock import today
from app.core.db import Database
from app.ports.insurance import (
    AUTHORITY_OF,
    INSURANCE_OF,
    Authority,
    BenefitKind,
    BenefitStatus,
    Insurance,
    InsuranceRecords,
    Month,
    ParticipationStatus,
    Scheme,
)
from app.ports.register import RegisteredPerson
from tests.factories.authorities import AuthorityGateway, gateway_settings
from tests.factories.national import Kept, example, reaching
from tests.factories.servers import loopback_client, serving

Opened = Callable[[Authority, dict[str, Plan]], Awaitable[InsuranceRecords]]

WORKER = RegisteredPerson("100101198506150031", "王小明", "1", date(1985, 6, 15), "100101", is_alive=True)
OTHER = replace(WORKER, number="100101198506150058", name="王小红", sex="2")
CHILD = replace(WORKER, number="100101201705200077", birth_date=date(2017, 5, 20))
PENSIONER = replace(WORKER, number="100101195003120015", birth_date=date(1950, 3, 12))
EVERYBODY = (WORKER, OTHER, CHILD, PENSIONER)


@pytest.fixture(params=["embedded", "gateway", "national"])
async def opened(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[Opened]:
    """Opens an authority that keeps these plans."""
    if request.param == "embedded":

        async def embedded(authority: Authority, plans: dict[str, Plan]) -> InsuranceRecords:
            records = EmbeddedInsurance(db, authority)
            await records.put(plans)
            return records

        yield embedded
        return
    if request.param == "national":
        kept = Kept()
        async with reaching(example(db.clock, records=kept), db.clock) as national:

            async def through(authority: Authority, plans: dict[str, Plan]) -> InsuranceRecords:
                kept.plans[authority] = plans
                return NationalInsurance(authority, national, db.clock)

            yield through
        return
    there = AuthorityGateway(db.clock)
    async with serving(there.app) as address, loopback_client() as client:

        async def gateway(authority: Authority, plans: dict[str, Plan]) -> InsuranceRecords:
            there.plans = plans
            return GatewayInsurance(authority, gateway_settings(address), db.clock, client)

        yield gateway


def plans_of(authority: Authority, db: Database) -> dict[str, Plan]:
    found = demo.plans(EVERYBODY, today(db.clock.now()))
    return {number: plan for (number, who), plan in found.items() if who is authority}


@pytest.fixture
def open_demo(opened: Opened, db: Database) -> Callable[[Authority], Awaitable[InsuranceRecords]]:
    return lambda authority: opened(authority, plans_of(authority, db))


Demo = Callable[[Authority], Awaitable[InsuranceRecords]]


@pytest.mark.parametrize("authority", Authority)
async def test_it_tells_what_it_keeps_and_no_more(open_demo: Demo, authority: Authority, db: Database) -> None:
    records, month = await open_demo(authority), Month.of(today(db.clock.now()))

    for person in EVERYBODY:
        told = await records.participations(person.number)

        assert abs((told.as_of - db.clock.now()).total_seconds()) < 60
        assert {AUTHORITY_OF[INSURANCE_OF[each.scheme]] for each in told.items} <= {authority}
        keys = [(each.scheme, each.region, each.employer) for each in told.items]
        assert len(set(keys)) == len(keys)
        for each in told.items:
            money = (each.base, each.personal, each.by_employer, each.balance)
            assert all(value is None or (value >= 0 and value == value.quantize(Decimal("0.01"))) for value in money)
            assert each.first_month is not None
            assert each.last_month is not None
            assert each.first_month <= each.last_month <= month
            assert each.months_paid > 0


@pytest.mark.parametrize("insurance", Insurance)
async def test_months_are_in_order_of_that_insurance_and_none_is_to_come(
    open_demo: Demo, insurance: Insurance, db: Database
) -> None:
    records, month = await open_demo(AUTHORITY_OF[insurance]), Month.of(today(db.clock.now()))

    for person in EVERYBODY:
        paid = (await records.contributions(person.number, insurance)).items
        got = (await records.benefits(person.number, insurance)).items

        for items in (paid, got):
            assert [each.month for each in items] == sorted((each.month for each in items), reverse=True)
            assert all(INSURANCE_OF[each.scheme] is insurance for each in items)
            assert all(each.month <= month for each in items)
        assert all(min(each.base, each.personal, each.by_employer) >= 0 for each in paid)
        assert all(each.amount > 0 for each in got)
        keys = [(each.month, each.scheme, each.employer) for each in paid]
        assert len(set(keys)) == len(keys)


async def test_somebody_unknown_has_nothing(open_demo: Demo) -> None:
    records = await open_demo(Authority.HUMAN_RESOURCES)

    assert (await records.participations("100101199001010018")).items == ()
    assert (await records.contributions("100101199001010018", Insurance.PENSION)).items == ()
    assert (await records.benefits("100101199001010018", Insurance.PENSION)).items == ()


async def test_people_are_told_apart(open_demo: Demo) -> None:
    records = await open_demo(Authority.HEALTHCARE_SECURITY)

    told = [await records.participations(person.number) for person in EVERYBODY]

    assert len({each.items for each in told}) == len(EVERYBODY)


async def test_a_child_is_insured_as_a_resident_for_being_ill_alone(open_demo: Demo) -> None:
    care, work = await open_demo(Authority.HEALTHCARE_SECURITY), await open_demo(Authority.HUMAN_RESOURCES)

    assert [each.scheme for each in (await care.participations(CHILD.number)).items] in ([Scheme.RESIDENT_MEDICAL], [])
    assert (await work.participations(CHILD.number)).items == ()


async def test_a_pensioner_pays_nothing_more_and_gets_a_pension_each_month(open_demo: Demo, db: Database) -> None:
    records, month = await open_demo(Authority.HUMAN_RESOURCES), Month.of(today(db.clock.now()))

    insured = (await records.participations(PENSIONER.number)).items
    pension = (await records.benefits(PENSIONER.number, Insurance.PENSION)).items

    assert {each.status for each in insured} == {ParticipationStatus.ENDED}
    assert {each.kind for each in pension} == {BenefitKind.PENSION}
    assert (pension[0].month, len({each.month for each in pension})) == (month, len(pension))
    assert {each.status for each in pension[1:]} == {BenefitStatus.PAID}


async def test_whoever_works_pays_each_month_for_all_five(opened: Opened, db: Database) -> None:
    for authority in Authority:
        records = await opened(authority, plans_of(authority, db))
        insured = (await records.participations(WORKER.number)).items
        kept = {insurance for insurance, who in AUTHORITY_OF.items() if who is authority}

        assert {INSURANCE_OF[each.scheme] for each in insured} == kept
        for each in insured:
            paid = (await records.contributions(WORKER.number, INSURANCE_OF[each.scheme])).items
            assert len([one for one in paid if one.scheme is each.scheme]) == each.months_paid


async def test_numbers_and_money_are_in_no_description(open_demo: Demo) -> None:
    records: Any = await open_demo(Authority.HUMAN_RESOURCES)

    for told in (
        await records.participations(WORKER.number),
        await records.contributions(WORKER.number, Insurance.PENSION),
        await records.benefits(PENSIONER.number, Insurance.PENSION),
    ):
        assert told.items
        assert not any(secret in f"{told!r}{told.items[0]!r}" for secret in (WORKER.number, "Decimal", "示例"))
