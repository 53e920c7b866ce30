"""Which user of a channel signs in to which account: tied once it was shown whose the account is, untied by leaving.

A user signs in to one account, and an account is entered from a channel by one user: each is a key. Whoever ties or
unties has the account's home locked, so both sides of a tie come and go together.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import Conflict
from app.models.accounts import Account, SessionEnd, SignedIn
from app.models.audit import ActorKind
from app.models.channels import TIE_DAYS, ChannelLogin, ChannelTie
from app.services import audit, outbox
from app.services.accounts import ending
from app.services.audit import Action, Actor

_KIND: Final = "channel-user"
_KNOWN: Final = timedelta(days=TIE_DAYS)


class ChannelIdentityTied(Conflict):
    """The channel's user signs in to another account."""

    code = "channel-identity-tied"


async def account_of(session: Session, channel: str, subject: str) -> UUID | None:
    """Return the account that a channel's user signs in to, if they have come within half a year."""
    account_id: UUID | None = await session.scalar(
        select(ChannelLogin.account_id)
        .where(*_of(session, channel, subject), ChannelLogin.last_used_at > session.now - _KNOWN)
        .limit(1)
    )
    return account_id


async def still_enters(session: Session, channel: str, subject: str, account_id: UUID) -> bool:
    """Say whether a channel's user signs in to this account still, and note that they do.

    Nobody unties them until the unit of work is over. Of their name no more than digests is kept, so those under a new
    pepper are made now.
    """
    held = await session.execute(
        update(ChannelLogin)
        .where(*_of(session, channel, subject), ChannelLogin.account_id == account_id)
        .values(last_used_at=session.now)
        .returning(ChannelLogin.key_version)
    )
    return bool(held.all()) and await _claim(session, channel, subject, account_id)


async def tie(session: Session, account: Account, signed_in: SignedIn, subject: str) -> None:
    """Let a channel's user sign in to an account from now on; whoever of the channel did so before does not any more.

    The account's home is locked, and `signed_in` is a session in that channel whose holder is surely the account's.

    Raises:
        ChannelIdentityTied: they sign in to another account.
    """
    channel = signed_in.channel
    known = await account_of(session, channel, subject)
    if known == account.id:
        return
    if await _ties(session, account.id, channel):
        await _end_others(session, account, signed_in)
        await _delete_logins(session, account.id, channel)
    await _forget_unused(session, channel, subject)
    if not await _claim(session, channel, subject, account.id):
        raise ChannelIdentityTied
    await _note(session, channel, subject, account.id)
    await audit.record(
        session,
        Action.CHANNEL_TIED,
        home_id=signed_in.home_id,
        actor=Actor(ActorKind.ACCOUNT, account.id),
        facts={"channel": channel},
    )
    if account.created_at != session.now:
        outbox.tell(session, outbox.Kind.TELL_PERSON, account.id, message="card_channel_tied")


async def untie(session: Session, account_id: UUID, home_id: UUID, actor: Actor, *, channel: str | None) -> None:
    """Let nobody sign in to an account from a channel any more, or from any (None). Its home is locked."""
    gone = await _ties(session, account_id, channel)
    await _delete_logins(session, account_id, channel)
    for name, _ in gone:
        await session.execute(
            delete(ChannelTie).where(
                ChannelTie.bucket == bucket_of(account_id),
                ChannelTie.account_id == account_id,
                ChannelTie.channel == name,
            )
        )
        await audit.record(session, Action.CHANNEL_UNTIED, home_id=home_id, actor=actor, facts={"channel": name})


async def is_tied(session: Session, account_id: UUID, channel: str) -> bool:
    """Say whether somebody signs in to an account from a channel as its user."""
    return bool(await _ties(session, account_id, channel))


async def forget(session: Session, account_id: UUID) -> None:
    """Delete what finds an account by a channel's user; its own side goes with the account."""
    await _delete_logins(session, account_id, None)


async def _ties(session: Session, account_id: UUID, channel: str | None) -> Sequence[Row[str, int]]:
    statement = select(ChannelTie.channel, ChannelTie.login_bucket).where(
        ChannelTie.bucket == bucket_of(account_id), ChannelTie.account_id == account_id
    )
    if channel is not None:
        statement = statement.where(ChannelTie.channel == channel)
    return (await session.execute(statement.order_by(ChannelTie.channel))).all()


async def _delete_logins(session: Session, account_id: UUID, channel: str | None) -> None:
    for name, bucket in await _ties(session, account_id, channel):
        await session.execute(
            delete(ChannelLogin).where(
                ChannelLogin.bucket == bucket, ChannelLogin.channel == name, ChannelLogin.account_id == account_id
            )
        )


async def _forget_unused(session: Session, channel: str, subject: str) -> None:
    """Delete what is left of a user who has not come for so long that nobody knows them any more."""
    await session.execute(
        delete(ChannelLogin).where(*_of(session, channel, subject), ChannelLogin.last_used_at <= session.now - _KNOWN)
    )


async def _claim(session: Session, channel: str, subject: str, account_id: UUID) -> bool:
    """Let a user sign in to an account, under every pepper in use; say whether they do to no other.

    Who takes them at the same moment is waited for.
    """
    name = _name(channel, subject)
    bucket = session.lookup.bucket(_KIND, name)
    for version, digest in session.lookup.claims(_KIND, name).items():
        await session.execute(
            insert(ChannelLogin)
            .values(
                bucket=bucket,
                channel=channel,
                subject_hmac=digest,
                key_version=version,
                account_id=account_id,
                last_used_at=session.now,
            )
            .on_conflict_do_nothing()
        )
    held = await session.scalars(select(ChannelLogin.account_id).where(*_of(session, channel, subject)))
    return set(held) == {account_id}


async def _note(session: Session, channel: str, subject: str, account_id: UUID) -> None:
    found = {"login_bucket": session.lookup.bucket(_KIND, _name(channel, subject)), "tied_at": session.now}
    await session.execute(
        insert(ChannelTie)
        .values(bucket=bucket_of(account_id), account_id=account_id, channel=channel, **found)
        .on_conflict_do_update(
            index_elements=[ChannelTie.bucket, ChannelTie.account_id, ChannelTie.channel], set_=found
        )
    )


async def _end_others(session: Session, account: Account, signed_in: SignedIn) -> None:
    """End the account's sessions in the channel but for this one: the user that they are of is another now."""
    rows = await session.scalars(
        select(SignedIn)
        .where(
            SignedIn.bucket == signed_in.bucket,
            SignedIn.home_id == signed_in.home_id,
            SignedIn.account_id == account.id,
            SignedIn.channel == signed_in.channel,
            SignedIn.id != signed_in.id,
            SignedIn.ended_at.is_(None),
        )
        .order_by(SignedIn.id)
        .with_for_update()
    )
    for row in rows:
        await ending.end_one(session, row, SessionEnd.LEFT_CHANNEL, audit.SYSTEM)


def _of(session: Session, channel: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    name = _name(channel, subject)
    return (
        ChannelLogin.bucket == session.lookup.bucket(_KIND, name),
        ChannelLogin.channel == channel,
        ChannelLogin.subject_hmac.in_(session.lookup.digests(_KIND, name)),
    )


def _name(channel: str, subject: str) -> str:
    return f"{channel}:{subject}"
