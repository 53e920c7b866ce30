"""Statements of rights on the wire."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from app.core.tokens.published import Published
from app.ports.insurance import Insurance, Month
from app.schemas.base import Asked, Moment, Told
from app.schemas.rights import MonthText
from app.services import statements
from app.services.rights.stating import Wanted
from app.services.statements import Statement

TYP = "statement+jwt"
"""The kind of a statement's signature."""


class RightsStatementAsk(Asked):
    """Of which insurances a statement is, and of which months: without any, of the last twelve."""

    insurances: Annotated[list[Insurance], Field(min_length=1, max_length=5)]
    first_month: MonthText | None = None
    last_month: MonthText | None = None
    language: Literal["zh-CN", "en", "es"] | None = Field(None, description="Without it, that of the request")

    def wanted(self, language: str, public_url: str) -> Wanted:
        """Return what is asked for; an insurance that is named twice is printed once."""
        return Wanted(
            insurances=tuple(dict.fromkeys(self.insurances)),
            first=None if self.first_month is None else Month.parse(self.first_month),
            last=None if self.last_month is None else Month.parse(self.last_month),
            language=self.language or language,
            public_url=public_url,
        )


class RightsStatementRead(Told):
    """A statement that was issued: where its file is, and where anybody asks about its number."""

    id: str
    number: str = Field(description="As it is printed")
    sha256: str = Field(description="Of the PDF file, in hexadecimal digits")
    issued_at: Moment
    kept_until: Moment = Field(description="How long the file can be fetched")
    valid_until: Moment = Field(description="How long its number is answered")
    href: str
    verification: str = Field(description="The address in its QR code")
    signature: str = Field(
        description="A JWS (`statement+jwt`, ES256) of `jti`, the number, `sha256`, `iat` and `exp`, for whoever"
        " verifies without asking; the keys are at `/.well-known/jwks.json`"
    )

    @classmethod
    def of(cls, statement: Statement, holder: UUID | None, public_url: str, published: Published) -> Self:
        """Shape a statement, and sign what others may want to know of it."""
        claims = {
            "jti": statement.number,
            "sha256": statement.sha256,
            "iat": int(statement.issued_at.timestamp()),
            "exp": int(statement.valid_until.timestamp()),
        }
        return cls(
            id=str(statement.id),
            number=statements.printed(statement.number),
            sha256=statement.sha256,
            issued_at=statement.issued_at,
            kept_until=statement.kept_until,
            valid_until=statement.valid_until,
            href=f"/v1/holders/{holder or 'me'}/rights/statements/{statement.id}",
            verification=statements.address_of(public_url, statement.number),
            signature=published.sign(TYP, claims),
        )
