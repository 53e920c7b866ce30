"""Puts money into personal accounts, each credit once by the authority's reference; and takes it back at the end."""

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of, new_id
from app.models.medical_accounts import MedicalCredit, Movement
from app.services import audit
from app.services.audit import Action
from app.services.medical_accounts import booking
from app.services.medical_accounts.booking import Posting
from app.services.people import homes

_REFERENCE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,63}")
_MOST: Final = Decimal("999999999.99")  # the column holds more: the sum of many
_AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")


class NotReadable(ValueError):
    """A text is no amount, or no reference; `reason` says what is wrong with it."""

    def __init__(self, reason: str) -> None:
        """Remember the reason; the text is not kept."""
        super().__init__(reason)
        self.reason = reason


class Credited(StrEnum):
    """What became of a credit: done now, done before, or refused since its reference stands for another one."""

    NOW = "now"
    BEFORE = "before"
    REFERENCE_TAKEN = "reference_taken"


@dataclass(frozen=True, slots=True)
class Credit:
    """Money for somebody's account, by the number that the authority gives to it."""

    person_id: UUID
    amount: Decimal
    reference: str


def parse_amount(text: str) -> Decimal:
    """Read an amount in yuan, at most two places after the point and more than nothing.

    Raises:
        NotReadable: it is none.
    """
    try:
        amount = Decimal(text) if _AMOUNT.fullmatch(text) else None
    except InvalidOperation:
        amount = None
    if amount is None or not 0 < amount <= _MOST:
        raise NotReadable("bad_amount")
    return amount.quantize(booking.NOTHING)


def parse_reference(text: str) -> str:
    """Read a reference: 1 to 64 letters, figures and `._:/-`.

    Raises:
        NotReadable: it is none.
    """
    if not _REFERENCE.fullmatch(text):
        raise NotReadable("bad_characters")
    return text


async def credit(session: Session, new: Credit) -> Credited:
    """Credit somebody's account; the same reference again does nothing, for another person or amount it is refused.

    Raises:
        HomeErased: nobody lives there any more.
    """
    await homes.lock(session, {new.person_id})
    movement_id, bucket = new_id(bucket_of(new.person_id)), _bucket_of_reference(new.reference)
    taken = await session.scalar(
        insert(MedicalCredit)
        .values(
            bucket=bucket,
            reference=new.reference,
            movement_id=movement_id,
            person_id=new.person_id,
            amount=new.amount,
            credited_at=session.now,
        )
        .on_conflict_do_nothing(index_elements=[MedicalCredit.bucket, MedicalCredit.reference])
        .returning(MedicalCredit.reference)
    )
    if taken is None:
        before = await session.get_one(MedicalCredit, (bucket, new.reference), populate_existing=True)
        is_same = (before.person_id, before.amount) == (new.person_id, new.amount)
        return Credited.BEFORE if is_same else Credited.REFERENCE_TAKEN
    await booking.open_for(session, new.person_id)
    postings = [Posting.of_person(new.person_id, new.amount), Posting.of_fund(-new.amount)]
    await booking.book(session, Movement.CREDIT, movement_id, postings)
    await _record(session, Action.MEDICAL_ACCOUNT_CREDITED, new.person_id, movement_id)
    return Credited.NOW


async def give_back(session: Session, person_id: UUID) -> None:
    """Give what is in somebody's account back to the fund: they close it, and their authority knows where they are.

    Their home is locked.
    """
    left = (await booking.lock(session, {person_id})).get(person_id, booking.NOTHING)
    if left:
        postings = [Posting.of_person(person_id, -left), Posting.of_fund(left)]
        movement_id = new_id(bucket_of(person_id))
        await booking.book(session, Movement.RETURN, movement_id, postings)
        await _record(session, Action.MEDICAL_ACCOUNT_RETURNED, person_id, movement_id)


async def _record(session: Session, action: Action, person_id: UUID, movement_id: UUID) -> None:
    await audit.record(session, action, home_id=person_id, actor=audit.SYSTEM, facts={"movement_id": str(movement_id)})


def _bucket_of_reference(reference: str) -> int:
    """Return the bucket of a reference; it is no secret, and stays where it is when keys change."""
    return int.from_bytes(hashlib.sha256(f"medical-credit:{reference}".encode()).digest()[:2])
