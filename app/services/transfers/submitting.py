"""Hands transfers in, once: the person submits, and a worker carries it to the places for as long as that takes.

Between the two lies the outbox. `left_at` is written before the places are asked for the first time: until then a link
that has ended or is disputed stops it, and from then on it goes on for the person. Our id is the order number, so
whatever is sent again, after a lost answer or a crash, is the same order.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import NextStep
from app.models.transfers import Transfer, TransferState, TransferStepNotAllowed
from app.ports import Ports
from app.ports.transfers import TransferNews, TransferOrder, Transfers
from app.services import audit, authority, outbox
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.filings import finding, leaving, telling
from app.services.links import Service
from app.services.people import homes
from app.services.transfers import checks, rows, tracking, viewing
from app.services.transfers.checks import REFUSALS, Check, Places
from app.services.transfers.viewing import TransferView

Remember = Callable[[Session, TransferView], Awaitable[None]]


async def submit(
    db: Database, port: Transfers, caller: Caller, holder: UUID | None, transfer_id: UUID, remember: Remember
) -> TransferView:
    """Hand a draft in; it leaves a moment later. What was checked for the draft is checked again.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        TransferStepNotAllowed: it is no draft any more.
        What `cards.allowing.require` raises: the card as it stands files nothing.
        TransferJoinsAnew, TransferSamePlace, TransferOldPlaceOffline, TransferNewPlaceOffline, TransferUnderWay.
        TransfersUnavailable: the places cannot be asked about.
    """

    async def regions(session: Session, acting: Acting) -> tuple[str, str]:
        transfer = await finding.of_person(session, Transfer, acting.person_id, transfer_id)
        return transfer.from_region, transfer.to_region

    places = await checks.ask_places(port, *await authority.act(db, caller, holder, Service.FILE, regions))

    async def work(session: Session, acting: Acting) -> TransferView:
        await finding.of_person(session, Transfer, acting.person_id, transfer_id)
        transfer = await finding.locked(session, Transfer, transfer_id)
        if transfer.state is not TransferState.DRAFT:
            raise TransferStepNotAllowed
        await allowing.require(session, acting.person_id, Use.FILE, to_holder=acting.link is None)
        await _require_nothing_in_the_way(session, transfer, places, f"{acting.address}/transfers")
        await _submit(session, acting, transfer)
        view = await viewing.view(session, transfer)
        await remember(session, view)
        return view

    return await authority.act(db, caller, holder, Service.FILE, work)


async def carry(db: Database, ports: Ports, transfer_id: UUID) -> None:
    """Carry what was submitted to the places; done again, it is the same order. No connection is held meanwhile.

    Raises:
        TransfersUnavailable: it is not known whether they have it; carry it again.
    """
    order = await db.run(partial(_leave, transfer_id))
    if order is not None:
        refusal = await ports.transfers.submit(order)
        await db.run(partial(_arrived, transfer_id, refusal))


async def _require_nothing_in_the_way(session: Session, transfer: Transfer, places: Places, here: str) -> None:
    regions = (transfer.from_region, transfer.to_region)
    failing = await checks.failing(session, transfer.person_id, transfer.insurance, regions, places)
    if not failing:
        return
    there = await rows.under_way(session, transfer.person_id, transfer.insurance)
    raise REFUSALS[failing[0]](
        next_step=NextStep("see-transfer", f"{here}/{there}") if failing[0] is Check.NONE_UNDER_WAY else None
    )


async def _submit(session: Session, acting: Acting, transfer: Transfer) -> None:
    leaving.sign(transfer, acting)
    transfer.obstacles = ""
    await rows.step(session, transfer, TransferState.SUBMITTED)
    await audit.record(
        session,
        Action.TRANSFER_SUBMITTED,
        home_id=acting.person_id,
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        facts=rows.facts(transfer),
    )
    telling.tell_filed(session, transfer, "transfer_filed_member")
    outbox.tell(session, outbox.Kind.SUBMIT_TRANSFER, acting.person_id, transfer_id=str(transfer.id))


async def _leave(transfer_id: UUID, session: Session) -> TransferOrder | None:
    """Let a submitted transfer leave, unless it was taken back, or link or card allow it no more."""
    transfer = await finding.locked_with_homes(session, Transfer, transfer_id)
    if transfer.state is not TransferState.SUBMITTED or transfer.accepted_at is not None:
        return None
    if transfer.left_at is None:
        if not await leaving.may_leave(session, transfer, Use.FILE):
            await rows.step(session, transfer, TransferState.NOT_SUBMITTED)
            await telling.tell(session, transfer, "transfer_not_submitted")
            return None
        transfer.left_at = session.now
        await audit.record(
            session,
            Action.TRANSFER_LEFT,
            home_id=transfer.person_id,
            actor=audit.SYSTEM,
            facts=rows.facts(transfer),
        )
    person = await homes.person(session, transfer.person_id)
    return TransferOrder(
        id=transfer.id,
        name=person.name,
        number=person.number,
        insurance=transfer.insurance,
        from_region=transfer.from_region,
        to_region=transfer.to_region,
    )


async def _arrived(transfer_id: UUID, refusal: TransferNews | None, session: Session) -> None:
    transfer = await finding.locked_with_homes(session, Transfer, transfer_id)
    if transfer.state is not TransferState.SUBMITTED or transfer.accepted_at is not None:
        return
    transfer.accepted_at = transfer.heard_at = session.now
    if refusal is None:
        await tracking.look_later(session, transfer)
        return
    await rows.step(session, transfer, TransferState.REJECTED, refusal)
    await telling.tell(session, transfer, "transfer_rejected")
