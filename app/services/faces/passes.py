"""When somebody's live face has passed last: who has just shown it is not asked again for everything."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.models.faces import FaceCheck, FaceCheckState, FacePass
from app.ports.face import FaceMode


async def remember(session: Session, check: FaceCheck) -> None:
    """Remember in the member's home that their live face has passed; one by photo, or not passed, is none."""
    if check.state is not FaceCheckState.PASSED or check.mode is not FaceMode.LIVE:
        return
    newest = {"check_id": check.id, "at": session.now}
    await session.execute(
        insert(FacePass)
        .values(bucket=bucket_of(check.member_id), member_id=check.member_id, **newest)
        .on_conflict_do_update(index_elements=[FacePass.bucket, FacePass.member_id], set_=newest)
    )


async def last(session: Session, member_id: UUID) -> FaceCheck | None:
    """Return the check in which somebody's live face has passed last."""
    known = await session.get(FacePass, (bucket_of(member_id), member_id), populate_existing=True)
    return None if known is None else await session.get(FaceCheck, (bucket_of(known.check_id), known.check_id))


async def is_fresh(session: Session, member_id: UUID, within: timedelta) -> bool:
    """Say whether somebody's live face has passed within a span of time."""
    last = await session.get(FacePass, (bucket_of(member_id), member_id), populate_existing=True)
    return last is not None and session.now - last.at < within
