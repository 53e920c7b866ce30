"""What ends with an account: links on both sides, applications, checks, what waits for people, business under way."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select, update

from app.core.db import Session, bucket_of
from app.core.errors import Conflict
from app.models.card_orders import UNDER_WAY as ORDERS_UNDER_WAY
from app.models.card_orders import CardOrder
from app.models.cards import Card, UpgradeState
from app.models.cases import Case, CaseState
from app.models.certifications import Certification, CertificationState
from app.models.enrolments import OPEN, Enrolment
from app.models.faces import OPEN as OPEN_CHECKS
from app.models.faces import FaceCheck, FaceCheckState
from app.models.links import FamilyLink, LinkEnd, LinkState, MemberSlot
from app.models.outbox import OutboxEvent
from app.models.sharing import SharingEnd
from app.models.transfers import UNDER_WAY, Transfer
from app.ports.face import FaceReason
from app.services import agreements, links, outbox
from app.services.accounts.sessions import Caller
from app.services.cards import upgrades
from app.services.draws import settling
from app.services.enrolments import finishing, loading
from app.services.faces import ending
from app.services.notifications import telling
from app.services.people import homes
from app.services.sharing import ending as unsharing

_TO_AUTHORITIES: Final = (
    outbox.Kind.SUBMIT_TRANSFER.value,
    outbox.Kind.WITHDRAW_TRANSFER.value,
    outbox.Kind.SUBMIT_CARD_ORDER.value,
    outbox.Kind.REPORT_CERTIFICATION.value,
)
_HELD: Final = (LinkState.RESERVED, LinkState.ACTIVE, LinkState.FROZEN)


class FilingOnItsWay(Conflict):
    """Something of the caller's, or a payment, is just leaving for an authority, which takes their name and number."""

    code = "filing-on-its-way"


@dataclass(frozen=True, slots=True)
class Effects:
    """What closing does: how many of each thing end."""

    links_as_owner: int
    links_as_member: int
    sharing: int
    enrolments: int
    cards: int
    filings: int

    @property
    def version(self) -> int:
        """A number that is another when what will be done is another."""
        said = orjson.dumps(astuple(self))
        return int.from_bytes(hashlib.sha256(said).digest()[:4]) % 10**9


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose account it is, and with whom their links and their sharing are."""

    person_id: UUID | None
    others: frozenset[UUID]


async def of(session: Session, caller: Caller) -> Effects:
    """Say what closing the caller's account ends."""
    return await effects_of(session, caller, await _person(session, caller))


async def whose(session: Session, caller: Caller) -> Whose:
    """Return whose account it is, as things stand now."""
    person_id = await _person(session, caller)
    if person_id is None:
        return Whose(None, frozenset())
    bucket = bucket_of(person_id)
    members = await session.scalars(
        select(FamilyLink.member_id).where(
            FamilyLink.bucket == bucket, FamilyLink.owner_id == person_id, FamilyLink.state.in_(_HELD)
        )
    )
    owners = await session.scalars(
        select(MemberSlot.owner_id).where(MemberSlot.bucket == bucket, MemberSlot.member_id == person_id)
    )
    return Whose(person_id, frozenset({*members, *owners}) | await unsharing.partners(session, person_id))


async def everything(session: Session, caller: Caller, whose: Whose) -> None:
    """End all of it; every home is locked.

    Raises:
        FilingOnItsWay: in a minute it has arrived.
    """
    if whose.person_id is not None:
        await _require_nothing_on_its_way(session, whose.person_id)
        await _end_links(session, caller, whose.person_id, whose.others)
    await _cancel_enrolments(session, caller, whose.person_id)
    await _end_the_rest(session, caller, frozenset(each for each in (caller.account_id, whose.person_id) if each))
    if whose.person_id is not None:
        await _end_business(session, whose.person_id)


async def _person(session: Session, caller: Caller) -> UUID | None:
    """Return the person whose face this account has shown; another account may have shown it since."""
    person_id = caller.person_id if caller.is_proven else None
    if person_id is None or await homes.holder(session, person_id) != caller.account_id:
        return None
    return person_id


async def effects_of(session: Session, caller: Caller, person_id: UUID | None) -> Effects:
    open_enrolments = len(await _open_enrolments(session, caller, person_id))
    if person_id is None:
        return Effects(0, 0, 0, open_enrolments, 0, 0)
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
    orders = select(func.count()).where(
        CardOrder.bucket == bucket, CardOrder.person_id == person_id, CardOrder.state.in_(sorted(ORDERS_UNDER_WAY))
    )
    counts = [await session.scalar(each) or 0 for each in (as_owner, as_member, card, filings, orders)]
    shared = len(await unsharing.of_person(session, person_id))
    return Effects(counts[0], counts[1], shared, open_enrolments, counts[2], counts[3] + counts[4])


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


async def _end_links(session: Session, caller: Caller, person_id: UUID, others: frozenset[UUID]) -> None:
    """End every link and all sharing on both sides; those who are told of it are told with the name that goes now."""
    bucket = bucket_of(person_id)
    as_owner = await session.scalars(
        select(FamilyLink.id).where(
            FamilyLink.bucket == bucket,
            FamilyLink.owner_id == person_id,
            FamilyLink.state.in_((LinkState.ACTIVE, LinkState.FROZEN)),
        )
    )
    for link_id in as_owner.all():
        await links.end(session, link_id, LinkEnd.BY_OWNER, caller.actor)
    as_member = await session.scalars(
        select(MemberSlot.link_id).where(MemberSlot.bucket == bucket, MemberSlot.member_id == person_id)
    )
    for link_id in as_member.all():
        await links.end(session, link_id, LinkEnd.BY_MEMBER, caller.actor)
    for binding_id in await unsharing.of_person(session, person_id):
        await unsharing.end(session, binding_id, SharingEnd.ACCOUNT_CLOSED, caller.actor)
    for other in sorted(others):
        await telling.write_down(session, other, person_id)


async def _cancel_enrolments(session: Session, caller: Caller, person_id: UUID | None) -> None:
    for enrolment_id in await _open_enrolments(session, caller, person_id):
        enrolment = await loading.locked(session, enrolment_id)
        if enrolment is not None and enrolment.is_open:
            await finishing.cancel(session, enrolment, caller.actor)


async def _require_nothing_on_its_way(session: Session, person_id: UUID) -> None:
    waiting = await session.scalar(
        select(OutboxEvent.id)
        .where(
            OutboxEvent.bucket == bucket_of(person_id),
            OutboxEvent.home_id == person_id,
            OutboxEvent.kind.in_(_TO_AUTHORITIES),
            OutboxEvent.done_at.is_(None),
        )
        .limit(1)
    )
    if waiting is not None or await settling.is_waiting(session, person_id):
        raise FilingOnItsWay


async def _end_business(session: Session, person_id: UUID) -> None:
    """End what the person has begun and what stays as a record: certifications, payment by the card."""
    rows = await session.scalars(
        select(Certification)
        .where(
            Certification.bucket == bucket_of(person_id),
            Certification.person_id == person_id,
            Certification.state.in_((CertificationState.OPEN, CertificationState.IN_REVIEW)),
        )
        .with_for_update()
    )
    for certification in rows.all():
        is_open = certification.state is CertificationState.OPEN
        certification.advance(CertificationState.CANCELLED if is_open else CertificationState.NOT_NEEDED, session.now)
    for upgrade in await upgrades.in_force(session, person_id):
        upgrade.advance(UpgradeState.WITHDRAWN, session.now)
    await agreements.end_all(session, person_id)


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
