"""The documents step: files come, are checked and sealed away, or are taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session
from app.core.errors import Conflict, FieldError, Invalid, PreconditionFailed
from app.models.documents import Document, DocumentKind
from app.models.enrolments import NEXT, Enrolment, Event
from app.ports import Ports
from app.services import audit, documents, files, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.documents import Upload
from app.services.enrolments import loading, reading, requirements, risks, undoing, viewing
from app.services.enrolments.viewing import EnrolmentView
from app.services.people.ages import age_on


class DocumentKindNotNeeded(Conflict):
    """This enrolment has no use for such a document, so it is not kept."""

    code = "document-kind-not-needed"


class ConsentNeeded(Conflict):
    """A file is taken only after the consent for what it holds; `next_step` says which."""

    code = "consent-needed"


@dataclass(frozen=True, slots=True)
class _Plan:
    """A file that is wanted, and of whom: the details may change while its pixels are looked at."""

    upload: Upload
    member_id: UUID | None


async def upload(
    db: Database,
    ports: Ports,
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
        seen: the version the client has seen; needed once a face check came after, but for what is asked for now.

    Raises:
        NotFound, StepNotAllowed, DocumentKindNotNeeded, ConsentNeeded, ImageAlreadyFailed, ImageRefused, ImagesBusy,
        ImageBlurred, ImageGlare, PreconditionRequired, PreconditionFailed, StorageUnavailable.
    """
    plan = await db.run(lambda session: _plan(session, caller, enrolment_id, kind, page, content, seen))
    if isinstance(plan, EnrolmentView):
        return plan
    pages = await ports.images.prepare(content, use=documents.use_of(kind))
    rules = (await policies.at_hand(db)).image_quality
    for each in pages:
        documents.require_readable(rules, kind, each)
    if page + len(pages) - 1 > documents.MOST_PAGES:
        raise Invalid(errors=[FieldError("path:page", "out_of_range")])

    async def begin(session: Session) -> list[UUID]:
        return await documents.begin(session, plan.upload, pages)

    document_ids = await db.run(begin)
    await files.put(db, ports.store, Document, document_ids, pages)

    async def attach(session: Session) -> EnrolmentView:
        view = await _attach(session, caller, plan, document_ids, seen)
        if ports.reader is not None:
            reading.ask(session, plan.upload.home_id, kind, document_ids)
        return view

    return await db.run(attach)


async def remove(session: Session, caller: Caller, enrolment_id: UUID, kind: DocumentKind, seen: int | None) -> None:
    """Take a document back; none there is as good.

    Raises:
        NotFound, StepNotAllowed, PreconditionRequired, PreconditionFailed.
    """
    enrolment = await loading.for_event(session, caller, enrolment_id, Event.CHANGE_DOCUMENTS)
    have = await documents.attached(session, enrolment.home_id, enrolment.id)
    if all(page.kind is not kind for page in have):
        return
    await _require_seen(session, enrolment, seen, None)
    await _undo_later(session, caller, enrolment)
    await documents.detach(session, enrolment.home_id, enrolment.id, kind)
    await _advance(session, enrolment)
    await _record(session, caller, enrolment, Action.DOCUMENT_REMOVED, kind)


async def _plan(
    session: Session,
    caller: Caller,
    enrolment_id: UUID,
    kind: DocumentKind,
    page: int,
    content: bytes,
    seen: int | None,
) -> _Plan | EnrolmentView:
    """Check everything that needs no look at the pixels; return the view when the file is there already."""
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    upload = Upload(enrolment.home_id, enrolment.id, kind, page, files.digest_of(session, content))
    if _may_change(session, enrolment):
        await _require_not_failed(session, enrolment, upload)
    if await documents.is_attached(session, upload):
        return await viewing.view(session, enrolment)
    loading.require(session, enrolment, Event.CHANGE_DOCUMENTS)
    await _require_wanted(session, enrolment, kind)
    await _require_seen(session, enrolment, seen, kind)
    return _Plan(upload, enrolment.member_id)


async def _attach(
    session: Session, caller: Caller, plan: _Plan, document_ids: Sequence[UUID], seen: int | None
) -> EnrolmentView:
    """Let what was stored take its place, if all that was checked before still holds."""
    upload = plan.upload
    enrolment = await loading.of_caller(session, caller, upload.enrolment_id)
    if await documents.is_attached(session, upload):  # the same file came twice at once
        await files.drop(session, Document, document_ids)
        return await viewing.view(session, enrolment)
    loading.require(session, enrolment, Event.CHANGE_DOCUMENTS)
    if enrolment.member_id != plan.member_id:
        raise PreconditionFailed
    await _require_wanted(session, enrolment, upload.kind)
    await _require_not_failed(session, enrolment, upload)
    await _require_seen(session, enrolment, seen, upload.kind)
    await _undo_later(session, caller, enrolment)
    await documents.attach(session, upload, document_ids)
    if upload.kind is DocumentKind.FACIAL_PHOTO:
        await session.flush()
        await risks.note_photo(session, enrolment)
    await _advance(session, enrolment)
    await _record(session, caller, enrolment, Action.DOCUMENT_STORED, upload.kind, pages=len(document_ids))
    return await viewing.view(session, enrolment)


async def _require_seen(session: Session, enrolment: Enrolment, seen: int | None, put: DocumentKind | None) -> None:
    """Check that whoever undoes later steps has seen them; who puts what the enrolment asks for now undoes none.

    Raises:
        PreconditionRequired, PreconditionFailed.
    """
    if not await undoing.has_later(session, enrolment, Event.CHANGE_DOCUMENTS):
        return
    if seen is None and put is not None and (await viewing.view(session, enrolment)).asks_for(put):
        return
    loading.require_seen(enrolment, seen)


async def _undo_later(session: Session, caller: Caller, enrolment: Enrolment) -> None:
    if await undoing.has_later(session, enrolment, Event.CHANGE_DOCUMENTS):
        await undoing.undo_after(session, enrolment, Event.CHANGE_DOCUMENTS, caller.actor)


async def _advance(session: Session, enrolment: Enrolment) -> None:
    await session.flush()
    to = await requirements.state_by_papers(session, enrolment)
    enrolment.advance(Event.CHANGE_DOCUMENTS, to, session.now)


def _may_change(session: Session, enrolment: Enrolment) -> bool:
    return Event.CHANGE_DOCUMENTS in NEXT[enrolment.state] and not loading.is_overdue(session, enrolment)


async def _require_not_failed(session: Session, enrolment: Enrolment, upload: Upload) -> None:
    """Check that a facial photo is not one that has failed; one that is attached still is no exception."""
    if upload.kind is DocumentKind.FACIAL_PHOTO and enrolment.member_id is not None:
        await documents.require_not_failed(session, enrolment.home_id, enrolment.member_id, upload.digest)


async def _require_wanted(session: Session, enrolment: Enrolment, kind: DocumentKind) -> None:
    """Check that the enrolment can use such a file, and the consents for what it holds.

    Papers and faces have consents of their own, and for the young there is their guardian's besides.
    """
    if kind.value not in requirements.kinds_needed(await requirements.of(session, enrolment)):
        raise DocumentKindNotNeeded
    member = await loading.named(session, enrolment)
    assert member is not None
    rules = await policies.current(session)
    given = await loading.consents(session, enrolment)
    age = age_on(member.birth_date, today(session.now))
    for purpose in requirements.consents_before(kind, rules, age):
        if purpose not in given:
            raise ConsentNeeded(next_step=loading.consenting(f"/v1/enrolments/{enrolment.id}", purpose))


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
