"""The port to people's phones: SMS and push."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.errors import Unavailable


class MessagesUnavailable(Unavailable):
    """The message could not be handed over, as far as we know."""

    code = "messages-unavailable"


class MessageKind(StrEnum):
    """What a message is; the texts are in `app/texts`."""

    SMS_CODE = "sms_code"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one phone: the text, and the code alone when it carries one.

    `key` is ours and the same when a message is handed over again: an adapter sends it once.
    """

    key: str
    to: str = field(repr=False)
    kind: MessageKind
    text: str = field(repr=False)
    code: str | None = field(default=None, repr=False)


class Messages(Protocol):
    """Sends messages."""

    async def send(self, message: Message) -> None:
        """Hand a message over for sending, at most once for each `key`.

        Raises:
            MessagesUnavailable: not handed over, as far as we know; try again with the same key.
        """
        ...


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the phone shows it."""

    to: str = field(repr=False)
    kind: MessageKind
    text: str = field(repr=False)
    code: str | None = field(repr=False)
    sent_at: datetime


class Inbox(Messages, Protocol):
    """Messages that can be read again: development only."""

    async def received(self, phone: str | None, limit: int = 50) -> Sequence[Received]:
        """Return the newest messages to a phone, or to all phones, newest first."""
        ...
