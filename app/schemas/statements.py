"""What anybody is told of a statement."""

from datetime import date
from typing import Self

from pydantic import Field

from app.core.clock import today
from app.schemas.base import Told
from app.services.statements import Verified


class StatementCheckRead(Told):
    """Whether a number is of a statement of ours; of which day it is, and the SHA-256 of its file."""

    valid: bool
    issued_on: date | None
    sha256: str | None = Field(description="Of the PDF file, in hexadecimal digits")

    @classmethod
    def of(cls, verified: Verified | None) -> Self:
        """Shape what a number stands for."""
        if verified is None:
            return cls(valid=False, issued_on=None, sha256=None)
        return cls(valid=True, issued_on=today(verified.issued_at), sha256=verified.sha256)
