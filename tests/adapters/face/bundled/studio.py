"""Where pictures are seen by the library, in a worker as on a server, and photos become actors."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache

from app.adapters.face.bundled import seeing
from app.adapters.face.bundled.measures import Sight
from app.adapters.images.worker import decoded
from app.adapters.workers import WorkerPool
from app.ports.images import ImageType, ImageUse
from tests.adapters.face.bundled.acting import Actor, framed, jpeg
from tests.adapters.face.bundled.pictures import picture

_AT_ONCE = 24


class Studio:
    """Sees pictures; photos of `WHO` act."""

    def __init__(self, pool: WorkerPool[tuple[Sight, ...]]) -> None:
        self._pool = pool
        self._seen: dict[bytes, Sight] = {}

    async def see(self, contents: Sequence[bytes]) -> list[Sight]:
        """Return what is seen in each JPEG."""
        unseen = [content for content in dict.fromkeys(contents) if content not in self._seen]
        for start in range(0, len(unseen), _AT_ONCE):
            some = unseen[start : start + _AT_ONCE]
            self._seen |= zip(some, await self._pool.run(tuple(some)), strict=True)
        return [self._seen[content] for content in contents]

    async def watch(self, frames: Sequence[bytes]) -> list[Sight]:
        """Return what is seen in each frame that a client has sent."""
        return await self.see([kept(frame) for frame in frames])

    async def actor(self, name: str) -> Actor:
        """Let somebody act."""
        (whole,) = await self.see([jpeg(picture(name))])
        assert whole.face is not None
        photo = framed(picture(name), whole.face.points)
        (close,) = await self.see([jpeg(photo)])
        assert close.face is not None
        return Actor(photo, close.face.points)


@cache
def kept(content: bytes) -> bytes:
    """Encode a JPEG anew, as the server does before it keeps a frame."""
    prepared = decoded(content, ImageType.JPEG, ImageUse.FRAME, None)
    assert isinstance(prepared, tuple)
    return prepared[0].content


@asynccontextmanager
async def studio() -> AsyncIterator[Studio]:
    """Open the studio."""
    pool = WorkerPool(
        seeing.see, workers=1, waiting=4, patience_seconds=300, niceness=0, memory_bytes=1024**3, tasks_per_worker=500
    )
    try:
        yield Studio(pool)
    finally:
        await pool.close()
