"""Everything that is held on somebody, told to them: their own whole, other people masked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import DateTime, or_, select

from app.core.db import Session, bucket_of
from app.core.sealing import DataKey
from app.models.people import Home, HomeKind, Person
from app.services import audit
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.people import homes
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.privacy.holdings import HOLDINGS, Holding

ME: Final = "me"
_NUMBERS: Final = frozenset({"member_number"})


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of one table that are about somebody, each told by its columns' names."""

    name: str
    rows: Sequence[Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MyData:
    """Everything that is held on somebody at a moment."""

    at: datetime
    held: Sequence[Held] = field(repr=False)

    def rows(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return what one table holds."""
        return next(held.rows for held in self.held if held.name == name)


class _Reader:
    """Reads the tables for one person: knows who they are, their keys, and the names of others met on the way."""

    def __init__(self, session: Session, caller: Caller, ids: frozenset[UUID]) -> None:
        self._session = session
        self._ids = ids
        self._buckets = sorted({bucket_of(each) for each in {*ids, caller.home_id}})
        self._keys: dict[UUID, DataKey] = {}
        self._names: dict[UUID, str | None] = {}

    async def held(self, holding: Holding) -> Held:
        """Read one table."""
        columns = holding.stored.columns
        moments = [column for column in columns if isinstance(column.type, DateTime)]
        found = await self._session.scalars(
            select(holding.table)
            .where(columns["bucket"].in_(self._buckets), or_(*(columns[by].in_(self._ids) for by in holding.by)))
            .order_by(*moments[:1], *holding.stored.primary_key.columns)
            .execution_options(populate_existing=True)
        )
        return Held(holding.name, [await self._row(holding, row) for row in found])

    async def _row(self, holding: Holding, row: Any) -> Mapping[str, Any]:
        told = {name: _plain(getattr(row, name)) for name in holding.columns()}
        for name, bound_to in holding.shown.items():
            told[name] = _parsed(await self._opened(holding, row, name, bound_to))
        for name, bound_to in holding.masked.items():
            opened = await self._opened(holding, row, name, bound_to)
            told[name] = opened and (mask_number(opened) if name in _NUMBERS else mask_name(opened))
        for name in holding.others:
            told[name.removesuffix("_id")] = await self._who(getattr(row, name))
        return told

    async def _opened(self, holding: Holding, row: Any, name: str, bound_to: str) -> str | None:
        sealed = getattr(row, name)
        if sealed is None:
            return None
        home_id = getattr(row, holding.home)
        if home_id not in self._keys:
            self._keys[home_id] = await homes.key_of(self._session, home_id)
        return self._keys[home_id].open(f"{holding.name}.{name}", getattr(row, bound_to), sealed)

    async def _who(self, person_id: UUID | None) -> str | None:
        """Return somebody's masked name; `me` for whose data it is, nothing for whom we know no more."""
        if person_id is None:
            return None
        if person_id in self._ids:
            return ME
        if person_id not in self._names:
            self._names[person_id] = await self._name(person_id)
        return self._names[person_id]

    async def _name(self, person_id: UUID) -> str | None:
        key = (bucket_of(person_id), person_id)
        home = await self._session.get(Home, key)
        if home is None or home.kind is not HomeKind.PERSON or await self._session.get(Person, key) is None:
            return None
        return mask_name((await homes.person(self._session, person_id)).name)


async def tell(session: Session, caller: Caller) -> MyData:
    """Return everything that is held on the caller; that it was told is written down.

    What the account holds is told always, what the person's home holds only once a face has shown who they are.
    """
    ids = {caller.account_id}
    person_id = caller.person_id if caller.is_proven else None
    if person_id is not None and await homes.holder(session, person_id) == caller.account_id:
        ids.add(person_id)
    await audit.record(session, Action.MY_DATA_TOLD, home_id=_home(caller, ids), actor=caller.actor)
    await session.flush()
    reader = _Reader(session, caller, frozenset(ids))
    return MyData(session.now, [await reader.held(holding) for holding in HOLDINGS])


def _home(caller: Caller, ids: set[UUID]) -> UUID:
    return caller.person_id if caller.person_id is not None and caller.person_id in ids else caller.account_id


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case date() | UUID() | Decimal():
            return str(value)
        case bytes():
            return value.hex()
        case _:
            return value


def _parsed(text: str | None) -> object:
    """Return what was sealed: a text, or what it holds where that is an object."""
    return orjson.loads(text) if text is not None and text.startswith("{") else text
