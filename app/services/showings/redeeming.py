"""Redeems presentation codes: once, by a terminal that may, as long as what is behind them stands.

A link's slot on the member's side is locked meanwhile, so that an end or a dispute comes before or after it, never
between. What is refused then is an outcome that is written down, not an error that undoes it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.core import logging
from app.core.db import Database, Writer, bucket_of, hot
from app.core.errors import AppError, Conflict, Denied
from app.core.tokens.codes import PresentationCodes, ReadCode
from app.models.audit import ActorKind
from app.models.showings import ShowingPurpose
from app.ports.register import PhysicalCardStatus, Register, RegisterUnavailable
from app.services import audit, outbox, policies
from app.services.audit import Action, Actor
from app.services.cards import following
from app.services.cards.reading import mask_card_number
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.showings import references, standing
from app.services.showings.standing import Holder, Link
from app.services.terminals import requests
from app.services.terminals.requests import Calling

_UNPAID: Final = ShowingPurpose.IDENTIFY
_PATIENCE_SECONDS: Final = 3  # somebody stands before the terminal

_log = logging.logger(__name__)


class CodeUsed(Conflict):
    """The code was redeemed already."""

    code = "code-used"


class CodeWithdrawn(Conflict):
    """The card, the device or the family link behind the code has changed; which is not a terminal's business."""

    code = "code-withdrawn"


class TerminalNotAllowed(Denied):
    """The terminal does not read codes for this purpose."""

    code = "terminal-not-allowed"


@dataclass(frozen=True, slots=True)
class ShownBy:
    """The owner who has shown a member's card: masked, and what the member is to them (GB/T 4761)."""

    name: str = field(repr=False)
    relationship: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose card was shown, as much of it as the purpose needs; `owner` has shown it, if not the holder.

    `redemption_id` is what a payment by it names; there is none for a code that nothing is paid by.
    """

    purpose: ShowingPurpose
    name: str = field(repr=False)
    number: str = field(repr=False)
    card_number: str = field(repr=False)
    level: int
    region: str
    physical_status: PhysicalCardStatus
    owner: ShownBy | None
    redeemed_at: datetime
    redemption_id: str | None


@dataclass(frozen=True, slots=True)
class _Refused:
    error: type[AppError]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: which terminal redeems which code."""

    terminal: Calling
    code: ReadCode
    purpose: ShowingPurpose


def _whole(value: str) -> str:
    return value


_Mask = Callable[[str], str]
_MASKS: Final[Mapping[ShowingPurpose, tuple[_Mask, _Mask, _Mask]]] = {  # of name, number, card number
    ShowingPurpose.IDENTIFY: (mask_name, mask_number, mask_card_number),
    ShowingPurpose.MEDICAL: (_whole, _whole, _whole),  # a hospital has to enter who it treats into its own records
    ShowingPurpose.PAY: (mask_name, mask_number, _whole),  # the card is what is charged
}


async def redeem(db: Database, register: Register, codes: PresentationCodes, terminal: Calling, text: str) -> Redeemed:
    """Redeem a code for a terminal whose request was verified; the very same request again is answered the same.

    A card that the register was not asked about lately (policy) it is asked about first; no connection is held
    meanwhile. Where it does not answer, what it said last counts, but nothing is paid.

    Raises:
        CodeNotValid, CodeExpired: it is none of ours, or its minute is over.
        RequestReplayed: the request's nonce was taken before.
        TerminalNotAllowed: the terminal does not read codes for this purpose.
        CodeUsed: it was redeemed before.
        CodeWithdrawn: the link has ended, is disputed or allows it no more; the device was removed; the card's status
            has changed.
        RegisterUnavailable: it is to be paid, and whether the card is in order cannot be asked.
    """
    code = codes.read(text)
    asked = _Asked(terminal, code, ShowingPurpose(code.purpose))
    outcome = await db.write(partial(_redeem_if_fresh, db, asked))
    if outcome is None:
        await _ask(db, register, asked)
        outcome = await db.write(partial(_redeem, db, asked))
    if isinstance(outcome, _Refused):
        raise outcome.error
    return outcome


async def _ask(db: Database, register: Register, asked: _Asked) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await following.refresh(db, register, asked.code.shown.holder_id)
    except (RegisterUnavailable, TimeoutError) as error:
        if asked.purpose is ShowingPurpose.PAY:
            raise RegisterUnavailable(retry_after_seconds=5) from error
        _log.warning("register_silent", person_id=str(asked.code.shown.holder_id))


async def _redeem_if_fresh(db: Database, asked: _Asked, writer: Writer) -> Redeemed | _Refused | None:
    """Redeem the code unless the register is to be asked first: then nothing happens, and the answer is None."""
    holder = await standing.find_holder(writer, asked.code.shown)
    if holder is not None and asked.purpose.value in asked.terminal.purposes:
        rules = (await policies.at_hand(db, holder.region)).card_checks
        minutes = rules.paid_minutes if asked.purpose is ShowingPurpose.PAY else rules.redeemed_minutes
        if holder.asked_at is None or holder.asked_at <= writer.now - timedelta(minutes=minutes):
            return None
    return await _redeem(db, asked, writer, holder)


async def _redeem(db: Database, asked: _Asked, writer: Writer, known: Holder | None = None) -> Redeemed | _Refused:
    if not await requests.take_nonce(writer, asked.terminal):
        return _Refused(requests.RequestReplayed)
    shown = asked.code.shown
    link = await standing.find_link(writer, shown)
    if asked.purpose.value not in asked.terminal.purposes:
        return await _refused(writer, asked, link, TerminalNotAllowed)
    holder = known or await standing.find_holder(writer, shown)
    if holder is None:
        return await _refused(writer, asked, link, CodeWithdrawn)
    rules = (await policies.at_hand(db, holder.region)).card_status
    if not await standing.is_standing(writer, rules, shown, asked.purpose, link, holder):
        return await _refused(writer, asked, link, CodeWithdrawn)
    redeemed_at = await _take(writer, asked)
    if redeemed_at is None:
        return await _refused(writer, asked, link, CodeUsed)
    if redeemed_at == writer.now:
        await _record(writer, asked, Action.CODE_REDEEMED, link)
        await _tell_member(writer, link, asked)
    return await _answer(writer, asked, link, holder, redeemed_at)


_TAKE: Final = """
INSERT INTO redemption (bucket, code_id, holder_id, link_id, purpose, terminal_id, nonce, redeemed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING redeemed_at
"""
_TAKEN = hot("SELECT terminal_id, nonce, redeemed_at FROM redemption WHERE bucket = $1 AND code_id = $2")


async def _take(writer: Writer, asked: _Asked) -> datetime | None:
    """Redeem the code; return when it was: now, or a moment ago by this very request. None: by another one."""
    shown, terminal = asked.code.shown, asked.terminal
    key = (bucket_of(shown.holder_id), asked.code.id)
    by = (terminal.id, terminal.nonce)
    if await writer.rows(_TAKE, *key, shown.holder_id, shown.link_id, asked.purpose.value, *by, writer.now):
        return writer.now
    (row,) = await writer.rows(_TAKEN, *key)
    redeemed_at: datetime = row["redeemed_at"]
    return redeemed_at if (row["terminal_id"], row["nonce"]) == by else None


async def _answer(writer: Writer, asked: _Asked, link: Link | None, holder: Holder, redeemed_at: datetime) -> Redeemed:
    holder_id = asked.code.shown.holder_id
    key = writer.vault.cached(holder.wrapped_key) or await writer.vault.unlock(holder.wrapped_key)
    mask_its_name, mask_its_number, mask_its_card = _MASKS[asked.purpose]
    owner = None
    if link is not None:
        owner_name = key.open("member_slot.owner_name", link.id, holder.owner_name)
        owner = ShownBy(mask_name(owner_name), link.relationship)
    return Redeemed(
        purpose=asked.purpose,
        name=mask_its_name(key.open("person.name", holder_id, holder.name)),
        number=mask_its_number(key.open("person.number", holder_id, holder.number)),
        card_number=mask_its_card(key.open("card.card_number", holder_id, holder.card_number)),
        level=holder.level,
        region=holder.region,
        physical_status=PhysicalCardStatus(holder.physical_status),
        owner=owner,
        redeemed_at=redeemed_at,
        redemption_id=None if asked.purpose is _UNPAID else references.write(holder_id, asked.code.id),
    )


async def _refused(writer: Writer, asked: _Asked, link: Link | None, error: type[AppError]) -> _Refused:
    await _record(writer, asked, Action.CODE_REFUSED, link, reason=error.code)
    return _Refused(error)


async def _record(writer: Writer, asked: _Asked, action: Action, link: Link | None, **facts: str) -> None:
    """Write down in the holder's home who has shown their card; which terminal has read it is among the facts."""
    holder_id = asked.code.shown.holder_id
    by_link = {} if link is None else {"link_id": str(link.id), "relationship": link.relationship}
    await audit.write(
        writer,
        action,
        home_id=holder_id,
        actor=Actor(ActorKind.PERSON, holder_id if link is None else link.owner_id),
        on_behalf_of=None if link is None else holder_id,
        facts={
            "purpose": asked.purpose.value,
            "terminal_id": str(asked.terminal.id),
            "office": asked.terminal.office_id,
            **by_link,
            **facts,
        },
    )


async def _tell_member(writer: Writer, link: Link | None, asked: _Asked) -> None:
    """Let a member hear that somebody else has shown their card."""
    if link is None:
        return
    member_id = asked.code.shown.holder_id
    await outbox.write(
        writer,
        outbox.Kind.TELL_PERSON,
        member_id,
        message="code_shown_member",
        link_id=str(link.id),
        owner_id=str(link.owner_id),
        member_id=str(member_id),
    )
