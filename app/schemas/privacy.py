"""Wire shapes of what is held on people."""

from dataclasses import asdict
from datetime import date
from typing import Any, Self

from pydantic import Field

from app import texts
from app.schemas.base import Moment, Told
from app.services import statements
from app.services.privacy.ending import Effects
from app.services.privacy.receipts import Receipt
from app.services.privacy.telling import MyData


class MyDataRead(Told):
    """Everything that is held on me."""

    made_at: Moment
    held: dict[str, list[dict[str, Any]]] = Field(description="By what it is: each thing with all that is held of it")
    not_told: dict[str, str] = Field(description="What is kept besides, and why it is not in here")

    @classmethod
    def of(cls, data: MyData, not_told: dict[str, str]) -> Self:
        return cls(
            made_at=data.at,
            held={held.name: [dict(row) for row in held.rows] for held in data.held},
            not_told=not_told,
        )


class EffectRead(Told):
    """Something that closing the account does."""

    what: str
    count: int = Field(description="How many there are of it")
    text: str


class ClosingRead(Told):
    """What closing my account does."""

    version: int = Field(description="To be sent as `If-Match`: that this was shown")
    effects: list[EffectRead]
    text: str

    @classmethod
    def of(cls, effects: Effects, language: str) -> Self:
        words = texts.closing(language)
        counted = {name: count for name, count in asdict(effects).items() if count}
        return cls(
            version=effects.version,
            effects=[
                EffectRead(what=name, count=count, text=words[f"effect_{name}"]) for name, count in counted.items()
            ],
            text=words["for_good"],
        )


class ErasedRead(Told):
    """Something that is gone."""

    what: str
    text: str


class KeptRead(Told):
    """Something that stays, without a name."""

    what: str
    until: date = Field(description="At least; backups at most")
    text: str


class ClosingReceiptRead(Told):
    """The receipt of a closed account."""

    number: str = Field(description="Anybody can ask about it at `/v1/statements/{number}`")
    closed_on: date
    erased: list[ErasedRead]
    kept: list[KeptRead]
    signed: str = Field(description="The same as a JWS (ES256); its keys are at `/.well-known/jwks.json`")

    @classmethod
    def of(cls, receipt: Receipt, language: str) -> Self:
        words = texts.closing(language)
        return cls(
            number=statements.printed(receipt.number),
            closed_on=receipt.closed_on,
            erased=[ErasedRead(what=what, text=words[f"erased_{what}"]) for what in receipt.erased],
            kept=[KeptRead(what=each.what, until=each.until, text=words[f"kept_{each.what}"]) for each in receipt.kept],
            signed=receipt.signed,
        )
