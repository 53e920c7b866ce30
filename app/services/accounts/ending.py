"""Sessions that go on: listed for whose they are, and ended."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select, true

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.accounts import Assurance, SessionEnd, SignedIn
from app.services import audit
from app.services.accounts.sessions import Caller, locked
from app.services.audit import Action, Actor
from app.services.people import homes


async def list_for(session: Session, caller: Caller) -> Sequence[tuple[SignedIn, str]]:
    """Return the caller's living sessions, the newest first, each with its device's name."""
    rows = await session.scalars(_living_of(session, caller).order_by(SignedIn.last_used_at.desc()).limit(100))
    found = []
    for row in rows:
        key = await homes.key_of(session, row.home_id)
        found.append((row, key.open("session.device_name", row.id, row.device_name)))
    return found


async def end(session: Session, caller: Caller, session_id: UUID) -> None:
    """End one of the caller's sessions; ended already is as good.

    Raises:
        NotFound: it is not the caller's, or another one of somebody who has shown no more than a phone.
    """
    signed_in = await locked(session, session_id)
    is_theirs = signed_in is not None and signed_in.account_id == caller.account_id
    may_end = caller.assurance is Assurance.FULL or session_id == caller.session_id
    if signed_in is None or not is_theirs or not may_end:
        raise NotFound
    await end_one(session, signed_in, SessionEnd.SIGNED_OUT, caller.actor)


async def end_all(
    session: Session,
    home_id: UUID,
    account_id: UUID,
    because: SessionEnd,
    actor: Actor,
    *,
    channel: str | None = None,
) -> None:
    """End every session of an account in one home, or those of one channel there."""
    rows = await session.scalars(
        select(SignedIn)
        .where(
            SignedIn.bucket == bucket_of(home_id),
            SignedIn.home_id == home_id,
            SignedIn.account_id == account_id,
            SignedIn.ended_at.is_(None),
            true() if channel is None else SignedIn.channel == channel,
        )
        .order_by(SignedIn.id)
        .with_for_update()
    )
    for row in rows:
        await end_one(session, row, because, actor)


async def end_one(session: Session, signed_in: SignedIn, because: SessionEnd, actor: Actor) -> None:
    """End a session that is locked."""
    if signed_in.ended_at is not None:
        return
    signed_in.ended_at, signed_in.ended_because = session.now, because
    await audit.record(
        session,
        Action.SESSION_TOKEN_REUSED if because is SessionEnd.TOKEN_REUSED else Action.SESSION_ENDED,
        home_id=signed_in.home_id,
        actor=actor,
        facts={"session_id": str(signed_in.id), "because": because.value},
    )


def _living_of(session: Session, caller: Caller) -> Select[SignedIn]:
    """Select the caller's living sessions; they all lie in the home that the account lives in."""
    return select(SignedIn).where(
        SignedIn.bucket == bucket_of(caller.home_id),
        SignedIn.account_id == caller.account_id,
        SignedIn.ended_at.is_(None),
        SignedIn.expires_at > session.now,
    )
