"""The suite is changed while people are about: what was written under one is read, or written anew, under the other."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.core.suites import MARKS, Suite
from app.routers.deps import House
from app.services import audit_heads
from tests.cluster import Database
from tests.factories.callers import sign_in
from tests.factories.houses import build
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone
from tests.factories.staff import Hire

Serve = Callable[[Suite], AbstractAsyncContextManager[tuple[httpx.AsyncClient, House]]]
KINDS = {Suite.INTERNATIONAL: "$argon2id$", Suite.SM: "$pbkdf2-sm3$"}


@pytest.fixture(params=Suite)
def then(request: pytest.FixtureRequest) -> Suite:
    """The suite before the change."""
    return Suite(request.param)


@pytest.fixture
def now(then: Suite) -> Suite:
    """The suite after it."""
    return next(suite for suite in Suite if suite is not then)


@pytest.fixture
def serve(database: Database, settings: Settings, keys: FileKeys) -> Serve:
    """Serves the same database under one suite after the other, with the same key ring."""

    @asynccontextmanager
    async def serving(suite: Suite) -> AsyncIterator[tuple[httpx.AsyncClient, House]]:
        chosen = settings.model_copy(update={"cipher_suite": suite})
        async with main.opened(build(chosen, database.app_url, keys)) as house:
            transport = httpx.ASGITransport(main.create_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                yield client, house

    return serving


async def stored(house: House, column: str, table: str) -> list[str]:
    """The kinds of the hashes in a table."""
    rows = await house.db.fetch(f"SELECT {column} AS hash FROM {table}")  # noqa: S608 - ours, below
    return [row["hash"][: row["hash"].index("$", 1) + 1] for row in rows]


async def test_an_account_password_is_hashed_anew_by_the_first_sign_in_with_the_right_one(
    serve: Serve, then: Suite, now: Suite
) -> None:
    async with serve(then) as (client, house):
        phone = Phone(client, house, "10000009001")
        await phone.register()

    async with serve(now) as (client, house):
        phone.client = client
        refused = await sign_in(phone, password="not the password")
        after_a_wrong_one = await stored(house, "password_hash", "account")
        signed_in = [await sign_in(phone, password=PASSWORD) for _ in range(2)]
        after_a_right_one = await stored(house, "password_hash", "account")

    assert (refused.status_code, [answer.status_code for answer in signed_in]) == (403, [201, 201])
    assert after_a_wrong_one == [KINDS[then]]
    assert after_a_right_one == [KINDS[now]]


async def test_a_card_password_is_hashed_anew_and_stays_the_same_version(
    serve: Serve, owner: Phone, then: Suite, now: Suite
) -> None:
    async with serve(then) as (client, _):
        owner.client = client
        new = {"current": CARD_PASSWORD, "new": "730418"}
        changed = await owner.call("PUT", "/v1/card/password", new)

    async with serve(now) as (client, house):
        owner.client = client
        before = await house.db.fetch("SELECT version, hash FROM card_password")
        wrong = await owner.call("POST", "/v1/card/password-checks", {"password": "111222"})
        right = await owner.call("POST", "/v1/card/password-checks", {"password": "730418"})
        after = await house.db.fetch("SELECT version, hash FROM card_password")
        again = await owner.call("POST", "/v1/card/password-checks", {"password": "730418"})

    assert [each.status_code for each in (changed, wrong, right, again)] == [204, 403, 200, 200]
    assert [(row["version"], row["hash"].startswith(KINDS[then])) for row in before] == [(2, True)]
    assert [(row["version"], row["hash"].startswith(KINDS[now])) for row in after] == [(2, True)]


async def test_a_password_of_the_staff_is_hashed_anew(serve: Serve, then: Suite, now: Suite) -> None:
    async with serve(then) as (client, house):
        worker = await Hire(client, house)(signed_in=False)

    async with serve(now) as (client, house):
        worker.client, worker.house = client, house
        signed_in = await worker.sign_in()
        kinds = await stored(house, "password_hash", "operator")

    assert signed_in.status_code == 201
    assert kinds == [KINDS[now]]


async def test_what_is_sealed_looked_up_and_chained_goes_on_across_the_change_and_back(
    serve: Serve, owner: Phone, then: Suite, now: Suite
) -> None:
    cards, marks, reports = [], [], []
    for suite in (then, now, then):
        async with serve(suite) as (client, house):
            owner.client = client
            await owner.call("POST", "/v1/card/password-checks", {"password": CARD_PASSWORD})
            cards.append((await owner.call("GET", "/v1/holders/me/card")).json())
            await Phone(client, house, f"1000000910{len(cards)}").register()
            (newest,) = await house.db.fetch("SELECT phone FROM account ORDER BY created_at DESC LIMIT 1")
            marks.append(newest["phone"][:1])
            await audit_heads.sign_changed(house.db, house.ports.store)
            reports.append(await audit_heads.check(house.db, house.ports.store))

    assert marks == [MARKS[then], MARKS[now], MARKS[then]]
    assert len({card["name"] for card in cards}) == 1
    assert [report.is_whole for report in reports] == [True] * 3
    assert reports[-1].signed > reports[0].signed > 0
