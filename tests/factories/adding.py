"""What tests of the add flow share: owners whose app adds relatives, relatives to be added."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import update

from app.adapters.demo_pictures import portrait_photo
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.clock import today
from app.core.settings import Settings
from app.models.accounts import SignedIn
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson, TestPerson
from app.routers.deps import House
from app.services.people.ages import birthday
from app.services.people.identifiers import check_character
from tests import cluster
from tests.factories.make import Holder, Someone
from tests.factories.phone import JSON, Phone

PORTRAIT = portrait_photo(1)


@dataclass
class Owner(Phone):
    """The app of somebody with an own card in use; it signs a fresh token for every request."""

    holder: Holder | None = None

    @property
    def headers(self) -> dict[str, str]:
        assert self.holder is not None
        return self.holder.headers

    @property
    def person(self) -> TestPerson:
        """Who they are, to be named to others."""
        assert self.holder is not None
        return Kin.known(self.holder)

    async def to_documents(self, person: TestPerson, relationship: str) -> str:
        enrolment = await self.open("family_member")
        await self.acknowledge(enrolment, "family-account")
        await self.details(enrolment, person, relationship)
        return enrolment


@pytest.fixture
def owner(made_owner: Holder, house: House) -> Owner:
    """Somebody who may add relatives: a man born in 1985."""
    return Owner(made_owner.client, house, "", holder=made_owner)


async def app_of(holder: Holder, house: House) -> Owner:
    """Give a holder an app that adds relatives, and the register a portrait of them."""
    await EmbeddedRegister(house.db).put([Entry(holder.registered, portrait=PORTRAIT)])
    return Owner(holder.client, house, "", holder=holder)


class Kin:
    """Puts relatives into the register; say only what the test is about."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._register = EmbeddedRegister(house.db)

    async def __call__(
        self,
        *,
        age: int = 68,
        born: date | None = None,
        sex: str = "1",
        name: str = "王小明",
        parents: Sequence[str] = (),
        guardians: Sequence[str] = (),
        card: PhysicalCardStatus | None = PhysicalCardStatus.NORMAL,
        portrait: bytes | None = PORTRAIT,
        is_alive: bool = True,
    ) -> TestPerson:
        """Make somebody whom the register knows.

        Args:
            age: today; the birthday was a hundred days ago.
        """
        born = born or birthday(today(self._house.db.clock.now()) - timedelta(days=100), -age)
        number = new_number(born, sex)
        person = RegisteredPerson(
            number=number,
            name=name,
            sex=sex,
            birth_date=born,
            region="100101",
            is_alive=is_alive,
            card=None if card is None else PhysicalCard(f"T{secrets.randbelow(10**8):08}", card),
            parents=frozenset(parents),
            guardians=frozenset(guardians),
        )
        await self._register.put([Entry(person, portrait=portrait)])
        return TestPerson(number, name, number, "", None, born, None, "")

    @staticmethod
    def known(someone: Someone) -> TestPerson:
        """Return somebody as they are named to others."""
        held = someone.registered
        return TestPerson(held.number, held.name, held.number, "", None, held.birth_date, None, "")

    async def change(self, person: TestPerson, **facts: Any) -> None:
        """Let the register hold something else of somebody from now on."""
        portrait = await self._register.portrait(person.number)
        known = await self._register.find(person.number)
        assert known is not None
        await self._register.put([Entry(replace(known, **facts), portrait=portrait)])


@pytest.fixture
def kin(house: House) -> Kin:
    """Puts relatives into the register."""
    return Kin(house)


def new_number(born: date, sex: str) -> str:
    """Return a number of province 10, which is not assigned; the sequence is odd for men (GB 11643)."""
    first17 = f"10{secrets.randbelow(10**4):04}{born:%Y%m%d}{secrets.randbelow(500) * 2 + (sex == '1'):03}"
    return first17 + check_character(first17)


async def later(house: House, **span: float) -> None:
    """Let time pass; who is signed in stays so, as if they had been here now and then."""
    assert house.sandbox is not None
    await house.sandbox.move_clock(timedelta(**span))
    expires_at = house.db.clock.now() + timedelta(days=7)
    await house.db.run(
        lambda session: session.execute(
            update(SignedIn).where(SignedIn.ended_at.is_(None)).values(expires_at=expires_at)
        )
    )


def refused(answer: httpx.Response, status: int, code: str) -> JSON:
    """Check that a request was refused with a problem answer; return what it says."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: JSON = answer.json()
    assert body["code"] == code, body
    return body


def ok(answer: httpx.Response) -> JSON:
    """Check that a request was answered; return what it says."""
    assert answer.status_code in (200, 201), answer.text
    body: JSON = answer.json()
    return body


def tag(enrolment: Mapping[str, Any]) -> str:
    """Return the entity tag of an enrolment as it was read, for `If-Match` and `If-None-Match`."""
    return f'"{enrolment["version"]}"'


def steps(enrolment: Mapping[str, Any]) -> list[str]:
    """Return the names of the steps that an enrolment offers next."""
    return [step["step"] for step in enrolment["next"]]


def stored_files(settings: Settings) -> list[Path]:
    """Return the files that lie in the object store."""
    folder = settings.data_folder / "objects"
    return sorted(path for path in folder.rglob("*") if path.is_file() and "evidence" in path.parts)


async def set_policy(database: cluster.Database, code: str, **values: object) -> None:
    """Change a rule as its owner would; before the house has read the rules, for it keeps them a while."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        statement = "UPDATE policy SET value = value || $2::jsonb WHERE code = $1"
        await connection.execute(statement, code, json.dumps(values))
    finally:
        await connection.close()
