"""What is said to the database meanwhile, but for what any work may say now and then: the clock and the rules."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from app.core.db import Database


def is_routine(statement: str) -> bool:
    """Whether a statement is read again every second or five, whoever asks what."""
    return "FROM development_clock" in statement or "FROM policy" in statement


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect the statements that units of work send meanwhile."""
    sent: list[str] = []

    def note(*arguments: object) -> None:
        statement = str(arguments[2])
        if not is_routine(statement):
            sent.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
