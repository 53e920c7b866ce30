"""Whom a case is about: none of them is of its reviewer's family (`links.kinship`)."""

from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.accounts import Account
from app.models.cases import Case, CasePurpose
from app.models.enrolments import Enrolment
from app.services.family import disputing, reconfirmed


async def people_of(session: Session, case: Case) -> frozenset[UUID]:
    """Return the people whom a case is about: the member, the owner, and whoever the account says it is."""
    found = {case.member_id}
    if case.purpose is CasePurpose.LINK_DISPUTE:
        found.add((await disputing.about(session, case.subject_id))[0].owner_id)
    if case.purpose is CasePurpose.RECONFIRMATION:
        found |= await reconfirmed.homes_of(session, case.subject_id)
    if case.purpose is CasePurpose.CERTIFICATION:
        found.add(case.home_id)
    if case.purpose is CasePurpose.ENROLMENT:
        enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
        account = await session.get_one(Account, (bucket_of(enrolment.account_id), enrolment.account_id))
        found |= {each for each in (enrolment.owner_id, account.person_id) if each is not None}
    return frozenset(found)
