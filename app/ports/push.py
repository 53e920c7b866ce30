"""The port to the notifications that an app shows on its phone."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from app.core.errors import Unavailable


class PushUnavailable(Unavailable):
    """The notification could not be handed over."""


class PushOutcome(StrEnum):
    """What became of a notification: taken, or its address is nobody's any more."""

    TAKEN = "taken"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One notification to one installation of an app.

    `key` is ours and the same when it is handed over again: an adapter shows it once. `to` is the address that the
    app has told us, `platform` what it says it runs on.
    """

    key: str
    to: str = field(repr=False)
    platform: str
    topic: str
    text: str = field(repr=False)


class Push(Protocol):
    """Shows notifications."""

    async def send(self, message: PushMessage) -> PushOutcome:
        """Hand a notification over, at most once for each `key`.

        Raises:
            PushUnavailable: not handed over, as far as we know; try again with the same key.
        """
        ...
