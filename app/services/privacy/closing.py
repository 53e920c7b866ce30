"""Closes an account: says first what that does, then does it in one unit of work, and hands out a signed receipt.

    GET closing → what it will do, and a version of that
    DELETE with that version → links end, applications are cancelled, the homes are erased: all of it, or nothing

Whoever makes a link with the caller meanwhile needs their home's lock too: the link was there before and is ended, or
finds no home any more.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from app import texts
from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import NextStep, PreconditionFailed, PreconditionRequired
from app.core.tokens.published import Published
from app.models.channels import CardEvent
from app.models.people import Closing
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.services import audit, outbox, statements
from app.services.accounts import profile, sessions
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import announcing
from app.services.people import homes
from app.services.privacy import ending, erasing, receipts
from app.services.privacy.ending import Whose
from app.services.privacy.receipts import Receipt

_log = logging.logger(__name__)
_TO_SEE: Final = NextStep("see-closing", "/v1/me/closing")


class ClosingNotSeen(PreconditionRequired):
    """What closing the account does was not shown."""

    code = "closing-not-seen"
    leads_to = _TO_SEE


class ClosingChanged(PreconditionFailed):
    """Closing the account does something else now than was shown."""

    code = "closing-changed"
    leads_to = _TO_SEE


@dataclass(frozen=True, slots=True)
class Closed:
    """A receipt, and the phone to be told for the last time; None where it was told before."""

    receipt: Receipt
    phone: str | None


async def close_and_tell(
    db: Database, messages: Messages, published: Published, caller: Caller, version: int | None, language: str
) -> Receipt:
    """Close the caller's account, and tell its phone so for the last time; a phone not reached holds up nothing.

    Raises:
        ClosingNotSeen, ClosingChanged, FilingOnItsWay, SessionEnded: as `close` does.
    """
    closed = await close(db, published, caller, version)
    if closed.phone is not None:
        text = texts.message("account_closed", language, code=statements.printed(closed.receipt.number))
        message = Message(f"closed:{caller.account_id}", closed.phone, MessageKind.NOTICE, text)
        try:
            await messages.send(message)
        except MessagesUnavailable:
            _log.warning("closing_not_told", account_id=str(caller.account_id))
    return closed.receipt


async def close(db: Database, published: Published, caller: Caller, version: int | None) -> Closed:
    """Close the caller's account; closed by this session before, it is the same receipt.

    Args:
        version: that of the effects that were shown.

    Raises:
        ClosingNotSeen: nothing was shown.
        ClosingChanged: closing does something else now.
        FilingOnItsWay: in a minute it has arrived.
        SessionEnded: the account was closed by another session.
    """
    if version is None:
        raise ClosingNotSeen
    number = statements.new_number()
    while True:
        whose = await db.run(lambda session: ending.whose(session, caller))
        closed = await db.run(partial(_close, published, caller, version, number, whose))
        if closed is not None:
            return closed


async def receipt_for(session: Session, published: Published, account_id: UUID, session_id: UUID) -> Receipt | None:
    """Return the receipt of an account that this session has closed."""
    row = await session.get(Closing, (bucket_of(account_id), account_id), populate_existing=True)
    return receipts.read(published, row.receipt) if row is not None and row.session_id == session_id else None


async def _close(
    published: Published, caller: Caller, version: int, number: str, whose: Whose, session: Session
) -> Closed | None:
    """Do it all, or return None where somebody else was joined or left since `whose` was asked."""
    rows = await homes.lock_rows(session, {caller.account_id, caller.home_id, *whose.others})
    if any(row.id == caller.account_id and row.erased_at is not None for row in rows):
        return Closed(await _closed_before(session, published, caller), None)
    if await ending.whose(session, caller) != whose:
        return None
    if (await ending.effects_of(session, caller, whose.person_id)).version != version:
        raise ClosingChanged
    phone = await profile.phone_of(session, caller.account_id)
    known = None if whose.person_id is None else await homes.person(session, whose.person_id)
    await ending.everything(session, caller, whose)
    receipt = await receipts.issue(session, published, number)
    await _write_down(session, caller, whose, receipt)
    number_of_person = None if known is None else known.number
    ids = frozenset(each for each in (caller.account_id, whose.person_id) if each is not None)
    await erasing.look_ups(session, account_id=caller.account_id, phone=phone, number=number_of_person)
    await erasing.rows(session, ids, sorted({bucket_of(each) for each in {*ids, caller.home_id}}))
    for home_id in sorted(ids):
        await erasing.key(session, home_id)
    return Closed(receipt, phone)


async def _closed_before(session: Session, published: Published, caller: Caller) -> Receipt:
    receipt = await receipt_for(session, published, caller.account_id, caller.session_id)
    if receipt is None:
        raise sessions.SessionEnded
    return receipt


async def _write_down(session: Session, caller: Caller, whose: Whose, receipt: Receipt) -> None:
    session.add(
        Closing(
            bucket=bucket_of(caller.account_id),
            account_id=caller.account_id,
            session_id=caller.session_id,
            receipt=receipt.signed,
            closed_at=session.now,
        )
    )
    for home_id in [caller.account_id] if whose.person_id is None else [caller.account_id, whose.person_id]:
        await audit.record(session, Action.ACCOUNT_CLOSED, home_id=home_id, actor=caller.actor)
    if whose.person_id is not None:
        await announcing.announce(session, whose.person_id, CardEvent.LEFT)
        # It lies with the receipt: the person's own outbox goes with the person.
        outbox.tell(session, outbox.Kind.HOME_ERASED, caller.account_id, person_id=str(whose.person_id))
