"""What people agree to outside of any application: kept with the exact text that was shown, and taken back."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from sqlalchemy import select, update

from app.core.db import Session, bucket_of, new_id
from app.models.agreements import Agreement
from app.services import audit, notices
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.notices import Shown


@dataclass(frozen=True, slots=True)
class About:
    """What a consent is for: in whose home, of what, to which notice, and by which link for a child."""

    person_id: UUID
    about_id: UUID
    code: str
    link_id: UUID | None = None
    on_behalf_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """Before whom somebody agreed in person: one of the staff, at an office, their card having been read."""

    operator_id: UUID
    office_id: str
    card_read_id: UUID


@dataclass(frozen=True, slots=True)
class Giver:
    """Who agrees, and how: by an account on a device, or in person before a witness."""

    channel: str
    actor: Actor
    account_id: UUID | None = None
    device_id: UUID | None = None
    witness: Witness | None = None

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return somebody who is signed in."""
        return cls(caller.channel, caller.actor, caller.account_id, caller.device_id)


async def give(session: Session, giver: Giver, about: About, shown: Shown) -> bool:
    """Write down what somebody agrees to; the person's home is locked. Say whether it is new.

    Raises:
        NoticeOutdated: what was shown is not the text in force.
    """
    notices.require_in_force(session, shown, about.code)
    known = await in_force(session, about.about_id, about.code)
    if known is not None:
        if known.sha256 == shown.sha256 and known.account_id == giver.account_id:
            return False
        known.ended_at = session.now
        await session.flush()
    bucket = bucket_of(about.person_id)
    given = Agreement(
        bucket=bucket,
        id=new_id(bucket),
        person_id=about.person_id,
        about_id=about.about_id,
        link_id=about.link_id,
        account_id=giver.account_id,
        device_id=giver.device_id,
        operator_id=None if giver.witness is None else giver.witness.operator_id,
        office_id=None if giver.witness is None else giver.witness.office_id,
        card_read_id=None if giver.witness is None else giver.witness.card_read_id,
        channel=giver.channel,
        code=about.code,
        version=shown.version,
        language=shown.language,
        sha256=shown.sha256,
        given_at=session.now,
    )
    session.add(given)
    await session.flush()
    await _record(session, Action.CONSENT_GIVEN, given, giver.actor, about.on_behalf_of)
    return known is None


async def in_force(session: Session, about_id: UUID, code: str) -> Agreement | None:
    """Return the consent that is in force, locked."""
    found: Agreement | None = await session.scalar(
        select(Agreement)
        .where(
            Agreement.bucket == bucket_of(about_id),
            Agreement.about_id == about_id,
            Agreement.code == code,
            Agreement.ended_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def take_back(session: Session, given: Agreement, actor: Actor, on_behalf_of: UUID | None = None) -> None:
    """Take a consent back; what rested on it is for those who asked for it to undo."""
    given.ended_at = session.now
    await session.flush()
    await _record(session, Action.CONSENT_WITHDRAWN, given, actor, on_behalf_of)


async def lapse(session: Session, about_id: UUID, code: str) -> None:
    """Let a consent be over by itself: what it was for is no more."""
    given = await in_force(session, about_id, code)
    if given is not None:
        given.ended_at = session.now
        await session.flush()


async def end_all(session: Session, person_id: UUID) -> None:
    """Let every consent about somebody be over: they have closed their account."""
    await session.execute(
        update(Agreement)
        .where(Agreement.bucket == bucket_of(person_id), Agreement.person_id == person_id, Agreement.ended_at.is_(None))
        .values(ended_at=session.now)
        .execution_options(synchronize_session=False)
    )


async def _record(session: Session, action: Action, given: Agreement, actor: Actor, on_behalf_of: UUID | None) -> None:
    facts = {"agreement_id": str(given.id), "purpose": given.code}
    if given.link_id is not None:
        facts["link_id"] = str(given.link_id)
    if given.office_id is not None:
        facts["office"] = given.office_id
    await audit.record(session, action, home_id=given.person_id, actor=actor, on_behalf_of=on_behalf_of, facts=facts)
