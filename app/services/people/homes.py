"""Homes and the people in them: made once, locked in order, found by number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of, new_id
from app.core.errors import NotFound
from app.core.sealing import DataKey
from app.models.people import Home, HomeKind, Identifier, Person
from app.ports.register import RegisteredPerson
from app.services import audit
from app.services.people.identifiers import SocialSecurityNumber

_NUMBER = "social-security-number"


class HomeErased(NotFound):
    """Whoever lived here has closed their account; nobody knows any more who it was."""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as their own home holds them, opened."""

    id: UUID
    name: str = field(repr=False)
    number: str = field(repr=False)
    birth_date: date = field(repr=False)
    sex: str
    region: str
    account_id: UUID | None


def number_bucket(session: Session, number: str) -> int:
    """Return the bucket of a social security number's value."""
    return session.lookup.bucket(_NUMBER, number)


def number_digest(session: Session, number: str) -> bytes:
    """Return the keyed digest under which a social security number is found again."""
    return session.lookup.digest(_NUMBER, number)


async def create(session: Session, kind: HomeKind, home_id: UUID) -> DataKey:
    """Make a home with a data key and an audit chain of its own; flushed, so that rows may refer to it."""
    wrapped, key = await session.vault.create()
    session.add(Home(bucket=bucket_of(home_id), id=home_id, kind=kind, wrapped_key=wrapped, created_at=session.now))
    audit.begin(session, home_id)
    await session.flush()
    return key


async def lock(session: Session, home_ids: Iterable[UUID]) -> dict[UUID, DataKey]:
    """Lock homes, always in the same order, one statement each; return their data keys.

    Everything that changes what two homes agree on (a link, a slot) locks both here first; so no two such units of
    work wait for each other.

    Raises:
        HomeErased: one of them is no home any more.
    """
    return {home.id: await _key_of(session, home) for home in await lock_rows(session, home_ids)}


async def lock_rows(session: Session, home_ids: Iterable[UUID]) -> Sequence[Home]:
    """Lock homes in the same order, whether somebody lives there still or not."""
    in_order = sorted(set(home_ids), key=lambda home_id: (bucket_of(home_id), home_id))
    return [
        await session.get_one(Home, (bucket_of(home_id), home_id), with_for_update=True, populate_existing=True)
        for home_id in in_order
    ]


async def key_of(session: Session, home_id: UUID) -> DataKey:
    """Return a home's data key without locking the home.

    Raises:
        HomeErased: it has none any more.
    """
    return await _key_of(session, await session.get_one(Home, (bucket_of(home_id), home_id)))


async def find(session: Session, number: str) -> UUID | None:
    """Return the person who has this social security number, if we know them."""
    person_id: UUID | None = await session.scalar(
        select(Identifier.person_id).where(
            Identifier.bucket == number_bucket(session, number),
            Identifier.number_hmac.in_(session.lookup.digests(_NUMBER, number)),
        )
    )
    return person_id


async def find_or_create(session: Session, number: SocialSecurityNumber, registered: RegisteredPerson) -> UUID:
    """Return the person the register has confirmed; their home is made when we meet them first.

    Two who meet them at the same moment agree on one: the number's row is taken once.
    """
    known = await find(session, number.value)
    if known is not None:
        return known
    person_id = new_id(number_bucket(session, number.value))
    holder_id = await _claim(session, number, person_id)
    if holder_id == person_id:
        await _settle_in(session, person_id, registered)
    return holder_id


async def person(session: Session, person_id: UUID) -> KnownPerson:
    """Return who a person is, opened with their home's key.

    Raises:
        HomeErased: nobody knows any more.
    """
    known = await find_person(session, person_id)
    if known is None:
        raise HomeErased
    return known


async def find_person(session: Session, person_id: UUID) -> KnownPerson | None:
    """Return who a person is, if anybody knows still."""
    found = await session.execute(
        select(Person, Home)
        .join(Home, (Home.bucket == Person.bucket) & (Home.id == Person.id))
        .where(Person.bucket == bucket_of(person_id), Person.id == person_id)
    )
    pair = found.one_or_none()
    if pair is None:
        return None
    row, home = pair
    key = await session.vault.unlock(home.wrapped_key)
    return KnownPerson(
        id=person_id,
        name=key.open("person.name", person_id, row.name),
        number=key.open("person.number", person_id, row.number),
        birth_date=date.fromisoformat(key.open("person.birth_date", person_id, row.birth_date)),
        sex=row.sex,
        region=row.region,
        account_id=row.account_id,
    )


async def holder(session: Session, person_id: UUID) -> UUID | None:
    """Return the account that holds a person now: the one that has shown their face last."""
    account_id: UUID | None = await session.scalar(
        select(Person.account_id).where(Person.bucket == bucket_of(person_id), Person.id == person_id)
    )
    return account_id


async def is_erased(session: Session, home_id: UUID) -> bool:
    """Say whether whoever lived in a home has closed their account."""
    return await session.scalar(select(Home.erased_at).where(*_row(home_id))) is not None


async def _claim(session: Session, number: SocialSecurityNumber, person_id: UUID) -> UUID:
    """Take a number for a person, under every pepper in use; return whose it is."""
    bucket = number_bucket(session, number.value)
    claims = session.lookup.claims(_NUMBER, number.value)
    taken: list[bytes] = []
    for version, digest in claims.items():
        row = insert(Identifier).values(
            bucket=bucket, number_hmac=digest, key_version=version, kind=number.kind.value, person_id=person_id
        )
        done = row.on_conflict_do_nothing(index_elements=[Identifier.bucket, Identifier.number_hmac])
        taken += await session.scalars(done.returning(Identifier.number_hmac))
    if len(taken) == len(claims):
        return person_id
    theirs = Identifier.bucket == bucket, Identifier.number_hmac.in_(set(claims.values()) - set(taken))
    winner: UUID | None = await session.scalar(select(Identifier.person_id).where(*theirs).limit(1))
    assert winner is not None  # the other one has committed meanwhile
    if taken:  # they know fewer peppers than we do: what is new to them leads to their person too
        await session.execute(
            update(Identifier)
            .where(Identifier.bucket == bucket, Identifier.number_hmac.in_(taken))
            .values(person_id=winner)
            .execution_options(synchronize_session=False)
        )
    return winner


def _row(home_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return Home.bucket == bucket_of(home_id), Home.id == home_id


async def _key_of(session: Session, home: Home) -> DataKey:
    if home.erased_at is not None:
        raise HomeErased
    return await session.vault.unlock(home.wrapped_key)


async def _settle_in(session: Session, person_id: UUID, registered: RegisteredPerson) -> None:
    key = await create(session, HomeKind.PERSON, person_id)
    session.add(
        Person(
            bucket=bucket_of(person_id),
            id=person_id,
            name=key.seal("person.name", person_id, registered.name),
            number=key.seal("person.number", person_id, registered.number),
            birth_date=key.seal("person.birth_date", person_id, registered.birth_date.isoformat()),
            sex=registered.sex,
            region=registered.region,
            account_id=None,
            created_at=session.now,
        )
    )
    await audit.record(session, audit.Action.PERSON_CREATED, home_id=person_id, actor=audit.SYSTEM)
