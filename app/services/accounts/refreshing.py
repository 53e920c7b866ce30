"""Refresh tokens exchanged: rotated, reuse noticed, an answer that was lost given again."""

from datetime import timedelta

from app.core.db import Database, Session
from app.core.errors import Unauthenticated
from app.core.tokens.refresh import RefreshToken
from app.models.accounts import SessionEnd, SignedIn
from app.services import audit
from app.services.accounts import ending, sessions
from app.services.accounts.sessions import Mint, Tokens
from app.services.channel_registry import standing

_GRACE = timedelta(seconds=30)  # the refresh token before the newest is honoured so long: answers get lost


class RefreshTokenRefused(Unauthenticated):
    """The refresh token is not ours, over, or was used before; used before, the session has ended."""

    code = "refresh-token-refused"
    leads_to = sessions.SIGN_IN
    challenge = 'Bearer error="invalid_token"'


async def refresh(db: Database, mint: Mint, refresh_token: str) -> Tokens:
    """Exchange a refresh token for new tokens.

    The token before the newest gives the same successor for 30 seconds: the answer may have been lost. An older one
    has been copied, so the session ends (RFC 9700 §4.14.2).

    Raises:
        RefreshTokenRefused: not ours, over, or used before.
        ChannelStopped: the session's channel is not open; the token stays as good as it is.
    """
    token = mint.refresh.read(refresh_token)
    signed_in = await db.run(lambda session: _rotate(session, mint, token))
    if signed_in is None:
        raise RefreshTokenRefused
    return sessions.tokens(mint, signed_in, db.clock.now())


async def _rotate(session: Session, mint: Mint, token: RefreshToken) -> SignedIn | None:
    signed_in = await sessions.locked(session, token.session_id)
    if signed_in is None or not mint.refresh.is_ours(token, signed_in.seed):
        return None
    if signed_in.successor_id is not None:
        return await _successor(session, signed_in, token)
    if signed_in.ended_at is not None or signed_in.expires_at <= session.now:
        return None
    await standing.require_open(session, signed_in.channel)
    if token.generation == signed_in.generation:
        signed_in.generation += 1
        signed_in.rotated_at = signed_in.last_used_at = session.now
        signed_in.expires_at = min(
            session.now + sessions.IDLE_LIFETIME, signed_in.created_at + sessions.REFRESH_LIFETIME
        )
        return signed_in
    if _is_just_rotated(session, signed_in, token):
        return signed_in
    await ending.end_one(session, signed_in, SessionEnd.TOKEN_REUSED, audit.SYSTEM)
    return None


async def _successor(session: Session, moved: SignedIn, token: RefreshToken) -> SignedIn | None:
    """Return the session that took over, until its own tokens have been used: the answer that told may be lost."""
    assert moved.successor_id is not None
    successor = await sessions.locked(session, moved.successor_id)
    if successor is None or successor.ended_at is not None or successor.expires_at <= session.now:
        return None
    is_newest = token.generation == moved.generation or _is_just_rotated(session, moved, token)
    if successor.generation > 0 or not is_newest:
        await ending.end_one(session, successor, SessionEnd.TOKEN_REUSED, audit.SYSTEM)
        return None
    return successor


def _is_just_rotated(session: Session, signed_in: SignedIn, token: RefreshToken) -> bool:
    return token.generation == signed_in.generation - 1 and session.now - signed_in.rotated_at <= _GRACE
