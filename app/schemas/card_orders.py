"""Wire shapes of orders of physical cards."""

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app import texts
from app.models.card_orders import CardOrderState
from app.models.filings import FilingEnd
from app.ports.card_orders import CardOrderFailure, CardOrderReason
from app.schemas.base import Asked, Moment, Short, Told, one_line
from app.schemas.next_steps import WayRead
from app.services.card_orders.drafting import Wanted
from app.services.card_orders.viewing import CardOrderView, StepView

_OWN: Final = "me"
_Address = Annotated[str, StringConstraints(min_length=5, max_length=200), AfterValidator(one_line)]


class CardOrderAsk(Asked):
    """Why a card is wanted, and where it goes: `office_id` to collect it there, or `address` to get it by post."""

    reason: CardOrderReason
    office_id: Short | None = Field(None, description="As `GET /v1/offices` lists them")
    address: _Address | None = Field(None, description="With who receives it and a phone; it is told to nobody else")

    @model_validator(mode="after")
    def _goes_to_one_place(self) -> Self:
        if (self.office_id is None) is (self.address is None):
            fields = ["office_id", "address"]
            raise PydanticCustomError("one_place", "an office or an address", {"code": "one_of_both", "fields": fields})
        return self

    def wanted(self) -> Wanted:
        return Wanted(self.reason, self.office_id, self.address)


class CardOrderStepRead(Told):
    """A step of the timeline."""

    state: CardOrderState
    text: str
    at: Moment
    code: str | None = Field(description="What those who make cards call it")
    reason: CardOrderFailure | None
    reason_text: str | None

    @classmethod
    def of(cls, step: StepView, language: str) -> Self:
        return cls(
            state=step.state,
            text=texts.filing("card_order_states", step.state, language),
            at=step.at,
            code=step.code,
            reason=step.reason,
            reason_text=None if step.reason is None else texts.filing("card_order_reasons", step.reason, language),
        )


class CardOrderNextRead(WayRead):
    """What can be done now, and how."""

    step: Literal["consent", "photo", "submit", "withdraw"]


class CardOrderRead(Told):
    """An order of a physical card: where it stands, and its one timeline."""

    id: str
    reason: CardOrderReason
    state: CardOrderState
    state_text: str
    filed_by: Literal["self", "family"]
    office_id: str | None = Field(description="Where it is collected; none: it comes by post")
    photo_until: Moment | None = Field(description="There is a photo, and it is deleted then at the latest")
    timeline: list[CardOrderStepRead]
    not_submitted_because: FilingEnd | None
    not_submitted_text: str | None
    created_at: Moment
    as_of: Moment | None = Field(description="When those who make cards were last heard")
    next: list[CardOrderNextRead]

    @classmethod
    def of(cls, view: CardOrderView, holder: UUID | None, language: str) -> Self:
        because = view.not_submitted_because
        return cls(
            id=str(view.id),
            reason=view.reason,
            state=view.state,
            state_text=texts.filing("card_order_states", view.state, language),
            filed_by="family" if view.is_by_family else "self",
            office_id=view.office_id,
            photo_until=view.photo_until,
            timeline=[CardOrderStepRead.of(step, language) for step in view.timeline],
            not_submitted_because=because,
            not_submitted_text=None if because is None else texts.filing("filing_ends", because, language),
            created_at=view.created_at,
            as_of=view.heard_at,
            next=_next(view, f"/v1/holders/{holder or _OWN}/card-orders/{view.id}"),
        )


def _next(view: CardOrderView, here: str) -> list[CardOrderNextRead]:
    found = []
    if view.is_draft and not view.is_photo_agreed:
        consent = f"{here}/photo-consent"
        found.append(CardOrderNextRead(step="consent", method="PUT", href=consent, notice="/v1/notices/card-photo"))
    elif view.is_draft:
        if view.photo_until is not None:
            found.append(CardOrderNextRead(step="submit", method="POST", href=f"{here}/submission"))
        found.append(CardOrderNextRead(step="photo", method="PUT", href=f"{here}/photo"))
    if view.may_withdraw:
        found.append(CardOrderNextRead(step="withdraw", method="DELETE", href=here))
    return found
