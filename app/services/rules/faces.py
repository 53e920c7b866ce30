"""Rules of face checks: tries, providers and what they may cost."""

from pydantic import Field

from app.services.rules.base import Rule


class Faces(Rule):
    """Tries before people look, and how long one check may take."""

    tries: int
    tries_hours: int
    tries_at_member_a_day: int
    starts_a_day: int
    starts_on_device_a_day: int
    starts_at_member_a_day: int
    check_minutes: int


class FaceRoute(Rule):
    """A provider for the checks that fit: of these modes and channels (none: of all), from an age to below another.

    `percentage` is its share of them; the routes that fit are also what a check falls back to before it starts.
    """

    provider: str
    modes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    from_age: int = 0
    below_age: int | None = None
    percentage: int = Field(default=100, ge=0, le=100)


class FaceSpend(Rule):
    """What a check with a provider costs, and what a day's may cost: in fen."""

    price_fen: int = Field(gt=0)
    a_day_fen: int = Field(ge=0)

    @property
    def checks_a_day(self) -> int:
        """As many as the day's money pays."""
        return self.a_day_fen // self.price_fen


class FaceProviders(Rule):
    """Which provider a check goes to; without routes the order of the setting holds, without spend there is no end."""

    routes: tuple[FaceRoute, ...]
    spend: dict[str, FaceSpend]
