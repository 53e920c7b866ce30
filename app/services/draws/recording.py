"""Writes draws down in the homes they concern, without amounts, and tells both sides where one pays for the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.audit import ActorKind
from app.models.draws import Draw, DrawPart
from app.models.showings import ShowingPurpose
from app.services import audit, outbox
from app.services.audit import Action, Actor


@dataclass(frozen=True, slots=True)
class Spending:
    """Who spends something at which terminal, by which link; `shown_by` is the owner who has shown a member's card."""

    spender_id: UUID
    link_id: UUID | None
    purpose: ShowingPurpose
    terminal_id: UUID
    office_id: str
    shown_by: UUID | None

    @property
    def actor(self) -> Actor:
        """Who spends it."""
        return Actor(ActorKind.PERSON, self.shown_by or self.spender_id)


def spending_of(draw: Draw) -> Spending:
    """Return the same of a draw."""
    return Spending(draw.spender_id, draw.link_id, draw.purpose, draw.terminal_id, draw.office_id, draw.shown_by)


async def refused(session: Session, spending: Spending, reason: str) -> None:
    """Write down that nothing was drawn, in the holder's home, which is locked."""
    await _record_at_spender(session, Action.DRAW_REFUSED, spending, reason=reason)


async def drawn(session: Session, draw: Draw, parts: Iterable[DrawPart]) -> None:
    """Write a draw down with the spender and with each who has paid for them, and tell both of the latter."""
    spending = spending_of(draw)
    payers = {part.payer_id for part in parts if part.binding_id is not None}
    await _record_at_spender(session, Action.DRAW_MADE, spending, draw_id=str(draw.id))
    await _record_at_payers(session, Action.DRAW_MADE, payers, spending.actor, draw.spender_id, draw.id)
    _tell(session, "sharing_spent", payers, draw.spender_id, draw.id)


async def given_back(session: Session, draw: Draw, parts: Iterable[DrawPart]) -> None:
    """Write down and tell that a draw was given back: by nobody but the office."""
    sharers = {part.payer_id for part in parts if part.binding_id is not None}
    await audit.record(
        session,
        Action.DRAW_REVERSED,
        home_id=draw.spender_id,
        actor=audit.SYSTEM,
        facts={"draw_id": str(draw.id), "office": draw.office_id},
    )
    await _record_at_payers(session, Action.DRAW_REVERSED, sharers, audit.SYSTEM, draw.spender_id, draw.id)
    _tell(session, "sharing_returned", sharers, draw.spender_id, draw.id)


async def _record_at_spender(session: Session, action: Action, spending: Spending, **facts: str) -> None:
    by_link = {} if spending.link_id is None else {"link_id": str(spending.link_id)}
    await audit.record(
        session,
        action,
        home_id=spending.spender_id,
        actor=spending.actor,
        on_behalf_of=None if spending.shown_by is None else spending.spender_id,
        facts={
            "purpose": spending.purpose.value,
            "terminal_id": str(spending.terminal_id),
            "office": spending.office_id,
            **by_link,
            **facts,
        },
    )


async def _record_at_payers(
    session: Session, action: Action, payers: Iterable[UUID], actor: Actor, spender_id: UUID, draw_id: UUID
) -> None:
    """Write it down where somebody pays for another: that they do, and not where."""
    for payer_id in sorted(payers, key=lambda payer_id: (bucket_of(payer_id), payer_id)):
        await audit.record(
            session, action, home_id=payer_id, actor=actor, on_behalf_of=spender_id, facts={"draw_id": str(draw_id)}
        )


def _tell(session: Session, message: str, payers: Iterable[UUID], spender_id: UUID, draw_id: UUID) -> None:
    for payer_id in sorted(payers):
        for home_id, suffix in ((payer_id, "owner"), (spender_id, "member")):
            outbox.tell(
                session,
                outbox.Kind.TELL_PERSON,
                home_id,
                message=f"{message}_{suffix}",
                draw_id=str(draw_id),
                owner_id=str(payer_id),
                member_id=str(spender_id),
            )
