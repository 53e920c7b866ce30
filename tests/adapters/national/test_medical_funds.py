"""Medical personal accounts through the national gateway: paid once, though the answer was lost; lies are not believed.

What both adapters promise stands in tests/adapters/test_medical_funds.py.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from national_funds import Answer, Funds
from national_gateway import ExampleGateway
from structlog.testing import capture_logs

from app.adapters.national.gateway import NationalGateway
from app.adapters.national.medical_funds import NationalMedicalFunds
from app.core.clock import MovableClock
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFundsUnavailable
from tests.adapters.national.conftest import WORKER
from tests.factories.national import KEY_TEXT, example, reaching

FATHER = "100101195003120015"
ORDER = FundsOrder(
    id=UUID("00420000-7c1e-8d3a-9b55-3f0c2a61d7e4"),
    office_id="hospital-1",
    parts={WORKER.number: Decimal("12.30"), FATHER: Decimal("7.70")},
)


@pytest.fixture
def funds(national: NationalGateway, there: ExampleGateway) -> NationalMedicalFunds:
    """Two accounts with 100.00 and 30.00 in them."""
    there.funds.credit(WORKER.number, Decimal("100.00"))
    there.funds.credit(FATHER, Decimal("30.00"))
    return NationalMedicalFunds(national)


@dataclass
class Misspoken(Funds):
    """Accounts of which something is said that no account can hold."""

    said: str = ""

    def tell(self, asked: Mapping[str, Any]) -> Answer:
        return "0", {"accounts": [{"aac002": FATHER, "balance": self.said}]}


def left(there: ExampleGateway) -> list[str]:
    return [str(there.funds.balances[number]) for number in (WORKER.number, FATHER)]


async def test_an_order_is_written_as_the_contract_has_it(there: ExampleGateway, funds: NationalMedicalFunds) -> None:
    assert await funds.settle(ORDER) is None

    parts = [{"aac002": FATHER, "amount": "7.70"}, {"aac002": WORKER.number, "amount": "12.30"}]
    assert there.asked == [("funds.settle", {"order_no": str(ORDER.id), "office": "hospital-1", "parts": parts})]


async def test_an_order_whose_answer_is_lost_is_paid_and_given_back_once(
    there: ExampleGateway, funds: NationalMedicalFunds
) -> None:
    there.behave("unheard")
    assert await funds.settle(ORDER) is None
    paid = left(there)

    there.behave("unheard")
    await funds.give_back(ORDER.id)

    assert (paid, left(there)) == (["87.70", "22.30"], ["100.00", "30.00"])
    assert [method for method, _ in there.asked] == ["funds.settle"] * 2 + ["funds.give_back"] * 2


async def test_who_gives_up_waiting_asks_again_and_has_paid_once(
    there: ExampleGateway, funds: NationalMedicalFunds
) -> None:
    there.behave("slow")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await funds.settle(ORDER)
    there.behave("answers")

    assert await funds.settle(ORDER) is None

    assert left(there) == ["87.70", "22.30"]


async def test_both_success_codes_are_one(there: ExampleGateway, funds: NationalMedicalFunds) -> None:
    there.behave("older")

    assert await funds.settle(ORDER) is None
    await funds.give_back(ORDER.id)

    assert await funds.balances([FATHER]) == {FATHER: Decimal("30.00")}


async def test_all_of_it_is_sealed_where_keys_are_set(clock: MovableClock) -> None:
    there = example(clock, keys=(KEY_TEXT,))
    there.funds.credit(FATHER, Decimal("7.70"))
    async with reaching(there, clock, timeout_seconds=60, encryption_keys=KEY_TEXT) as gateway:
        refused = await NationalMedicalFunds(gateway).settle(ORDER)

    assert refused is FundsRefusal.NO_ACCOUNT


async def test_another_order_under_the_same_number_is_not_paid(
    there: ExampleGateway, funds: NationalMedicalFunds
) -> None:
    await funds.settle(ORDER)

    with pytest.raises(MedicalFundsUnavailable):
        await funds.settle(replace(ORDER, parts={FATHER: Decimal("7.70")}))

    assert left(there) == ["87.70", "22.30"]


async def test_a_reason_that_we_do_not_know_is_for_good_and_people_can_read_it(
    there: ExampleGateway, funds: NationalMedicalFunds
) -> None:
    there.funds.refusal = "M99"

    with capture_logs() as lines:
        assert await funds.settle(ORDER) is FundsRefusal.NO_ACCOUNT

    assert [(line["event"], line["reason"]) for line in lines] == [("national_funds_refused", "M99")]


@pytest.mark.parametrize(
    "mood", ["other_order", "down", "busy", "forged", "stale", "wrong_code", "garbage", "twice", "in_the_clear"]
)
async def test_nothing_is_believed_of_a_gateway_that_lies(clock: MovableClock, mood: str) -> None:
    there = example(clock, keys=(KEY_TEXT,))
    there.funds.credit(WORKER.number, Decimal("100.00"))
    there.funds.credit(FATHER, Decimal("30.00"))
    async with reaching(there, clock, timeout_seconds=60, encryption_keys=KEY_TEXT) as gateway:
        funds = NationalMedicalFunds(gateway)
        there.behave(mood)
        for ask in (funds.settle(ORDER), funds.give_back(ORDER.id)):
            with pytest.raises(MedicalFundsUnavailable):
                await ask


@pytest.mark.parametrize("mood", ["other_person", "down", "forged"])
async def test_no_balance_is_believed_of_a_gateway_that_lies(
    there: ExampleGateway, funds: NationalMedicalFunds, mood: str
) -> None:
    there.behave(mood)

    with pytest.raises(MedicalFundsUnavailable):
        await funds.balances([FATHER])


@pytest.mark.parametrize("mood", ["other_order", "down", "forged"])
async def test_no_book_is_believed_of_a_gateway_that_lies(
    there: ExampleGateway, funds: NationalMedicalFunds, mood: str
) -> None:
    await funds.settle(ORDER)
    there.behave(mood)

    with pytest.raises(MedicalFundsUnavailable):
        await funds.paid([ORDER.id])


@pytest.mark.parametrize("balance", ["-1.00", "1", "1.005"])
async def test_no_balance_of_another_shape_is_believed(
    there: ExampleGateway, funds: NationalMedicalFunds, balance: str
) -> None:
    there.funds = Misspoken(said=balance)

    with pytest.raises(MedicalFundsUnavailable):
        await funds.balances([FATHER])


async def test_a_circuit_of_their_own_leaves_them_in_peace_and_says_until_when(
    there: ExampleGateway, funds: NationalMedicalFunds, national: NationalGateway
) -> None:
    there.behave("down")
    for _ in range(2):
        with pytest.raises(MedicalFundsUnavailable):
            await funds.settle(ORDER)
    asked = len(there.asked)

    with pytest.raises(MedicalFundsUnavailable) as refused:
        await funds.settle(ORDER)

    assert len(there.asked) == asked
    assert refused.value.retry_after_seconds is not None
    assert refused.value.retry_after_seconds > 10
    assert (national.circuits()["medical_funds"], national.circuits()["register"]) == ("open", "closed")
