"""Medical personal accounts that stand in for an authority's: balances, and a book of entries that says why.

Every movement is entries that sum to zero, written once with the balances that they move (docs/adr/0023). Accounts are
locked in the order of their ids; the database refuses all the same what would leave less than nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, named_id, new_id
from app.models.medical_accounts import Movement
from app.models.stand_ins import FundsAccount, FundsCredit, FundsEntry, FundsSettlement
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFunds, MedicalFundsUnavailable, Paid

_NUMBER: Final = "social-security-number"
_NOTHING: Final = Decimal("0.00")


class Credited(StrEnum):
    """What became of a credit: done now, done before, or refused since its reference stands for another one."""

    NOW = "now"
    BEFORE = "before"
    REFERENCE_TAKEN = "reference_taken"


@dataclass(frozen=True, slots=True)
class Unequal:
    """What does not add up: accounts, and movements."""

    accounts: Sequence[UUID]
    movements: Sequence[UUID]

    def __len__(self) -> int:
        return len(self.accounts) + len(self.movements)


class EmbeddedMedicalFunds(MedicalFunds):
    """The tables of accounts, entries, credits and orders."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def balances(self, numbers: Collection[str]) -> Mapping[str, Decimal]:
        async def read(session: Session) -> Mapping[str, Decimal]:
            whose = _digests(session, numbers)
            found = await session.scalars(select(FundsAccount).where(FundsAccount.number_hmac.in_(whose)))
            return {whose[each.number_hmac]: each.balance for each in found if each.number_hmac is not None}

        return await self._db.run(read)

    async def settle(self, order: FundsOrder) -> FundsRefusal | None:
        return await self._db.run(partial(_settle, order))

    async def give_back(self, order_id: UUID) -> None:
        await self._db.run(partial(_give_back, order_id))

    async def paid(self, order_ids: Collection[UUID]) -> Mapping[UUID, Paid]:
        async def read(session: Session) -> Mapping[UUID, Paid]:
            amount = func.sum(-FundsEntry.amount).filter(FundsEntry.amount < 0)
            found = await session.execute(
                select(FundsSettlement.order_id, amount, FundsSettlement.given_back_at)
                .join(FundsEntry, FundsEntry.movement_id == FundsSettlement.order_id)
                .where(FundsSettlement.order_id.in_(order_ids), FundsSettlement.refusal.is_(None))
                .group_by(FundsSettlement.order_id)
            )
            return {order_id: Paid(amount, given_back_at is not None) for order_id, amount, given_back_at in found}

        return await self._db.run(read)

    async def credit(self, number: str, amount: Decimal, reference: str) -> Credited:
        """Put money into somebody's account, once by the authority's reference; who has none gets one."""
        return await self._db.run(partial(_credit, number, amount, reference))

    async def unequal(self) -> Unequal:
        """Return accounts that are not what their entries sum to, and movements that do not sum to zero."""
        return await self._db.run(_unequal)


async def _settle(order: FundsOrder, session: Session) -> FundsRefusal | None:
    taken = await session.scalar(
        insert(FundsSettlement)
        .values(order_id=order.id, office_id=order.office_id, filed_at=session.now)
        .on_conflict_do_nothing()
        .returning(FundsSettlement.order_id)
    )
    settlement = await session.get_one(FundsSettlement, order.id, populate_existing=True)
    if taken is None:
        return settlement.refusal
    accounts = await _lock(session, order.parts)
    settlement.refusal = _refusal(order, accounts)
    if settlement.refusal is None:
        amounts = {accounts[number]: -amount for number, amount in order.parts.items()}
        await _book(session, Movement.DRAW, order.id, amounts, _institution(f"office:{order.office_id}"))
    return settlement.refusal


def _refusal(order: FundsOrder, accounts: Mapping[str, FundsAccount]) -> FundsRefusal | None:
    if order.parts.keys() - accounts.keys():
        return FundsRefusal.NO_ACCOUNT
    is_short = any(accounts[number].balance < amount for number, amount in order.parts.items())
    return FundsRefusal.SHORT if is_short else None


async def _give_back(order_id: UUID, session: Session) -> None:
    settlement = await session.get(FundsSettlement, order_id, with_for_update=True, populate_existing=True)
    if settlement is None or settlement.refusal is not None:
        raise MedicalFundsUnavailable  # as who is asked about what he does not know
    if settlement.given_back_at is not None:
        return
    settlement.given_back_at = session.now
    entries = await session.scalars(select(FundsEntry).where(FundsEntry.movement_id == order_id))
    given = {entry.account_id: -entry.amount for entry in entries if entry.amount < 0}
    accounts = await session.scalars(
        select(FundsAccount)
        .where(FundsAccount.id.in_(given))
        .order_by(FundsAccount.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    amounts = {account: given[account.id] for account in accounts}
    office = _institution(f"office:{settlement.office_id}")
    await _book(session, Movement.REVERSAL, new_id(0), amounts, office)


async def _credit(number: str, amount: Decimal, reference: str, session: Session) -> Credited:
    account = await _open(session, number)
    movement_id = new_id(0)
    taken = await session.scalar(
        insert(FundsCredit)
        .values(
            reference=reference,
            movement_id=movement_id,
            account_id=account.id,
            amount=amount,
            credited_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(FundsCredit.reference)
    )
    if taken is None:
        before = await session.get_one(FundsCredit, reference, populate_existing=True)
        is_same = (before.account_id, before.amount) == (account.id, amount)
        return Credited.BEFORE if is_same else Credited.REFERENCE_TAKEN
    await _book(session, Movement.CREDIT, movement_id, {account: amount}, _institution("fund"))
    return Credited.NOW


async def _open(session: Session, number: str) -> FundsAccount:
    """Return somebody's account, locked; they have one from now on."""
    if (known := (await _lock(session, [number])).get(number)) is not None:
        return known
    written, *_ = session.lookup.digests(_NUMBER, number)
    new = {"id": new_id(0), "number_hmac": written, "balance": _NOTHING, "opened_at": session.now}
    await session.execute(insert(FundsAccount).values(**new).on_conflict_do_nothing())
    return (await _lock(session, [number]))[number]


async def _lock(session: Session, numbers: Collection[str]) -> Mapping[str, FundsAccount]:
    whose = _digests(session, numbers)
    found = await session.scalars(
        select(FundsAccount)
        .where(FundsAccount.number_hmac.in_(whose))
        .order_by(FundsAccount.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {whose[account.number_hmac]: account for account in found if account.number_hmac is not None}


async def _book(
    session: Session, kind: Movement, movement_id: UUID, amounts: Mapping[FundsAccount, Decimal], against: UUID
) -> None:
    """Move balances that are locked, and write down why; what they gain, the office or the fund has less."""
    sides = {account.id: amount for account, amount in amounts.items()}
    for account, amount in amounts.items():
        account.balance += amount
    sides[against] = -sum(amounts.values(), _NOTHING)
    for account_id, amount in sides.items():
        entry = {"account_id": account_id, "movement_id": movement_id, "amount": amount}
        session.add(FundsEntry(**entry, kind=kind, booked_at=session.now))
    await session.flush()


async def _unequal(session: Session) -> Unequal:
    """Ask each in one statement, which sees one moment: what is booked meanwhile is no fault."""
    booked = func.coalesce(func.sum(FundsEntry.amount), 0)
    accounts = await session.scalars(
        select(FundsAccount.id)
        .outerjoin(FundsEntry, FundsEntry.account_id == FundsAccount.id)
        .group_by(FundsAccount.id)
        .having(booked != FundsAccount.balance)
        .order_by(FundsAccount.id)
    )
    movements = await session.scalars(
        select(FundsEntry.movement_id)
        .group_by(FundsEntry.movement_id)
        .having(func.sum(FundsEntry.amount) != 0)
        .order_by(FundsEntry.movement_id)
    )
    return Unequal(accounts.all(), movements.all())


def _digests(session: Session, numbers: Collection[str]) -> Mapping[bytes, str]:
    return {digest: number for number in numbers for digest in session.lookup.digests(_NUMBER, number)}


def _institution(name: str) -> UUID:
    """Return the account of the fund or an office."""
    return named_id(f"medical-account:{name}")
