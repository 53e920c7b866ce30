"""What makes an enrolment risky, so that two people must agree where people decide.

A photo that came for somebody else too is noted with (owner, member) when it comes, and stays noted whatever is changed
afterwards; the others are seen when a case is opened.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.models.cases import NotedRisk, Risk
from app.models.documents import SeenImage
from app.models.enrolments import Enrolment
from app.models.links import FamilyLink
from app.services import documents, policies
from app.services.people import homes
from app.services.people.ages import is_under
from app.services.people.relationships import is_near_relative

_IMAGE = "facial-photo"


async def note_photo(session: Session, enrolment: Enrolment) -> None:
    """Remember the enrolment's facial photo, as it was drawn anew; note when it came for somebody else before."""
    assert enrolment.member_id is not None
    picture = await _picture(session, enrolment)
    if picture is None:
        return
    await session.execute(
        insert(SeenImage)
        .values(
            bucket=session.lookup.bucket(_IMAGE, picture),
            image_hmac=session.lookup.digest(_IMAGE, picture),
            member_id=enrolment.member_id,
            seen_at=session.now,
        )
        .on_conflict_do_update(
            index_elements=[SeenImage.bucket, SeenImage.image_hmac, SeenImage.member_id], set_={"seen_at": session.now}
        )
    )
    if await _is_of_others_too(session, picture, enrolment.member_id):
        await _note(session, enrolment, Risk.REUSED_PHOTO)


async def of(session: Session, enrolment: Enrolment) -> Collection[Risk]:
    """Return what is risky about an enrolment that people are to decide on now; its details are given."""
    assert enrolment.member_id is not None
    rules = await policies.current(session)
    found = set[Risk]()
    if await _is_distant_adult(session, enrolment, rules.ages.adult):
        found.add(Risk.DISTANT_ADULT)
    if await _new_members(session, enrolment, rules.reviews.new_members_days) >= rules.reviews.new_members:
        found.add(Risk.MANY_NEW_MEMBERS)
    picture = await _picture(session, enrolment)
    is_reused = picture is not None and await _is_of_others_too(session, picture, enrolment.member_id)
    if is_reused or await _is_noted(session, enrolment, Risk.REUSED_PHOTO):
        found.add(Risk.REUSED_PHOTO)
    return found


async def _is_distant_adult(session: Session, enrolment: Enrolment, adult: int) -> bool:
    if enrolment.relationship is None or is_near_relative(enrolment.relationship):
        return False
    assert enrolment.member_id is not None
    return not is_under((await homes.person(session, enrolment.member_id)).birth_date, adult, session.now)


async def _new_members(session: Session, enrolment: Enrolment, days: int) -> int:
    """Return how many links of the owner have started lately, ended since or not."""
    count = await session.scalar(
        select(func.count())
        .select_from(FamilyLink)
        .where(
            FamilyLink.bucket == enrolment.bucket,
            FamilyLink.owner_id == enrolment.home_id,
            FamilyLink.active_since > session.now - timedelta(days=days),
        )
    )
    return count or 0


async def _picture(session: Session, enrolment: Enrolment) -> str | None:
    """Return the hash of the pixels we keep: the same for files that differ in nothing else."""
    photo = await documents.facial_photo(session, enrolment.home_id, enrolment.id)
    return None if photo is None else photo.sha256.hex()


async def _is_of_others_too(session: Session, picture: str, member_id: UUID) -> bool:
    days = (await policies.current(session)).reviews.photo_days
    other = await session.scalar(
        select(SeenImage.member_id)
        .where(
            SeenImage.bucket == session.lookup.bucket(_IMAGE, picture),
            SeenImage.image_hmac.in_(session.lookup.digests(_IMAGE, picture)),
            SeenImage.member_id != member_id,
            SeenImage.seen_at > session.now - timedelta(days=days),
        )
        .limit(1)
    )
    return other is not None


async def _note(session: Session, enrolment: Enrolment, risk: Risk) -> None:
    row = {"owner_id": enrolment.home_id, "member_id": enrolment.member_id, "risk": risk}
    await session.execute(
        insert(NotedRisk)
        .values(bucket=bucket_of(enrolment.home_id), noted_at=session.now, **row)
        .on_conflict_do_update(
            index_elements=[NotedRisk.bucket, NotedRisk.owner_id, NotedRisk.member_id, NotedRisk.risk],
            set_={"noted_at": session.now},
        )
    )


async def _is_noted(session: Session, enrolment: Enrolment, risk: Risk) -> bool:
    days = (await policies.current(session)).reviews.photo_days
    noted_at = await session.scalar(
        select(NotedRisk.noted_at).where(
            NotedRisk.bucket == bucket_of(enrolment.home_id),
            NotedRisk.owner_id == enrolment.home_id,
            NotedRisk.member_id == enrolment.member_id,
            NotedRisk.risk == risk,
        )
    )
    return noted_at is not None and noted_at > session.now - timedelta(days=days)
