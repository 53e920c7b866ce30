"""Where channels hear of events, and the secrets that these are signed with."""

import base64
import secrets
from collections.abc import Sequence, Set
from typing import Final
from urllib.parse import urlsplit

import orjson

from app.core.db import Session
from app.core.errors import NotFound
from app.models.channels import CardEvent, Channel
from app.ports.hooks import Hook
from app.services.channel_registry import keys, registering

_COLUMN: Final = "channel.secrets"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRET_BYTES: Final = 32


class ChannelHearsNothing(NotFound):
    """The channel hears of no events, so it has no secrets of them."""

    code = "channel-hears-nothing"


class HookAddressNotTaken(ValueError):
    """Events go over https alone, except within this machine."""


async def hear(session: Session, name: str, url: str, events: Set[CardEvent]) -> str:
    """Let a channel hear of events at an address; return the secret they are signed with, which is shown once.

    Raises:
        NotFound: there is no such channel.
        HookAddressNotTaken: the address is none for events.
    """
    _check(url)
    channel = await registering.one(session, name)
    secret = secrets.token_bytes(_SECRET_BYTES)
    channel.url, channel.events = url, " ".join(event for event in CardEvent if event in events)
    channel.secrets = _sealed(session, channel, [secret])
    return _text(secret)


async def mute(session: Session, name: str) -> None:
    """Let a channel hear nothing any more; what is on its way is not sent.

    Raises:
        NotFound: there is no such channel.
        ChannelHearsNothing: it does not.
    """
    channel = await _hearing(session, name)
    channel.url, channel.secrets, channel.events = None, None, ""


async def rotate(session: Session, name: str) -> str:
    """Make a new secret, and return it; events are signed with it and with the oldest that was not dropped.

    So asked twice, because the first answer was lost, nothing is.

    Raises:
        NotFound: there is no such channel.
        ChannelHearsNothing: it does not.
    """
    channel = await _hearing(session, name)
    secret = secrets.token_bytes(_SECRET_BYTES)
    channel.secrets = _sealed(session, channel, [secret, _opened(session, channel)[-1]])
    return _text(secret)


async def drop_old_secret(session: Session, name: str) -> None:
    """Sign with the newest secret alone.

    Raises:
        NotFound: there is no such channel.
        ChannelHearsNothing: it does not.
    """
    channel = await _hearing(session, name)
    channel.secrets = _sealed(session, channel, _opened(session, channel)[:1])


async def hook(session: Session, name: str) -> Hook | None:
    """Return where a channel hears, if it does. One that is suspended hears on: its cards change all the same."""
    channel = await session.get(Channel, name, populate_existing=True)
    if channel is None or channel.url is None:
        return None
    return Hook(channel.url, _opened(session, channel), knows_sm2=await keys.knows_sm2(session, name))


async def _hearing(session: Session, name: str) -> Channel:
    channel = await registering.one(session, name)
    if channel.url is None:
        raise ChannelHearsNothing
    return channel


def _check(url: str) -> None:
    parts = urlsplit(url)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_private or not parts.hostname or parts.username is not None or parts.fragment:
        raise HookAddressNotTaken


def _sealed(session: Session, channel: Channel, keys: Sequence[bytes]) -> bytes:
    content = orjson.dumps([base64.b64encode(key).decode() for key in keys])
    return session.vault.system.seal_bytes(_COLUMN, channel.id, content)


def _opened(session: Session, channel: Channel) -> list[bytes]:
    assert channel.secrets is not None  # who hears has one
    content = session.vault.system.open_bytes(_COLUMN, channel.id, channel.secrets)
    return [base64.b64decode(key) for key in orjson.loads(content)]


def _text(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"
