"""Which channels hear of events: added with an address, their secret changed, removed. Whoever does it sits here."""

import base64
import secrets
from collections.abc import Sequence, Set
from typing import Final
from urllib.parse import urlsplit

import orjson
from sqlalchemy import select

from app.core.db import Session, new_id
from app.core.errors import Conflict, NotFound
from app.models.channels import CardEvent, Channel
from app.ports.hooks import Hook

_COLUMN: Final = "channel.secrets"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRET_BYTES: Final = 32


class ChannelKnown(Conflict):
    """There is a channel of this name that hears already."""

    code = "channel-known"


class HookAddressNotTaken(ValueError):
    """Events go over https alone, except within this machine."""


async def add(session: Session, name: str, url: str, events: Set[CardEvent]) -> str:
    """Let a channel hear of events at an address; return the secret they are signed with, which is shown once.

    Raises:
        ChannelKnown: it hears already.
        HookAddressNotTaken: the address is none for events.
    """
    _check(url)
    channel = await session.get(Channel, name, with_for_update=True)
    if channel is not None and channel.removed_at is None:
        raise ChannelKnown
    if channel is None:
        channel = Channel(name=name, id=new_id(0))
        session.add(channel)
    secret = secrets.token_bytes(_SECRET_BYTES)
    channel.url, channel.events = url, " ".join(event for event in CardEvent if event in events)
    channel.secrets = _sealed(session, channel, [secret])
    channel.added_at, channel.removed_at = session.now, None
    return _text(secret)


async def rotate(session: Session, name: str) -> str:
    """Make a new secret, and return it; events are signed with it and with the one before.

    Raises:
        NotFound: no such channel hears.
    """
    channel = await _one(session, name)
    secret = secrets.token_bytes(_SECRET_BYTES)
    channel.secrets = _sealed(session, channel, [secret, _opened(session, channel)[0]])
    return _text(secret)


async def drop_old_secret(session: Session, name: str) -> None:
    """Sign with the newest secret alone.

    Raises:
        NotFound: no such channel hears.
    """
    channel = await _one(session, name)
    channel.secrets = _sealed(session, channel, _opened(session, channel)[:1])


async def remove(session: Session, name: str) -> None:
    """Let a channel hear nothing any more; what is on its way is not sent.

    Raises:
        NotFound: no such channel hears.
    """
    (await _one(session, name)).removed_at = session.now


async def everything(session: Session) -> Sequence[Channel]:
    """Return every channel, those that were removed too."""
    return (await session.scalars(select(Channel).order_by(Channel.name))).all()


async def hook(session: Session, name: str) -> Hook | None:
    """Return where a channel hears, if it does."""
    channel = await session.get(Channel, name, populate_existing=True)
    if channel is None or channel.removed_at is not None:
        return None
    return Hook(channel.url, _opened(session, channel))


async def _one(session: Session, name: str) -> Channel:
    channel: Channel | None = await session.get(Channel, name, with_for_update=True, populate_existing=True)
    if channel is None or channel.removed_at is not None:
        raise NotFound
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
    content = session.vault.system.open_bytes(_COLUMN, channel.id, channel.secrets)
    return [base64.b64decode(key) for key in orjson.loads(content)]


def _text(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"
