"""The birthdays on which a link changes: noted when it starts, in the owner's row and as days in the member's home."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import today
from app.core.db import Session, bucket_of
from app.models.links import LIVING, FamilyLink, Milestone, MilestoneKind
from app.services import policies
from app.services.people import homes
from app.services.people.ages import birthday
from app.services.rules import Policies


async def note(session: Session, link: FamilyLink, verified_on: date) -> None:
    """Write down when a link changes with the member's age, from the day on which they were verified.

    Who was verified before 16 was so by a photo, and who was before 18 had a guardian.
    """
    birth = (await homes.person(session, link.member_id)).birth_date
    rules = await policies.current(session)
    live_face, adult = birthday(birth, rules.ages.live_face), birthday(birth, rules.ages.adult)
    link.reconfirm_from = live_face if verified_on < live_face else None
    is_minor = verified_on < adult
    link.view_only_from = adult + timedelta(days=rules.family_life.answer_days) if is_minor else None
    link.ages_noted = True
    for kind, due_on in _days(link, birth, rules):
        if due_on > verified_on:
            await session.execute(
                insert(Milestone)
                .values(
                    bucket=bucket_of(link.member_id),
                    member_id=link.member_id,
                    link_id=link.id,
                    kind=kind,
                    due_on=due_on,
                    done_at=None,
                )
                .on_conflict_do_nothing()
            )


async def forget(session: Session, link: FamilyLink) -> None:
    """Let the days of a link that has ended go."""
    await session.execute(
        delete(Milestone)
        .where(
            Milestone.bucket == bucket_of(link.member_id),
            Milestone.member_id == link.member_id,
            Milestone.link_id == link.id,
        )
        .execution_options(synchronize_session=False)
    )


async def reached(session: Session, *, most: int) -> Sequence[Milestone]:
    """Return the days that have come and that nobody has seen to, across all homes, the earliest first."""
    rows = await session.scalars(
        select(Milestone)
        .where(Milestone.done_at.is_(None), Milestone.due_on <= today(session.now))
        .order_by(Milestone.due_on, Milestone.bucket)
        .limit(most)
    )
    return rows.all()


async def not_noted(session: Session, *, most: int) -> Sequence[UUID]:
    """Return living links that started before there were such days, across all homes."""
    rows = await session.scalars(
        select(FamilyLink.id).where(FamilyLink.ages_noted.is_(False), FamilyLink.state.in_(sorted(LIVING))).limit(most)
    )
    return rows.all()


def _days(link: FamilyLink, birth: date, rules: Policies) -> Iterator[tuple[MilestoneKind, date]]:
    yield MilestoneKind.OWN_CONSENT, birthday(birth, rules.ages.own_consent)
    if link.reconfirm_from is not None:
        for days in rules.family_life.announced_days:
            yield MilestoneKind.LIVE_FACE_SOON, link.reconfirm_from - timedelta(days=days)
        yield MilestoneKind.LIVE_FACE, link.reconfirm_from
    yield MilestoneKind.ADULT, birthday(birth, rules.ages.adult)
    if link.view_only_from is not None:
        yield MilestoneKind.VIEW_ONLY, link.view_only_from
