"""Who of the terminals asks: a request is believed for its signature and its time, and its nonce is taken once."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, Writer, bucket_of, hot
from app.core.errors import Unauthenticated
from app.core.sealing import Lookup
from app.core.tokens.requests import RequestNotSigned, SignedRequest
from app.models.terminals import TerminalPurpose, TerminalRequest

REPEATED_WITHIN: Final = timedelta(seconds=30)  # an answer got lost, and the same request comes again


class TerminalNotKnown(Unauthenticated):
    """The request is not signed by a terminal of ours; why not is not said."""

    code = "terminal-not-known"
    challenge = "Signature"


class RequestNotTimely(Unauthenticated):
    """The request is a terminal's, and was signed more than five minutes before or after now by our clock."""

    code = "request-not-timely"
    challenge = "Signature"


class RequestReplayed(Unauthenticated):
    """The request's nonce was taken before."""

    code = "request-replayed"
    challenge = "Signature"


@dataclass(frozen=True, slots=True)
class Calling:
    """A terminal that asks for something, as it stands now; `digest` is of all that it has signed.

    `has_signed_session` says that the request's `Authorization` is part of that: it is nobody else's request.
    """

    id: UUID
    name: str
    office_id: str
    purposes: Set[TerminalPurpose]
    nonce: str
    digest: bytes = field(repr=False)
    has_signed_session: bool = False


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What of a request is signed: the path without a query, header names in small letters, the body as it came."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


TERMINAL = hot("""
SELECT id, office_id, public_key, may_identify, may_medical, may_pay, may_counter
FROM terminal
WHERE bucket = $1 AND name = $2 AND removed_at IS NULL
""")


async def caller(db: Database, request: HttpRequest) -> Calling:
    """Return which terminal has signed a request, in one trip; its nonce is still to be taken (`take_nonce`).

    Raises:
        TerminalNotKnown: none of ours has, or another body, method or path.
        RequestNotTimely: it has, but not within five minutes of now.
    """
    calling, signed = await signer(db, request)
    if not signed.is_timely(db.clock.now().timestamp()):
        raise RequestNotTimely
    return calling


async def signer(db: Database, request: HttpRequest) -> tuple[Calling, SignedRequest]:
    """Return which terminal has signed a request, in one trip, whenever it did.

    Raises:
        TerminalNotKnown: none of ours has, or another body, method or path.
    """
    try:
        signed = SignedRequest.read(request.method, request.path, request.headers, request.body)
    except RequestNotSigned as error:
        raise TerminalNotKnown from error
    rows = await db.fetch(TERMINAL, bucket_of_name(db.lookup, signed.key_id), signed.key_id)
    if not rows or not signed.is_by(rows[0]["public_key"]):
        raise TerminalNotKnown
    purposes = {purpose for purpose in TerminalPurpose if rows[0][f"may_{purpose.value}"]}
    calling = Calling(
        id=rows[0]["id"],
        name=signed.key_id,
        office_id=rows[0]["office_id"],
        purposes=purposes,
        nonce=signed.nonce,
        digest=signed.digest,
        has_signed_session=signed.covers_authorization,
    )
    return calling, signed


_TAKE = """
INSERT INTO terminal_request (bucket, terminal_id, nonce, digest, heard_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING nonce
"""
_TAKEN = hot("""
SELECT digest, heard_at FROM terminal_request WHERE bucket = $1 AND terminal_id = $2 AND nonce = $3
""")


async def take_nonce(writer: Writer, terminal: Calling) -> bool:
    """Take the nonce of a request; the very same one again, a moment later, is let through to be answered the same.

    Returns:
        Whether the request is to be done; if not (`RequestReplayed`), another one has had its nonce, or this one did
        longer ago.
    """
    key = (bucket_of(terminal.id), terminal.id, terminal.nonce)
    if await writer.rows(_TAKE, *key, terminal.digest, writer.now):
        return True
    (taken,) = await writer.rows(_TAKEN, *key)
    is_same: bool = taken["digest"] == terminal.digest
    return is_same and writer.now - taken["heard_at"] <= REPEATED_WITHIN


async def take(session: Session, terminal: Calling) -> None:
    """Take the nonce of a request as `take_nonce` does, in a unit of work of the ORM.

    Raises:
        RequestReplayed: another request has had it, or this one did longer ago.
    """
    bucket = bucket_of(terminal.id)
    mine = insert(TerminalRequest).values(
        bucket=bucket, terminal_id=terminal.id, nonce=terminal.nonce, digest=terminal.digest, heard_at=session.now
    )
    if await session.scalar(mine.on_conflict_do_nothing().returning(TerminalRequest.nonce)) is not None:
        return
    taken = await session.get_one(TerminalRequest, (bucket, terminal.id, terminal.nonce), populate_existing=True)
    if taken.digest != terminal.digest or session.now - taken.heard_at > REPEATED_WITHIN:
        raise RequestReplayed


def bucket_of_name(lookup: Lookup, name: str) -> int:
    """Return the bucket that the terminal of this name lies in."""
    return lookup.bucket("terminal", name)
