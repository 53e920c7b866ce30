"""Rules of draws: how soon after a code, how long they can be given back, and how much at once."""

from decimal import Decimal

from pydantic import Field

from app.services.rules.base import Rule


class Draws(Rule):
    """A draw comes so many minutes after its code was redeemed at the latest, and is of `most` yuan at most.

    It can be given back for so many days. Where `partial` is false a payment is covered whole or not at all, whatever
    the terminal asks. No official text gives these numbers.
    """

    redeemed_minutes: int = Field(gt=0, le=1440)
    reversal_days: int = Field(ge=0)
    most: Decimal = Field(gt=0, max_digits=14, decimal_places=2)
    partial: bool
