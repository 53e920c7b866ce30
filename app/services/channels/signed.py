"""What channels say with their own signature: heard once, if it is theirs, for us and of now."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session
from app.core.errors import Unauthenticated
from app.core.tokens.assertions import Assertion, AssertionNotTaken, AssertionNotTimely
from app.models.channels import Channel, ChannelMessage
from app.ports.signer import SignerUnavailable, Verifier
from app.services.channel_registry import keys, standing

_NAME: Final = re.compile(r"[\x20-\x7e]{1,200}")


class ChannelNotKnown(Unauthenticated):
    """It is not signed by a channel of ours; why not is not said."""

    code = "channel-not-known"
    challenge = 'Bearer error="invalid_client"'


class AssertionLate(Unauthenticated):
    """A channel has signed it, and it is over, is not yet to be, or would be good for more than five minutes."""

    code = "assertion-not-timely"
    challenge = 'Bearer error="invalid_client"'


class AssertionReplayed(Unauthenticated):
    """A channel has signed it, and it was taken before."""

    code = "assertion-replayed"
    challenge = 'Bearer error="invalid_client"'


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a channel has signed with one of its keys; what is heard, is heard once (`take`)."""

    channel: str
    key_id: str
    key_digest: str
    claims: Mapping[str, Any] = field(repr=False)


async def read(db: Database, verifier: Verifier | None, token: str, *, typ: str, audience: str) -> Said:
    """Return what a channel has signed.

    Raises:
        ChannelNotKnown: no channel of ours has, or not for us.
        AssertionLate: not now.
        SignerUnavailable: the channel's key is of SM2, and nothing here can check it now.
    """
    try:
        assertion = Assertion.read(token)
        key = await db.run(lambda session: _key(session, assertion))
        by_sm2 = partial(_is_signed, verifier, key)
        claims = await assertion.claims(key, by_sm2, typ=typ, audience=audience, now=db.clock.now().timestamp())
    except AssertionNotTaken as error:
        raise ChannelNotKnown from error
    except AssertionNotTimely as error:
        raise AssertionLate from error
    return Said(assertion.issuer, assertion.key_id, keys.digest(key), claims)


async def take(session: Session, said: Said) -> Channel:
    """Take what a channel has said, this once; return the channel. Its key is removed before or after, never meanwhile.

    Raises:
        ChannelStopped: it is not open.
        ChannelNotKnown: the key that it was said with is the channel's no more.
        AssertionReplayed: it was taken before.
    """
    channel = await standing.require_open(session, said.channel)
    key = await keys.kept(session, said.channel, said.key_id)
    if key is None or keys.digest(key) != said.key_digest:
        raise ChannelNotKnown
    message = said.claims["jti"]
    taken = await session.scalar(
        insert(ChannelMessage)
        .values(
            bucket=session.lookup.bucket("channel-message", f"{said.channel} {message}"),
            channel=said.channel,
            message=message,
            heard_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(ChannelMessage.message)
    )
    if taken is None:
        raise AssertionReplayed
    return channel


async def _is_signed(verifier: Verifier | None, jwk: Mapping[str, Any], text: bytes, signature: bytes) -> bool:
    if verifier is None:
        raise SignerUnavailable
    key, user_id = keys.sm2(jwk)
    return await verifier.verify(key, text, signature, user_id=user_id)


async def _key(session: Session, assertion: Assertion) -> Mapping[str, Any]:
    if not _NAME.fullmatch(assertion.issuer) or not _NAME.fullmatch(assertion.key_id):
        raise AssertionNotTaken
    held = await keys.one(session, assertion.issuer, assertion.key_id)
    if held is None:
        raise AssertionNotTaken
    return held
