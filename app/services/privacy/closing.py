"""Closes an account: says first what that does, then does it in one unit of work, and hands out a signed receipt.

    GET closing → what it will do, and a version of that
    DELETE with that version → links end, applications are cancelled, the homes are erased: all of it, or nothing

Whoever makes a link with the caller meanwhile needs their home's lock too: the link was there before and is ended, or
finds no home any more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select, update

from app import texts
from app.core import logging
from app.core.clock import today
from app.core.db import Database, Session, bucket_of
from app.core.errors import PreconditionFailed, PreconditionRequired
from app.core.tokens.published import Published
from app.models.cards import Card
from app.models.cases import Case, CaseState
from app.models.channels import CardEvent
from app.models.enrolments import OPEN, Enrolment
from app.models.faces import OPEN as OPEN_CHECKS
from app.models.faces import FaceCheck, FaceCheckState
from app.models.links import FamilyLink, LinkEnd, LinkState, MemberSlot
from app.models.people import Closing
from app.models.transfers import UNDER_WAY, Transfer
from app.ports.face import FaceReason
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.services import audit, links, outbox, policies, statements
from app.services.accounts import profile, sessions
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import announcing
from app.services.enrolments import finishing, loading
from app.services.faces import ending
from app.services.notifications import telling
from app.services.people import homes
from app.services.privacy import erasing

_log = logging.logger(__name__)
TYP: Final = "closing-receipt+jwt"
_HELD: Final = (LinkState.RESERVED, LinkState.ACTIVE, LinkState.FROZEN)


@dataclass(frozen=True, slots=True)
class Effects:
    """What closing does: how many of each thing end."""

    links_as_owner: int
    links_as_member: int
    enrolments: int
    cards: int
    filings: int

    @property
    def version(self) -> int:
        """A number that is another when what will be done is another."""
        said = orjson.dumps(astuple(self))
        return int.from_bytes(hashlib.sha256(said).digest()[:4]) % 10**9


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays without a name until a day, at least; a backup that holds the key, at most."""

    what: str
    until: date


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased and what stays; `signed` says the same to whoever has our published keys."""

    number: str
    closed_on: date
    erased: Sequence[str]
    kept: Sequence[Kept]
    signed: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A receipt, and the phone to be told for the last time; None where it was told before."""

    receipt: Receipt
    phone: str | None


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whose account it is, and with whom their links are."""

    person_id: UUID | None
    others: frozenset[UUID]


async def look(session: Session, caller: Caller) -> Effects:
    """Say what closing the caller's account does."""
    return await _effects(session, caller, await _person(session, caller))


async def close_and_tell(
    db: Database, messages: Messages, published: Published, caller: Caller, version: int | None, language: str
) -> Receipt:
    """Close the caller's account, and tell its phone so for the last time; a phone not reached holds up nothing.

    Raises:
        PreconditionRequired, PreconditionFailed, SessionEnded: as `close` does.
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
        PreconditionRequired: nothing was shown.
        PreconditionFailed: closing does something else now.
        SessionEnded: the account was closed by another session.
    """
    if version is None:
        raise PreconditionRequired
    number = statements.new_number()
    while True:
        whose = await db.run(partial(_whose, caller))
        closed = await db.run(partial(_close, published, caller, version, number, whose))
        if closed is not None:
            return closed


async def receipt_for(session: Session, published: Published, account_id: UUID, session_id: UUID) -> Receipt | None:
    """Return the receipt of an account that this session has closed."""
    row = await session.get(Closing, (bucket_of(account_id), account_id), populate_existing=True)
    return _read(published, row.receipt) if row is not None and row.session_id == session_id else None


async def _close(
    published: Published, caller: Caller, version: int, number: str, whose: _Whose, session: Session
) -> Closed | None:
    """Do it all, or return None where somebody else was joined or left since `whose` was asked."""
    rows = await homes.lock_rows(session, {caller.account_id, caller.home_id, *whose.others})
    if any(row.id == caller.account_id and row.erased_at is not None for row in rows):
        return Closed(await _closed_before(session, published, caller), None)
    if await _whose(caller, session) != whose:
        return None
    effects = await _effects(session, caller, whose.person_id)
    if effects.version != version:
        raise PreconditionFailed
    phone = await profile.phone_of(session, caller.account_id)
    known = None if whose.person_id is None else await homes.person(session, whose.person_id)
    await _end_links(session, caller, whose)
    ids = frozenset(each for each in (caller.account_id, whose.person_id) if each is not None)
    await _cancel_enrolments(session, caller, whose)
    await _end_the_rest(session, caller, ids)
    receipt = await _receipt(session, published, number)
    await _write_down(session, caller, whose, receipt)
    number_of_person = None if known is None else known.number
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


async def _whose(caller: Caller, session: Session) -> _Whose:
    person_id = await _person(session, caller)
    if person_id is None:
        return _Whose(None, frozenset())
    bucket = bucket_of(person_id)
    members = await session.scalars(
        select(FamilyLink.member_id).where(
            FamilyLink.bucket == bucket, FamilyLink.owner_id == person_id, FamilyLink.state.in_(_HELD)
        )
    )
    owners = await session.scalars(
        select(MemberSlot.owner_id).where(MemberSlot.bucket == bucket, MemberSlot.member_id == person_id)
    )
    return _Whose(person_id, frozenset({*members, *owners}))


async def _person(session: Session, caller: Caller) -> UUID | None:
    """Return the person whose face this account has shown; another account may have shown it since."""
    person_id = caller.person_id if caller.is_proven else None
    if person_id is None or await homes.holder(session, person_id) != caller.account_id:
        return None
    return person_id


async def _effects(session: Session, caller: Caller, person_id: UUID | None) -> Effects:
    open_enrolments = len(await _open_enrolments(session, caller, person_id))
    if person_id is None:
        return Effects(0, 0, open_enrolments, 0, 0)
    bucket = bucket_of(person_id)
    living = (LinkState.ACTIVE, LinkState.FROZEN)
    as_owner = select(func.count()).where(
        FamilyLink.bucket == bucket, FamilyLink.owner_id == person_id, FamilyLink.state.in_(living)
    )
    as_member = select(func.count()).where(MemberSlot.bucket == bucket, MemberSlot.member_id == person_id)
    card = select(func.count()).where(Card.bucket == bucket, Card.person_id == person_id)
    filings = select(func.count()).where(
        Transfer.bucket == bucket, Transfer.person_id == person_id, Transfer.state.in_(sorted(UNDER_WAY))
    )
    counts = [await session.scalar(each) or 0 for each in (as_owner, as_member, card, filings)]
    return Effects(counts[0], counts[1], open_enrolments, counts[2], counts[3])


async def _open_enrolments(session: Session, caller: Caller, person_id: UUID | None) -> Sequence[UUID]:
    """Return what the account has begun, and what others have begun in the person's home."""
    rows = await session.scalars(
        select(Enrolment.id)
        .where(
            Enrolment.bucket.in_({bucket_of(caller.account_id), bucket_of(caller.home_id)}),
            or_(Enrolment.account_id == caller.account_id, Enrolment.home_id == person_id),
            Enrolment.state.in_(sorted(OPEN)),
        )
        .order_by(Enrolment.id)
    )
    return rows.all()


async def _end_links(session: Session, caller: Caller, whose: _Whose) -> None:
    """End every link on both sides; those who are told of it are told with the name that goes now."""
    if whose.person_id is None:
        return
    bucket = bucket_of(whose.person_id)
    as_owner = await session.scalars(
        select(FamilyLink.id).where(
            FamilyLink.bucket == bucket,
            FamilyLink.owner_id == whose.person_id,
            FamilyLink.state.in_((LinkState.ACTIVE, LinkState.FROZEN)),
        )
    )
    for link_id in as_owner.all():
        await links.end(session, link_id, LinkEnd.BY_OWNER, caller.actor)
    as_member = await session.scalars(
        select(MemberSlot.link_id).where(MemberSlot.bucket == bucket, MemberSlot.member_id == whose.person_id)
    )
    for link_id in as_member.all():
        await links.end(session, link_id, LinkEnd.BY_MEMBER, caller.actor)
    for other in sorted(whose.others):
        await telling.write_down(session, other, whose.person_id)


async def _cancel_enrolments(session: Session, caller: Caller, whose: _Whose) -> None:
    for enrolment_id in await _open_enrolments(session, caller, whose.person_id):
        enrolment = await loading.locked(session, enrolment_id)
        if enrolment is not None and enrolment.is_open:
            await finishing.cancel(session, enrolment, caller.actor)


async def _end_the_rest(session: Session, caller: Caller, ids: frozenset[UUID]) -> None:
    """End face checks that are open, and take back what waits for people."""
    buckets = {bucket_of(each) for each in ids}
    checks = await session.scalars(
        select(FaceCheck)
        .where(FaceCheck.bucket.in_(buckets), FaceCheck.home_id.in_(ids), FaceCheck.state.in_(sorted(OPEN_CHECKS)))
        .with_for_update()
    )
    for check in checks.all():
        await ending.end(session, check, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, caller.actor)
    await session.execute(
        update(Case)
        .where(Case.bucket.in_(buckets), Case.home_id.in_(ids), Case.state == CaseState.OPEN)
        .values(state=CaseState.WITHDRAWN, decided_at=session.now)
        .execution_options(synchronize_session=False)
    )


async def _write_down(session: Session, caller: Caller, whose: _Whose, receipt: Receipt) -> None:
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


async def _receipt(session: Session, published: Published, number: str) -> Receipt:
    rules = (await policies.current(session)).erasure
    now = today(session.now)
    claims = {
        "jti": number,
        "iat": int(session.now.timestamp()),
        "closed_on": now.isoformat(),
        "erased": ["data", "files", "look_ups"],
        "kept": {
            "audit": (now + timedelta(days=rules.audit_days)).isoformat(),
            "records": (now + timedelta(days=rules.record_days)).isoformat(),
            "backups": (now + timedelta(days=rules.backup_days)).isoformat(),
        },
    }
    signed = published.sign(TYP, claims)
    await statements.vouch(session, number, hashlib.sha256(signed.encode()).digest(), session.now)
    return _read(published, signed)


def _read(published: Published, signed: str) -> Receipt:
    match published.verify(TYP, signed):
        case {"jti": str(number), "closed_on": str(day), "erased": list(erased), "kept": dict(kept)}:
            stays = [Kept(str(what), date.fromisoformat(until)) for what, until in kept.items()]
            return Receipt(number, date.fromisoformat(day), [str(each) for each in erased], stays, signed)
        case other:
            raise AssertionError(f"a receipt with {sorted(other)}")
