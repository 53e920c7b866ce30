"""Makes people, cards and families by the services: for tests that are about what comes afterwards."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

import httpx

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Session, bucket_of, new_id
from app.core.tokens.access import AccessClaims, AccessTokens, auth_seconds
from app.models.accounts import Account, Assurance, Device
from app.models.people import HomeKind
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson
from app.routers.deps import CARD_PASSWORD_ACR, House
from app.services import audit, links
from app.services.accounts import moving, sessions
from app.services.accounts.sessions import DeviceInfo
from app.services.cards import issuing, passwords
from app.services.channel_registry import platforms, registering
from app.services.channel_registry.registering import NewChannel
from app.services.links import Relative, Services
from app.services.people import homes
from app.services.people.identifiers import Population, check_character, parse_number
from app.services.people.relationships import find_relationship
from tests.factories.phone import CARD_PASSWORD

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Someone:
    """A person whom the register knows and who has a home here."""

    id: UUID
    registered: RegisteredPerson = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holder(Someone):
    """A person with an account that is signed in, and with an e-card."""

    client: httpx.AsyncClient = field(repr=False)
    mint: AccessTokens = field(repr=False)
    claims: AccessClaims

    @property
    def headers(self) -> dict[str, str]:
        """What every request of theirs carries: a token made this moment."""
        return {"Authorization": f"Bearer {self.mint.sign(self.claims)}"}

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Send one request as they would."""
        return await self.client.request(method, path, json=body, headers=self.headers | headers)

    async def read(self, path: str, **headers: str) -> JSON:
        """Read what they may read."""
        answer = await self.call("GET", path, **headers)
        assert answer.status_code == 200, answer.text
        body: JSON = answer.json()
        return body


@dataclass(frozen=True, slots=True)
class Member:
    """A relative of somebody, and the link to them."""

    person: Someone
    link_id: UUID


class Make:
    """Everything has defaults; say only what the test is about."""

    def __init__(self, client: httpx.AsyncClient, house: House) -> None:
        self._client = client
        self._house = house
        self._register = EmbeddedRegister(house.db)

    async def person(
        self,
        *,
        name: str = "王小明",
        sex: str = "1",
        birth_date: date = date(1985, 6, 15),
        card: PhysicalCardStatus | None = PhysicalCardStatus.NORMAL,
        **more: object,
    ) -> Someone:
        """Make a person of the test province; `more` are other facts the register has."""
        number = _number(birth_date, sex)
        known = RegisteredPerson(
            number=number,
            name=name,
            sex=sex,
            birth_date=birth_date,
            region="100101",
            is_alive=True,
            card=None if card is None else PhysicalCard(f"T{secrets.randbelow(10**8):08}", card),
            computer_number=f"{secrets.randbelow(10**9):09}",
        )
        registered = replace(known, **more)  # type: ignore[arg-type] # the dataclass refuses what it does not know
        await self._register.put([Entry(registered)])
        parsed = parse_number(number, population=Population.WITH_TEST_PEOPLE)
        person_id = await self._house.db.run(lambda session: homes.find_or_create(session, parsed, registered))
        return Someone(person_id, registered)

    async def owner(self, *, has_password: bool = True, **facts: Any) -> Holder:
        """Make a person with an account that is signed in, whose face was seen, and with an e-card in use.

        Without a password: the enrolment stands at its last step.
        """
        return await self.signed_in(await self.person(**facts), has_password=has_password)

    async def signed_in(self, person: Someone, *, has_password: bool = True) -> Holder:
        """Give somebody an account, a session, and their own e-card, where their physical card allows it."""

        async def open_account(session: Session) -> AccessClaims:
            claims = await _open_account(session, person.id)
            await moving.prove_person(session, claims.account_id, person.id)
            issued = await issuing.issue(session, person.id, person.registered, channel="app", actor=audit.SYSTEM)
            if issued and has_password:
                await issuing.activate(session, person.id)
            return claims

        claims = await self._house.db.run(open_account)
        return Holder(person.id, person.registered, self._client, self._house.mint.access, claims)

    async def member(
        self,
        owner: Someone,
        relationship: str = "51",
        *,
        person: Someone | None = None,
        services: Services | None = None,
        **facts: Any,
    ) -> Member:
        """Make a relative whom somebody has added: their father, unless said otherwise."""
        found = person or await self.person(**{"birth_date": date(1957, 3, 8)} | facts)

        async def link(session: Session) -> UUID:
            link_id = await _reserve(session, owner, found, relationship)
            await links.activate(session, link_id, services or Services(), audit.SYSTEM)
            await issuing.issue(session, found.id, found.registered, channel="app", actor=audit.SYSTEM)
            return link_id

        return Member(found, await self._house.db.run(link))

    async def adding(self, owner: Someone, relationship: str = "51", **facts: Any) -> Member:
        """Make a relative whom somebody is adding: a place is taken, the link has not started."""
        found = await self.person(**{"birth_date": date(1957, 3, 8)} | facts)
        return Member(found, await self._house.db.run(lambda session: _reserve(session, owner, found, relationship)))

    async def channel(self, name: str, *, identity: str | None = None, **facts: Any) -> None:
        """Add a channel to the registry; `identity` is the platform by which its users come in, with no options."""
        ports = self._house.ports.channel_identities

        async def add(session: Session) -> None:
            await registering.add(session, NewChannel(name, **facts))
            if identity is not None:
                await platforms.know_by(session, name, identity, ports[identity], {})

        await self._house.db.run(add)

    async def collect_card(self, person: Someone, *, is_alive: bool = True) -> None:
        """Let somebody have collected their physical card: the register says so."""
        card = PhysicalCard(f"T{secrets.randbelow(10**8):08}", PhysicalCardStatus.NORMAL)
        await self._register.put([Entry(replace(person.registered, card=card, is_alive=is_alive))])

    async def card_password(self, owner: Holder, password: str = CARD_PASSWORD) -> Holder:
        """Set somebody's card password; return them as they are after a check of it."""
        db = self._house.db
        hashed = await self._house.passwords.hash(password)
        await db.run(lambda session: passwords.store(session, owner.id, hashed, audit.SYSTEM))
        claims = replace(
            owner.claims, acr=CARD_PASSWORD_ACR, auth_time=auth_seconds(db.clock.now()), card_password_version=1
        )
        return replace(owner, claims=claims)

    async def audited(self, person: Someone) -> list[tuple[str, Mapping[str, Any], UUID | None]]:
        """Return what was written down in somebody's home: action, facts, actor."""
        rows = await self._house.db.fetch(
            "SELECT action, facts::text, actor_id FROM audit_event WHERE bucket = $1 AND home_id = $2 ORDER BY seq",
            bucket_of(person.id),
            person.id,
        )
        return [(row["action"], httpx.Response(200, content=row["facts"]).json(), row["actor_id"]) for row in rows]


async def _open_account(session: Session, person_id: UUID) -> AccessClaims:
    account_id = new_id(secrets.randbelow(65536))
    key = await homes.create(session, HomeKind.ACCOUNT, account_id)
    account = Account(
        bucket=bucket_of(account_id),
        id=account_id,
        phone=key.seal("account.phone", account_id, "10000009999"),
        password_hash="none",
        person_id=person_id,
        created_at=session.now,
    )
    session.add(account)
    await session.flush()
    device_id = new_id(account.bucket)
    device = Device(
        bucket=account.bucket,
        id=device_id,
        account_id=account_id,
        device_hmac=secrets.token_bytes(32),
        name=key.seal("device.name", device_id, "Test phone"),
        platform="ios",
        is_trusted=True,
        phone_checked_at=session.now,
        first_seen_at=session.now,
        last_seen_at=session.now,
    )
    session.add(device)
    await session.flush()
    info = DeviceInfo(id="", name="Test phone", platform="ios")
    started = await sessions.start(session, account, device, info, assurance=Assurance.FULL, channel="app")
    return AccessClaims(started.id, account_id)


async def _reserve(session: Session, owner: Someone, member: Someone, relationship: str) -> UUID:
    await homes.lock(session, {owner.id, member.id})
    relative = Relative(
        id=member.id,
        name=member.registered.name,
        number=member.registered.number,
        birth_date=member.registered.birth_date,
        relationship=relationship,
        place=find_relationship(relationship).place,
    )
    link = await links.reserve(session, owner_id=owner.id, enrolment_id=new_id(bucket_of(owner.id)), relative=relative)
    return link.id


def _number(birth_date: date, sex: str) -> str:
    """Return a number of province 10, which is not assigned; the sequence is odd for men (GB 11643)."""
    sequence = secrets.randbelow(500) * 2 + (sex == "1")
    first17 = f"10{secrets.randbelow(10**4):04}{birth_date:%Y%m%d}{sequence:03}"
    return first17 + check_character(first17)
