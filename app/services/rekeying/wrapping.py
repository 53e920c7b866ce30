"""Wraps data keys anew: the keys stay as they are, and so does all that is sealed under them."""

from app.core import logging
from app.models.base import Wrapped
from app.ports.keys import KeyKind, Keys, KeysUnavailable
from app.services.rekeying import columns, rows
from app.services.rekeying.parts import Moved, Taken
from app.services.rekeying.rows import Change
from app.services.rekeying.tools import Found, Tools

_VERSION_BYTES = 2  # of what the ring wraps (`app.ports.keys`)

_log = logging.logger(__name__)


def parts() -> list[str]:
    """Return the tables that hold wrapped keys."""
    return [table.name for table in columns.tables(Wrapped)]


async def go(tools: Tools, taken: Taken, most: int) -> Found:
    """Wrap the keys of some rows under the key that is written."""
    table = columns.named(taken.part)
    page = await tools.db.run(lambda session: rows.page(session, table, taken.position, most))
    changes, left = [], 0
    for row in page.rows:
        for name in columns.holding(table, Wrapped):
            old: bytes = getattr(row, name)
            if not old or version_of(old) == tools.keys.written(KeyKind.WRAPPING):  # without one: erased
                continue
            try:
                new = await _anew(tools.keys, old)
            except KeysUnavailable:
                left += 1
                _log.warning("key_not_wrapped_anew", table=table.name, version=version_of(old))
            else:
                changes.append(Change(rows.key_of(table, row), {name: old}, {name: new}))
    return Found(Moved(page.position, len(page.rows), left=left), table, changes)


def version_of(wrapped: bytes) -> int:
    """Return the version of the key that something is wrapped under."""
    return int.from_bytes(wrapped[:_VERSION_BYTES])


async def _anew(keys: Keys, wrapped: bytes) -> bytes:
    return await keys.wrap(await keys.unwrap(wrapped))
