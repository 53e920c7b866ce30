"""The first and the small steps: open, read the notice, ask for people, set the password, cancel."""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from uuid import UUID

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import NextStep, TooMany
from app.core.passwords import Passwords
from app.models.cases import CaseReason
from app.models.channels import ChannelProof
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment, EnrolmentKind, Event, State, StepNotAllowed
from app.services import audit, notices, policies, throttles
from app.services.accounts.doers import Applicant, Doer
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.cards import allowing, issuing
from app.services.cards import passwords as card_passwords
from app.services.cards.allowing import Use
from app.services.cards.reading import OwnCardNeeded
from app.services.channel_registry import standing
from app.services.enrolments import agreeing, finishing, loading, proving, requirements, undoing, viewing
from app.services.enrolments.viewing import EnrolmentView
from app.services.notices import Shown
from app.services.people import homes
from app.services.throttles import Counter, Limit


class EnrolmentsUsedUp(TooMany):
    """More enrolments were begun today than anybody needs."""

    code = "enrolments-used-up"


class ChannelEnrolmentsUsedUp(TooMany):
    """The users of the channel have begun all the enrolments that they may together."""

    code = "channel-enrolments-used-up"


async def open_enrolment(session: Session, caller: Applicant, kind: EnrolmentKind) -> EnrolmentView:
    """Begin an enrolment; raises what `open_once` does."""
    enrolment_id = await open_once(session, caller, kind, new_id(0))
    return await viewing.view(session, await loading.of_caller(session, caller, enrolment_id))


async def open_once(
    session: Session,
    caller: Applicant,
    kind: EnrolmentKind,
    unit_id: UUID,
    proofs: AbstractSet[ChannelProof] = frozenset(),
) -> UUID:
    """Begin an enrolment and return its id; one that this unit of work has begun already is as good.

    It stays open for 72 hours (policy). `proofs` are what its channel has proved.

    Raises:
        OwnCardNeeded: for a relative, and the caller has no card of their own in use.
        EnrolmentsUsedUp, ChannelEnrolmentsUsedUp: too many were begun today.
    """
    home_id = caller.account_id
    if kind is EnrolmentKind.FAMILY_MEMBER:
        home_id = await _holder(session, caller)
    enrolment_id = UUID(bytes=bucket_of(home_id).to_bytes(2) + unit_id.bytes[2:])
    if await loading.locked(session, enrolment_id) is not None:
        return enrolment_id
    rules = (await policies.current(session)).enrolments
    await _count_begun(session, caller, rules.begun_a_day)
    enrolment = Enrolment(
        bucket=bucket_of(home_id),
        id=enrolment_id,
        home_id=home_id,
        account_id=caller.account_id,
        owner_id=home_id if kind is EnrolmentKind.FAMILY_MEMBER else None,
        kind=kind,
        state=State.NOTICE_PENDING,
        version=1,
        channel=caller.channel,
        channel_proofs=proving.written(proofs),
        created_at=session.now,
        expires_at=session.now + timedelta(hours=rules.open_hours),
    )
    session.add(enrolment)
    proved = {"proved_by_channel": enrolment.channel_proofs} if enrolment.channel_proofs else {}
    await _record(session, enrolment, caller, Action.ENROLMENT_OPENED, kind=kind.value, **proved)
    return enrolment_id


async def acknowledge_notice(
    session: Session, caller: Applicant, enrolment_id: UUID, shown: Shown, seen: int | None
) -> EnrolmentView:
    """Remember that the exact text in force was shown and acknowledged; another one undoes what came after.

    Raises:
        NotFound, StepNotAllowed, NoticeOutdated, PreconditionRequired, PreconditionFailed.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    known = (await loading.consents(session, enrolment)).get(ConsentPurpose.NOTICE)
    if known is not None and agreeing.is_same(known, shown):
        return await viewing.view(session, enrolment)
    loading.require(session, enrolment, Event.ACKNOWLEDGE_NOTICE)
    notices.require_in_force(session, shown, enrolment.notice)
    if await undoing.has_later(session, enrolment, Event.ACKNOWLEDGE_NOTICE):
        loading.require_seen(enrolment, seen)
    await undoing.undo_after(session, enrolment, Event.ACKNOWLEDGE_NOTICE, caller.actor)
    await agreeing.agree(session, Doer.of(caller), enrolment, ConsentPurpose.NOTICE, shown)
    enrolment.advance(Event.ACKNOWLEDGE_NOTICE, State.DETAILS_PENDING, session.now)
    await _record(session, enrolment, caller, Action.NOTICE_ACKNOWLEDGED, version=shown.version)
    return await viewing.view(session, enrolment)


async def ask_for_review(session: Session, caller: Caller, enrolment_id: UUID, why: str) -> EnrolmentView:
    """Let people decide instead of a face check, or after failed ones.

    Args:
        why: the person's own reason, a code.

    Raises:
        NotFound, StepNotAllowed.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    await requirements.catch_up(session, enrolment)
    loading.require(session, enrolment, Event.ASK_FOR_REVIEW)
    asked = await requirements.of(session, enrolment)
    is_paper_missing = any(not need.met and not need.is_for_face for need in asked)
    if is_paper_missing or enrolment.awaits_slot:  # there is nothing to look at yet, or no more
        raise enrolment.refusal
    await finishing.to_review(session, enrolment, Event.ASK_FOR_REVIEW, CaseReason.ASKED_FOR, caller.actor)
    await _record(session, enrolment, caller, Action.REVIEW_ASKED_FOR, why=why)
    return await viewing.view(session, enrolment)


async def cancel(session: Session, caller: Caller, enrolment_id: UUID) -> None:
    """Cancel an enrolment; one that was cancelled already is as good.

    Raises:
        NotFound, StepNotAllowed.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    if enrolment.state is not State.CANCELLED:
        enrolment.require(Event.CANCEL)
        await finishing.cancel(session, enrolment, caller.actor)


async def set_password(
    db: Database, passwords: Passwords, caller: Caller, enrolment_id: UUID, password: str
) -> EnrolmentView:
    """Set the card password, which ends an own-card enrolment; no connection waits for the hash.

    Sent again with the same password it changes nothing; whether it is the same is a check like any other.

    Raises:
        NotFound, StepNotAllowed, CardPasswordTooSimple; sent again, what `cards.passwords.check` raises.
    """

    async def prepare(session: Session) -> EnrolmentView | None:
        enrolment = await loading.of_caller(session, caller, enrolment_id)
        if enrolment.kind is EnrolmentKind.OWN_CARD and enrolment.state is State.ACTIVE:
            return await viewing.view(session, enrolment)
        loading.require(session, enrolment, Event.SET_PASSWORD)
        assert enrolment.member_id is not None
        if not await loading.holds_member(session, enrolment):
            raise StepNotAllowed(next_step=NextStep("start-again", "/v1/enrolments"))
        await card_passwords.require_good(session, enrolment.member_id, enrolment.account_id, password, "/password")
        return None

    async def finish(session: Session) -> EnrolmentView:
        await _lock_member(session, caller, enrolment_id)
        enrolment = await loading.for_event(session, caller, enrolment_id, Event.SET_PASSWORD)
        assert enrolment.member_id is not None
        if not await loading.holds_member(session, enrolment):
            raise StepNotAllowed(next_step=NextStep("start-again", "/v1/enrolments"))
        await card_passwords.store(session, enrolment.member_id, hashed, caller.actor)
        await finishing.finish_own_card(session, enrolment, caller.actor)
        return await viewing.view(session, enrolment)

    done = await db.run(prepare)
    if done is not None:
        await card_passwords.check(db, passwords, caller, password)
        return done
    hashed = await passwords.hash(password)
    return await db.run(finish)


async def _lock_member(session: Session, caller: Caller, enrolment_id: UUID) -> None:
    member_id = (await loading.of_caller_unlocked(session, caller, enrolment_id)).member_id
    if member_id is not None:
        await homes.lock(session, {member_id})


async def _holder(session: Session, caller: Applicant) -> UUID:
    if not caller.is_proven or caller.person_id is None or not await issuing.is_taken_up(session, caller.person_id):
        raise OwnCardNeeded
    await allowing.require(session, caller.person_id, Use.FILE, to_holder=True)
    return caller.person_id


async def _count_begun(session: Session, caller: Applicant, a_day: int) -> None:
    limit = Limit("enrolments_begun", a_day, timedelta(days=1))
    counter = Counter(limit, bucket_of(caller.account_id), caller.account_id.bytes)
    await throttles.require(session, counter, EnrolmentsUsedUp)
    if isinstance(caller, Caller):  # a window is no channel that people sign in by
        await _count_in_channel(session, caller)


async def _count_in_channel(session: Session, caller: Caller) -> None:
    of_channel = (await standing.require_open(session, caller.channel)).enrolments_per_day
    if of_channel is not None:
        name = f"channel:{caller.channel}"
        limit = Limit("enrolments_in_channel", of_channel, timedelta(days=1))
        counter = Counter(limit, session.lookup.bucket("channel", name), session.lookup.digest("channel", name))
        await throttles.require(session, counter, ChannelEnrolmentsUsedUp)


async def _record(session: Session, enrolment: Enrolment, caller: Applicant, action: Action, **facts: str) -> None:
    await audit.record(
        session,
        action,
        home_id=enrolment.home_id,
        actor=caller.actor,
        on_behalf_of=enrolment.member_id,
        facts={"enrolment_id": str(enrolment.id), **facts},
    )
