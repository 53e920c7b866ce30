"""Brings digests under the pepper that is written: made anew from what is sealed, or forgotten in time.

account, person    whose phone and number are sealed in their home: `login` and `identifier` get a row under the new
                   pepper beside the old one; both lead to the same
register_person    the embedded register, and what other stand-ins keep under the same number; they do of people here
                   too whom another register knows
login, identifier  rows under peppers that are in the file no more go, where one beside them finds the same
all others         what is old enough is forgotten; the rest goes by itself, in its time
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, Row, Table, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session
from app.core.sealing import Lookup
from app.models.accounts import Account, Login
from app.models.base import Digest
from app.models.people import Identifier, Person
from app.models.stand_ins import RegisterPerson
from app.services.people import homes
from app.services.rekeying import columns, rows
from app.services.rekeying.parts import Moved, Taken
from app.services.rekeying.rows import Change
from app.services.rekeying.tools import Found, Tools

_PHONE: Final = "phone"


class Derive(Protocol):
    """Makes what one row is found by anew; says how many digests that were."""

    async def __call__(self, session: Session, row_id: UUID) -> int: ...


def parts() -> list[str]:
    """Return the tables from which digests are made anew, those whose old rows go, and those that forget."""
    forgetting = {table.name for table, _, digest in columns.digests() if digest.since is not None}
    return sorted(forgetting | DERIVED.keys() | _CLAIMS.keys())


async def go(tools: Tools, taken: Taken, most: int) -> Found:
    """Bring what some rows are found by under the pepper that is written."""
    table = columns.named(taken.part)
    page = await tools.db.run(lambda session: rows.page(session, table, taken.position, most))
    changed, left, changes = 0, 0, list[Change]()
    if table.name in DERIVED:
        for row in page.rows:
            changed += await tools.db.run(partial(DERIVED[table.name], row_id=row.id))
    if table.name in _CLAIMS:
        changed += await tools.db.run(lambda session: _drop_old(session, table, page.rows))
    for row in page.rows:
        change, still = _forget(table, row, tools.db.lookup, tools.db.clock.now())
        changes += [change] if change is not None else []
        left += still
    return Found(Moved(page.position, len(page.rows), changed, left), table, changes)


async def _number(session: Session, row_id: UUID) -> int:
    """Let a person be found by their number under the new pepper too; their home is locked, so nobody erases them."""
    await homes.lock_rows(session, [row_id])
    person = await homes.find_person(session, row_id)
    if person is None:
        return 0
    here = Identifier.bucket == homes.number_bucket(session, person.number)
    beside = await _beside(session, Identifier, here, Identifier.person_id == row_id, person.number)
    return beside + await _stand_ins(session, person.number)


async def _phone(session: Session, row_id: UUID) -> int:
    """Let an account be found by its phone under the new pepper too; it is locked, so nobody changes it."""
    (home,) = await homes.lock_rows(session, [row_id])
    account = await session.get(Account, (home.bucket, row_id), populate_existing=True)
    if home.erased_at is not None or account is None:
        return 0
    key = await homes.key_of(session, row_id)
    phone = key.open("account.phone", row_id, account.phone)
    here = Login.bucket == session.lookup.bucket(_PHONE, phone)
    return await _beside(session, Login, here, Login.account_id == row_id, phone)


async def _beside(session: Session, claims: type[Identifier] | type[Login], here: Any, theirs: Any, value: str) -> int:
    """Put a row under the pepper that is written beside one under another; return how many that were."""
    table = columns.named(claims.__tablename__)
    ((name, digest),) = columns.holding(table, Digest).items()
    assert digest.kind is not None
    known = {row._mapping[name]: row._mapping for row in await session.execute(select(table).where(here, theirs))}
    wanted = session.lookup.digests(digest.kind, value)
    old = next((known[each] for each in wanted if each in known), None)
    if old is None or wanted[0] in known:
        return 0
    new = {**old, name: wanted[0], "key_version": session.lookup.version}
    done = await session.execute(insert(table).values(**new).on_conflict_do_nothing())
    assert isinstance(done, CursorResult)
    return done.rowcount


async def _registered(session: Session, row_id: UUID) -> int:
    """Find a person of the embedded register, and what the other stand-ins have of them, under the new pepper."""
    row = await session.get(RegisterPerson, row_id, with_for_update=True, populate_existing=True)
    if row is None:  # another was put in their place meanwhile, under the new pepper
        return 0
    record = orjson.loads(session.vault.system.open_bytes("register_person.record", row_id, row.record))
    return await _stand_ins(session, record["number"])


async def _stand_ins(session: Session, number: str) -> int:
    """Find what stand-ins have of somebody under the new pepper; return how much was found under another."""
    changed = 0
    for table, name, digest in columns.digests():
        if digest.derived_from == "register_person.record" and digest.kind is not None:
            written, *old = session.lookup.digests(digest.kind, number)
            done = await session.execute(update(table).where(table.c[name].in_(old)).values({name: written}))
            assert isinstance(done, CursorResult)
            changed += done.rowcount
    return changed


async def _drop_old(session: Session, table: Table, found: Any) -> int:
    """Delete rows under peppers that are older than any in the file, where one beside them finds the same.

    What such a pepper alone finds stays: it was taken out too early, and may come back.
    """
    oldest, count, other = min(session.lookup.versions), 0, table.alias("other")
    leads_to = columns.leads_to(table)
    beside = (
        other.c.bucket == table.c.bucket,
        other.c[leads_to] == table.c[leads_to],
        other.c.key_version.in_(session.lookup.versions),
    )
    for row in found:
        if row.key_version < oldest:
            same = [table.c[name] == value for name, value in rows.key_of(table, row).items()]
            done = await session.execute(delete(table).where(*same, exists().where(*beside)))
            assert isinstance(done, CursorResult)
            count += done.rowcount
    return count


def _forget(table: Table, row: Row[Any], lookup: Lookup, now: datetime) -> tuple[Change | None, int]:
    """Return what is to be forgotten of a row, and how many of its digests are too young for that."""
    old, new, left = dict[str, bytes](), dict[str, bytes | None](), 0
    for name, digest in columns.holding(table, Digest).items():
        value: bytes | None = getattr(row, name)
        if digest.since is None or value is None or Lookup.version_of(value) in (0, lookup.version):
            continue
        if getattr(row, digest.since) + timedelta(days=digest.days) > now:
            left += 1
            continue
        old[name], new[name] = value, None if table.c[name].nullable else lookup.of_nothing()
    return (Change(rows.key_of(table, row), old, new) if new else None), left


DERIVED: Final[Mapping[str, Derive]] = {
    Person.__tablename__: _number,
    Account.__tablename__: _phone,
    RegisterPerson.__tablename__: _registered,
}
"""Where digests are made anew from: a table, and what is done for one of its rows."""

_CLAIMS: Final[Mapping[str, type[Identifier] | type[Login]]] = {
    Identifier.__tablename__: Identifier,
    Login.__tablename__: Login,
}
