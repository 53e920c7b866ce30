"""Wire shapes of medical account sharing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, WithJsonSchema

from app import problems
from app.core.errors import AppError
from app.models.sharing import Confirming, FundsOrder, SharingState, SharingWay
from app.schemas.base import Asked, Code, Moment, Told
from app.schemas.enrolments import NoticeShown
from app.schemas.family import TERMS, holder_is
from app.schemas.rights import Money, money
from app.services.sharing.reading import BindingView, Places, SharedView, SharingView

_Typed = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Problem = Annotated[dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/Problem"})]
_Cap = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9]{2}$"), Field(examples=["300.00"])]


class RelativeAsk(Asked):
    """A relative who is to share my account, as I know them."""

    computer_number: _Typed = Field(description="Their personal number in the city's insurance system (aac001)")
    id_number: _Typed = Field(description="Their social security number (aac002)")
    relationship: _Typed = Field(description="What they are to me, GB/T 4761")


class SharingAsk(Asked):
    """Up to twenty relatives, and the notice that was read; each gets an outcome of their own."""

    notice: NoticeShown = Field(description="Which exact text of the notice `account-sharing` was shown")
    bindings: Annotated[list[RelativeAsk], Field(min_length=1, max_length=20)]


class BindingRead(Told):
    """A relative with whom I share, masked. Nothing is spent before it is `active`."""

    id: str
    name: str
    id_number: str
    relationship: str = Field(description="What they are to me, GB/T 4761")
    relationship_name: str = Field(description="The same in words")
    state: SharingState
    way: SharingWay = Field(description="By which door it came")
    confirmed_by: Confirming = Field(description="Who agrees, or has agreed")
    monthly_cap: Money | None = Field(description="What they may spend in a month; null: no cap")
    asked_at: Moment
    active_since: Moment | None
    expires_at: Moment | None = Field(description="When it is over, if nobody agrees before")
    code_until: Moment | None = Field(description="How long the code is good that went to the register's phone")
    code_tries_left: int | None

    @classmethod
    def of(cls, view: BindingView, language: str) -> Self:
        return cls(
            id=str(view.id),
            name=view.member_name,
            id_number=view.member_number,
            relationship=view.relationship,
            relationship_name=TERMS[language][view.relationship],
            state=view.state,
            way=view.way,
            confirmed_by=view.confirming,
            monthly_cap=None if view.monthly_cap is None else money(view.monthly_cap),
            asked_at=view.asked_at,
            active_since=view.active_since,
            expires_at=view.expires_at,
            code_until=view.code_until,
            code_tries_left=view.code_tries_left,
        )


class OutcomeRead(Told):
    """What became of one relative: bound, waiting for somebody to agree, or refused with a problem."""

    index: int = Field(description="Their place in the request, from 0")
    status: Literal["bound", "pending", "refused"]
    binding: BindingRead | None
    problem: _Problem | None

    @classmethod
    def of(cls, index: int, outcome: BindingView | AppError, language: str) -> Self:
        if isinstance(outcome, AppError):
            said = problems.in_words(problems.placed(outcome, f"/bindings/{index}"), language)
            return cls(index=index, status="refused", binding=None, problem=said)
        status: Literal["bound", "pending"] = "pending" if outcome.state is SharingState.PENDING else "bound"
        return cls(index=index, status=status, binding=BindingRead.of(outcome, language), problem=None)


class OutcomesRead(Told):
    """One outcome for each relative, in the order of the request."""

    items: list[OutcomeRead]

    @classmethod
    def of(cls, outcomes: Mapping[int, BindingView | AppError], before: "OutcomesRead", language: str) -> Self:
        """Put outcomes by their places beside those of before."""
        made = [OutcomeRead.of(index, outcome, language) for index, outcome in outcomes.items()]
        return cls(items=sorted([*before.items, *made], key=lambda item: item.index))

    @classmethod
    def kept(cls, body: bytes | None) -> Self:
        """Read what was kept of an answer."""
        return cls(items=[]) if body is None else cls.model_validate_json(body)


class SharedWithMeRead(Told):
    """Somebody who shares with me, or wants to, masked."""

    id: str
    owner_name: str
    relationship: str = Field(description="What I am to them, GB/T 4761")
    relationship_text: str = Field(description="What I am to them, in words: 王**'s mother")
    state: SharingState
    confirmed_by: Confirming | None = Field(description="While it is pending: how I, or my guardian, can agree")
    monthly_cap: Money | None = Field(description="What I may spend in a month; null: no cap")
    since: Moment
    expires_at: Moment | None

    @classmethod
    def of(cls, view: SharedView, language: str) -> Self:
        return cls(
            id=str(view.id),
            owner_name=view.owner_name,
            relationship=view.relationship,
            relationship_text=holder_is(view.relationship, view.owner_name, language),
            state=view.state,
            confirmed_by=view.confirming,
            monthly_cap=None if view.monthly_cap is None else money(view.monthly_cap),
            since=view.since,
            expires_at=view.expires_at,
        )


class SharingPlacesRead(Told):
    """How many may share my account, how many may share with me, and how many do; who waits has a place too."""

    members: int
    members_limit: int
    sharers: int
    sharers_limit: int

    @classmethod
    def of(cls, places: Places) -> Self:
        return cls(
            members=places.members,
            members_limit=places.members_most,
            sharers=places.sharers,
            sharers_limit=places.sharers_most,
        )


class SharingRead(Told):
    """Both sides: with whom I share, and who shares with me, in the order in which their money is spent."""

    bindings: list[BindingRead]
    shared_with_me: list[SharedWithMeRead]
    order: FundsOrder = Field(description="Whose money is spent first, after my own")
    orders: list[FundsOrder] = Field(description="What I may choose")
    places: SharingPlacesRead

    @classmethod
    def of(cls, view: SharingView, language: str) -> Self:
        return cls(
            bindings=[BindingRead.of(each, language) for each in view.bindings],
            shared_with_me=[SharedWithMeRead.of(each, language) for each in view.shared_with_me],
            order=view.order,
            orders=list(view.orders),
            places=SharingPlacesRead.of(view.places),
        )


class SharingConfirmationAsk(Asked):
    """Agrees to a binding: with the code that went to the register's phone, or as its member without one."""

    sms_code: Code | None = None


class SharingCapAsk(Asked):
    """What the member may spend of my money in a month of China's calendar; null: no cap."""

    monthly_cap: _Cap | None

    def amount(self) -> Decimal | None:
        return None if self.monthly_cap is None else Decimal(self.monthly_cap)


class SharingOrderAsk(Asked):
    """Whose money is spent first, after my own; for `chosen`, the bindings in that order, others after them."""

    order: FundsOrder
    binding_ids: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=64)] = Field(
        default_factory=list
    )
