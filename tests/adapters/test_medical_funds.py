"""Whoever keeps accounts: an order is paid out of all or none, once; the book sums to zero and is never rewritten."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.adapters.medical_funds.embedded import Credited, EmbeddedMedicalFunds
from app.adapters.national.medical_funds import NationalMedicalFunds
from app.core.clock import SystemClock
from app.core.db import Database, Session
from app.models.medical_accounts import Movement
from app.models.stand_ins import FundsAccount, FundsCredit, FundsEntry
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFunds, MedicalFundsUnavailable, Paid
from app.services.medical_accounts import amounts
from app.services.medical_accounts.amounts import NotReadable
from tests import cluster
from tests.factories.national import example, reaching
from tests.factories.rows import count

LI, WANG, NOBODY = "110101199003070011", "110101195703080022", "110101200101010033"


@pytest.fixture
async def accounts(db: Database) -> EmbeddedMedicalFunds:
    """Two accounts, with 100.00 and 30.00 in them."""
    funds = EmbeddedMedicalFunds(db)
    await funds.credit(LI, Decimal("100.00"), "2026-11/1")
    await funds.credit(WANG, Decimal("30.00"), "2026-11/2")
    return funds


@dataclass
class Keeper:
    """An adapter with the same two accounts, and a way to put money into them."""

    funds: MedicalFunds
    credit: Callable[[str, Decimal], Awaitable[object]]


async def _embedded(db: Database) -> AsyncIterator[Keeper]:
    funds = EmbeddedMedicalFunds(db)
    yield Keeper(funds, lambda number, amount: funds.credit(number, amount, f"test/{uuid4()}"))
    assert len(await funds.unequal()) == 0


async def _national() -> AsyncIterator[Keeper]:
    there = example(SystemClock())

    async def credit(number: str, amount: Decimal) -> None:
        there.funds.credit(number, amount)

    async with reaching(there, SystemClock(), timeout_seconds=60) as gateway:
        yield Keeper(NationalMedicalFunds(gateway), credit)


@pytest.fixture(params=["embedded", "national"])
async def keeper(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[Keeper]:
    """Each adapter in turn."""
    made = _embedded(db) if request.param == "embedded" else _national()
    async for keeper in made:
        await keeper.credit(LI, Decimal("100.00"))
        await keeper.credit(WANG, Decimal("30.00"))
        yield keeper


@pytest.fixture
def funds(keeper: Keeper) -> MedicalFunds:
    """The same as the port has them."""
    return keeper.funds


def order(li: str, wang: str | None = None, *, order_id: UUID | None = None) -> FundsOrder:
    parts = {LI: Decimal(li)} | ({} if wang is None else {WANG: Decimal(wang)})
    return FundsOrder(order_id or uuid4(), "main-office", parts)


async def left(funds: MedicalFunds) -> list[str]:
    found = await funds.balances([LI, WANG])
    return [str(found[LI]), str(found[WANG])]


class TestPromises:
    async def test_who_has_no_account_is_not_among_the_balances(self, funds: MedicalFunds) -> None:
        assert await funds.balances([LI, NOBODY]) == {LI: Decimal("100.00")}
        assert await funds.balances([]) == {}

    async def test_all_give_or_none(self, funds: MedicalFunds) -> None:
        assert await funds.settle(order("50.00", "30.01")) is FundsRefusal.SHORT
        missing = FundsOrder(uuid4(), "main-office", {LI: Decimal("1.00"), NOBODY: Decimal("1.00")})
        assert await funds.settle(missing) is FundsRefusal.NO_ACCOUNT
        assert await left(funds) == ["100.00", "30.00"]

        assert await funds.settle(order("50.00", "30.00")) is None

        assert await left(funds) == ["50.00", "0.00"]

    async def test_the_same_order_is_paid_once_also_at_once(self, funds: MedicalFunds) -> None:
        asked = order("10.00", "5.00")

        answers = await asyncio.gather(*(funds.settle(asked) for _ in range(8)))

        assert set(answers) == {None}
        assert await left(funds) == ["90.00", "25.00"]

    async def test_what_was_refused_stays_refused(self, keeper: Keeper) -> None:
        asked = order("100.01")
        assert await keeper.funds.settle(asked) is FundsRefusal.SHORT
        await keeper.credit(LI, Decimal("50.00"))

        assert await keeper.funds.settle(asked) is FundsRefusal.SHORT

        assert await left(keeper.funds) == ["150.00", "30.00"]

    async def test_orders_at_once_draw_what_is_there_and_never_wait_in_a_circle(self, funds: MedicalFunds) -> None:
        orders = [order("20.00", "3.00") for _ in range(12)]

        answers = await asyncio.gather(*map(funds.settle, orders))

        assert (answers.count(None), answers.count(FundsRefusal.SHORT)) == (5, 7)
        assert await left(funds) == ["0.00", "15.00"]

    async def test_an_order_is_given_back_once_also_at_once(self, funds: MedicalFunds) -> None:
        asked = order("10.00", "5.00")
        await funds.settle(asked)

        await asyncio.gather(*(funds.give_back(asked.id) for _ in range(8)))

        assert await left(funds) == ["100.00", "30.00"]
        assert await funds.settle(asked) is None  # it was, and is not paid anew
        assert await left(funds) == ["100.00", "30.00"]

    async def test_what_was_never_paid_cannot_be_given_back(self, funds: MedicalFunds) -> None:
        asked = order("100.01")
        await funds.settle(asked)

        for order_id in (asked.id, uuid4()):
            with pytest.raises(MedicalFundsUnavailable):
                await funds.give_back(order_id)

        assert await left(funds) == ["100.00", "30.00"]

    async def test_their_book_says_what_was_paid_and_given_back(self, funds: MedicalFunds) -> None:
        paid, given_back, refused = order("10.00", "5.00"), order("1.50"), order("100.01")
        for asked in (paid, given_back, refused):
            await funds.settle(asked)
        await funds.give_back(given_back.id)

        assert await funds.paid([paid.id, given_back.id, refused.id, uuid4()]) == {
            paid.id: Paid(Decimal("15.00"), is_given_back=False),
            given_back.id: Paid(Decimal("1.50"), is_given_back=True),
        }
        assert await funds.paid([]) == {}


class TestCredits:
    async def test_the_same_reference_counts_once_also_at_once(self, db: Database) -> None:
        funds = EmbeddedMedicalFunds(db)

        done = await asyncio.gather(*(funds.credit(LI, Decimal("10.00"), "a/1") for _ in range(6)))

        assert sorted(done) == [Credited.BEFORE] * 5 + [Credited.NOW]
        assert await funds.balances([LI]) == {LI: Decimal("10.00")}
        assert (await count(db, FundsEntry), await count(db, FundsCredit)) == (2, 1)

    async def test_a_reference_stands_for_one_person_and_one_amount(self, accounts: EmbeddedMedicalFunds) -> None:
        for number, amount in ((LI, "100.01"), (WANG, "100.00")):
            assert await accounts.credit(number, Decimal(amount), "2026-11/1") is Credited.REFERENCE_TAKEN

        assert await left(accounts) == ["100.00", "30.00"]


class TestTheBook:
    async def test_the_database_lets_no_balance_fall_below_zero(
        self, accounts: EmbeddedMedicalFunds, db: Database
    ) -> None:
        with pytest.raises(IntegrityError, match="never_below_zero"):
            await db.run(lambda session: session.execute(update(FundsAccount).values(balance=Decimal("-0.01"))))

    async def test_what_was_written_is_changed_and_deleted_by_nobody(
        self, accounts: EmbeddedMedicalFunds, database: cluster.Database
    ) -> None:
        await accounts.settle(order("10.00"))
        connection = await asyncpg.connect(database.app_url)
        try:
            for statement in (
                "UPDATE funds_entry SET amount = 1",
                "DELETE FROM funds_entry",
                "UPDATE funds_credit SET amount = 1",
                "DELETE FROM funds_credit",
                "DELETE FROM funds_account",
                "DELETE FROM funds_settlement",
                "UPDATE ledger_entry SET amount = 1",
                "DELETE FROM ledger_entry",
                "UPDATE draw SET covered = 1",
                "DELETE FROM draw",
                "UPDATE draw_reversal SET movement_id = draw_id",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()

    async def test_a_balance_that_was_changed_by_hand_is_found(
        self, accounts: EmbeddedMedicalFunds, db: Database
    ) -> None:
        changed = update(FundsAccount).where(FundsAccount.balance == 30).values(balance=Decimal("31.00"))
        await db.run(lambda session: session.execute(changed))

        found = await accounts.unequal()

        assert (len(found.accounts), found.movements) == (1, [])

    async def test_a_movement_of_which_a_side_is_missing_is_found(
        self, accounts: EmbeddedMedicalFunds, db: Database
    ) -> None:
        torn = uuid4()
        entry = {"movement_id": torn, "account_id": uuid4(), "kind": Movement.CREDIT, "amount": Decimal("1.00")}

        async def half(session: Session) -> None:
            session.add(FundsEntry(**entry, booked_at=db.clock.now()))

        await db.run(half)

        assert (await accounts.unequal()).movements == [torn]


@pytest.mark.parametrize("text", ["", "0", "0.00", "-1", "1.005", "1e3", "1,50", "٣", "1 000", "1000000000", "NaN"])
def test_what_is_no_amount_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(NotReadable, match=r"^bad_amount$"):
        amounts.parse_amount(text)


@pytest.mark.parametrize(("text", "amount"), [("12", "12.00"), ("12.3", "12.30"), ("0.01", "0.01")])
def test_amounts_are_to_the_cent(text: str, amount: str) -> None:
    assert str(amounts.parse_amount(text)) == amount
