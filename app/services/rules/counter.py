"""Rules of counters: how long a card that was read is good for, and how much one of the staff reads."""

from pydantic import Field

from app.services.rules.base import Rule


class Counters(Rule):
    """Seconds that a read card is good for; cards an hour and unknown numbers a day that an operator may ask about.

    No official text knows them: the first is the time to fill a form in, the second one person every half minute.
    """

    card_read_seconds: int = Field(gt=0)
    reads_an_hour: int = Field(ge=0)
    unknown_a_day: int = Field(ge=0)
