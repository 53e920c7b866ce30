"""Where a holder's e-card is used: each channel with an issue number of its own, left and come back to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.accounts import SessionEnd, SignedIn
from app.models.cards import Card, CardIssue
from app.models.channels import CardEvent
from app.services import audit, authority, outbox
from app.services.accounts import ending, sessions, ties
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import allowing, announcing, issuing
from app.services.cards.allowing import Use
from app.services.cards.reading import OwnCardNeeded
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class Place:
    """A channel in which an e-card is used; `last_used_at` is of its holder's sessions there, if there were any."""

    channel: str
    issue_number: str
    since: datetime
    last_used_at: datetime | None
    is_here: bool


async def every(session: Session, caller: Caller) -> list[Place]:
    """Return the channels in which the caller's e-card is used, the first one first.

    Raises:
        OwnCardNeeded: there is no card.
    """
    person_id = await _holder(session, caller)
    used = await _last_uses(session, caller, person_id)
    return [
        Place(
            issue.channel,
            issue.issue_number,
            issue.issued_at,
            # Sessions may be older than the issue, which was a use.
            max(used[issue.channel], issue.issued_at) if issue.channel in used else None,
            issue.channel == caller.channel,
        )
        for issue in await _issues(session, person_id)
    ]


async def leave(session: Session, caller: Caller, channel: str) -> None:
    """Use the card no longer in one channel: its issue number and the sessions there end; left already is as good.

    Whoever signed in there as the channel's user is not known there any more.

    Raises:
        OwnCardNeeded: there is no card.
    """
    person_id = await _locked_holder(session, caller)
    known = await _last_uses(session, caller, person_id)
    issues = [issue for issue in await _issues(session, person_id) if issue.channel == channel]
    if issues or channel in known or await ties.is_tied(session, caller.account_id, channel):
        await _leave(session, caller, person_id, issues, channel)


async def leave_all(session: Session, caller: Caller) -> None:
    """Use the card in no channel any more: every issue number and every session ends. The card itself stays.

    Raises:
        OwnCardNeeded: there is no card.
    """
    person_id = await _locked_holder(session, caller)
    await _leave(session, caller, person_id, await _issues(session, person_id), None)


async def come_back(session: Session, caller: Caller, channel: str) -> Place:
    """Use the card in the caller's channel, under a new issue number if it has none there.

    Raises:
        NotFound: it is not the channel that the caller is in.
        SessionEnded: they have left it meanwhile.
        OwnCardNeeded: there is no card.
        One of `allowing.REFUSALS`: the physical card's status does not allow it.
    """
    person_id = await _locked_holder(session, caller)
    await sessions.living(session, caller.session_id)  # who leaves at the same moment has left
    if channel != caller.channel:
        raise NotFound
    await allowing.require(session, person_id, Use.VIEW, to_holder=True)
    if await issuing.add_channel(session, person_id, channel):
        await _record(session, caller, person_id, Action.CHANNEL_JOINED, channel)
    return next(place for place in await every(session, caller) if place.is_here)


async def _leave(
    session: Session, caller: Caller, person_id: UUID, issues: Sequence[CardIssue], channel: str | None
) -> None:
    for issue in issues:
        await announcing.announce(session, person_id, CardEvent.LEFT, channel=issue.channel)
        await session.delete(issue)
        await _record(session, caller, person_id, Action.CHANNEL_LEFT, issue.channel)
    await ties.untie(session, caller.account_id, person_id, caller.actor, channel=channel)
    await ending.end_all(session, person_id, caller.account_id, SessionEnd.LEFT_CHANNEL, caller.actor, channel=channel)
    if issues:
        message = "card_channels_left" if channel is None else "card_channel_left"
        outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message=message)


async def _record(session: Session, caller: Caller, person_id: UUID, action: Action, channel: str) -> None:
    await audit.record(session, action, home_id=person_id, actor=caller.actor, facts={"channel": channel})


async def _holder(session: Session, caller: Caller) -> UUID:
    try:
        person_id = await authority.person_still(session, caller)
    except NotFound:
        raise OwnCardNeeded from None
    if await session.get(Card, (bucket_of(person_id), person_id)) is None:
        raise OwnCardNeeded
    return person_id


async def _locked_holder(session: Session, caller: Caller) -> UUID:
    await homes.lock(session, {caller.account_id, caller.home_id})
    return await _holder(session, caller)


async def _issues(session: Session, person_id: UUID) -> Sequence[CardIssue]:
    rows = await session.scalars(
        select(CardIssue)
        .where(CardIssue.bucket == bucket_of(person_id), CardIssue.person_id == person_id)
        .order_by(CardIssue.issued_at, CardIssue.channel)
    )
    return rows.all()


async def _last_uses(session: Session, caller: Caller, person_id: UUID) -> dict[str, datetime]:
    rows = await session.execute(
        select(SignedIn.channel, func.max(SignedIn.last_used_at).label("last"))
        .where(
            SignedIn.bucket == bucket_of(person_id),
            SignedIn.home_id == person_id,
            SignedIn.account_id == caller.account_id,
        )
        .group_by(SignedIn.channel)
    )
    return {row.channel: row.last for row in rows}
