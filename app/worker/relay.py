"""Tells the rest of the house, and of the world, what stands in the outboxes: one teller for each kind of event."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final
from uuid import UUID

from app.core import logging
from app.core.db import Database
from app.models.links import LinkEnd
from app.models.sharing import SharingEnd
from app.ports import Ports
from app.services import outbox, outcomes
from app.services.card_orders import submitting as ordering
from app.services.card_orders import tracking as making
from app.services.certifications import reporting
from app.services.channels import hearing
from app.services.draws import reversing, settling
from app.services.draws.funds import Patience
from app.services.enrolments import reading
from app.services.family import leaving, passing
from app.services.notifications import telling
from app.services.outbox import Kind, Taken
from app.services.privacy import erasing
from app.services.reviews import presorting
from app.services.sharing import codes
from app.services.sharing import ending as unsharing
from app.services.transfers import submitting, withdrawing

MOST: Final = 40
"""Events that are told in one go."""
_TELLING_SECONDS: Final = outbox.LEASE.total_seconds() - 15  # over before somebody else may take the event
_STUCK_AFTER: Final = 10  # attempts: after three quarters of an hour somebody should look
_AT_ONCE: Final = 4

_log = logging.logger(__name__)

Teller = Callable[[Taken], Awaitable[None]]


async def tell_due(db: Database, ports: Ports) -> int:
    """Tell what is in the outboxes and due; return how much that was."""
    tellers: Mapping[Kind, Teller] = {
        Kind.TELL_PERSON: partial(telling.tell, db, ports),
        Kind.SLOT_FREED: partial(_free_slot, db, ports),
        Kind.FACE_GIVEN_UP: partial(_give_up_face, db, ports),
        Kind.READ_DOCUMENT: partial(_read_document, db, ports),
        Kind.PRESORT_CASE: partial(_presort_case, db, ports),
        Kind.SEND_LINK_ENDING_CODE: partial(_send_link_ending_code, db, ports),
        Kind.SEND_SHARING_CODE: partial(_send_sharing_code, db, ports),
        Kind.HOME_ERASED: partial(_forget_elsewhere, db),
        Kind.TELL_CHANNEL: partial(hearing.tell, db, ports.hooks),
        Kind.PERSON_CHANGED: partial(_person_changed, db),
        Kind.SUBMIT_CARD_ORDER: partial(_submit_card_order, db, ports),
        Kind.CARD_COLLECTED: partial(_card_collected, db, ports),
        Kind.SUBMIT_TRANSFER: partial(_submit_transfer, db, ports),
        Kind.WITHDRAW_TRANSFER: partial(_withdraw_transfer, db, ports),
        Kind.REPORT_CERTIFICATION: partial(_report_certification, db, ports),
        Kind.SETTLE_DRAW: partial(_settle_draw, db, ports),
        Kind.GIVE_DRAW_BACK: partial(_give_draw_back, db, ports),
    }
    free = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(event_id: UUID) -> None:
        async with free:
            await _tell(db, tellers, event_id)

    due = await db.run(lambda session: outbox.due(session, most=MOST))
    for outcome in await asyncio.gather(*map(in_turn, due), return_exceptions=True):
        if outcome is not None:
            raise outcome
    return len(due)


async def _tell(db: Database, tellers: Mapping[Kind, Teller], event_id: UUID) -> None:
    event = await db.run(lambda session: outbox.take(session, event_id))
    if event is None:
        return
    logging.begin_request(f"outbox-{event.id}")  # what is audited now leads back to the event
    try:
        async with asyncio.timeout(_TELLING_SECONDS):
            await tellers[Kind(event.kind)](event)
    except Exception as error:  # whatever it was, the event is told later, and the others now
        write = _log.error if event.attempts >= _STUCK_AFTER else _log.warning
        write("event_not_told", event_id=str(event.id), kind=event.kind, attempts=event.attempts, exc_info=error)
        await db.run(lambda session: outbox.put_off(session, event))
    else:
        await db.run(lambda session: outbox.done(session, event.id))


async def _free_slot(db: Database, ports: Ports, event: Taken) -> None:
    await outcomes.slot_freed(db, ports, event.home_id)


async def _give_up_face(db: Database, ports: Ports, event: Taken) -> None:
    await outcomes.given_up(db, ports, UUID(event.facts["check_id"]))


async def _read_document(db: Database, ports: Ports, event: Taken) -> None:
    await reading.read(db, ports, UUID(event.facts["document_id"]))


async def _presort_case(db: Database, ports: Ports, event: Taken) -> None:
    await presorting.presort(db, ports, UUID(event.facts["case_id"]))


async def _send_link_ending_code(db: Database, ports: Ports, event: Taken) -> None:
    await leaving.send_code(db, ports, UUID(event.facts["ending_id"]))


async def _send_sharing_code(db: Database, ports: Ports, event: Taken) -> None:
    await codes.send(db, ports, UUID(event.facts["binding_id"]), event.facts["seed"])


async def _person_changed(db: Database, event: Taken) -> None:
    """End the links of somebody who has died, or whose card was cancelled; a death ends what they share too."""
    because = {"died": LinkEnd.BY_DEATH, "card_cancelled": LinkEnd.BY_CARD_CANCELLED}[event.facts["change"]]
    await passing.end_all(db, event.home_id, because)
    if because is LinkEnd.BY_DEATH:
        await unsharing.end_all(db, event.home_id, SharingEnd.BY_DEATH)


async def _submit_card_order(db: Database, ports: Ports, event: Taken) -> None:
    await ordering.carry(db, ports, UUID(event.facts["order_id"]))


async def _card_collected(db: Database, ports: Ports, event: Taken) -> None:
    await making.collected(db, ports, event.home_id)


async def _submit_transfer(db: Database, ports: Ports, event: Taken) -> None:
    await submitting.carry(db, ports, UUID(event.facts["transfer_id"]))


async def _withdraw_transfer(db: Database, ports: Ports, event: Taken) -> None:
    await withdrawing.carry(db, ports, UUID(event.facts["transfer_id"]))


async def _report_certification(db: Database, ports: Ports, event: Taken) -> None:
    await reporting.report(db, ports.certifications, UUID(event.facts["certification_id"]))


async def _settle_draw(db: Database, ports: Ports, event: Taken) -> None:
    await settling.settle(db, ports.medical_funds, UUID(event.facts["draw_id"]), Patience.WORKER)


async def _give_draw_back(db: Database, ports: Ports, event: Taken) -> None:
    await reversing.go_on(db, ports.medical_funds, UUID(event.facts["draw_id"]), Patience.WORKER)


async def _forget_elsewhere(db: Database, event: Taken) -> None:
    await erasing.afterwards(db, event.home_id, UUID(event.facts["person_id"]))
