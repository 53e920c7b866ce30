"""The details step: whom it is about, found in the register without telling strangers who exists (`lookups`)."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session
from app.core.errors import Conflict, FieldError, Invalid, NextStep, PreconditionFailed
from app.models.accounts import SignedIn
from app.models.enrolments import Enrolment, EnrolmentKind, Event, Guardianship, State
from app.models.links import FamilyLink
from app.ports.register import Register, RegisteredPerson
from app.services import audit, links, lookups, policies
from app.services.accounts import moving
from app.services.accounts.doers import Applicant
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import issuing
from app.services.enrolments import loading, proving, requirements, undoing, viewing
from app.services.enrolments.finishing import AlreadyHasCard
from app.services.enrolments.viewing import EnrolmentView
from app.services.handovers import rows as handovers
from app.services.links import Relative, disputes
from app.services.lookups import Asker, Question
from app.services.people import homes
from app.services.people.ages import is_under
from app.services.people.fitting import SelfNotAllowed, require_plausible
from app.services.people.homes import KnownPerson
from app.services.people.identifiers import SocialSecurityNumber
from app.services.people.names import same_name
from app.services.people.relationships import Relationship, Tie
from app.services.rules import Policies


class GuardianNeeded(Conflict):
    """Under 16 the card is had through a parent or guardian."""

    code = "guardian-needed"


class MemberDisputed(Conflict):
    """The member has disputed lately that this owner adds them; `retry_after_seconds` says how long that holds."""

    code = "member-disputed"


@dataclass(frozen=True, slots=True)
class Details:
    """What the owner says: whose card, and what they are to the owner (none for an own card)."""

    name: str = field(repr=False)
    number: SocialSecurityNumber = field(repr=False)
    relationship: Relationship | None


@dataclass(frozen=True, slots=True)
class Given:
    """What the details step led to; `moved` is the session that goes on in the person's home."""

    view: EnrolmentView
    moved: SignedIn | None = None


Allow = Callable[[RegisteredPerson], Awaitable[None]]


async def _anybody(_: RegisteredPerson) -> None:
    """Refuse nobody."""


async def give(
    db: Database,
    register: Register,
    caller: Applicant,
    enrolment_id: UUID,
    details: Details,
    seen: int | None,
    allow: Allow = _anybody,
) -> Given:
    """Say whom the enrolment is about; the same again changes nothing, others undo what came after.

    For a relative one of the owner's places is reserved.

    Args:
        allow: raises where whoever was named rightly may not be named by who acts.

    Raises:
        NotFound, StepNotAllowed, PreconditionRequired, PreconditionFailed, SelfNotAllowed, LookupsUsedUp,
        LookupInProgress, PersonNotVerified, RegisterUnavailable, GuardianNeeded, AlreadyHasCard, AlreadyMember,
        AlreadyAdding, QuotaReached, RelationshipImplausible, MemberDisputed, and the refusals of `cards.issuing` for an
        own card.
    """
    began = time.monotonic()
    asked = await db.run(lambda session: _ask(session, caller, enrolment_id, details, seen, began))
    if isinstance(asked, EnrolmentView):
        return Given(asked)
    registered = await lookups.ask(
        db,
        register,
        Asker.of(caller),
        asked.question,
        lambda found: same_name(found.name, details.name),
        enrolment_id=str(enrolment_id),
    )
    await allow(registered)
    return await db.run(lambda session: _give(session, caller, asked, details, registered))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A look-up that was counted, and for which version of the enrolment."""

    enrolment_id: UUID
    version: int
    question: Question


async def _ask(
    session: Session, caller: Applicant, enrolment_id: UUID, details: Details, seen: int | None, began: float
) -> _Asked | EnrolmentView:
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    if await _are_given(session, enrolment, details):
        return await viewing.view(session, enrolment)
    loading.require(session, enrolment, Event.GIVE_DETAILS)
    _require_form(enrolment, details)
    if await undoing.has_later(session, enrolment, Event.GIVE_DETAILS):
        loading.require_seen(enrolment, seen)
    if enrolment.owner_id is not None:
        owner = await homes.person(session, enrolment.owner_id)
        if owner.number == details.number.value:
            raise SelfNotAllowed
    rules = (await policies.current(session)).lookups
    question = await lookups.count(session, Asker.of(caller), details.number.value, rules, began)
    return _Asked(enrolment.id, enrolment.version, question)


async def _are_given(session: Session, enrolment: Enrolment, details: Details) -> bool:
    known = await loading.named(session, enrolment)
    code = details.relationship.code if details.relationship else None
    is_same = known is not None and (known.number, known.relationship) == (details.number.value, code)
    return known is not None and is_same and same_name(known.name, details.name)


def _require_form(enrolment: Enrolment, details: Details) -> None:
    is_family = enrolment.kind is EnrolmentKind.FAMILY_MEMBER
    if is_family and details.relationship is None:
        raise Invalid(errors=[FieldError("/relationship", "missing")])
    if not is_family and details.relationship is not None:
        raise Invalid(errors=[FieldError("/relationship", "extra")])


async def _give(
    session: Session, caller: Applicant, asked: _Asked, details: Details, registered: RegisteredPerson
) -> Given:
    member_id = await homes.find_or_create(session, details.number, registered)
    await homes.lock(session, {caller.account_id, caller.home_id, member_id})
    enrolment = await loading.of_caller(session, caller, asked.enrolment_id)
    if await _are_given(session, enrolment, details):  # the same came twice at once
        return Given(await viewing.view(session, enrolment))
    loading.require(session, enrolment, Event.GIVE_DETAILS)
    if enrolment.version != asked.version:
        raise PreconditionFailed
    if enrolment.member_id is not None:
        await undoing.undo_after(session, enrolment, Event.GIVE_DETAILS, caller.actor)
    member = await homes.person(session, member_id)
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        assert isinstance(caller, Caller)  # an own card's details are given in an app
        moved = await _give_own(session, caller, enrolment, member, registered)
    else:
        moved = None
        proving.forget_elsewhere(enrolment, caller.channel)
        await _give_relative(session, enrolment, member, details.relationship, registered)
    await _remember(session, enrolment, member, details)
    await audit.record(
        session,
        Action.DETAILS_GIVEN,
        home_id=enrolment.home_id,
        actor=caller.actor,
        on_behalf_of=member_id,
        facts={"enrolment_id": str(enrolment.id), "relationship": enrolment.relationship},
    )
    return Given(await viewing.view(session, enrolment), moved)


async def _give_own(
    session: Session, caller: Caller, enrolment: Enrolment, member: KnownPerson, registered: RegisteredPerson
) -> SignedIn | None:
    rules = (await policies.current(session)).ages
    if is_under(registered.birth_date, rules.live_face, session.now):
        raise GuardianNeeded
    is_somebody_else = caller.person_id not in (None, member.id) and await _holds(session, caller)
    is_in_use = member.account_id == caller.account_id and await issuing.is_active(session, member.id)
    if is_somebody_else or is_in_use:  # an account whose holder is proved stays that person's
        raise AlreadyHasCard(next_step=NextStep("see-card", "/v1/holders/me/card"))
    await issuing.require_issuable(session, registered)
    enrolment.guardianship = Guardianship.NOT_NEEDED
    enrolment.advance(Event.GIVE_DETAILS, State.FACE_PENDING, session.now)
    return await moving.name_person(session, caller, member.id)


async def _holds(session: Session, caller: Caller) -> bool:
    """Say whether the caller has shown to be whom their account names: asked again, now that the homes are locked."""
    assert caller.person_id is not None
    return (await homes.person(session, caller.person_id)).account_id == caller.account_id


async def _give_relative(
    session: Session,
    enrolment: Enrolment,
    member: KnownPerson,
    relationship: Relationship | None,
    registered: RegisteredPerson,
) -> None:
    assert enrolment.owner_id is not None
    assert relationship is not None
    rules = await policies.current(session)
    owner = await homes.person(session, enrolment.owner_id)
    require_plausible(rules, relationship, owner, registered, today(session.now))
    await _require_undisputed(session, owner.id, member.id)
    relative = Relative(
        id=member.id,
        name=registered.name,
        number=registered.number,
        birth_date=registered.birth_date,
        relationship=relationship.code,
        place=relationship.place,
    )
    link: FamilyLink = await links.reserve(session, owner_id=owner.id, enrolment_id=enrolment.id, relative=relative)
    enrolment.link_id = link.id
    enrolment.guardianship = _guardianship(session, rules, relationship, owner, registered)
    asked = await requirements.of_documents(session, enrolment, birth_date=registered.birth_date, attached=(), given=())
    enrolment.advance(Event.GIVE_DETAILS, State.DOCUMENTS_PENDING if asked else State.FACE_PENDING, session.now)


async def _require_undisputed(session: Session, owner_id: UUID, member_id: UUID) -> None:
    refused = await handovers.disputed_until(session, owner_id, member_id)
    ended = await disputes.kept_from_until(session, owner_id, member_id)
    until = max(filter(None, (refused, ended)), default=None)
    if until is not None:
        raise MemberDisputed(retry_after_seconds=ceil((until - session.now).total_seconds()))


def _guardianship(
    session: Session, rules: Policies, relationship: Relationship, owner: KnownPerson, member: RegisteredPerson
) -> Guardianship:
    """Say why the owner may act for the member: under 14 it takes a parent or guardian."""
    if not is_under(member.birth_date, rules.ages.own_consent, session.now):
        return Guardianship.NOT_NEEDED
    if owner.number in member.parents | member.guardians:
        return Guardianship.BY_REGISTER
    is_child = relationship.generation == -1 and relationship.tie in (Tie.BLOOD, Tie.ADOPTION)
    return Guardianship.BY_DOCUMENTS if is_child else Guardianship.OTHER_RELATIVE


async def _remember(session: Session, enrolment: Enrolment, member: KnownPerson, details: Details) -> None:
    key = await homes.key_of(session, enrolment.home_id)
    enrolment.member_id = member.id
    enrolment.member_name = key.seal("enrolment.member_name", enrolment.id, details.name)
    enrolment.member_number = key.seal("enrolment.member_number", enrolment.id, details.number.value)
    birth_date = member.birth_date.isoformat()
    enrolment.member_birth_date = key.seal("enrolment.member_birth_date", enrolment.id, birth_date)
    enrolment.relationship = details.relationship.code if details.relationship else None
