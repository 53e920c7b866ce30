"""Rules of cards: what a status allows, passwords, payment."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from app.services.rules.base import Rule


class CardPasswords(Rule):
    """Wrong passwords until the card is shut, and for how long."""

    streak: int
    streak_minutes: int
    a_day: int
    a_day_hours: int
    since_right: int
    check_seconds: int
    step_up_seconds: int
    reset_minutes: int


class CardStatus(Rule):
    """What each status of the physical card (aaz502) allows; `none` is no e-card yet, `died` its holder's death.

    `suspended` is what is left of it while the e-card is suspended. `after_consent` has, by status, what of it takes a
    consent of the holder to the notice `lost-card`; a code is shown after no consent.
    """

    issue: tuple[str, ...]
    view: tuple[str, ...]
    query: tuple[str, ...]
    show_code: tuple[str, ...]
    certify: tuple[str, ...]
    file: tuple[str, ...]
    order: tuple[str, ...]
    pay: tuple[str, ...]
    history: tuple[str, ...]
    suspended: tuple[str, ...]
    after_consent: Mapping[str, tuple[Literal["view", "query"], ...]]

    def allowing(self, use: str) -> tuple[str, ...]:
        """Return the statuses that allow a use, by its name here."""
        statuses: tuple[str, ...] = getattr(self, use)
        return statuses


class CardPayment(Rule):
    """A live face of the holder that passed so many hours ago is not asked for again to add payment to the card."""

    face_hours: int = Field(ge=0)


class CardChecks(Rule):
    """How often the register is asked about a physical card: hours from one time to the next, spread by card.

    Before a code is redeemed it is asked again unless it was asked `redeemed_minutes` ago at most, or `paid_minutes`
    where it is to be paid. No official text gives these numbers; the register's events come at once.
    """

    every_hours: int = Field(ge=1)
    redeemed_minutes: int = Field(ge=0)
    paid_minutes: int = Field(ge=0)
