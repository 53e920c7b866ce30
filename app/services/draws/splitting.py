"""Splits an amount over accounts, to the cent: in their order, each as far as it reaches; it asks nobody anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

NOTHING: Final = Decimal("0.00")


class Because(StrEnum):
    """Why an account gives no more than it does."""

    PAUSED = "paused"
    ENDED = "ended"
    EMPTY = "empty"
    CAP_REACHED = "cap_reached"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Source:
    """An account that may give something: one's own, or by a binding a relative's.

    `left_of_cap` is what the month still allows (None: no cap); `is_gone` whether there is nobody any more whose it is.
    """

    payer_id: UUID
    balance: Decimal
    binding_id: UUID | None = None
    relationship: str | None = None
    is_paused: bool = False
    is_gone: bool = False
    cap: Decimal | None = None
    left_of_cap: Decimal | None = None

    @property
    def available(self) -> Decimal:
        """What it can give now."""
        if self.is_paused or self.is_gone:
            return NOTHING
        return self.balance if self.left_of_cap is None else max(NOTHING, min(self.balance, self.left_of_cap))


@dataclass(frozen=True, slots=True)
class Part:
    """What a source gives, and why no more; None: it is all that was needed still."""

    source: Source
    amount: Decimal
    because: Because | None


@dataclass(frozen=True, slots=True)
class Split:
    """An amount over all accounts, those that give nothing too; what they cover and what is left."""

    amount: Decimal
    parts: Sequence[Part]

    @property
    def covered(self) -> Decimal:
        """What all of them give."""
        return sum((part.amount for part in self.parts), NOTHING)

    @property
    def uncovered(self) -> Decimal:
        """What is to be paid otherwise."""
        return self.amount - self.covered

    @property
    def giving(self) -> Sequence[Part]:
        """The parts that give something."""
        return [part for part in self.parts if part.amount]


def split(amount: Decimal, sources: Sequence[Source]) -> Split:
    """Split an amount over sources in their order."""
    left, parts = amount, list[Part]()
    for source in sources:
        given = min(left, source.available)
        parts.append(Part(source, given, _why(source, given, left)))
        left -= given
    return Split(amount, parts)


def _why(source: Source, given: Decimal, wanted: Decimal) -> Because | None:
    if source.is_gone:
        return Because.ENDED
    if source.is_paused:
        return Because.PAUSED
    if not wanted:
        return Because.NOT_NEEDED
    if given == wanted:
        return None
    return Because.EMPTY if given == source.balance else Because.CAP_REACHED
