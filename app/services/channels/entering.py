"""Who comes in by a channel whose platform knows its users: at once when tied to an account, else with a ticket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.core.errors import NotFound
from app.core.tokens.tickets import ChannelTicket, ChannelTicketNotValid, ChannelTickets
from app.models.accounts import Account, Device, SignedIn
from app.ports.channel_identity import ChannelIdentity
from app.services.accounts import logins, sessions, signing, ties
from app.services.accounts.sessions import Caller, DeviceInfo
from app.services.channel_registry import platforms
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class Unknown:
    """A user whom nobody knows here yet; the ticket says who it is to whoever registers or signs in with it."""

    ticket: str = field(repr=False)


async def enter(
    db: Database,
    identities: Mapping[str, ChannelIdentity],
    tickets: ChannelTickets,
    *,
    channel: str,
    auth_code: str,
    device: DeviceInfo,
) -> SignedIn | Unknown:
    """Sign in by the code that a channel's platform has given to it; no connection is held while the platform thinks.

    Raises:
        NotFound: there is no such channel, or nobody comes in by it.
        ChannelStopped: it is not open.
        ChannelCodeRefused, ChannelUserBlocked, ChannelSignInTooOften: what the platform says.
        ChannelIdentityUnavailable: it says nothing.
    """
    platform = await db.run(lambda session: platforms.of_channel(session, channel))
    identity = identities.get(platform.name)
    if identity is None:
        raise NotFound
    user = await identity.identify(platform.options, auth_code)
    signed_in = await signing.sign_in_by_channel(db, channel=channel, subject=user.subject, device=device)
    return signed_in or Unknown(tickets.issue(ChannelTicket(channel, user.subject, device.id)))


async def tie(session: Session, caller: Caller, channel: str, ticket: ChannelTicket) -> None:
    """Let the user of a ticket sign in to the caller's account from now on.

    For whoever has come in by the ticket and has shown only afterwards that the account is theirs.

    Raises:
        ChannelTicketNotValid: it is of another channel or device.
        ChannelIdentityTied: the user signs in to another account.
        SessionEnded: the caller's session was ended meanwhile.
    """
    await homes.lock(session, {caller.account_id})
    if not channel == caller.channel == ticket.channel or not await _is_here(session, caller, ticket.device_id):
        raise ChannelTicketNotValid
    signed_in = await sessions.living(session, caller.session_id)
    account = await session.get_one(Account, (bucket_of(caller.account_id), caller.account_id), populate_existing=True)
    await ties.tie(session, account, signed_in, ticket.subject)


async def untie(session: Session, caller: Caller, channel: str) -> None:
    """Let a channel's user not sign in to the caller's account any more; nobody tied is as good."""
    await homes.lock(session, {caller.account_id})
    await ties.untie(session, caller.account_id, caller.home_id, caller.actor, channel=channel)


async def _is_here(session: Session, caller: Caller, device_id: str) -> bool:
    digests = logins.device_digests(session, caller.account_id, device_id)
    known: UUID | None = await session.scalar(
        select(Device.id).where(
            Device.bucket == bucket_of(caller.device_id), Device.id == caller.device_id, Device.device_hmac.in_(digests)
        )
    )
    return known is not None
