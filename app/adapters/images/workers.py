"""Image work done by other processes."""

import re
from collections.abc import Callable
from typing import Final, TypeVar, cast

from app.adapters.images import worker
from app.adapters.images.signatures import image_type
from app.adapters.workers import WorkerPool, WorkersBusy, WorkKills, WorkTooLong
from app.ports.images import (
    CardPhotoLook,
    CardPhotoTypeUnsupported,
    ImageFault,
    Images,
    ImagesBusy,
    ImageUse,
    PreparedImage,
    refusal,
)

# Measured: 50 million pixels with alpha, as PNG or WebP, fail at 768 MiB of addresses and pass at 1024; HEIC and JPEG
# of that size need 640.
_MEMORY_BYTES: Final = 1280 * 1024 * 1024

Done = TypeVar("Done")


class WorkerImages(Images):
    """Decodes in `workers` processes with limits on memory and processor time.

    `cpu_seconds` is how much processor time a file may take; for the others see `WorkerPool`. `keep_comment` lets an
    embedded text comment through that matches wholly, for the sandbox face provider; None keeps none.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        waiting: int = 16,
        patience_seconds: float = 30,
        cpu_seconds: int = 15,
        niceness: int = 19,
        keep_comment: re.Pattern[str] | None = None,
    ) -> None:
        self._pool: WorkerPool[object] = WorkerPool(
            worker.do,
            workers=workers,
            waiting=waiting,
            patience_seconds=patience_seconds,
            niceness=niceness,
            memory_bytes=_MEMORY_BYTES,
        )
        self._cpu_seconds = cpu_seconds
        self._keep_comment = keep_comment

    @property
    def pool(self) -> WorkerPool[object]:
        """The processes, which other work may share; they call a function with what is beside it (`worker.do`)."""
        return self._pool

    async def prepare(self, content: bytes, *, use: ImageUse) -> tuple[PreparedImage, ...]:
        kind = image_type(content)
        if kind is None or kind not in use.types:
            raise refusal(ImageFault.WRONG_TYPE)
        outcome = await self._outcome(worker.decoded, content, kind, use, self._keep_comment)
        if isinstance(outcome, ImageFault):
            raise refusal(outcome)
        return outcome

    async def card_photo(self, content: bytes) -> tuple[PreparedImage, CardPhotoLook]:
        kind = image_type(content)
        if kind is None or kind not in ImageUse.CARD_PHOTO.types:
            raise CardPhotoTypeUnsupported
        outcome = await self._outcome(worker.portrayed, content, kind)
        if isinstance(outcome, ImageFault):
            raise refusal(outcome)
        return outcome

    async def marked(self, content: bytes, text: str) -> bytes:
        outcome = await self._outcome(worker.watermarked, content, text)
        if isinstance(outcome, ImageFault):
            raise refusal(outcome)
        return outcome

    async def close(self) -> None:
        await self._pool.close()

    async def _outcome(self, work: Callable[..., Done], *arguments: object) -> Done | ImageFault:
        try:
            # What the pool answers is what `work` returns; its own type says nothing of each piece of work.
            return cast(Done, await self._pool.run(work, self._cpu_seconds, *arguments))
        except WorkTooLong:
            return ImageFault.TIMED_OUT
        except WorkKills:
            return ImageFault.UNREADABLE
        except WorkersBusy as error:
            raise ImagesBusy from error
