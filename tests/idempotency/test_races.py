"""Requests under one key at the same moment, slow ones, and ones whose server died: one effect, clear answers."""

import asyncio
import secrets

import httpx
import pytest

from app.core.db import Database
from app.core.errors import Conflict
from app.models.accounts import Account, SignedIn
from app.models.enrolments import Enrolment
from app.routers.deps import House
from app.services import answers
from app.services.answers import Answer, KeyInFlight, RepeatKey, Unit
from tests.factories.callers import SOMEBODY, pass_time
from tests.factories.gates import GatedPasswords
from tests.factories.phone import PASSWORD, Phone
from tests.factories.rows import count
from tests.idempotency.conftest import post_account

KEY = "5b9c2a0e-1f"
IN_FLIGHT = (409, "idempotency-key-in-flight")


def outcome(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


async def test_of_twenty_equal_registrations_at_once_one_has_an_effect(somebody: Phone) -> None:
    code = await somebody.sms_code("register")

    got = await asyncio.gather(*[post_account(somebody, KEY, sms_code=code) for _ in range(20)])

    assert {outcome(answer) for answer in got} <= {(201, None), IN_FLIGHT}
    first = [answer for answer in got if answer.status_code == 201 and "idempotency-replayed" not in answer.headers]
    assert len(first) == 1
    assert await count(somebody.house.db, Account) == 1
    assert await count(somebody.house.db, SignedIn) == 1
    assert all(answer.headers["retry-after"] for answer in got if answer.status_code == 409)


async def test_of_twenty_equal_enrolments_at_once_one_has_an_effect(somebody: Phone) -> None:
    await somebody.register()

    got = await asyncio.gather(
        *[somebody.call("POST", "/v1/enrolments", {"kind": "own_card"}, Idempotency_Key=KEY) for _ in range(20)]
    )

    assert {outcome(answer) for answer in got} <= {(201, None), IN_FLIGHT}
    assert len({answer.json()["id"] for answer in got if answer.status_code == 201}) == 1
    assert await count(somebody.house.db, Enrolment) == 1
    again = await somebody.call("POST", "/v1/enrolments", {"kind": "own_card"}, Idempotency_Key=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")


async def test_while_the_first_runs_the_second_is_told_to_wait(somebody: Phone, gate: GatedPasswords) -> None:
    code = await somebody.sms_code("register")
    gate.hashing.shut()
    first = asyncio.create_task(post_account(somebody, KEY, sms_code=code))
    await gate.hashing.arrival()

    second = await post_account(somebody, KEY, sms_code=code)
    gate.hashing.open()

    assert outcome(second) == IN_FLIGHT
    assert second.headers["retry-after"] == "2"
    assert (await first).status_code == 201
    assert (await post_account(somebody, KEY, sms_code=code)).headers["idempotency-replayed"] == "true"


async def test_another_body_is_told_so_even_while_the_first_runs(somebody: Phone, gate: GatedPasswords) -> None:
    code = await somebody.sms_code("register")
    gate.hashing.shut()
    first = asyncio.create_task(post_account(somebody, KEY, sms_code=code))
    await gate.hashing.arrival()

    second = await post_account(somebody, KEY, sms_code=code, password="another horse")
    gate.hashing.open()

    assert outcome(second) == (422, "idempotency-key-reused")
    assert (await first).status_code == 201


async def test_a_request_so_slow_that_its_key_was_taken_over_has_no_second_effect(
    somebody: Phone, gate: GatedPasswords
) -> None:
    code = await somebody.sms_code("register")
    gate.hashing.shut()
    slow = asyncio.create_task(post_account(somebody, KEY, sms_code=code))
    await gate.hashing.arrival()
    await pass_time(somebody.house, seconds=61)
    second = asyncio.create_task(post_account(somebody, KEY, sms_code=code))
    await gate.hashing.arrival()

    gate.hashing.open()
    got = await asyncio.gather(slow, second)

    assert {outcome(answer) for answer in got} <= {(201, None), IN_FLIGHT}
    assert (201, None) in {outcome(answer) for answer in got}
    assert await count(somebody.house.db, Account) == 1
    assert (await post_account(somebody, KEY, sms_code=code)).status_code == 201


class TestCrash:
    """A server died in the middle of a request: its marker is there, and nobody works on it."""

    @pytest.fixture
    async def body(self, somebody: Phone) -> bytes:
        """A registration whose server died."""
        device = {"id": somebody.device, "name": "Phone", "platform": "ios"}
        code = await somebody.sms_code("register")
        asked = {"phone": SOMEBODY, "sms_code": code, "password": PASSWORD, "device": device}
        request = somebody.client.build_request("POST", "/v1/accounts", json=asked)
        lookup = somebody.house.db.lookup
        scope, bucket = lookup.digest("phone", SOMEBODY), lookup.bucket("phone", SOMEBODY)
        asked_bytes = b"\n".join([b"POST", b"/v1/accounts", request.content])
        await answers.begin(somebody.house.db, RepeatKey(bucket, scope, KEY, asked_bytes))
        return request.content

    async def repeat(self, client: httpx.AsyncClient, body: bytes) -> httpx.Response:
        headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
        return await client.post("/v1/accounts", content=body, headers=headers)

    async def test_until_the_lease_ends_the_key_is_in_flight(self, client: httpx.AsyncClient, body: bytes) -> None:
        answer = await self.repeat(client, body)

        assert outcome(answer) == IN_FLIGHT

    async def test_then_the_next_one_does_the_work(self, house: House, client: httpx.AsyncClient, body: bytes) -> None:
        await pass_time(house, seconds=61)

        answer = await self.repeat(client, body)
        again = await self.repeat(client, body)

        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers
        assert again.headers["idempotency-replayed"] == "true"

    async def test_of_many_who_come_then_one_does_the_work(
        self, house: House, client: httpx.AsyncClient, body: bytes
    ) -> None:
        await pass_time(house, seconds=61)

        got = await asyncio.gather(*[self.repeat(client, body) for _ in range(10)])

        assert {outcome(answer) for answer in got} <= {(201, None), IN_FLIGHT}
        assert await count(house.db, Account) == 1


class TestUnits:
    """The marker itself: who holds the lease may answer, once."""

    @pytest.fixture
    def key(self) -> RepeatKey:
        return RepeatKey(7, b"caller", secrets.token_hex(8), b"POST\n/v1/things\n{}")

    @pytest.fixture
    async def unit(self, db: Database, key: RepeatKey) -> Unit:
        return await take(db, key)

    async def test_a_unit_is_answered_once(self, db: Database, key: RepeatKey, unit: Unit) -> None:
        await db.run(lambda session: answers.keep(session, unit, Answer(201, b"first")))

        with pytest.raises(KeyInFlight):
            await db.run(lambda session: answers.keep(session, unit, Answer(201, b"second")))
        assert await answers.begin(db, key) == Answer(201, b"first")

    async def test_who_lost_the_lease_answers_nothing_and_frees_nothing(
        self, house: House, db: Database, key: RepeatKey, unit: Unit
    ) -> None:
        await pass_time(house, seconds=61)
        other = await take(db, key)

        with pytest.raises(KeyInFlight):
            await db.run(lambda session: answers.keep(session, unit, Answer(201, b"late")))
        assert await answers.close(db, unit, Answer(403, b"late")) is None
        assert await answers.close(db, unit, None) is None
        with pytest.raises(Conflict):
            await answers.begin(db, key)
        assert other.id == unit.id

    async def test_a_refusal_does_not_take_the_place_of_an_answer_that_was_committed_unheard(
        self, db: Database, key: RepeatKey, unit: Unit
    ) -> None:
        await db.run(lambda session: answers.keep(session, unit, Answer(201, b"done")))

        found = await answers.close(db, unit, Answer(403, b"sms-code-wrong"))

        assert found == Answer(201, b"done")
        assert await answers.begin(db, key) == Answer(201, b"done")

    async def test_a_freed_key_is_anybodys(self, db: Database, key: RepeatKey, unit: Unit) -> None:
        await answers.close(db, unit, None)

        again = await take(db, key)

        assert again.id != unit.id

    async def test_a_key_is_freed_once(self, db: Database, unit: Unit) -> None:
        assert await answers.close(db, unit, None) is None
        assert await answers.close(db, unit, Answer(403, b"late")) is None


async def take(db: Database, key: RepeatKey) -> Unit:
    unit = await answers.begin(db, key)
    assert isinstance(unit, Unit)
    return unit
