"""Whether a channel is open, and what may be done in it: asked by everything that happens in one."""

from collections.abc import Sequence

from sqlalchemy import select

from app.core.db import Session
from app.core.errors import Denied, NextStep
from app.models.channels import Channel, ChannelService


class ChannelStopped(Denied):
    """The channel, or one above it, is suspended or removed, or there is none of this name; sessions in it wait."""

    code = "channel-stopped"


class ServiceNotInChannel(Denied):
    """The channel may not do this; `next` says where it can be done."""

    code = "service-not-in-channel"


async def require_open(session: Session, name: str) -> Channel:
    """Return a channel in which something may be begun.

    Raises:
        ChannelStopped: there is none of this name, or it is not open.
    """
    channel = await session.get(Channel, name, populate_existing=True)
    if channel is None or not channel.is_open:
        raise ChannelStopped
    return channel


async def require_service(session: Session, name: str, service: ChannelService) -> None:
    """Check that something may be done in a channel.

    Raises:
        ChannelStopped: it is not open.
        ServiceNotInChannel: not this; with the channel where it can be done, if there is one.
    """
    await require_allowed(session, await require_open(session, name), service)


async def require_allowed(session: Session, channel: Channel, service: ChannelService) -> None:
    """Check that something may be done in a channel that is open.

    Raises:
        ServiceNotInChannel: not this; with the channel where it can be done, if there is one.
    """
    if service not in channel.allowed:
        raise ServiceNotInChannel(next_step=await _where(session, service))


async def open_ones(session: Session) -> Sequence[Channel]:
    """Return the channels that are open, the oldest first."""
    statement = select(Channel).where(Channel.is_open).order_by(Channel.added_at, Channel.name)
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


async def _where(session: Session, service: ChannelService) -> NextStep | None:
    """Name the first channel that does this, one that people can be led to before the others."""
    able = [channel for channel in await open_ones(session) if service in channel.allowed]
    first = min(able, key=lambda channel: channel.entry is None, default=None)
    return None if first is None else NextStep("use-another-channel", first.entry, channel=first.name)
