"""Takes a certification back, and with it the consent to its face check: as easily as it was given."""

from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import NextStep, NotFound
from app.models.certifications import CertificationState
from app.services import authority
from app.services.accounts.sessions import Caller
from app.services.authority import Acting
from app.services.certifications import asking, ending, rows
from app.services.links import Service


async def take_back(db: Database, caller: Caller, holder: UUID | None, certification_id: UUID) -> None:
    """Take a certification back that has not succeeded: its face check, its case and its consent are over with it.

    Raises:
        NotFound: it is not theirs; an owner takes back what they have asked for, a member everything.
        AlreadyCertified: it has succeeded.
        LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
    """

    async def work(session: Session, acting: Acting) -> None:
        found = await rows.of_person(session, acting.person_id, certification_id)
        if acting.link is not None and found.account_id != caller.account_id:
            raise NotFound
        certification = await rows.certification(session, found.id)
        if certification.state in (CertificationState.REPORTING, CertificationState.PASSED):
            raise asking.AlreadyCertified(
                next_step=NextStep("see-certification", f"{asking.address_of(holder)}/{certification.id}")
            )
        await ending.take_back(session, certification, acting.actor)

    await authority.act(db, caller, holder, Service.CERTIFY, work)
