"""The book: every movement sums to zero, balances follow it, nothing is below zero, nothing is written twice."""

import asyncio
from decimal import Decimal

import asyncpg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from app import worker
from app.core.db import Database, Session, bucket_of, new_id
from app.models.medical_accounts import LedgerEntry, MedicalAccount, MedicalCredit, Movement
from app.services.medical_accounts import booking, comparing, crediting
from app.services.medical_accounts.booking import NotBalanced, Posting
from app.services.medical_accounts.crediting import Credit, Credited, NotReadable
from tests import cluster
from tests.factories.make import Holder, Make, Someone
from tests.factories.rows import count


@pytest.fixture
async def somebody(make: Make) -> Someone:
    """A person with nothing in their account."""
    return await make.person()


async def credit(db: Database, person: Someone, amount: str, reference: str = "2026-11/1") -> Credited:
    new = Credit(person.id, Decimal(amount), reference)
    return await db.run(lambda session: crediting.credit(session, new))


async def balance(db: Database, person: Someone) -> Decimal | None:
    return await db.run(lambda session: booking.balance_of(session, person.id))


async def move(db: Database, *postings: Posting) -> None:
    """Book a draw without asking who may."""

    async def unit(session: Session) -> None:
        await booking.book(session, Movement.DRAW, new_id(0), postings)

    await db.run(unit)


class TestCredits:
    async def test_a_credit_is_two_entries_and_a_balance(self, db: Database, somebody: Someone) -> None:
        done = await credit(db, somebody, "120.50")

        rows = await db.run(lambda session: session.scalars(select(LedgerEntry).order_by(LedgerEntry.amount)))
        given, taken = rows.all()
        assert (done, await balance(db, somebody)) == (Credited.NOW, Decimal("120.50"))
        assert (given.amount, taken.amount, taken.account_id) == (Decimal("-120.50"), Decimal("120.50"), somebody.id)
        assert given.movement_id == taken.movement_id

    async def test_the_same_reference_counts_once_also_at_once(self, db: Database, somebody: Someone) -> None:
        done = await asyncio.gather(*(credit(db, somebody, "10.00") for _ in range(6)))

        assert sorted(done) == [Credited.BEFORE] * 5 + [Credited.NOW]
        assert await balance(db, somebody) == Decimal("10.00")
        assert await count(db, LedgerEntry) == 2

    async def test_a_reference_stands_for_one_person_and_one_amount(
        self, db: Database, make: Make, somebody: Someone
    ) -> None:
        other = await make.person()
        await credit(db, somebody, "10.00")

        assert await credit(db, somebody, "10.01") is Credited.REFERENCE_TAKEN
        assert await credit(db, other, "10.00") is Credited.REFERENCE_TAKEN

        assert await balance(db, somebody) == Decimal("10.00")
        assert await balance(db, other) is None

    async def test_what_is_left_goes_back_to_the_fund_with_the_account(
        self, db: Database, make: Make, database: cluster.Database
    ) -> None:
        me: Holder = await make.card_password(await make.owner())
        await credit(db, me, "64.20")

        told = await me.read("/v1/me/closing", **{"Accept-Language": "en"})
        assert [each["text"] for each in told["effects"] if "fund" in each["text"]] != []
        done = await me.call("DELETE", "/v1/me", **{"If-Match": f'"{told["version"]}"'})
        assert done.status_code == 200

        rows = await db.run(
            lambda session: session.scalars(
                select(LedgerEntry.amount).where(
                    LedgerEntry.bucket == bucket_of(me.id), LedgerEntry.account_id == me.id
                )
            )
        )
        assert sorted(rows) == [Decimal("-64.20"), Decimal("64.20")]
        assert await balance(db, me) == Decimal(0)
        assert len(await comparing.unequal(db)) == 0

    async def test_it_is_told_in_the_download(self, db: Database, make: Make) -> None:
        me: Holder = await make.card_password(await make.owner())
        await credit(db, me, "7.00")

        held = (await me.read("/v1/me/data"))["held"]

        assert [account["balance"] for account in held["medical_account"]] == ["7.00"]
        assert [(entry["kind"], entry["amount"]) for entry in held["ledger_entry"]] == [("credit", "7.00")]
        assert [event["action"] for event in held["audit_event"]].count("medical_account.credited") == 1


class TestMovements:
    async def test_entries_that_do_not_sum_to_zero_are_not_booked(self, db: Database, somebody: Someone) -> None:
        await credit(db, somebody, "10.00")

        for postings in (
            [Posting.of_person(somebody.id, Decimal("-1.00"))],
            [Posting.of_person(somebody.id, Decimal("-1.00")), Posting.of_office("x", Decimal("0.99"))],
            [Posting.of_person(somebody.id, Decimal("0.00")), Posting.of_office("x", Decimal("0.00"))],
        ):
            with pytest.raises(NotBalanced):
                await move(db, *postings)

        assert await balance(db, somebody) == Decimal("10.00")
        assert await count(db, LedgerEntry) == 2

    async def test_the_database_lets_no_balance_fall_below_zero(self, db: Database, somebody: Someone) -> None:
        await credit(db, somebody, "10.00")
        too_much = Posting.of_person(somebody.id, Decimal("-10.01")), Posting.of_office("x", Decimal("10.01"))

        with pytest.raises(IntegrityError, match="never_below_zero"):
            await move(db, *too_much)

        assert await count(db, LedgerEntry) == 2

    async def test_what_was_written_is_changed_and_deleted_by_nobody(
        self, db: Database, somebody: Someone, database: cluster.Database
    ) -> None:
        await credit(db, somebody, "10.00")
        connection = await asyncpg.connect(database.app_url)
        try:
            for statement in (
                "UPDATE ledger_entry SET amount = 1",
                "DELETE FROM ledger_entry",
                "UPDATE medical_credit SET amount = 1",
                "DELETE FROM medical_credit",
                "DELETE FROM medical_account",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()


class TestAddingUp:
    async def test_a_book_in_order_adds_up(self, db: Database, make: Make) -> None:
        people = [await make.person() for _ in range(3)]
        for place, person in enumerate(people):
            await credit(db, person, "30.00", f"r{place}")
        await move(db, Posting.of_person(people[0].id, Decimal("-5.00")), Posting.of_office("x", Decimal("5.00")))

        assert len(await comparing.unequal(db, at_once=2)) == 0
        assert await worker.report_unequal_books(db) == 0

    async def test_a_balance_that_was_changed_by_hand_is_found(
        self, db: Database, make: Make, somebody: Someone
    ) -> None:
        await credit(db, await make.person(), "30.00", "other")
        await credit(db, somebody, "10.00")
        await db.run(
            lambda session: session.execute(
                update(MedicalAccount).where(MedicalAccount.person_id == somebody.id).values(balance=Decimal("11.00"))
            )
        )

        with capture_logs() as lines:
            found = await worker.report_unequal_books(db)

        (line,) = [line for line in lines if line["event"] == "book_unequal"]
        assert (found, line["accounts"], line["movements"]) == (1, [str(somebody.id)], [])

    async def test_a_movement_of_which_a_side_is_missing_is_found(
        self, db: Database, make: Make, somebody: Someone
    ) -> None:
        await credit(db, await make.person(), "30.00", "other")
        await credit(db, somebody, "10.00")
        torn = new_id(0)

        async def half(session: Session) -> None:
            session.add(
                LedgerEntry(
                    bucket=bucket_of(somebody.id),
                    account_id=somebody.id,
                    movement_id=torn,
                    kind=Movement.CREDIT,
                    amount=Decimal("1.00"),
                    booked_at=session.now,
                )
            )

        await db.run(half)

        found = await comparing.unequal(db, at_once=1)
        assert (list(found.accounts), list(found.movements)) == ([somebody.id], [torn])

    async def test_what_is_booked_while_we_look_is_no_fault(self, db: Database, make: Make) -> None:
        people = [await make.person() for _ in range(4)]
        booking_all = asyncio.gather(
            *(credit(db, person, "1.00", f"{person.id}/{each}") for person in people for each in range(4))
        )
        seen = []
        while not booking_all.done():
            seen.append(len(await comparing.unequal(db, at_once=3)))
            await asyncio.sleep(0)
        await booking_all

        assert set(seen) <= {0}
        assert await count(db, MedicalCredit) == 16


@pytest.mark.parametrize("text", ["", "0", "0.00", "-1", "1.005", "1e3", "1,50", "٣", "1 000", "1000000000", "NaN"])
def test_what_is_no_amount_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(NotReadable, match=r"^bad_amount$"):
        crediting.parse_amount(text)


@pytest.mark.parametrize(("text", "amount"), [("12", "12.00"), ("12.3", "12.30"), ("0.01", "0.01")])
def test_amounts_are_to_the_cent(text: str, amount: str) -> None:
    assert str(crediting.parse_amount(text)) == amount
