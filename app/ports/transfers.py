"""The port to the places that move somebody's social insurance from one to the other.

TransfersUnavailable      503: no answer, or none that we understand; nothing is known to have happened
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable


class TransfersUnavailable(Unavailable):
    """The places do not answer, or not as agreed."""

    code = "transfers-unavailable"


class TransferInsurance(StrEnum):
    """What one can want to move; which of them do is a policy."""

    PENSION = "pension"
    MEDICAL = "medical"
    UNEMPLOYMENT = "unemployment"
    WORK_INJURY = "work_injury"
    MATERNITY = "maternity"


class TransferStage(StrEnum):
    """How far the places have come."""

    REVIEWING_AT_NEW_PLACE = "reviewing_at_new_place"
    LETTER_SENT = "letter_sent"
    REVIEWING_AT_OLD_PLACE = "reviewing_at_old_place"
    FUNDS_SENT = "funds_sent"
    FUNDS_RECEIVED = "funds_received"
    SETTLING = "settling"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class TransferRejection(StrEnum):
    """Why a place says no: the closed list."""

    DETAILS_DIFFER = "details_differ"
    NO_RECORD = "no_record"
    STILL_PAYING = "still_paying"
    ARREARS = "arrears"
    BENEFITS_DRAWN = "benefits_drawn"
    TEMPORARY_ACCOUNT = "temporary_account"
    UNDER_WAY_ELSEWHERE = "under_way_elsewhere"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Place:
    """A place that keeps insurance records: its region (GB/T 2260), and what it moves online."""

    region: str
    name: str
    is_online: bool
    insurances: frozenset[TransferInsurance]

    def moves(self, insurance: TransferInsurance) -> bool:
        """Say whether it takes part in transfers of an insurance."""
        return self.is_online and insurance in self.insurances


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What is asked of the places; `id` is ours, and their order number: the same one is the same order."""

    id: UUID
    name: str = field(repr=False)
    number: str = field(repr=False)
    insurance: TransferInsurance
    from_region: str
    to_region: str


@dataclass(frozen=True, slots=True)
class TransferNews:
    """One step that the places have taken: when, their own code for it, and with a rejection why."""

    stage: TransferStage
    at: datetime
    code: str
    reason: TransferRejection | None = None


class Transfers(Protocol):
    """Moves insurance between places."""

    async def place(self, region: str) -> Place | None:
        """Return the place that keeps the records of a region (GB/T 2260, 6 digits); None: nobody is known to.

        Raises:
            TransfersUnavailable: no answer, or none that we understand.
        """
        ...

    async def submit(self, order: TransferOrder) -> TransferNews | None:
        """Hand an order in; the same order again is no second one.

        Returns:
            A rejection, if the order was not taken; None: it was.

        Raises:
            TransfersUnavailable: it is not known whether it was taken; submit it again.
        """
        ...

    async def progress(self, order_id: UUID) -> tuple[TransferNews, ...]:
        """Return every step of an order so far, in order.

        Raises:
            TransfersUnavailable: no answer, or none that we understand.
        """
        ...

    async def withdraw(self, order_id: UUID) -> bool:
        """Take an order back, and say whether it was not too late; the same again gets the same answer.

        Raises:
            TransfersUnavailable: it is not known whether it was taken back; ask again.
        """
        ...
