"""Reads documents with RapidOCR (the models of PP-OCR, as ONNX) in a process of its own; the extra `ocr`.

https://github.com/RapidAI/RapidOCR, Apache-2.0, models included. Python below 3.13.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from app.adapters.workers import WorkerPool, WorkersBusy, WorkKills, WorkTooLong, limit_processor_time
from app.ports.reader import DocumentReader, ReaderUnavailable

_LIBRARY: Final = "rapidocr_onnxruntime"
# Measured: a page of 2400 pixels takes 3 to 6 seconds of processor time and 380 MiB; the runtime maps far more.
_CPU_SECONDS: Final = 60
_MEMORY_BYTES: Final = 6 * 1024**3
# Below this the library itself is not sure of a line.
_LEAST_SCORE: Final = 0.6


class RapidReader(DocumentReader):
    """Reads one document at a time; `waiting` may be in hand, each for `patience_seconds`."""

    def __init__(self, *, waiting: int = 8, patience_seconds: float = 40, niceness: int = 19) -> None:
        if find_spec(_LIBRARY) is None:
            raise LookupError(
                "the document reader rapidocr is not installed: it comes with the extra ocr (escard[ocr])"
            )
        self._pool = WorkerPool(
            read_lines,
            workers=1,
            waiting=waiting,
            patience_seconds=patience_seconds,
            niceness=niceness,
            memory_bytes=_MEMORY_BYTES,
        )

    async def read(self, image: bytes) -> tuple[str, ...]:
        try:
            return await self._pool.run(image)
        except (WorkTooLong, WorkKills):
            return ()
        except WorkersBusy as error:
            raise ReaderUnavailable from error

    async def close(self) -> None:
        await self._pool.close()


def read_lines(image: bytes) -> tuple[str, ...]:
    """Read a picture; what the pool calls. Never raises: errors of libraries may hold pieces of the file."""
    limit_processor_time(_CPU_SECONDS)
    try:
        found, _ = _engine()(image)
    except Exception:
        return ()
    return tuple(text for _, text, score in found or () if float(score) >= _LEAST_SCORE)


@cache
def _engine() -> Any:
    """Load the models once a process: most of two seconds."""
    return import_module(_LIBRARY).RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
