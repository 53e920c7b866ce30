"""What a terminal calls a code that it has redeemed, so that a payment can say by whose card it was made."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.core.db import bucket_of
from app.core.errors import NotFound

_REFERENCE: Final = re.compile(r"([0-9a-f]{4})([0-9a-f]{32})")


class RedemptionNotFound(NotFound):
    """This terminal has redeemed no such code lately."""

    code = "redemption-not-found"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a redemption lies."""

    bucket: int
    code_id: UUID


def write(holder_id: UUID, code_id: UUID) -> str:
    """Return the name of a redemption: whose home it is in, and the code's own id, which says nothing of anybody."""
    return f"{bucket_of(holder_id):04x}{code_id.hex}"


def read(text: str) -> Reference:
    """Read what `write` has written.

    Raises:
        RedemptionNotFound: it is none of ours.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise RedemptionNotFound
    return Reference(int(match[1], 16), UUID(match[2]))
