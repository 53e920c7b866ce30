"""The other doors, each a short story of its own: a module for each, found here by the name of `--door`."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from app.walkthrough.doors.branch_window import BranchWindow
from app.walkthrough.doors.hospital import Hospital
from app.walkthrough.doors.mini_program import MiniProgram
from app.walkthrough.doors.web_page import WebPage
from app.walkthrough.phone import Phone
from app.walkthrough.telling import Teller


class Door(Protocol):
    """A story that is told by one door."""

    def tell(self) -> None:
        """Play and tell everything.

        Raises:
            Unexpected: an answer is not as it should be.
        """
        ...


DOORS: Final[Mapping[str, Callable[[Phone, Teller], Door]]] = {
    "branch-window": BranchWindow,
    "hospital": Hospital,
    "mini-program": MiniProgram,
    "web-page": WebPage,
}
