"""A citizen register in tables of our own, for the demo and for installations that bring their people as a file."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import delete, func, insert, select, text, update

from app.core.db import Database, Session, new_id
from app.models.stand_ins import RegisterPerson
from app.ports.register import (
    PersonChange,
    PhysicalCard,
    PhysicalCardStatus,
    Register,
    RegisteredPerson,
    RegisterUnavailable,
    TestPerson,
)

_NUMBER = "register-number"
_CARD = "register-card"
_NO_CARD = ""
_INDEXED_AT_ONCE = 500
_RECORD = "register_person.record"
_PORTRAIT = "register_person.portrait"


@dataclass(frozen=True, slots=True)
class Entry:
    """A person as they are put into the register: number normalised, portrait a JPEG image.

    The people of the demo have a label, and a note that says what they are for.
    """

    person: RegisteredPerson
    portrait: bytes | None = field(default=None, repr=False)
    label: str | None = None
    note: str = ""


class EmbeddedRegister(Register):
    """A register at home: one sealed record a person, found by a keyed digest of the number."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, number: str) -> RegisteredPerson | None:
        async def read(session: Session) -> RegisteredPerson | None:
            row = (
                await session.execute(
                    select(RegisterPerson.id, RegisterPerson.record).where(
                        RegisterPerson.number_hmac.in_(session.lookup.digests(_NUMBER, number))
                    )
                )
            ).one_or_none()
            return None if row is None else _person(_opened(session, row.id, row.record))

        return await self._db.run(read)

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        if card_number == _NO_CARD:
            return None
        while True:
            found = await self._db.run(lambda session: _by_card(session, card_number))
            if found or not await self._db.run(_index_cards):
                break
        if len(found) > 1:
            raise RegisterUnavailable
        return found[0] if found else None

    async def portrait(self, number: str) -> bytes | None:
        async def read(session: Session) -> bytes | None:
            row = (
                await session.execute(
                    select(RegisterPerson.id, RegisterPerson.portrait).where(
                        RegisterPerson.number_hmac.in_(session.lookup.digests(_NUMBER, number))
                    )
                )
            ).one_or_none()
            if row is None or row.portrait is None:
                return None
            try:
                return session.vault.system.open_bytes(_PORTRAIT, row.id, row.portrait)
            except InvalidTag as error:
                raise RegisterUnavailable from error

        return await self._db.run(read)

    async def put(self, people: Sequence[Entry]) -> None:
        """Take people in, all or none; who is there already, by number, is replaced.

        A label belongs to one person: whoever had it before stays in the register without.
        """
        latest = {entry.person.number: entry for entry in people}

        async def replace(session: Session) -> None:
            # One writer at a time; readers see the people as they were until the end.
            await session.execute(text("LOCK TABLE register_person IN SHARE ROW EXCLUSIVE MODE"))
            known = [digest for number in latest for digest in session.lookup.digests(_NUMBER, number)]
            labels = [entry.label for entry in latest.values() if entry.label is not None]
            await session.execute(delete(RegisterPerson).where(RegisterPerson.number_hmac.in_(known)))
            await session.execute(update(RegisterPerson).where(RegisterPerson.label.in_(labels)).values(label=None))
            await session.execute(insert(RegisterPerson), [_row(session, entry) for entry in latest.values()])

        if latest:
            await self._db.run(replace)

    async def change(self, label: str, change: PersonChange) -> bool:
        """Change what is held of the test person with this label; say whether there is one."""

        async def replace(session: Session) -> bool:
            row = await session.scalar(
                select(RegisterPerson).where(RegisterPerson.label == label).with_for_update(of=RegisterPerson)
            )
            if row is None:
                return False
            _rewrite(session, row, change)
            return True

        return await self._db.run(replace)

    async def give_card(self, session: Session, number: str) -> None:
        """Let somebody have collected a new physical card: of a number of its own, and normal."""
        row = await session.scalar(
            select(RegisterPerson)
            .where(RegisterPerson.number_hmac.in_(session.lookup.digests(_NUMBER, number)))
            .with_for_update(of=RegisterPerson)
        )
        if row is not None:
            _rewrite(session, row, PersonChange(new_card=True))

    async def test_people(self) -> Sequence[TestPerson]:
        """Return everybody who has a label, in the order of the demo."""

        async def read(session: Session) -> list[TestPerson]:
            rows = await session.execute(
                select(RegisterPerson.label, RegisterPerson.id, RegisterPerson.record).where(
                    RegisterPerson.label.is_not(None)
                )
            )
            return [_test_person(row.label, _opened(session, row.id, row.record)) for row in rows]

        people = await self._db.run(read)
        return sorted(people, key=lambda person: (person.computer_number, person.label))

    async def count(self) -> int:
        """Return how many people the register holds."""
        return await self._db.run(_count)


async def _by_card(session: Session, card_number: str) -> list[RegisteredPerson]:
    rows = await session.execute(
        select(RegisterPerson.id, RegisterPerson.record)
        .where(RegisterPerson.card_hmac.in_(session.lookup.digests(_CARD, card_number)))
        .limit(2)
    )
    return [_person(_opened(session, row.id, row.record)) for row in rows]


async def _index_cards(session: Session) -> int:
    """Give digests to people from before cards were looked up by them, some at a time; return to how many."""
    rows = await session.scalars(
        select(RegisterPerson)
        .where(RegisterPerson.card_hmac.is_(None))
        .order_by(RegisterPerson.id)
        .limit(_INDEXED_AT_ONCE)
        .with_for_update()
    )
    count = 0
    for row in rows:
        row.card_hmac = _card_digest(session, _person(_opened(session, row.id, row.record)).card)
        count += 1
    return count


def _card_digest(session: Session, card: PhysicalCard | None) -> bytes:
    return session.lookup.digest(_CARD, _NO_CARD if card is None else card.number)


def _rewrite(session: Session, row: RegisterPerson, change: PersonChange) -> None:
    record = _changed(_opened(session, row.id, row.record), change)
    row.record = session.vault.system.seal_bytes(_RECORD, row.id, orjson.dumps(record))
    card = record["card"]
    row.card_hmac = session.lookup.digest(_CARD, _NO_CARD if card is None else card["number"])
    row.changed_at = session.now


async def _count(session: Session) -> int:
    return await session.scalar(select(func.count()).select_from(RegisterPerson)) or 0


def _row(session: Session, entry: Entry) -> Mapping[str, object]:
    row_id, seal = new_id(0), session.vault.system.seal_bytes
    return {
        "id": row_id,
        "number_hmac": session.lookup.digest(_NUMBER, entry.person.number),
        "card_hmac": _card_digest(session, entry.person.card),
        "label": entry.label,
        "record": seal(_RECORD, row_id, orjson.dumps(_record(entry))),
        "portrait": None if entry.portrait is None else seal(_PORTRAIT, row_id, entry.portrait),
        "changed_at": session.now,
    }


def _record(entry: Entry) -> Mapping[str, object]:
    person = entry.person
    return {
        "number": person.number,
        "name": person.name,
        "sex": person.sex,
        "birth_date": person.birth_date,
        "region": person.region,
        "is_alive": person.is_alive,
        "phone": person.phone,
        "card": None if person.card is None else {"number": person.card.number, "status": person.card.status},
        "parents": sorted(person.parents),
        "guardians": sorted(person.guardians),
        "note": entry.note,
        "computer_number": person.computer_number,
    }


def _opened(session: Session, row_id: UUID, sealed: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = orjson.loads(session.vault.system.open_bytes(_RECORD, row_id, sealed))
    except InvalidTag as error:  # under another key ring's system key, or not ours at all
        raise RegisterUnavailable from error
    return record


def _changed(record: Mapping[str, Any], change: PersonChange) -> Mapping[str, Any]:
    """Return a record as it is after a change; a new card is normal, and whoever has none gets one by any status."""
    card, is_alive = record["card"], record["is_alive"] if change.is_alive is None else change.is_alive
    if change.new_card or (card is None and change.card_status is not None):
        card = {"number": f"D{secrets.randbelow(10**8):08}", "status": PhysicalCardStatus.NORMAL}
    if change.card_status is not None:
        card = {**card, "status": change.card_status}
    return {**record, "card": card, "is_alive": is_alive}


def _person(record: Mapping[str, Any]) -> RegisteredPerson:
    card = record["card"]
    return RegisteredPerson(
        number=record["number"],
        name=record["name"],
        sex=record["sex"],
        birth_date=date.fromisoformat(record["birth_date"]),
        region=record["region"],
        is_alive=record["is_alive"],
        phone=record["phone"],
        card=None if card is None else PhysicalCard(card["number"], PhysicalCardStatus(card["status"])),
        parents=frozenset(record["parents"]),
        guardians=frozenset(record["guardians"]),
        computer_number=record["computer_number"],
    )


def _test_person(label: str | None, record: Mapping[str, Any]) -> TestPerson:
    person = _person(record)
    return TestPerson(
        label=label or "",
        name=person.name,
        number=person.number,
        computer_number=person.computer_number or "",
        card_number=None if person.card is None else person.card.number,
        card_status=None if person.card is None else person.card.status,
        is_alive=person.is_alive,
        birth_date=person.birth_date,
        phone=person.phone,
        note=record["note"],
    )
