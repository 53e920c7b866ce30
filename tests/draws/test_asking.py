"""Whoever keeps the accounts is silent, slow, or breaks their word: a payment is made once, and known in the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from app import main
from app.adapters.medical_funds.embedded import EmbeddedMedicalFunds
from app.core.db import Database
from app.models.draws import Draw, SharingMonth
from app.models.medical_accounts import LedgerEntry
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFunds, MedicalFundsUnavailable, Paid
from app.ports.register import Register, RegisteredPerson
from app.routers.deps import House
from app.services.draws import settling
from app.services.draws.funds import Patience
from app.worker import relay
from tests.factories.adding import ok, refused
from tests.factories.callers import pass_time
from tests.factories.make import Holder, Make
from tests.factories.paying import (
    PREVIEWS,
    cap,
    draw,
    give_back,
    left,
    order,
    pay,
    put,
    redeemed,
    sharer,
    unbind,
    unequal,
)
from tests.factories.rows import count
from tests.factories.showing import set_card
from tests.factories.terminals import Terminal


@dataclass
class Wayward(MedicalFunds):
    """The embedded accounts behind a line that does what a test wants."""

    inner: MedicalFunds
    db: Database
    is_down: bool = False
    loses_answers: bool = False
    answer: FundsRefusal | None = None
    thinks: asyncio.Event | None = None
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    settled: list[FundsOrder] = field(default_factory=list)
    given_back: list[UUID] = field(default_factory=list)
    held: list[int] = field(default_factory=list)

    async def balances(self, numbers: Collection[str]) -> Mapping[str, Decimal]:
        self._require_up()
        self.was_asked.set()
        await self._look()
        return await self.inner.balances(numbers)

    async def settle(self, order: FundsOrder) -> FundsRefusal | None:
        self._require_up()
        await self._look()
        self.settled.append(order)
        if self.answer is not None:
            return self.answer
        said = await self.inner.settle(order)
        if self.thinks is not None:
            await self.thinks.wait()
        self._require_heard()
        return said

    async def give_back(self, order_id: UUID) -> None:
        self._require_up()
        await self._look()
        self.given_back.append(order_id)
        await self.inner.give_back(order_id)
        self._require_heard()

    async def paid(self, order_ids: Collection[UUID]) -> Mapping[UUID, Paid]:
        self._require_up()
        await self._look()
        return await self.inner.paid(order_ids)

    async def _look(self) -> None:
        """Count the server's transactions that are open meanwhile."""
        rows = await self.db.fetch(
            "SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        )
        self.held.append(rows[0]["open"])

    def _require_up(self) -> None:
        if self.is_down:
            raise MedicalFundsUnavailable

    def _require_heard(self) -> None:
        if self.loses_answers:
            raise MedicalFundsUnavailable


@dataclass
class Line:
    """A server behind such a line, and a till before it."""

    funds: Wayward
    house: House
    till: Terminal


@pytest.fixture
async def line(house: House, db: Database, till: Terminal) -> AsyncIterator[Line]:
    funds = Wayward(EmbeddedMedicalFunds(db), db)
    wayward = replace(house, ports=replace(house.ports, medical_funds=funds))
    async with _client(wayward) as client:
        yield Line(funds, wayward, replace(till, client=client))


@asynccontextmanager
async def _client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(main.create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield client


async def work(line: Line) -> None:
    """Let the worker ask again what is due."""
    await pass_time(line.house, minutes=2)
    while await relay.tell_due(line.house.db, line.house.ports):
        pass


async def unheard(line: Line, asking: Awaitable[httpx.Response]) -> None:
    """Ask for something that is done, and of which nobody hears."""
    line.funds.loses_answers = True
    refused(await asking, 503, "medical-funds-unavailable")
    line.funds.loses_answers = False


async def states(db: Database) -> list[str]:
    return [row["state"] for row in await db.fetch("SELECT state FROM draw ORDER BY drawn_at, id")]


@dataclass
class Awaiting(Register):
    """A register that says nothing before something else has happened."""

    inner: Register
    before: asyncio.Event

    async def find(self, number: str) -> RegisteredPerson | None:
        await self.before.wait()
        return await self.inner.find(number)

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        return await self.inner.find_by_card(card_number)

    async def portrait(self, number: str) -> bytes | None:
        return await self.inner.portrait(number)


async def test_the_register_and_the_keeper_are_asked_at_the_same_time(
    make: Make, son: Holder, line: Line, db: Database
) -> None:
    mother = await sharer(make, db, son, amount="50.00")
    body = order(await redeemed(line.till, son), "10.00")
    await set_card(db, son, asked_at=None)
    register = Awaiting(line.house.ports.register, line.funds.was_asked)
    house = replace(line.house, ports=replace(line.house.ports, register=register))
    async with _client(house) as client, asyncio.timeout(60):
        till = replace(line.till, client=client)
        while (answer := await draw(till, body)).status_code == 503:  # a slow machine may have no time left
            continue

    assert ok(answer)["shared"] == "10.00"
    assert await left(db, mother.owner) == ["40.00"]


class TestSilence:
    async def test_a_payment_is_answered_503_and_nothing_is_written(
        self, son: Holder, line: Line, db: Database
    ) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(line.till, son), "10.00")
        line.funds.is_down = True

        answer = refused(await draw(line.till, body), 503, "medical-funds-unavailable")

        assert answer["retry_after_seconds"] > 0
        assert await count(db, Draw) == 0
        line.funds.is_down = False
        assert ok(await draw(line.till, body))["own"] == "10.00"

    async def test_a_preview_is_answered_503(self, son: Holder, line: Line, db: Database) -> None:
        line.funds.is_down = True

        answer = await line.till.client.post(PREVIEWS, json={"amount": "1.00"}, headers=son.headers)

        refused(answer, 503, "medical-funds-unavailable")

    async def test_an_answer_that_is_lost_is_heard_when_the_same_order_comes_again(
        self, son: Holder, line: Line, db: Database
    ) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(line.till, son), "10.00")
        await unheard(line, draw(line.till, body))
        assert (await states(db), await count(db, LedgerEntry)) == (["pending"], 0)

        made = [ok(await draw(line.till, body)) for _ in range(2)]

        assert made[0] == made[1]
        assert {asked.id for asked in line.funds.settled} == {UUID(made[0]["id"])}
        assert (await left(db, son), await states(db)) == (["40.00"], ["settled"])
        assert await unequal(db) == 0

    async def test_a_worker_asks_until_it_is_known(self, make: Make, son: Holder, line: Line, db: Database) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        body = order(await redeemed(line.till, son), "10.00")
        line.funds.loses_answers = True
        refused(await draw(line.till, body), 503, "medical-funds-unavailable")
        await unbind(db, mother)  # that comes after it
        await work(line)
        assert await states(db) == ["pending"]
        line.funds.loses_answers = False

        await work(line)

        assert (await left(db, mother.owner), await states(db)) == (["40.00"], ["settled"])
        assert len(line.funds.settled) == 3
        assert [action for action, _, _ in await make.audited(mother.owner)].count("draw.made") == 1
        assert ok(await draw(line.till, body))["shared"] == "10.00"

    async def test_who_is_slow_is_not_waited_for_and_has_paid_once(self, son: Holder, line: Line, db: Database) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(line.till, son), "10.00")
        line.funds.thinks = asyncio.Event()

        refused(await draw(line.till, body), 503, "medical-funds-unavailable")
        line.funds.thinks.set()

        assert ok(await draw(line.till, body))["own"] == "10.00"
        assert await left(db, son) == ["40.00"]

    async def test_what_is_given_back_is_known_in_the_end_too(
        self, make: Make, son: Holder, line: Line, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        made = ok(await pay(line.till, son, "10.00"))
        await unheard(line, give_back(line.till, made["id"]))

        await work(line)
        again = ok(await give_back(line.till, made["id"]))

        assert again["reversed_at"] is not None
        assert (await left(db, mother.owner), len(line.funds.given_back)) == (["50.00"], 2)
        assert [action for action, _, _ in await make.audited(mother.owner)].count("draw.reversed") == 1
        assert await unequal(db) == 0


class TestPending:
    async def test_it_counts_against_the_cap_and_is_in_no_history(
        self, make: Make, son: Holder, line: Line, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="500.00")
        await cap(db, mother, "50.00")
        await unheard(line, pay(line.till, son, "40.00"))

        refused(await pay(line.till, son, "10.01"), 409, "medical-funds-short")

        assert (await son.read("/v1/sharing/draws"))["items"] == []
        assert (await (await make.signed_in(mother.owner)).read("/v1/sharing/draws"))["items"] == []

    async def test_nobody_who_pays_leaves_before_it_is_known(
        self, make: Make, son: Holder, line: Line, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        await unheard(line, pay(line.till, son, "10.00"))
        people = [await make.card_password(each) for each in (son, await make.signed_in(mother.owner))]

        for me in people:
            version = (await me.read("/v1/me/closing"))["version"]
            refused(await me.call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'}), 409, "filing-on-its-way")
        await work(line)

        version = (await people[1].read("/v1/me/closing"))["version"]
        assert (await people[1].call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'})).status_code == 200
        assert await left(db, mother.owner) == ["40.00"]

    async def test_no_connection_is_held_while_the_port_thinks(self, son: Holder, line: Line, db: Database) -> None:
        await put(db, son, "50.00")

        made = ok(await pay(line.till, son, "10.00"))
        ok(await give_back(line.till, made["id"]))

        assert line.funds.held == [0, 0, 0]


class TestRefusals:
    async def test_what_they_refuse_leaves_code_number_and_cap_free(
        self, make: Make, son: Holder, line: Line, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        await cap(db, mother, "10.00")
        body = order(await redeemed(line.till, son), "10.00")
        line.funds.answer = FundsRefusal.NO_ACCOUNT
        refused(await draw(line.till, body), 409, "medical-funds-short")
        assert (await states(db), len(line.funds.settled)) == (["refused"], 1)
        months = await db.fetch("SELECT drawn::text AS drawn FROM sharing_month")
        assert [row["drawn"] for row in months] == ["0.00"]
        line.funds.answer = None

        assert ok(await draw(line.till, body))["shared"] == "10.00"

        assert await left(db, mother.owner) == ["40.00"]
        assert await count(db, SharingMonth) == 1

    async def test_a_balance_that_fell_meanwhile_is_split_anew_once(
        self, make: Make, son: Holder, line: Line, db: Database
    ) -> None:
        await put(db, son, "50.00")
        line.funds.answer = FundsRefusal.SHORT

        refused(await pay(line.till, son, "10.00"), 409, "medical-funds-short")
        await work(line)  # which asks nothing again

        assert (await states(db), len(line.funds.settled)) == (["refused", "refused"], 2)
        assert len({asked.id for asked in line.funds.settled}) == 2
        assert await left(db, son) == ["50.00"]

    async def test_who_breaks_their_word_changes_nothing_and_people_are_called(
        self, son: Holder, line: Line, db: Database
    ) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(line.till, son), "10.00")
        await unheard(line, draw(line.till, body))
        (asked,) = line.funds.settled
        line.funds.thinks = asyncio.Event()
        working = asyncio.ensure_future(settling.settle(db, line.funds, asked.id, Patience.WORKER))
        async with asyncio.timeout(60):
            while len(line.funds.settled) < 2:  # noqa: ASYNC110 - the line tells nobody
                await asyncio.sleep(0.01)
        line.funds.answer = FundsRefusal.NO_ACCOUNT
        refused(await draw(line.till, body), 409, "medical-funds-short")  # and to the worker they say: paid

        with capture_logs() as lines:
            line.funds.thinks.set()
            with pytest.raises(MedicalFundsUnavailable):
                await working

        assert [line["event"] for line in lines].count("draw_contradicted") == 1
        assert (await states(db), await count(db, LedgerEntry)) == (["refused"], 0)
