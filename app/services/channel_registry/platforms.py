"""Which platform knows the users of a channel, and what it gave to the channel: sealed, for it holds secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from app.core.db import Session
from app.core.errors import NotFound
from app.models.channels import Channel, ChannelStatus
from app.ports.channel_identity import ChannelIdentity
from app.services.channel_registry import registering
from app.services.channel_registry.standing import ChannelStopped

_COLUMN: Final = "channel.identity_options"


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform by its name, and what it gave to the channel."""

    name: str
    options: Mapping[str, str] = field(repr=False)


async def know_by(
    session: Session, name: str, platform: str, identity: ChannelIdentity, options: Mapping[str, str]
) -> None:
    """Let the users of a channel come in by its platform.

    Raises:
        NotFound: there is no such channel.
        IdentityOptionsNotTaken: what the platform gave is missing or wrong.
    """
    identity.check(options)
    channel = await registering.one(session, name)
    channel.identity_by = platform
    sealed = session.vault.system.seal_bytes(_COLUMN, channel.id, orjson.dumps(dict(options)))
    channel.identity_options = sealed


async def of_channel(session: Session, name: str) -> Platform:
    """Return by which platform the users of a channel come in.

    Raises:
        NotFound: there is no such channel, or they do not.
        ChannelStopped: it is not open.
    """
    channel = await session.get(Channel, name, populate_existing=True)
    if channel is None or channel.status is ChannelStatus.REMOVED:
        raise NotFound
    if channel.identity_by is None or channel.identity_options is None:
        raise NotFound
    if not channel.is_open:
        raise ChannelStopped
    opened = session.vault.system.open_bytes(_COLUMN, channel.id, channel.identity_options)
    return Platform(channel.identity_by, orjson.loads(opened))
