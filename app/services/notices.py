"""The texts people agree to: which is in force, and whether the one shown was that."""

from dataclasses import dataclass
from datetime import datetime

from app.core.clock import today
from app.core.db import Session
from app.core.errors import Conflict, NextStep, NotFound
from app.texts import NOTICE_CODES, Notice, notice


class NoticeOutdated(Conflict):
    """What was shown is not the text in force; `next_step` says where that one is."""

    code = "notice-outdated"


@dataclass(frozen=True, slots=True)
class Shown:
    """Which text a person was shown, as their client says."""

    code: str
    version: str
    language: str
    sha256: str


def in_force(now: datetime, code: str, language: str) -> Notice:
    """Return the notice that is in force at a moment.

    Raises:
        NotFound: there is none of this code.
    """
    if code not in NOTICE_CODES:
        raise NotFound
    return notice(code, language, today(now))


def address(code: str) -> str:
    """Return where a notice is read."""
    return f"/v1/notices/{code}"


def require_in_force(session: Session, shown: Shown, code: str) -> None:
    """Check that what was shown is the exact text in force of the notice that is asked for.

    Raises:
        NoticeOutdated: another notice, an old version, or other words.
    """
    to_read = NextStep("read-notice", address(code))
    try:
        current = in_force(session.now, code, shown.language)
    except KeyError as error:  # a language we do not have
        raise NoticeOutdated(next_step=to_read) from error
    if (shown.code, shown.version, shown.sha256) != (current.code, current.version, current.sha256):
        raise NoticeOutdated(next_step=to_read)
