"""Fills a database with holders and their families, by the product's own services, and gives every holder a session."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import update

from app.core.db import BUCKETS, Database, Session, bucket_of, new_id
from app.core.tokens.access import AccessClaims
from app.models.accounts import Account, Assurance, Device
from app.models.cards import Card
from app.models.people import HomeKind
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson
from app.services import audit, links
from app.services.accounts import moving, sessions
from app.services.accounts.sessions import DeviceInfo
from app.services.cards import issuing
from app.services.links import Relative, Services
from app.services.people import homes
from app.services.people.identifiers import Population, check_character, parse_number
from app.services.people.relationships import find_relationship

# Whom each holder has added: father, mother, wife, son, daughter (GB/T 4761), with sex and year of birth.
FAMILY: Final = (("51", "1", 1957), ("52", "2", 1959), ("12", "2", 1986), ("20", "1", 2014), ("30", "2", 2017))
_CHANNEL: Final = "app"


@dataclass(frozen=True, slots=True)
class _Someone:
    id: UUID
    registered: RegisteredPerson


async def fill(db: Database, holders: int) -> Sequence[AccessClaims]:
    """Make holders, each with five relatives and each added by the one before; return whom their tokens name."""
    found: list[AccessClaims] = []
    before: _Someone | None = None
    for serial in range(holders):
        before, claims = await db.run(
            partial(_family, name="王小" + "明红华军丽强芳伟娜磊"[serial % 10], before=before)
        )
        found.append(claims)
    return found


async def _family(session: Session, *, name: str, before: _Someone | None) -> tuple[_Someone, AccessClaims]:
    holder = await _person(session, name=name, sex="1", year=1985)
    claims = await _sign_in(session, holder)
    for code, sex, year in FAMILY:
        await _link(session, holder, await _person(session, name="林若溪", sex=sex, year=year), code)
    if before is not None:
        await _link(session, before, holder, "73")
    return holder, claims


async def _person(session: Session, *, name: str, sex: str, year: int) -> _Someone:
    birth_date = date(year, 1 + secrets.randbelow(12), 1 + secrets.randbelow(28))
    # Province 10 is not assigned; the sequence is odd for men (GB 11643).
    first17 = f"10{secrets.randbelow(10**4):04}{birth_date:%Y%m%d}{secrets.randbelow(500) * 2 + (sex == '1'):03}"
    number = parse_number(first17 + check_character(first17), population=Population.WITH_TEST_PEOPLE)
    registered = RegisteredPerson(
        number=number.value,
        name=name,
        sex=sex,
        birth_date=birth_date,
        region="100101",
        is_alive=True,
        card=PhysicalCard(f"B{secrets.randbelow(10**8):08}", PhysicalCardStatus.NORMAL),
    )
    person_id = await homes.find_or_create(session, number, registered)
    await issuing.issue(session, person_id, registered, channel=_CHANNEL, actor=audit.SYSTEM)
    # Measured are redemptions of cards that the register was asked about lately, not the register.
    asked = update(Card).where(Card.bucket == bucket_of(person_id), Card.person_id == person_id)
    await session.execute(asked.values(asked_at=session.now + timedelta(days=1)))
    return _Someone(person_id, registered)


async def _sign_in(session: Session, holder: _Someone) -> AccessClaims:
    account_id = new_id(secrets.randbelow(BUCKETS))
    key = await homes.create(session, HomeKind.ACCOUNT, account_id)
    account = Account(
        bucket=bucket_of(account_id),
        id=account_id,
        phone=key.seal("account.phone", account_id, "10000000000"),
        password_hash="",
        person_id=holder.id,
        created_at=session.now,
    )
    session.add(account)
    await session.flush()
    info = DeviceInfo(id="", name="phone", platform="ios")
    device_id = new_id(account.bucket)
    device = Device(
        bucket=account.bucket,
        id=device_id,
        account_id=account_id,
        device_hmac=secrets.token_bytes(32),
        name=key.seal("device.name", device_id, info.name),
        platform=info.platform,
        is_trusted=True,
        phone_checked_at=session.now,
        first_seen_at=session.now,
        last_seen_at=session.now,
    )
    session.add(device)
    await session.flush()
    started = await sessions.start(session, account, device, info, assurance=Assurance.FULL, channel=_CHANNEL)
    await moving.prove_person(session, account_id, holder.id)
    await issuing.activate(session, holder.id)
    return AccessClaims(started.id, account_id)


async def _link(session: Session, owner: _Someone, member: _Someone, code: str) -> None:
    await homes.lock(session, {owner.id, member.id})
    relative = Relative(
        id=member.id,
        name=member.registered.name,
        number=member.registered.number,
        birth_date=member.registered.birth_date,
        relationship=code,
        place=find_relationship(code).place,
    )
    link = await links.reserve(session, owner_id=owner.id, enrolment_id=new_id(bucket_of(owner.id)), relative=relative)
    await links.activate(session, link.id, Services(), audit.SYSTEM)
