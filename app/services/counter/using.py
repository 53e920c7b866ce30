"""A card that was read, used for what it was read for: in the session and at the terminal of its reading, in time."""

import hmac
from base64 import urlsafe_b64decode
from uuid import UUID

from sqlalchemy import ColumnElement, update

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, Denied, NextStep
from app.models.counter import CardRead, Purpose
from app.services.counter import serving
from app.services.counter.deeds import Hand
from app.services.counter.serving import Serving
from app.services.operators import sessions

_READ_CARD = NextStep("read-card", "/v1/counter/card-reads")


class CardReadNotValid(Denied):
    """The token is none of ours."""

    code = "card-read-not-valid"
    leads_to = _READ_CARD


class CardReadOfAnother(Denied):
    """The card was read in another session or at another terminal: by somebody else, or elsewhere."""

    code = "card-read-of-another"
    leads_to = _READ_CARD


class CardReadOver(Conflict):
    """The card was read too long ago."""

    code = "card-read-over"
    leads_to = _READ_CARD


class CardReadUsed(Conflict):
    """What the card was read for was done."""

    code = "card-read-used"
    leads_to = _READ_CARD


class CardReadForAnother(Conflict):
    """The card was read for another purpose."""

    code = "card-read-for-another-purpose"
    leads_to = _READ_CARD


REFUSALS = (CardReadNotValid, CardReadOfAnother, CardReadOver, CardReadUsed, CardReadForAnother)
"""Every refusal of a token, for the documents of routes."""


async def open_read(session: Session, hand: Hand, token: str, *purposes: Purpose) -> Serving:
    """Return whom an operator serves by a card that was read, without spending it.

    It is good at the terminal that has read it, which signs what is done with it: whoever has got hold of a session and
    of a token elsewhere does nothing with them.

    Args:
        purposes: it was read for one of these; for any, if none is said.

    Raises:
        CardReadNotValid, CardReadOfAnother, CardReadOver, CardReadUsed, CardReadForAnother.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded: the operator may not.
    """
    read_id = _id_in(session, token)
    held = await session.get(CardRead, (bucket_of(read_id), read_id), populate_existing=True)
    if held is None:
        raise CardReadNotValid
    is_mine = held.session_id == hand.caller.session_id and held.terminal_id == hand.terminal_id
    if not is_mine or held.office_id != hand.staff.office_id:
        raise CardReadOfAnother
    if purposes and held.purpose not in purposes:
        raise CardReadForAnother
    if held.spent_at is not None:
        raise CardReadUsed
    if held.expires_at <= session.now:
        raise CardReadOver
    serving.require_may(hand.staff, held.purpose)
    return Serving(hand.caller, held.person_id, held.purpose, held.id, held.terminal_id)


async def use_once(session: Session, served: Serving) -> None:
    """Spend what somebody is served by, in the transaction of its effect and once the homes are locked.

    Of two at once one is refused; somebody served by a paper has nothing to be spent.

    Raises:
        StaffSessionEnded: the operator's session was ended meanwhile.
        CardReadOver, CardReadUsed: the card was read too long ago, or used meanwhile.
    """
    await sessions.require_going_on(session, served.caller)
    if served.read_id is None:
        return
    spent = await session.scalar(
        update(CardRead)
        .where(*_row(served.read_id), CardRead.spent_at.is_(None), CardRead.expires_at > session.now)
        .values(spent_at=session.now)
        .returning(CardRead.id)
        .execution_options(synchronize_session=False)
    )
    if spent is None:
        held = await session.get_one(CardRead, (bucket_of(served.read_id), served.read_id), populate_existing=True)
        raise CardReadUsed if held.spent_at is not None else CardReadOver


def _id_in(session: Session, token: str) -> UUID:
    """Read the id that a token bears, if it is one that we have made."""
    try:
        raw = urlsafe_b64decode(token)
    except ValueError as error:
        raise CardReadNotValid from error
    if len(raw) <= 16:
        raise CardReadNotValid
    read_id, proof = UUID(bytes=raw[:16]), raw[16:]
    known = [hmac.compare_digest(proof, each) for each in session.lookup.digests("card-read", str(read_id))]
    if not any(known):
        raise CardReadNotValid
    return read_id


def _row(read_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return CardRead.bucket == bucket_of(read_id), CardRead.id == read_id
