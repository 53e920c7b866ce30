"""From 14 on consents are a person's own: they see what a guardian has agreed to for them, and take it back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.consents import Consent, ConsentPurpose
from app.models.enrolments import Enrolment
from app.models.links import FamilyLink, LinkEnd
from app.services import authority, links
from app.services.accounts.sessions import Caller
from app.services.enrolments import consents, loading
from app.services.enrolments.consents import ConsentView
from app.services.enrolments.consequences import Consequence
from app.services.family import keeping
from app.services.links import reconfirmations

_FOR_ANOTHER: Final = tuple(purpose for purpose in ConsentPurpose if purpose is not ConsentPurpose.NOTICE)
"""What an owner agrees to for the member; the notice of the family account is their own."""


async def list_for_me(session: Session, caller: Caller, link_id: UUID) -> Sequence[ConsentView]:
    """Return what was agreed to for the caller when somebody added them, withdrawn or not, the newest first.

    Raises:
        NotFound: the link is not the caller's, or is over.
    """
    link = await _of_caller(session, caller, link_id)
    enrolment = await session.get(Enrolment, (bucket_of(link.enrolment_id), link.enrolment_id))
    if enrolment is None:
        return []
    rows = await session.scalars(
        select(Consent)
        .where(
            Consent.bucket == enrolment.bucket,
            Consent.enrolment_id == enrolment.id,
            Consent.purpose.in_(_FOR_ANOTHER),
        )
        .order_by(Consent.given_at.desc(), Consent.id.desc())
    )
    return [_mine(await consents.view(session, consent, enrolment), link) for consent in rows]


async def withdraw(session: Session, caller: Caller, link_id: UUID, consent_id: UUID) -> None:
    """Take back what was agreed to for the caller; taken back already is as good.

    The files that rested on it go at once. Without the guardian's consent for a child's data the link ends, unless the
    caller has confirmed it by their own face since.

    Raises:
        NotFound: there is no such consent of such a link.
    """
    link = await keeping.living(session, await _of_caller(session, caller, link_id))
    enrolment = await loading.locked(session, link.enrolment_id)
    consent: Consent | None = await session.get(
        Consent, (bucket_of(consent_id), consent_id), with_for_update=True, populate_existing=True
    )
    if enrolment is None or consent is None or consent.enrolment_id != enrolment.id:
        raise NotFound
    if consent.purpose not in _FOR_ANOTHER:
        raise NotFound
    if consent.withdrawn_at is not None:
        return
    await consents.take_back(session, enrolment, consent, caller.actor)
    if consent.purpose is ConsentPurpose.FACE_CHECK:
        await reconfirmations.cancel_open(session, link, caller.actor)
    if _carries(link, consent.purpose):
        await links.end(session, link.id, LinkEnd.BY_MEMBER, caller.actor)


def _carries(link: FamilyLink, purpose: ConsentPurpose) -> bool:
    """Say whether a link rests on a guardian's consent: it does until the member has confirmed it by their own face."""
    return purpose is ConsentPurpose.MINOR_DATA and link.reconfirm_from is not None


def _mine(view: ConsentView, link: FamilyLink) -> ConsentView:
    """Return a consent as the member reads it: the owner's device is none of theirs."""
    consequence = None
    if view.consent.withdrawn_at is None:
        is_end = _carries(link, view.consent.purpose)
        consequence = Consequence.ENDS_LINK if is_end else Consequence.DELETES_FILES
    return replace(view, device=None, consequence=consequence)


async def _of_caller(session: Session, caller: Caller, link_id: UUID) -> FamilyLink:
    """Return the living link of somebody who has added the caller.

    Raises:
        NotFound: it is not the caller's, or is over.
    """
    person_id = await authority.person_still(session, caller)
    await links.find_for_member(session, person_id, link_id)
    return await keeping.of_member(session, caller, link_id)
