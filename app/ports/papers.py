"""The port to what makes papers: PDF files to be read, printed and shown to others."""

from dataclasses import dataclass, field
from typing import Protocol

from app.core.errors import Unavailable


class PapersBusy(Unavailable):
    """Too many papers are waiting, or the wait got too long."""

    code = "papers-busy"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values beside each other, one pair a line."""

    pairs: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads, as many values in each as there are heads; it goes on over pages, its heads on each."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str = field(repr=False)


Block = Facts | Table | Words


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a paper under a title of its own."""

    title: str
    blocks: tuple[Block, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a paper is known by: its number as it is printed, and the address where others see that it is ours.

    `words` stand beside the QR code of the address: what can be seen there.
    """

    number: str = field(repr=False)
    address: str = field(repr=False)
    words: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper before it is drawn: plain text everywhere, nothing in it is markup.

    `foot` stands at the foot of each page, beside the mark's number and the page's.
    """

    title: str
    sections: tuple[Section, ...] = field(repr=False)
    foot: str = ""
    mark: Mark | None = None


class Papers(Protocol):
    """Draws papers."""

    async def draw(self, paper: Paper) -> bytes:
        """Return a paper as a PDF file, A4.

        A character that the paper's fonts do not have is drawn as its code point, so that no name is refused or cut.
        The same paper gives the same bytes, as long as the library stays the same.

        Raises:
            PapersBusy: too many are waiting, or the wait got too long. Trying again later is right.
        """
        ...
