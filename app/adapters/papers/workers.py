"""Papers drawn by other processes."""

from typing import Final, cast

from app.adapters.papers import worker
from app.adapters.workers import WorkerPool, WorkersBusy, WorkKills, WorkTooLong
from app.ports.papers import Paper, Papers, PapersBusy

# Measured: a statement of 500 rows takes a second.
_CPU_SECONDS: Final = 20


class WorkerPapers(Papers):
    """Draws in the processes of a pool that calls what it is given (`app.adapters.images.worker.do`)."""

    def __init__(self, pool: WorkerPool[object]) -> None:
        self._pool = pool

    async def draw(self, paper: Paper) -> bytes:
        try:
            return cast(bytes, await self._pool.run(worker.drawn, _CPU_SECONDS, paper))
        except (WorkersBusy, WorkKills, WorkTooLong) as error:
            raise PapersBusy(retry_after_seconds=10) from error
