"""What a holder and their family see of a certification: where it stands, until when, and what can be done now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session
from app.models.certifications import Certification, CertificationState, Recipient, Standing
from app.models.faces import FaceCheck
from app.ports.certifications import Benefit, Certifications, CertificationsUnavailable, Way
from app.services import authority, notices, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.certifications import asking, learning, rows, stages, turning
from app.services.faces import checks
from app.services.people import homes
from app.services.people.ages import age_on

_OTHERS = (Way.COUNTER, Way.HOME_VISIT)


@dataclass(frozen=True, slots=True)
class CertifyStep:
    """Something that can be done now; `way` is to be said with it, `notice` to be read before."""

    step: str
    method: str
    href: str
    way: Way | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class CertificationView:
    """One certification, and its face check where it has one that this caller may go on with."""

    certification: Certification
    check: FaceCheck | None = field(repr=False)
    next: tuple[CertifyStep, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Where somebody stands: what the authority said at `as_of`, and a page of certifications, the newest first.

    It is not current where the authority did not answer just now.
    """

    state: Standing
    benefits: tuple[Benefit, ...] = field(repr=False)
    certified_on: date | None
    way: Way | None
    due_on: date | None
    as_of: datetime
    is_current: bool
    next: tuple[CertifyStep, ...]
    items: Sequence[Certification]


async def overview(
    db: Database,
    port: Certifications,
    caller: Caller,
    holder: UUID | None,
    *,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> Overview:
    """Return where a holder stands, asking the authority when what it said is older than some minutes (policy).

    Args:
        before: when the last certification that is known was asked for, and its id.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.look`.
        CertificationsUnavailable: the authority does not answer, and never has about this person.
    """
    look = partial(authority.look, db, caller, holder, Action.CERTIFICATION_SEEN)
    person_id, is_fresh = await look(_known)
    is_current = is_fresh or await _refresh(db, port, person_id)
    return await look(partial(_overview, holder, is_current, before, most))


async def one(db: Database, caller: Caller, holder: UUID | None, certification_id: UUID) -> CertificationView:
    """Return one certification of a holder.

    Raises:
        NotFound: it is not theirs; and as `authority.look`.
    """

    async def read(session: Session, acting: Acting) -> CertificationView:
        found = await rows.of_person(session, acting.person_id, certification_id)
        return await view(session, found, caller, holder)

    return await authority.look(db, caller, holder, Action.CERTIFICATION_SEEN, read)


async def view(
    session: Session, certification: Certification, caller: Caller, holder: UUID | None
) -> CertificationView:
    """Return a certification as the caller sees it."""
    check = None
    if certification.account_id == caller.account_id and not certification.is_face_reused:
        check = await checks.newest(session, certification.home_id, certification.id)
    return CertificationView(certification, check, await _next_of(session, certification, check, holder))


async def _known(session: Session, acting: Acting) -> tuple[UUID, bool]:
    """Return whose certification it is, and whether what the authority said of them is new enough."""
    recipient = await rows.recipient(session, acting.person_id)
    minutes = (await policies.current(session)).certifications.fresh_minutes
    learned_at = None if recipient is None else recipient.learned_at
    return acting.person_id, learned_at is not None and session.now - learned_at < timedelta(minutes=minutes)


async def _refresh(db: Database, port: Certifications, person_id: UUID) -> bool:
    """Ask the authority and keep what it says; say whether it has answered."""
    said = await learning.ask(db, port, person_id)
    if said is None:
        return False

    async def bring_in(session: Session) -> None:
        await homes.lock(session, {person_id})
        await learning.bring_in(session, person_id, said)

    await db.run(bring_in)
    return True


async def _overview(
    holder: UUID | None,
    is_current: bool,  # noqa: FBT001 - a fact that is told on
    before: tuple[datetime, UUID] | None,
    most: int,
    session: Session,
    acting: Acting,
) -> Overview:
    recipient = await rows.recipient(session, acting.person_id)
    if recipient is None or recipient.learned_at is None:
        raise CertificationsUnavailable(retry_after_seconds=30)
    said, rules = await rows.entitlement(session, recipient), (await policies.current(session)).certifications
    return Overview(
        state=turning.today_at(recipient, said, rules, session.now),
        benefits=said.benefits,
        certified_on=said.certified_on,
        way=said.way,
        due_on=stages.due_on(said, rules),
        as_of=recipient.learned_at,
        is_current=is_current,
        next=await _next(session, recipient, holder, has_benefits=bool(said.benefits)),
        items=await rows.page(session, acting.person_id, before=before, most=most),
    )


async def _next(
    session: Session, recipient: Recipient, holder: UUID | None, *, has_benefits: bool
) -> tuple[CertifyStep, ...]:
    here, person_id = asking.address_of(holder), recipient.person_id
    if not has_benefits:
        return ()
    looked_at = await rows.in_review(session, person_id)
    if looked_at is not None:
        return (CertifyStep("wait-for-review", "GET", f"{here}/{looked_at.id}"),)
    done = await rows.success(session, person_id, today(session.now))
    if done is not None:
        return (CertifyStep("see-certification", "GET", f"{here}/{done.id}"),)
    return await _ways(session, person_id, holder, is_face_last=recipient.state is Standing.FACE_FAILED)


async def _next_of(
    session: Session, certification: Certification, check: FaceCheck | None, holder: UUID | None
) -> tuple[CertifyStep, ...]:
    here = f"{asking.address_of(holder)}/{certification.id}"
    match certification.state:
        case CertificationState.OPEN:
            ways = await _ways(session, certification.person_id, holder, is_face_last=True)
            if check is None:
                return ways
            done = CertifyStep("face-check", "POST", f"/v1/face-checks/{check.id}/completion")
            return (done, CertifyStep("take-back", "DELETE", here), *ways)
        case CertificationState.IN_REVIEW:
            return CertifyStep("wait-for-review", "GET", here), CertifyStep("take-back", "DELETE", here)
        case CertificationState.REPORTING:
            return (CertifyStep("wait-for-authority", "GET", here),)
        case CertificationState.FACE_FAILED | CertificationState.CANCELLED | CertificationState.REJECTED:
            return await _ways(session, certification.person_id, holder, is_face_last=True)
        case _:
            return (CertifyStep("see-certifications", "GET", asking.address_of(holder)),)


async def _ways(
    session: Session, person_id: UUID, holder: UUID | None, *, is_face_last: bool
) -> tuple[CertifyStep, ...]:
    """Return every way there is, the likeliest first: for elders, and once a face has failed, those without a face."""
    person, rules = await homes.person(session, person_id), (await policies.current(session)).certifications
    here = asking.address_of(holder)
    is_elder = age_on(person.birth_date, today(session.now)) >= rules.elder_age
    others = [CertifyStep("certify", "POST", here, way) for way in _OTHERS]
    face = [CertifyStep("certify", "POST", here, Way.FACE, notices.address(asking.NOTICE))]
    ways = [*others, *face] if is_elder or is_face_last else [*face, *others]
    return (*ways, CertifyStep("see-offices", "GET", f"/v1/offices?region={person.region}"))
