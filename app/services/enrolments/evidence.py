"""The documents step: files come, are checked and sealed away, or are taken back."""

from collections.abc import Sequence
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session
from app.core.errors import Conflict, FieldError, Invalid, NextStep
from app.models.documents import DocumentKind
from app.models.enrolments import ConsentPurpose, Enrolment, Event, State
from app.ports.images import Images, PreparedImage
from app.ports.storage import ObjectStore
from app.services import audit, documents, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.documents import Upload
from app.services.enrolments import loading, requirements, undoing, viewing
from app.services.enrolments.requirements import Requirement
from app.services.enrolments.viewing import EnrolmentView
from app.services.people.ages import age_on


class DocumentKindNotNeeded(Conflict):
    """This enrolment has no use for such a document, so it is not kept."""

    code = "document-kind-not-needed"


class ConsentNeeded(Conflict):
    """A file is taken only after the consent for what it holds; `next_step` says which."""

    code = "consent-needed"


async def upload(
    db: Database,
    images: Images,
    store: ObjectStore,
    caller: Caller,
    enrolment_id: UUID,
    kind: DocumentKind,
    page: int,
    content: bytes,
    seen: int | None,
) -> EnrolmentView:
    """Take a file for an enrolment: checked by its content, cleaned, sealed, stored; the same file again is no change.

    Args:
        page: 1 to 4; a PDF file takes the pages from there on.
        seen: the version the client has seen; needed once a face check came after.

    Raises:
        NotFound, StepNotAllowed, DocumentKindNotNeeded, ConsentNeeded, ImageAlreadyFailed, ImageRefused, ImagesBusy,
        PreconditionRequired, PreconditionFailed, StorageUnavailable.
    """
    plan = await db.run(lambda session: _plan(session, caller, enrolment_id, kind, page, content, seen))
    if isinstance(plan, EnrolmentView):
        return plan
    pages = await images.prepare(content, use=documents.use_of(kind))
    if page + len(pages) - 1 > documents.MOST_PAGES:
        raise Invalid(errors=[FieldError("path:page", "out_of_range")])

    async def begin(session: Session) -> list[UUID]:
        return await documents.begin(session, plan, pages)

    document_ids = await db.run(begin)
    await documents.put(db, store, document_ids, pages)
    return await db.run(lambda session: _attach(session, caller, plan, document_ids, pages, seen))


async def remove(session: Session, caller: Caller, enrolment_id: UUID, kind: DocumentKind, seen: int | None) -> None:
    """Take a document back; none there is as good.

    Raises:
        NotFound, StepNotAllowed, PreconditionRequired, PreconditionFailed.
    """
    enrolment = await loading.for_event(session, caller, enrolment_id, Event.CHANGE_DOCUMENTS)
    have = await documents.attached(session, enrolment.home_id, enrolment.id)
    if all(page.kind is not kind for page in have):
        return
    await _undo_later(session, caller, enrolment, seen)
    await documents.detach(session, enrolment.home_id, enrolment.id, kinds={kind})
    await session.flush()
    enrolment.advance(Event.CHANGE_DOCUMENTS, await state_by_papers(session, enrolment), session.now)
    await _record(session, caller, enrolment, Action.DOCUMENT_REMOVED, kind)


async def state_by_papers(session: Session, enrolment: Enrolment) -> State:
    """Return the state that what is there allows: the face step once nothing is missing."""
    if all(requirement.met for requirement in await _asked(session, enrolment)):
        return State.FACE_PENDING
    return State.DOCUMENTS_PENDING


async def _plan(
    session: Session,
    caller: Caller,
    enrolment_id: UUID,
    kind: DocumentKind,
    page: int,
    content: bytes,
    seen: int | None,
) -> Upload | EnrolmentView:
    """Check everything that needs no look at the pixels; return the view when the file is there already."""
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    digest = documents.digest_of(session, content)
    have = await documents.attached(session, enrolment.home_id, enrolment.id)
    if any(known.kind is kind and known.page == page and known.digest == digest for known in have):
        return await viewing.view(session, enrolment)
    loading.require(session, enrolment, Event.CHANGE_DOCUMENTS)
    asked = await _asked(session, enrolment)
    if kind.value not in requirements.kinds_needed(asked):
        raise DocumentKindNotNeeded
    await _require_consents(session, enrolment, kind)
    if kind is DocumentKind.FACIAL_PHOTO:
        assert enrolment.member_id is not None
        await documents.require_not_failed(session, enrolment.home_id, enrolment.member_id, digest)
    if await undoing.has_later(session, enrolment, Event.CHANGE_DOCUMENTS):
        loading.require_seen(enrolment, seen)
    return Upload(enrolment.home_id, enrolment.id, kind, page, digest)


async def _attach(
    session: Session,
    caller: Caller,
    plan: Upload,
    document_ids: Sequence[UUID],
    pages: Sequence[PreparedImage],
    seen: int | None,
) -> EnrolmentView:
    enrolment = await loading.for_event(session, caller, plan.enrolment_id, Event.CHANGE_DOCUMENTS)
    await _undo_later(session, caller, enrolment, seen)
    await documents.attach(session, plan, document_ids)
    await session.flush()
    enrolment.advance(Event.CHANGE_DOCUMENTS, await state_by_papers(session, enrolment), session.now)
    await _record(session, caller, enrolment, Action.DOCUMENT_STORED, plan.kind, pages=len(pages))
    return await viewing.view(session, enrolment)


async def _undo_later(session: Session, caller: Caller, enrolment: Enrolment, seen: int | None) -> None:
    if await undoing.has_later(session, enrolment, Event.CHANGE_DOCUMENTS):
        loading.require_seen(enrolment, seen)
        await undoing.undo_after(session, enrolment, Event.CHANGE_DOCUMENTS, caller.actor)


async def _asked(session: Session, enrolment: Enrolment) -> tuple[Requirement, ...]:
    member = await loading.named(session, enrolment)
    assert member is not None  # the states with documents come after the details
    return await requirements.of_documents(
        session,
        enrolment,
        birth_date=member.birth_date,
        attached=await documents.attached(session, enrolment.home_id, enrolment.id),
        given=await loading.consents(session, enrolment),
    )


async def _require_consents(session: Session, enrolment: Enrolment, kind: DocumentKind) -> None:
    """Check the consents for what a file holds: papers, a face, and for the young their guardian's."""
    member = await loading.named(session, enrolment)
    assert member is not None
    rules = await policies.current(session)
    given = await loading.consents(session, enrolment)
    age = age_on(member.birth_date, today(session.now))
    missing = [need.any_of[0] for need in requirements.consents_before_papers(rules, age, given) if not need.met]
    if kind is DocumentKind.FACIAL_PHOTO and ConsentPurpose.FACE_CHECK not in given:
        missing.append(ConsentPurpose.FACE_CHECK.value)
    if missing:
        raise ConsentNeeded(next_step=NextStep("consent", f"/v1/enrolments/{enrolment.id}/consents/{missing[0]}"))


async def _record(
    session: Session, caller: Caller, enrolment: Enrolment, action: Action, kind: DocumentKind, pages: int = 0
) -> None:
    await audit.record(
        session,
        action,
        home_id=enrolment.home_id,
        actor=caller.actor,
        on_behalf_of=enrolment.member_id,
        facts={"enrolment_id": str(enrolment.id), "kind": kind.value, "pages": pages},
    )
