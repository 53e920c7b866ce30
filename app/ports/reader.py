"""The port to reading what is printed on a document: a hint to people, never a decision."""

from typing import Protocol


class ReaderUnavailable(Exception):
    """The reader is busy or broken; the document can be read later, or by people alone. Nobody waits for it."""


class DocumentReader(Protocol):
    """Reads printed text."""

    async def read(self, image: bytes) -> tuple[str, ...]:
        """Return the lines of text in a picture, from top to bottom; none when nothing can be read.

        Args:
            image: JPEG, upright, its longest side at most 2400 pixels.

        Raises:
            ReaderUnavailable: ask again later.
        """
        ...

    async def close(self) -> None:
        """Let go of what the reader holds; the server stops."""
        ...
