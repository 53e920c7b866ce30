"""Which channels there are: added, allowed, suspended, removed. Whoever does it sits here."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import delete, select

from app.core.db import Session, new_id
from app.core.errors import Conflict, NotFound
from app.models.channels import Channel, ChannelKey, ChannelKind, ChannelService, ChannelStatus

_NAME: Final = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
_LONGEST_NAME: Final = 32


class ChannelKnown(Conflict):
    """There is a channel of this name already."""

    code = "channel-known"


class ChannelNotTaken(ValueError):
    """The channel cannot be as it is wished; the words say why."""


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to be added; `level` (1 to 3) says how much is believed of what it has proved of its users."""

    name: str
    kind: ChannelKind = ChannelKind.APP
    level: int = 1
    parent: str | None = None
    services: Set[ChannelService] = frozenset(ChannelService)
    entry: str | None = None


async def add(session: Session, new: NewChannel) -> Channel:
    """Add a channel, or add one anew that was removed.

    Raises:
        ChannelKnown: it is there.
        ChannelNotTaken: its name, level, address or parent will not do.
    """
    _check(new)
    known = await _locked(session)
    channel = known.get(new.name)
    if channel is not None and channel.status is not ChannelStatus.REMOVED:
        raise ChannelKnown
    if new.parent is not None:
        _check_parent(known, new, new.parent)
    if channel is None:
        channel = Channel(name=new.name, id=new_id(0), events="")
        session.add(channel)
        known[new.name] = channel
    channel.kind, channel.level, channel.parent, channel.entry = new.kind, new.level, new.parent, new.entry
    channel.services = words(new.services)
    channel.status, channel.added_at, channel.removed_at = ChannelStatus.ACTIVE, session.now, None
    channel.requests_per_minute, channel.enrolments_per_day = None, None
    _settle(known)
    return channel


async def allow(session: Session, name: str, services: Set[ChannelService]) -> None:
    """Say anew what may be done in a channel; it holds from the next request on.

    Raises:
        NotFound: there is no such channel.
    """
    (await one(session, name)).services = words(services)


async def limit(
    session: Session, name: str, *, requests_per_minute: int | None, enrolments_per_day: int | None
) -> None:
    """Say how much its users may ask for together; None lets them, within what everybody may.

    Raises:
        NotFound: there is no such channel.
    """
    channel = await one(session, name)
    channel.requests_per_minute, channel.enrolments_per_day = requests_per_minute, enrolments_per_day


async def suspend(session: Session, name: str) -> None:
    """Stop a channel and all below it, from the next request on; sessions there wait until it is resumed.

    Raises:
        NotFound: there is no such channel.
    """
    await _become(session, name, ChannelStatus.SUSPENDED)


async def resume(session: Session, name: str) -> None:
    """Let a suspended channel go on; those above and below it keep what they are.

    Raises:
        NotFound: there is no such channel.
    """
    await _become(session, name, ChannelStatus.ACTIVE)


async def remove(session: Session, name: str) -> None:
    """Take a channel away with its keys and secrets: nobody comes in by it, and it hears nothing, from now on.

    Raises:
        NotFound: there is no such channel.
    """
    channel = await _become(session, name, ChannelStatus.REMOVED)
    channel.removed_at = session.now
    channel.url, channel.secrets, channel.events = None, None, ""
    channel.identity_by, channel.identity_options = None, None
    await session.execute(delete(ChannelKey).where(ChannelKey.channel == name))


async def everything(session: Session) -> Sequence[Channel]:
    """Return every channel, those that were removed too."""
    return (await session.scalars(select(Channel).order_by(Channel.name))).all()


async def one(session: Session, name: str) -> Channel:
    """Return a channel, locked.

    Raises:
        NotFound: there is no such channel, or it was removed.
    """
    channel: Channel | None = await session.get(Channel, name, with_for_update=True, populate_existing=True)
    if channel is None or channel.status is ChannelStatus.REMOVED:
        raise NotFound
    return channel


def words(services: Set[ChannelService]) -> str:
    """Return services as their column holds them."""
    return " ".join(service for service in ChannelService if service in services)


async def _become(session: Session, name: str, status: ChannelStatus) -> Channel:
    known = await _locked(session)
    channel = known.get(name)
    if channel is None or channel.status is ChannelStatus.REMOVED:
        raise NotFound
    channel.status = status
    _settle(known)
    return channel


async def _locked(session: Session) -> dict[str, Channel]:
    """Return all channels, locked: they are few, and whether one is open hangs on others.

    Those that came while we waited are only seen when we look again.
    """
    statement = select(Channel).order_by(Channel.name).with_for_update().execution_options(populate_existing=True)
    await session.scalars(statement)
    return {channel.name: channel for channel in await session.scalars(statement)}


def _settle(known: dict[str, Channel]) -> None:
    for channel in known.values():
        above = channel
        is_open = above.status is ChannelStatus.ACTIVE
        while is_open and above.parent is not None:
            above = known[above.parent]
            is_open = above.status is ChannelStatus.ACTIVE
        channel.is_open = is_open


def _check(new: NewChannel) -> None:
    if not _NAME.fullmatch(new.name) or len(new.name) > _LONGEST_NAME:
        raise ChannelNotTaken("A channel's name is made of small letters, figures, hyphens and _, at most 32.")
    if not 1 <= new.level <= 3:
        raise ChannelNotTaken("A channel's level is 1, 2 or 3.")
    if new.entry is not None and not urlsplit(new.entry).scheme:
        raise ChannelNotTaken("Where people enter a channel is an address with its scheme.")


def _check_parent(known: dict[str, Channel], new: NewChannel, name: str) -> None:
    parent = known.get(name)
    if parent is None or parent.status is ChannelStatus.REMOVED or parent.kind is not new.kind:
        raise ChannelNotTaken("Above a channel stands one of its own kind that is there.")
    above: Channel | None = parent
    while above is not None:
        if above.name == new.name:
            raise ChannelNotTaken("No channel stands above itself.")
        above = known.get(above.parent) if above.parent is not None else None
