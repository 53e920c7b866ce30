"""Drafts of transfers: what is to move from where to where, and what stands in its way."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import TooMany
from app.models.transfers import Transfer, TransferState
from app.ports.transfers import TransferInsurance, Transfers
from app.services import audit, authority, policies, throttles
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.filings import leaving
from app.services.links import Service
from app.services.throttles import Counter, Limit
from app.services.transfers import checks, rows, viewing
from app.services.transfers.checks import Places
from app.services.transfers.viewing import TransferView

_DAY: Final = timedelta(days=1)

Remember = Callable[[Session, TransferView], Awaitable[None]]


class TransfersUsedUp(TooMany):
    """Enough transfers were begun for this person today."""

    code = "transfers-used-up"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to move: an insurance, from one region to another (GB/T 2260)."""

    insurance: TransferInsurance
    from_region: str
    to_region: str


async def draft(
    db: Database, port: Transfers, caller: Caller, holder: UUID | None, wanted: Wanted, remember: Remember
) -> TransferView:
    """Write down what is to move, and look what stands in its way; nothing leaves yet.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        What `cards.allowing.require` raises: the card as it stands files nothing.
        TransfersUsedUp: enough were begun today.
        TransfersUnavailable: the places cannot be asked about.
    """

    async def may(session: Session, acting: Acting) -> None:
        await allowing.require(session, acting.person_id, Use.FILE, to_holder=acting.link is None)
        await _require_turn(session, acting.person_id)

    await authority.act(db, caller, holder, Service.FILE, may)
    places = await checks.ask_places(port, wanted.from_region, wanted.to_region)

    async def work(session: Session, acting: Acting) -> TransferView:
        await allowing.require(session, acting.person_id, Use.FILE, to_holder=acting.link is None)
        transfer = _drafted(session, acting, wanted, places)
        failing = await checks.failing(
            session, acting.person_id, wanted.insurance, (wanted.from_region, wanted.to_region), places
        )
        transfer.obstacles = " ".join(failing)
        session.add(transfer)
        await session.flush()
        await audit.record(
            session,
            Action.TRANSFER_DRAFTED,
            home_id=acting.person_id,
            actor=acting.actor,
            on_behalf_of=acting.on_behalf_of,
            facts=rows.facts(transfer),
        )
        view = await viewing.view(session, transfer)
        await remember(session, view)
        return view

    return await authority.act(db, caller, holder, Service.FILE, work)


def _drafted(session: Session, acting: Acting, wanted: Wanted, places: Places) -> Transfer:
    bucket = bucket_of(acting.person_id)
    transfer = Transfer(
        bucket=bucket,
        id=new_id(bucket),
        person_id=acting.person_id,
        insurance=wanted.insurance,
        from_region=wanted.from_region,
        from_name=None if places.old is None else places.old.name,
        to_region=wanted.to_region,
        to_name=None if places.new is None else places.new.name,
        state=TransferState.DRAFT,
        obstacles="",
        created_at=session.now,
        failures=0,
        steps=0,
    )
    leaving.sign(transfer, acting)
    return transfer


async def _require_turn(session: Session, person_id: UUID) -> None:
    rules = (await policies.current(session)).transfers
    limit = Limit("transfer-begun", rules.begun_a_day, _DAY)
    await throttles.require(session, Counter(limit, bucket_of(person_id), person_id.bytes), TransfersUsedUp)
