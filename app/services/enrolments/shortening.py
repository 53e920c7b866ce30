"""The short way: one request for what would be several, by the same steps; it stops at the first that is still open."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import AppError, FieldError, Invalid
from app.models.channels import ChannelProof
from app.models.enrolments import Enrolment, EnrolmentKind, State
from app.ports.register import Register
from app.services import notices
from app.services.accounts.sessions import Caller
from app.services.enrolments import details as details_step
from app.services.enrolments import loading, proving, steps, viewing
from app.services.enrolments.details import Details
from app.services.enrolments.viewing import EnrolmentView
from app.services.notices import Shown

Remember = Callable[[Session, EnrolmentView], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wish:
    """An application, and what is said at once: the notice that was shown, and whom it is about (a relative).

    Where nothing was shown, `language` is the one in which a channel that shows notices itself has shown it.
    """

    kind: EnrolmentKind
    shown: Shown | None
    details: Details | None
    language: str


async def begin(
    db: Database, register: Register, caller: Caller, wish: Wish, unit_id: UUID, remember: Remember
) -> None:
    """Begin an application and go as far as what was said and proved leads; done again it goes on where it was.

    What is refused on the way leaves nothing open: the application that was begun is cancelled.

    Raises:
        Invalid: there are details, and nobody has shown the notice.
        What `steps.open_once`, `steps.acknowledge_notice` and `details.give` raise.
    """

    async def first(session: Session) -> UUID:
        enrolment_id = await steps.open_once(session, caller, wish.kind, unit_id, await proving.of(session, caller))
        enrolment = await loading.of_caller(session, caller, enrolment_id)
        shown = wish.shown or _shown_by_channel(session, enrolment, wish.language)
        if shown is None and wish.details is not None:
            raise Invalid(errors=[FieldError("/notice_acknowledgement", "missing")])
        if shown is not None and enrolment.state is State.NOTICE_PENDING:
            await steps.acknowledge_notice(session, caller, enrolment_id, shown, None)
        if wish.details is None:
            await remember(session, await viewing.view(session, enrolment))
        return enrolment_id

    enrolment_id = await db.run(first)
    if wish.details is None:
        return
    try:
        await details_step.give(db, register, caller, enrolment_id, wish.details, None)
    except AppError:
        await db.run(lambda session: steps.cancel(session, caller, enrolment_id))
        raise

    async def last(session: Session) -> None:
        enrolment = await loading.of_caller(session, caller, enrolment_id)
        await remember(session, await viewing.view(session, enrolment))

    await db.run(last)


def _shown_by_channel(session: Session, enrolment: Enrolment, language: str) -> Shown | None:
    if not proving.has(enrolment, ChannelProof.NOTICE):
        return None
    notice = notices.in_force(session.now, enrolment.notice, language)
    return Shown(notice.code, notice.version, notice.language, notice.sha256)
