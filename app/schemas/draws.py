"""Wire shapes of payments out of personal accounts: previews, draws at terminals, history."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.schemas.base import Asked, Moment, Page, Told
from app.schemas.rights import Money, money
from app.services.draws.history import From, Item, Month, Side
from app.services.draws.orders import Drawn, Order
from app.services.draws.previewing import Preview, Share
from app.services.draws.splitting import Because
from app.services.medical_accounts import amounts
from app.services.showings import references


def _something(value: str) -> str:
    """Refuse nothing: to pay 0.00 is no payment."""
    if not value.strip("0."):
        raise PydanticCustomError("something", "nothing", {"code": "out_of_range"})
    return value


Amount = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$"),
    AfterValidator(_something),
    Field(examples=["52.30"], description="In yuan, more than nothing"),
]
"""What is to be paid: a decimal string."""


class PreviewAsk(Asked):
    """What would be paid."""

    amount: Amount


class PreviewShareRead(Told):
    """What one account would give, in the order in which they are asked."""

    source: Literal["own", "shared"]
    binding_id: str | None
    name: str | None = Field(description="Whose it is, masked; not of one's own, nor of somebody whom nobody knows now")
    relationship: str | None = Field(description="What I am to them (GB/T 4761)")
    amount: Money
    because: Because | None = Field(description="Why it gives no more than that")

    @classmethod
    def of(cls, share: Share) -> Self:
        source = share.part.source
        return cls(
            source="own" if source.binding_id is None else "shared",
            binding_id=None if source.binding_id is None else str(source.binding_id),
            name=share.name,
            relationship=source.relationship,
            amount=money(share.part.amount),
            because=share.part.because,
        )


class PreviewRead(Told):
    """What a payment would draw if it were made now; nothing is held for it."""

    amount: Money
    covered: Money
    uncovered: Money
    shares: list[PreviewShareRead]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        return cls(
            amount=money(preview.amount),
            covered=money(preview.covered),
            uncovered=money(preview.uncovered),
            shares=[PreviewShareRead.of(share) for share in preview.shares],
        )


class DrawAsk(Asked):
    """A payment as a terminal orders it."""

    redemption_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="`redemption_id` of a code that this terminal has redeemed to `pay` or as `medical`"
    )
    order_number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._:-]{1,64}$")] = Field(
        description="The terminal's own number: the same order again is answered the same, another one is refused"
    )
    amount: Amount
    partial_allowed: bool = Field(default=False, description="Draw what there is, where it is not enough")

    def order(self) -> Order:
        """Return the order.

        Raises:
            RedemptionNotFound: the redemption is named as none of ours.
        """
        redemption = references.read(self.redemption_id)
        return Order(redemption, self.order_number, amounts.parse_amount(self.amount), self.partial_allowed)


class TerminalDrawRead(Told):
    """A draw as its terminal sees it: what the holder's own account gave, and shared ones together."""

    id: str
    order_number: str
    amount: Money
    covered: Money
    uncovered: Money = Field(description="To be paid otherwise")
    own: Money
    shared: Money
    drawn_at: Moment
    reversed_at: Moment | None

    @classmethod
    def of(cls, drawn: Drawn) -> Self:
        return cls(
            id=str(drawn.id),
            order_number=drawn.order_number,
            amount=money(drawn.amount),
            covered=money(drawn.covered),
            uncovered=money(drawn.uncovered),
            own=money(drawn.own),
            shared=money(drawn.shared),
            drawn_at=drawn.drawn_at,
            reversed_at=drawn.reversed_at,
        )


class DrawPartRead(Told):
    """What one account gave to a draw of mine."""

    source: Literal["own", "shared"]
    binding_id: str | None
    name: str | None = Field(description="Whose it is, masked; not of one's own, nor of somebody whom nobody knows now")
    amount: Money

    @classmethod
    def of(cls, part: From) -> Self:
        return cls(
            source="own" if part.binding_id is None else "shared",
            binding_id=None if part.binding_id is None else str(part.binding_id),
            name=part.name,
            amount=money(part.amount),
        )


class DrawRead(Told):
    """A draw from my side: I have spent it, or somebody has spent it of mine."""

    id: str
    side: Side
    amount: Money = Field(description="What was to be paid; of `paid` what my account gave")
    covered: Money
    drawn_at: Moment
    reversed_at: Moment | None = Field(description="When it was given back, whole")
    office: str | None = Field(description="Where I have spent it; where others have is theirs alone")
    parts: list[DrawPartRead]
    spender: str | None = Field(description="Who has spent mine, masked")

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(
            id=str(item.id),
            side=item.side,
            amount=money(item.amount),
            covered=money(item.covered),
            drawn_at=item.drawn_at,
            reversed_at=item.reversed_at,
            office=item.office,
            parts=[DrawPartRead.of(part) for part in item.parts],
            spender=item.spender,
        )


class MonthRead(Told):
    """Sums of a month of China's calendar; what was given back is not in them."""

    month: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2026-11"])
    own: Money = Field(description="I have spent of my own")
    from_others: Money = Field(description="I have spent of what is shared with me")
    for_others: Money = Field(description="Others have spent of mine")

    @classmethod
    def of(cls, month: Month) -> Self:
        own, from_others, for_others = (
            money(Decimal(each)) for each in (month.own, month.from_others, month.for_others)
        )
        return cls(month=f"{month.month:%Y-%m}", own=own, from_others=from_others, for_others=for_others)


class DrawsRead(Page[DrawRead]):
    """My draws, newest first; with the first page the sums of the last twelve months that had any."""

    months: list[MonthRead]
