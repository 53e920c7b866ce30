"""Rules of counters: how long a card that was read is good for, how much one of the staff reads, and emergencies."""

from pydantic import Field

from app.services.rules.base import Rule


class Counters(Rule):
    """Seconds that a read card is good for; cards an hour and unknown numbers a day that an operator may ask about.

    `emergency_looks` are those without a card that an operator may have made and nobody has reviewed, and
    `emergency_review_hours` is how long there is for that. No official text knows them: the first is the time to fill a
    form in, the second one person every half minute.
    """

    card_read_seconds: int = Field(gt=0)
    reads_an_hour: int = Field(ge=0)
    unknown_a_day: int = Field(ge=0)
    emergency_looks: int = Field(ge=0, le=64)
    emergency_review_hours: int = Field(gt=0)
