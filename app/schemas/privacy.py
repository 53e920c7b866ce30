"""Wire shapes of what is held on people."""

from typing import Any, Self

from pydantic import Field

from app.schemas.base import Moment, Told
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
