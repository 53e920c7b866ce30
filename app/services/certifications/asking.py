"""Begins a certification: by the person's own live face, or handed to people at a counter or at home."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, FieldError, Invalid, NextStep, Unavailable
from app.models.cases import CaseReason
from app.models.certifications import Certification, CertificationState
from app.models.faces import FaceCheckState, FacePurpose
from app.ports import Ports
from app.ports.certifications import CertificationsUnavailable, Entitlement, Way
from app.ports.face import FaceMode, FaceRequest, FaceServiceUnavailable, FaceStart
from app.services import authority, notices, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.authority import Acting
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.certifications import ending, learning, rows
from app.services.certifications.telling import tell_home
from app.services.faces import passes, starting
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed, Opening
from app.services.faces.tries import FaceStartsUsed
from app.services.links import Service
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.homes import KnownPerson

NOTICE = "face-check"
_HERE = "/v1/holders/{holder}/benefit-certifications"


class NothingToCertify(Conflict):
    """The authority pays them no benefit that needs a certification."""

    code = "nothing-to-certify"


class AlreadyCertified(Conflict):
    """They were certified today, or the authority is being told of it now."""

    code = "already-certified"


class CertificationInReview(Conflict):
    """People look at a certification of theirs already."""

    code = "certification-in-review"


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody is to be certified; a face takes the consent that was shown, a home visit an address."""

    way: Way
    consent: Shown | None
    address: str | None = field(repr=False)
    device_meta: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: the caller, for whom, the wish, and the name of this piece of work."""

    caller: Caller
    holder: UUID | None
    wish: Wish
    unit_id: UUID


@dataclass(frozen=True, slots=True)
class _Begun:
    """A certification that is written down, and the face check that a provider is yet to hear of."""

    certification: Certification
    opened: starting.Begun
    person: KnownPerson


Remember = Callable[[Session, Certification], Awaitable[None]]


def address_of(holder: UUID | None) -> str:
    """Return where the certifications of a holder are."""
    return _HERE.format(holder=holder or "me")


async def ask(db: Database, ports: Ports, asked: Asked, *, callback_url: str, remember: Remember) -> None:
    """Begin a certification; no connection is held while authority and provider think.

    A face that has passed live within 24 hours (policy), whatever for, is not asked for again. Where the authority does
    not answer, what it said last counts.

    Args:
        remember: keeps the answer, in the transaction of the last effect.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
        NothingToCertify, AlreadyCertified, CertificationInReview; and what `cards.allowing.require` raises.
        FaceConsentNeeded, NoticeOutdated, FaceTriesUsed, FaceStartsUsed.
        Invalid: a home visit without an address.
        CertificationsUnavailable: the authority does not answer, and never has about this person.
        FaceServiceUnavailable: nothing counts against the person.
    """
    _require_whole(asked.wish)
    act = partial(authority.act, db, asked.caller, asked.holder, Service.CERTIFY)
    person_id = await act(_whose)
    said = await learning.ask(db, ports.certifications, person_id)
    begun = await act(partial(_begin, ports, asked, said, remember))
    if begun is None:
        return
    check = begun.opened.check
    try:
        start = await starting.tell(db, ports, begun.opened, await _request(ports, begun, asked, callback_url))
    except Unavailable as error:
        await db.run(partial(_give_up, begun, asked.caller))
        raise FaceServiceUnavailable(retry_after_seconds=30) from error
    await db.run(partial(_record, begun.certification.id, check.id, start, remember))


async def _whose(_: Session, acting: Acting) -> UUID:
    return acting.person_id


def _require_whole(wish: Wish) -> None:
    if (wish.way is Way.HOME_VISIT) != (wish.address is not None):
        raise Invalid(errors=[FieldError("/address", "missing" if wish.address is None else "extra")])


async def _begin(
    ports: Ports, asked: Asked, said: Entitlement | None, remember: Remember, session: Session, acting: Acting
) -> _Begun | None:
    """Write a certification down; return the face check that is to be started, if one is."""
    known = await rows.of_unit(session, acting.person_id, asked.unit_id)
    if known is None:
        await allowing.require(session, acting.person_id, Use.CERTIFY, to_holder=acting.link is None)
        await _require_needed(session, acting.person_id, said, asked.holder)
        if asked.wish.way is Way.FACE:
            _require_consent(session, asked)
        known = await _written(session, asked, acting)
    if asked.wish.way is Way.FACE and known.state is CertificationState.OPEN:
        rules = (await policies.current(session)).certifications
        if not await passes.is_fresh(session, acting.person_id, timedelta(hours=rules.reuse_hours)):
            begun = await _face(session, ports, asked, known, acting.actor)
            if begun.opened.check.state is FaceCheckState.STARTING:
                return begun
        else:
            known.is_face_reused = True
            await ending.succeed(session, known, acting.actor)
    elif known.state is CertificationState.OPEN:
        await ending.to_review(session, known, CaseReason.ASKED_FOR, acting.actor)
    await session.flush()
    await remember(session, known)
    return None


async def _require_needed(session: Session, person_id: UUID, said: Entitlement | None, holder: UUID | None) -> None:
    """Bring in what the authority says, and check that there is something to certify now.

    Raises:
        CertificationsUnavailable, NothingToCertify, AlreadyCertified, CertificationInReview.
    """
    if said is not None:
        recipient = await learning.bring_in(session, person_id, said)
    else:
        recipient = await rows.locked(session, person_id)
        if recipient.record is None:
            raise CertificationsUnavailable(retry_after_seconds=30)
    here = address_of(holder)
    if not (await rows.entitlement(session, recipient)).benefits:
        raise NothingToCertify
    done = await rows.success(session, person_id, today(session.now))
    if done is not None:
        raise AlreadyCertified(next_step=NextStep("see-certification", f"{here}/{done.id}"))
    looked_at = await rows.in_review(session, person_id)
    if looked_at is not None:
        raise CertificationInReview(next_step=NextStep("wait-for-review", f"{here}/{looked_at.id}"))


def _require_consent(session: Session, asked: Asked) -> None:
    if asked.wish.consent is None:
        notice = notices.address(NOTICE)
        raise FaceConsentNeeded(next_step=NextStep("consent", address_of(asked.holder), notice))
    notices.require_in_force(session, asked.wish.consent, NOTICE)


async def _written(session: Session, asked: Asked, acting: Acting) -> Certification:
    """Write a new certification down; one by face that the same account has under way is given up."""
    home_id = acting.doer_id
    older = await rows.open_of(session, acting.person_id, asked.caller.account_id)
    if older is not None:
        await ending.take_back(session, older, acting.actor)
        await session.flush()
    bucket, consent, wish = bucket_of(acting.person_id), asked.wish.consent, asked.wish
    certification = Certification(
        bucket=bucket,
        id=new_id(bucket),
        person_id=acting.person_id,
        home_id=home_id,
        account_id=asked.caller.account_id,
        link_id=None if acting.link is None else acting.link.id,
        unit_id=asked.unit_id,
        way=wish.way,
        state=CertificationState.OPEN,
        version=1,
        is_face_reused=False,
        notice_version=consent and consent.version,
        notice_language=consent and consent.language,
        notice_sha256=consent and consent.sha256,
        channel=asked.caller.channel,
        created_at=session.now,
    )
    if wish.address is not None:
        key = await homes.key_of(session, acting.person_id)
        certification.address = key.seal("benefit_certification.address", certification.id, wish.address)
    session.add(certification)
    await session.flush()
    await ending.record(session, Action.CERTIFICATION_STARTED, certification, acting.actor)
    _tell_member(session, certification)
    return certification


def _tell_member(session: Session, certification: Certification) -> None:
    """Tell a member that an owner has begun to certify them."""
    if certification.link_id is not None:
        facts = {
            "link_id": str(certification.link_id),
            "owner_id": str(certification.home_id),
            "member_id": str(certification.person_id),
        }
        tell_home(session, certification.person_id, "certification_started_member", facts)


async def _face(session: Session, ports: Ports, asked: Asked, certification: Certification, actor: Actor) -> _Begun:
    person = await homes.person(session, certification.person_id)
    purpose, home_id = FacePurpose.CERTIFICATION, certification.home_id
    opening = Opening.live(asked.caller, person, purpose, certification.id, home_id, asked.unit_id)
    try:
        return _Begun(certification, await starting.begin(session, ports, opening, actor), person)
    except (FaceTriesUsed, FaceStartsUsed) as error:
        error.next_step = NextStep("certify-at-counter", address_of(asked.holder))
        raise


async def _request(ports: Ports, begun: _Begun, asked: Asked, callback_url: str) -> FaceRequest:
    return FaceRequest(
        check_id=begun.opened.check.id,
        mode=FaceMode.LIVE,
        name=begun.person.name,
        number=begun.person.number,
        reference=await ports.register.portrait(begun.person.number),
        photo=None,
        device_meta=asked.wish.device_meta,
        callback_url=callback_url,
    )


async def _record(
    certification_id: UUID, check_id: UUID, start: FaceStart, remember: Remember, session: Session
) -> None:
    await starting.started(session, check_id, start)
    await session.flush()
    await remember(session, await rows.seen(session, certification_id))


async def _give_up(begun: _Begun, caller: Caller, session: Session) -> None:
    """End what no provider could start: nothing has begun."""
    await homes.lock(session, {begun.certification.home_id, begun.certification.person_id})
    await starting.not_started(session, begun.opened.check.id, caller.device_id, caller.actor)
    certification = await rows.certification(session, begun.certification.id)
    certification.advance(CertificationState.CANCELLED, session.now)
