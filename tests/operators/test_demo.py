"""The demo's reviewers: the same at each start, told in development alone, and signed in as everybody of the staff."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app import main
from app.core.settings import Environment
from app.models.operators import OperatorRole
from app.routers.deps import House
from app.services.operators import demo, registering, totp
from app.services.operators.demo import DemoOperator
from tests.factories.adding import ok, refused
from tests.factories.houses import make_keys
from tests.factories.make import Make
from tests.factories.staff import code_at, secret_in

LOGINS = ["demo-reviewer", "demo-reviewer-2", "demo-clerk", "demo-clerk-2", "demo-nurse"]


@pytest.fixture
async def who(make: Make) -> dict[str, UUID]:
    """The people who the demo's staff are."""
    return {login: (await make.person()).id for login in LOGINS}


@pytest.fixture
async def staffed(house: House, who: dict[str, UUID]) -> House:
    """A house with the demo's staff."""
    await demo.put(house.db, house.ports.keys, house.passwords, who)
    return house


async def standing(house: House) -> list[DemoOperator]:
    return list(await house.db.run(lambda session: demo.standing(session, house.ports.keys)))


async def sign_in(client: httpx.AsyncClient, operator: DemoOperator, code: str | None) -> httpx.Response:
    asked = {"login": operator.login, "password": operator.password, "totp": code}
    return await client.post("/v1/staff/sessions", json=asked)


class TestPut:
    async def test_reviewers_and_clerks_can_sign_in_at_a_branch_and_a_hospital_for_everywhere(
        self, staffed: House, client: httpx.AsyncClient
    ) -> None:
        found = await standing(staffed)
        signed_in = [await sign_in(client, each, each.code) for each in found]

        offices = ok(await client.get("/v1/offices"))["items"]
        assert [each.login for each in found] == LOGINS
        assert [each.role for each in found] == [OperatorRole.REVIEWER] * 2 + [OperatorRole.CLERK] * 3
        assert [answer.status_code for answer in signed_in] == [201] * 5
        assert [(office["id"], office["kind"], office["region"]) for office in offices] == [
            ("demo-hospital", "hospital", "000000"),
            ("demo-office", "district_branch", "000000"),
        ]

    async def test_an_authenticator_app_shows_the_same_codes(self, staffed: House, client: httpx.AsyncClient) -> None:
        first, *_ = await standing(staffed)

        code = code_at(secret_in(first.totp_address), staffed.db.clock.now().timestamp())

        assert (await sign_in(client, first, code)).status_code == 201

    async def test_put_again_they_are_the_same(self, staffed: House, who: dict[str, UUID]) -> None:
        before = await standing(staffed)
        await demo.put(staffed.db, staffed.ports.keys, staffed.passwords, who)
        after = await standing(staffed)

        assert [(each.password, each.totp_address) for each in before] == [
            (each.password, each.totp_address) for each in after
        ]

    async def test_each_has_their_own_and_so_has_each_installation(
        self, staffed: House, house: House, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        first, second, *_ = await standing(staffed)
        elsewhere = replace(house, ports=replace(house.ports, keys=make_keys(tmp_path_factory.mktemp("k") / "k")))

        assert first.password != second.password
        assert first.totp_address != second.totp_address
        assert await standing(elsewhere) == []

    async def test_whose_person_was_not_known_says_now(self, staffed: House, who: dict[str, UUID]) -> None:
        nobody = text("UPDATE operator SET person_id = NULL")
        await staffed.db.run(lambda session: session.execute(nobody))

        await demo.put(staffed.db, staffed.ports.keys, staffed.passwords, who)

        found = await staffed.db.run(registering.everybody)
        assert {each.login: each.person_id for each in found} == who

    async def test_who_was_renewed_or_removed_stays_so_and_is_told_no_more(
        self, staffed: House, who: dict[str, UUID]
    ) -> None:
        factors = await registering.new_factors(staffed.passwords)
        await staffed.db.run(lambda session: registering.renew(session, LOGINS[0], factors))
        await staffed.db.run(lambda session: registering.remove(session, LOGINS[1]))

        await demo.put(staffed.db, staffed.ports.keys, staffed.passwords, who)

        assert [each.login for each in await standing(staffed)] == LOGINS[2:]


class TestTold:
    async def test_development_tells_what_they_sign_in_with(self, staffed: House, client: httpx.AsyncClient) -> None:
        items = ok(await client.get("/dev/staff"))["items"]

        assert [item["login"] for item in items] == LOGINS
        assert [(item["role"], item["office_id"]) for item in items[:3]] == [
            ("reviewer", "demo-office"),
            ("reviewer", "demo-office"),
            ("clerk", "demo-office"),
        ]
        asked = {name: items[0][name] for name in ("login", "password", "totp")}
        assert (await client.post("/v1/staff/sessions", json=asked)).status_code == 201

    async def test_a_code_that_was_used_is_told_no_more(self, staffed: House, client: httpx.AsyncClient) -> None:
        told = []
        for _ in range(3):
            first, *_ = await standing(staffed)
            told.append(first.code)
            if first.code is not None:
                assert (await sign_in(client, first, first.code)).status_code == 201
        assert staffed.sandbox is not None
        await staffed.sandbox.move_clock(timedelta(seconds=30))
        first, *_ = await standing(staffed)

        assert told[0] != told[1]
        assert first.code not in told[:2]
        assert (await sign_in(client, first, first.code)).status_code == 201

    async def test_production_does_not(self, staffed: House) -> None:
        settings = staffed.settings.model_copy(update={"environment": Environment.PRODUCTION})
        production = main.create_app(replace(staffed, settings=settings, sandbox=None))

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(production), base_url="http://escard.test"
        ) as client:
            refused(await client.get("/dev/staff"), 404, "not-found")


@pytest.mark.parametrize(
    ("used", "second", "step"),
    [(0, 0, 10), (9, 0, 10), (10, 0, 11), (11, 0, None), (11, 29, None), (10, 29, 11), (12, 0, None)],
)
def test_a_code_is_told_as_long_as_it_is_taken(used: int, second: int, step: int | None) -> None:
    secret, now = bytes(20), datetime.fromtimestamp(10 * 30 + second, UTC)

    code = totp.unused_code(secret, used, now)

    assert code == (None if step is None else code_at(secret, step * 30))
    assert code is None or totp.step_of(secret, code, now) == step
