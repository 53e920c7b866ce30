"""Who loses the right to a member's card while the register is asked about it sees and starts nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import update

from app import main
from app.adapters.keys.file import FileKeys
from app.core.db import bucket_of
from app.core.settings import Settings
from app.models.cards import Card
from app.models.people import Person
from app.routers.deps import House
from app.services.audit import Action
from tests import cluster
from tests.factories.gates import Gate, GatedRegister
from tests.factories.houses import build
from tests.factories.make import Holder, Make, Member
from tests.factories.rows import count


@pytest.fixture
async def house(database: cluster.Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A whole server whose register answers when a test lets it."""
    built = build(settings, database.app_url, keys)
    register = GatedRegister(built.db)
    async with main.opened(replace(built, ports=replace(built.ports, register=register))) as house:
        yield house


@pytest.fixture
def finding(house: House) -> Gate:
    """The gate before the register's answers."""
    assert isinstance(house.ports.register, GatedRegister)
    return house.ports.register.finding


@pytest.fixture
async def looking(make: Make) -> Holder:
    """Somebody who looks at the card of a relative."""
    return await make.owner()


@pytest.fixture
async def without_card(make: Make, looking: Holder) -> Member:
    """Their relative, who has collected a card since they were added: the next look issues the e-card."""
    member = await make.member(looking, card=None)
    await make.collect_card(member.person)
    return member


async def look(looking: Holder, member: Member, finding: Gate) -> "asyncio.Task[httpx.Response]":
    """Look at a card as far as the register's answer."""
    finding.shut()
    looked = asyncio.create_task(looking.call("GET", f"/v1/holders/{member.link_id}/card"))
    await finding.arrival()
    return looked


async def test_a_link_that_ends_meanwhile_shows_and_issues_no_card(
    looking: Holder, without_card: Member, finding: Gate, house: House
) -> None:
    looked = await look(looking, without_card, finding)
    ended = await looking.call("DELETE", f"/v1/family/members/{without_card.link_id}")
    finding.open()

    assert ended.status_code == 204
    assert (await looked).status_code == 404
    assert await count(house.db, Card) == 1  # the owner's


async def test_a_service_that_is_taken_away_meanwhile_shows_no_card(
    looking: Holder, without_card: Member, finding: Gate, make: Make
) -> None:
    looked = await look(looking, without_card, finding)
    narrowed = await looking.call(
        "PUT", f"/v1/family/members/{without_card.link_id}/services", {"services": ["certify"]}
    )
    finding.open()

    assert narrowed.status_code == 200, narrowed.text
    assert (await looked).json()["code"] == "service-not-shared"
    assert [action for action, _, _ in await make.audited(without_card.person)][-1] == Action.LINK_REFUSED


async def test_an_account_that_loses_its_person_meanwhile_sees_no_card(
    looking: Holder, without_card: Member, finding: Gate, house: House
) -> None:
    looked = await look(looking, without_card, finding)
    await house.db.run(
        lambda session: session.execute(
            update(Person)
            .where(Person.bucket == bucket_of(looking.id), Person.id == looking.id)
            .values(account_id=None)
        )
    )
    finding.open()

    assert (await looked).status_code == 404


async def test_who_keeps_the_right_sees_the_card_that_was_issued(
    looking: Holder, without_card: Member, finding: Gate
) -> None:
    looked = await look(looking, without_card, finding)
    finding.open()

    assert (await looked).json()["status"] == "issued"
