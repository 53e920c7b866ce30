"""Tells the authority who was certified: until it has heard, under an order that stays, and counted once."""

from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.models.certifications import Certification, CertificationState
from app.ports.certifications import Certifications, CertificationsUnavailable, Receipt, Report
from app.services import audit, policies
from app.services.audit import Action
from app.services.certifications import ending, reminding, rows, stages, turning
from app.services.people import homes


async def report(db: Database, port: Certifications, certification_id: UUID) -> None:
    """Tell the authority of a certification; told already, nothing is. No connection is held while it thinks.

    Raises:
        CertificationsUnavailable: it does not answer, or not about this; tell it again.
    """
    told = await db.run(partial(_to_tell, certification_id))
    if told is None:
        return
    receipt = await port.report(told)
    await db.run(partial(_record, receipt, told))


async def _to_tell(certification_id: UUID, session: Session) -> Report | None:
    certification = await rows.certification(session, certification_id)
    if certification.state is not CertificationState.REPORTING or certification.certified_at is None:
        return None
    number = (await homes.person(session, certification.person_id)).number
    return Report(certification.id, number, certification.way, certification.certified_at)


async def _record(receipt: Receipt, told: Report, session: Session) -> None:
    seen = await rows.seen(session, told.order)
    await homes.lock(session, {seen.person_id})
    certification = await rows.certification(session, told.order)
    if certification.state is not CertificationState.REPORTING:
        return
    if receipt.refusal is not None:
        certification.reason, certification.reported_at = receipt.refusal.value, session.now
        await ending.reject(session, certification, audit.SYSTEM)
        (await rows.locked(session, certification.person_id)).look_at = session.now
        return
    await _pass(session, certification, receipt)


async def _pass(session: Session, certification: Certification, receipt: Receipt) -> None:
    """Let a certification pass: we and the authority agree.

    Raises:
        CertificationsUnavailable: it accepts what would be over already, or never; that is no answer.
    """
    rules = (await policies.current(session)).certifications
    assert certification.certified_on is not None
    until, regular = stages.due_on(receipt.entitlement, rules), stages.valid_until(certification.certified_on, rules)
    if until is None or not certification.certified_on < until <= stages.valid_until(regular, rules):
        raise CertificationsUnavailable
    certification.advance(CertificationState.PASSED, session.now)
    certification.valid_until, certification.reported_at = until, session.now
    await session.flush()
    recipient = await rows.locked(session, certification.person_id)
    turn = await turning.by_passing(session, recipient, receipt.entitlement)
    await ending.no_longer_looked_at(session, certification.person_id)
    await ending.record(session, Action.CERTIFICATION_ENDED, certification, audit.SYSTEM)
    await ending.tell(session, certification, "certification_passed")
    await reminding.tell_turn(session, recipient, turn)
