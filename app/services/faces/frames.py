"""Frames that a check is judged by on this server: taken while it is open, gone with its end but for one.

The one is for the people who may have to look; it goes when they, or the face, have decided, and in seven days at most.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, func, select

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.models.documents import DocumentState
from app.models.faces import OPEN, FaceCheck, FaceFrame
from app.ports import Ports, face
from app.ports.face import FrameChallenge, FrameFaceProvider
from app.ports.images import ImageUse
from app.ports.storage import ObjectStore
from app.services import files, policies, throttles
from app.services.accounts.doers import Doer
from app.services.faces import checks
from app.services.throttles import Counter, Limit


class FaceCheckOver(Conflict):
    """The check has ended, or its time is over; what comes now decides nothing."""

    code = "face-check-over"


class FramesNotTaken(Conflict):
    """The check is not judged by frames that come here: its provider has a page or an SDK of its own."""

    code = "frames-not-taken"


class FramesUsedUp(Conflict):
    """So many frames were sent for this check that no person sends more; a new check takes new ones."""

    code = "frames-used-up"


class FrameNonceWrong(Invalid):
    """The frame does not carry the word of this check."""

    code = "frame-nonce-wrong"


@dataclass(frozen=True, slots=True)
class Received:
    """How many frames of a check are here, and how many it takes."""

    received: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame as it was sent: for which of the doer's checks, its number from 1, and the word it carries."""

    check_id: UUID
    number: int
    nonce: str
    content: bytes = field(repr=False)


async def receive(db: Database, ports: Ports, doer: Doer, sent: Sent) -> Received:
    """Take a frame: cleaned, sealed, stored. The same one again is no change, another takes the number's place.

    Raises:
        NotFound: the check is not theirs, or it has no such frame.
        FaceCheckOver, FramesNotTaken, FrameNonceWrong, ImageRefused.
        FramesUsedUp: three times as many as the check wants were looked at.
        FaceServiceUnavailable: this server has the check's provider no more.
        ImagesBusy, StorageUnavailable: send it again; it is not counted.
    """

    async def plan(session: Session) -> tuple[bytes, Received | None]:
        wanted = await _wanted(session, ports, doer, sent)
        digest = files.digest_of(session, sent.content)
        if digest in [row.upload_hmac for row in await _numbered(session, sent)]:
            return digest, Received(await count(session, sent.check_id), wanted)
        if not (await throttles.use(session, _looks(sent, wanted))).is_allowed:
            raise FramesUsedUp
        return digest, None

    async def begin(session: Session) -> UUID:
        bucket = bucket_of(sent.check_id)
        row = FaceFrame(bucket=bucket, id=new_id(bucket), check_id=sent.check_id, number=sent.number)
        return await files.begin(session, row, image, digest)

    digest, known = await db.run(plan)
    if known is not None:
        return known
    try:
        (image,) = await ports.images.prepare(sent.content, use=ImageUse.FRAME)
        frame_id = await db.run(begin)
        await files.put(db, ports.store, FaceFrame, [frame_id], [image])
    except Unavailable:
        await db.run(lambda session: throttles.give_back(session, _looks(sent, 0)))
        raise
    received = await db.run(lambda session: _attach(session, ports, sent, frame_id, digest))
    if received is None:
        raise FaceCheckOver
    return received


async def count(session: Session, check_id: UUID) -> int:
    """Return how many frames of a check are here."""
    stored = select(func.count()).select_from(_stored(check_id).subquery())
    return await session.scalar(stored) or 0


async def read(db: Database, store: ObjectStore, check_id: UUID) -> tuple[face.FaceFrame, ...]:
    """Return a check's frames, in order; no connection is held while they are read.

    Raises:
        StorageUnavailable: the store does not answer, or has lost one.
    """

    async def rows(session: Session) -> Sequence[FaceFrame]:
        return (await session.scalars(_stored(check_id).order_by(FaceFrame.number))).all()

    found = await db.run(rows)
    return tuple([face.FaceFrame(row.number, await files.read(db, store, row), row.created_at) for row in found])


async def let_go(session: Session, check_id: UUID) -> None:
    """Let a check's frames go at once: it has ended. One that is on its way goes when it has come."""
    for row in await session.scalars(_stored(check_id).with_for_update()):
        files.detach(row, session.now)


async def keep_best(session: Session, check_id: UUID) -> None:
    """Let a check's frames go but one, because people may have to look: of one size, the file with most in it."""
    rows = sorted(await session.scalars(_stored(check_id).with_for_update()), key=lambda row: row.size_bytes)
    for row in rows[:-1]:
        files.detach(row, session.now)


async def let_go_of(session: Session, home_id: UUID, subject_id: UUID) -> None:
    """Let the frames of every check of a subject go: it is decided, or starts anew."""
    for check_id in await checks.ids_of(session, home_id, subject_id):
        await let_go(session, check_id)


async def _wanted(session: Session, ports: Ports, doer: Doer, sent: Sent) -> int:
    """Check everything that needs no look at the pixels; return how many frames the check takes.

    Raises:
        NotFound, FaceCheckOver, FramesNotTaken, FrameNonceWrong, FaceServiceUnavailable.
    """
    check = await checks.of_doer(session, doer, sent.check_id)
    challenge = _challenge(ports, check)
    if not _is_open(session, check):
        raise FaceCheckOver
    if not 1 <= sent.number <= challenge.frames:
        raise NotFound
    if not hmac.compare_digest(challenge.nonce.encode(), sent.nonce.encode()):
        raise FrameNonceWrong
    return challenge.frames


def _looks(sent: Sent, wanted: int) -> Counter:
    """Return where the frames of a check are counted that were looked at; it is over before the count is."""
    limit = Limit("face_frames", 3 * wanted, timedelta(days=1))
    return Counter(limit, bucket_of(sent.check_id), sent.check_id.bytes)


async def _attach(session: Session, ports: Ports, sent: Sent, frame_id: UUID, digest: bytes) -> Received | None:
    """Let what was stored take its place; None when the check has ended meanwhile: then it goes.

    Raises:
        StorageUnavailable: the way here took so long that it was swept.
    """
    check = await checks.locked(session, sent.check_id)
    if not _is_open(session, check):
        await files.drop(session, FaceFrame, [frame_id])
        return None
    check.asked_until = None  # there is more to judge than who asks now has seen
    there = await _numbered(session, sent)
    if digest not in [row.upload_hmac for row in there]:
        for row in there:
            files.detach(row, session.now)
        await session.flush()
        days = (await policies.current(session)).retention.face_days
        await files.keep(session, FaceFrame, [frame_id], timedelta(days=days))
        await session.flush()
    elif frame_id not in [row.id for row in there]:  # it came twice at once
        await files.drop(session, FaceFrame, [frame_id])
    return Received(await count(session, check.id), _challenge(ports, check).frames)


def _challenge(ports: Ports, check: FaceCheck) -> FrameChallenge:
    """Return what the frames of a check must keep to.

    Raises:
        FramesNotTaken: it takes none.
        FaceServiceUnavailable: this server has the check's provider no more.
    """
    provider = checks.provider_of(ports, check)
    if not isinstance(provider, FrameFaceProvider) or check.provider_ref is None:
        raise FramesNotTaken
    challenge = provider.challenge(check.provider_ref)
    if not challenge.frames:
        raise FramesNotTaken
    return challenge


def _is_open(session: Session, check: FaceCheck) -> bool:
    return check.state in OPEN and session.now < check.expires_at


async def _numbered(session: Session, sent: Sent) -> Sequence[FaceFrame]:
    """Return what stands at a frame's number."""
    return (await session.scalars(_stored(sent.check_id).where(FaceFrame.number == sent.number))).all()


def _stored(check_id: UUID) -> Select[FaceFrame]:
    return (
        select(FaceFrame)
        .where(
            FaceFrame.bucket == bucket_of(check_id),
            FaceFrame.check_id == check_id,
            FaceFrame.state == DocumentState.STORED,
        )
        .execution_options(populate_existing=True)
    )
