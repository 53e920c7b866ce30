"""The port to the addresses at which channels hear of events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.core.errors import Unavailable


class HookUnavailable(Unavailable):
    """The event was not taken, as far as we know."""


@dataclass(frozen=True, slots=True)
class Hook:
    """An address, and the secrets that its events are signed with: the newest, and the one before it for a while.

    One that `knows_sm2` gets our signature by SM2 besides, where there is a `Signer`.
    """

    url: str
    secrets: Sequence[bytes] = field(repr=False)
    knows_sm2: bool = False


class Hooks(Protocol):
    """Posts events."""

    async def post(self, to: Hook, event_id: str, body: bytes) -> None:
        """Post an event, signed as Standard Webhooks has it; the same id when it is posted again.

        Raises:
            HookUnavailable: no answer in time, or none that says it was taken.
        """
        ...
