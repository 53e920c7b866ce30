"""What somebody holds between a channel's sign-in that nobody knows yet and the proof of who they are here.

A ticket is sealed for ourselves: channel, the platform's name for its user, device, and until when it is good. Nothing
of it is stored; the same ticket ties the same user again, and never another.
"""

import os
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag

from app.core.clock import Clock
from app.core.errors import Conflict
from app.core.sealing import DataKey
from app.core.suites import Suite
from app.core.tokens import base64url

LIFETIME: Final = timedelta(minutes=10)
_COLUMN: Final = "channel.ticket"
_LONGEST: Final = 1024


class ChannelTicketNotValid(Conflict):
    """The ticket is none of ours, is over, or was given to another device."""

    code = "channel-ticket-not-valid"


@dataclass(frozen=True, slots=True)
class ChannelTicket:
    """Which channel has told of which of its users, on which device."""

    channel: str
    subject: str = field(repr=False)
    device_id: str = field(repr=False)


class ChannelTickets:
    """Issues tickets and reads them again."""

    def __init__(self, secret: bytes, suite: Suite, *, clock: Clock) -> None:
        self._key = DataKey(secret, suite)
        self._clock = clock

    def issue(self, ticket: ChannelTicket) -> str:
        """Make a ticket that is good for ten minutes."""
        until = int((self._clock.now() + LIFETIME).timestamp())
        said = orjson.dumps([ticket.channel, ticket.subject, ticket.device_id, until])
        ticket_id = UUID(bytes=os.urandom(16))
        return base64url.text(ticket_id.bytes + self._key.seal_bytes(_COLUMN, ticket_id, said))

    def read(self, text: str, device_id: str | None = None) -> ChannelTicket:
        """Read a ticket that was issued for a device; None where the device is compared by other means.

        Raises:
            ChannelTicketNotValid: it is none of ours, is over, or was given to another device.
        """
        try:
            raw = base64url.raw(text, len(text)) if len(text) <= _LONGEST else None
            if raw is None:
                raise ChannelTicketNotValid
            said = self._key.open_bytes(_COLUMN, UUID(bytes=raw[:16]), raw[16:])
        except (InvalidTag, NotBase64, ValueError) as error:
            raise ChannelTicketNotValid from error
        channel, subject, device, until = orjson.loads(said)
        if self._clock.now().timestamp() >= until or device_id not in (None, device):
            raise ChannelTicketNotValid
        return ChannelTicket(channel, subject, device)
