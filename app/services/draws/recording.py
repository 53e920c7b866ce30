"""Writes draws down in the homes they concern, without amounts, and tells both sides where one pays for the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.audit import ActorKind
from app.models.showings import Redemption
from app.services import audit, outbox
from app.services.audit import Action, Actor
from app.services.draws.splitting import Split
from app.services.terminals.requests import Calling


@dataclass(frozen=True, slots=True)
class Spending:
    """By which code something is spent at which terminal; `shown_by` is the owner who has shown a member's card."""

    terminal: Calling
    redemption: Redemption
    shown_by: UUID | None

    @property
    def actor(self) -> Actor:
        """Who spends it."""
        return Actor(ActorKind.PERSON, self.shown_by or self.redemption.holder_id)


async def refused(session: Session, spending: Spending, reason: str) -> None:
    """Write down that nothing was drawn, in the holder's home, which is locked."""
    await _record_at_spender(session, Action.DRAW_REFUSED, spending, reason=reason)


async def drawn(session: Session, spending: Spending, draw_id: UUID, split: Split) -> None:
    """Write a draw down with the spender and with each who has paid for them, and tell both of the latter."""
    spender_id = spending.redemption.holder_id
    payers = {part.source.payer_id for part in split.giving if part.source.binding_id is not None}
    await _record_at_spender(session, Action.DRAW_MADE, spending, draw_id=str(draw_id))
    await _record_at_payers(session, Action.DRAW_MADE, payers, spending.actor, spender_id, draw_id)
    _tell(session, "sharing_spent", payers, spender_id, draw_id)


async def given_back(session: Session, spender_id: UUID, payers: Iterable[UUID], draw_id: UUID, office: str) -> None:
    """Write down and tell that a draw was given back: by nobody but the office."""
    sharers = set(payers) - {spender_id}
    await audit.record(
        session,
        Action.DRAW_REVERSED,
        home_id=spender_id,
        actor=audit.SYSTEM,
        facts={"draw_id": str(draw_id), "office": office},
    )
    await _record_at_payers(session, Action.DRAW_REVERSED, sharers, audit.SYSTEM, spender_id, draw_id)
    _tell(session, "sharing_returned", sharers, spender_id, draw_id)


async def _record_at_spender(session: Session, action: Action, spending: Spending, **facts: str) -> None:
    redemption = spending.redemption
    by_link = {} if redemption.link_id is None else {"link_id": str(redemption.link_id)}
    await audit.record(
        session,
        action,
        home_id=redemption.holder_id,
        actor=spending.actor,
        on_behalf_of=None if spending.shown_by is None else redemption.holder_id,
        facts={
            "purpose": redemption.purpose.value,
            "terminal_id": str(spending.terminal.id),
            "office": spending.terminal.office_id,
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
