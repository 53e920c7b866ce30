"""Which provider a check goes to, what it falls back to, what a day may cost, and what is heard once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import main
from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.db import Database
from app.ports.face import (
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
)
from app.routers.deps import House
from app.services import outcomes
from app.services.faces.choosing import Fit, order
from app.services.rules.faces import FaceProviders, FaceRoute
from tests import cluster
from tests.factories.adding import Kin, Owner, app_of, later, ok, refused, set_policy
from tests.factories.make import Make


class Vendor(SandboxFaceProvider):
    """A provider under a name of its own, which can be down, and counts what it is asked."""

    def __init__(self, name: str, house: House, client: httpx.AsyncClient, modes: frozenset[FaceMode]) -> None:
        super().__init__(house.ports.clock, client)
        self.name = name
        self.modes = modes
        self.fault: FaceReason | None = None
        self.is_free = False
        self.starts: list[FaceRequest] = []
        self.questions = 0

    async def start(self, request: FaceRequest) -> FaceStart:
        self.starts.append(request)
        if self.fault is not None:
            raise FaceServiceUnavailable(self.fault)
        return await super().start(request)

    async def result(self, provider_ref: str) -> FaceResult:
        self.questions += 1
        return replace(await super().result(provider_ref), charged=not self.is_free)


def only(*modes: FaceMode) -> frozenset[FaceMode]:
    return frozenset(modes)


@asynccontextmanager
async def served(owner: Owner, house: House, *names: str, **modes: frozenset[FaceMode]) -> AsyncIterator[Any]:
    """Yield the owner's app at a server with these providers, and the providers by name."""
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(httpx.AsyncClient())
        vendors = {name: Vendor(name, house, wire, modes.get(name, frozenset(FaceMode))) for name in names}
        told = replace(house, ports=replace(house.ports, faces=vendors))
        transport = httpx.ASGITransport(main.create_app(told))
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://escard.test"))
        yield Owner(client, told, "", holder=owner.holder), vendors


async def start(owner: Owner, enrolment: str, **meta: str) -> httpx.Response:
    return await owner.call("POST", f"{enrolment}/face-checks", {"device_meta": meta})


async def start_own(owner: Owner) -> httpx.Response:
    asked = {"phone": "10000009999", "purpose": "card_password_reset"}
    assert (await owner.client.post("/v1/sms-codes", json=asked)).status_code == 202
    inbox = (await owner.client.get("/dev/messages", params={"phone": "10000009999"})).json()
    return await owner.call("POST", "/v1/card/password-resets", {"sms_code": inbox["items"][0]["code"]})


class TestRoutes:
    def test_without_routes_the_order_of_the_setting_holds(self) -> None:
        assert chosen([], mode=FaceMode.LIVE) == ["a", "b", "photos"]

    def test_a_provider_makes_only_the_checks_it_can(self) -> None:
        assert chosen([], mode=FaceMode.PHOTO) == ["photos"]

    def test_a_route_fits_by_mode_age_and_channel(self) -> None:
        routes = [
            FaceRoute(provider="b", modes=("live",), from_age=60),
            FaceRoute(provider="photos", channels=("alipay",)),
            FaceRoute(provider="a", below_age=60),
        ]

        assert chosen(routes, age=60) == ["b"]
        assert chosen(routes, age=59) == ["a"]
        assert chosen(routes, age=60, channel="alipay") == ["b", "photos"]
        assert chosen(routes, age=59, channel="alipay") == ["photos", "a"]

    def test_what_is_not_installed_is_passed_over(self) -> None:
        assert chosen([FaceRoute(provider="gone"), FaceRoute(provider="b")]) == ["b"]

    @given(first=st.integers(0, 100), ids=st.lists(st.uuids(), min_size=1, max_size=50))
    def test_percentages_share_the_checks_and_the_same_check_goes_the_same_way(
        self, first: int, ids: list[UUID]
    ) -> None:
        routes = [FaceRoute(provider="a", percentage=first), FaceRoute(provider="b", percentage=100 - first)]

        for check_id in ids:
            names = chosen(routes, check_id=check_id)
            assert names == (["a", "b"] if check_id.int % 100 < first else ["b", "a"])
            assert names == chosen(routes, check_id=check_id)


class _Named(SandboxFaceProvider):
    def __init__(self, *modes: FaceMode) -> None:
        self.modes = frozenset(modes)


_PROVIDERS: dict[str, FaceProvider] = {
    "a": _Named(FaceMode.LIVE),
    "b": _Named(FaceMode.LIVE),
    "photos": _Named(FaceMode.LIVE, FaceMode.PHOTO),
}


def chosen(
    routes: list[FaceRoute],
    *,
    mode: FaceMode = FaceMode.LIVE,
    age: int = 30,
    channel: str = "app",
    check_id: UUID | None = None,
) -> list[str]:
    rules = FaceProviders(routes=tuple(routes), spend={})
    return order(rules, _PROVIDERS, Fit(mode, age, channel), check_id or uuid4())


class TestFailover:
    async def test_the_next_one_takes_the_check_when_the_first_is_down(
        self, owner: Owner, kin: Kin, house: House
    ) -> None:
        async with served(owner, house, "first", "second") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            vendors["first"].fault = FaceReason.PROVIDER_ARREARS

            check = ok(await start(app, enrolment))
            vendors["first"].fault = None
            done = ok(await app.call("POST", f"/v1/face-checks/{check['id']}/completion"))

            assert (check["provider"], done["provider"], done["state"]) == ("second", "second", "passed")
            assert [request.callback_url for request in vendors["second"].starts] == [
                "http://127.0.0.1:8000/v1/callbacks/face/second"
            ]
            assert (vendors["first"].questions, vendors["second"].questions) == (0, 1)

    async def test_when_all_are_down_nothing_counts(self, owner: Owner, kin: Kin, house: House) -> None:
        async with served(owner, house, "first", "second") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            for vendor in vendors.values():
                vendor.fault = FaceReason.NETWORK

            refused(await start(app, enrolment), 503, "face-service-unavailable")
            read = await app.read(enrolment)

            assert (read["state"], read["face"]["tries_left"]) == ("face_pending", 3)
            assert [len(vendor.starts) for vendor in vendors.values()] == [1, 1]

    async def test_nobody_makes_such_checks(self, owner: Owner, kin: Kin, house: House) -> None:
        async with served(owner, house, "photos", photos=only(FaceMode.PHOTO)) as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)

            refused(await start(app, enrolment), 503, "face-service-unavailable")

            assert vendors["photos"].starts == []

    async def test_a_child_goes_to_who_compares_photos(self, owner: Owner, kin: Kin, house: House) -> None:
        names = ("live", "photos")
        async with served(owner, house, *names, live=only(FaceMode.LIVE)) as (app, vendors):
            assert app.holder is not None
            child = await kin(age=9, parents=[app.person.number])
            enrolment = await app.to_face(child, "20", age=9)

            check = ok(await start(app, enrolment))

            assert (check["provider"], check["mode"]) == ("photos", "photo")
            assert vendors["live"].starts == []

    async def test_a_check_of_a_provider_that_is_gone_waits_and_then_expires(
        self, owner: Owner, kin: Kin, house: House, db: Database
    ) -> None:
        async with served(owner, house, "first") as (app, _):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            check = ok(await start(app, enrolment))
        async with served(owner, house, "second") as (app, _):
            address = f"/v1/face-checks/{check['id']}"
            refused(await app.call("POST", f"{address}/completion"), 503, "face-service-unavailable")

            await later(house, minutes=11)
            await outcomes.settle_due(db, app.house.ports)

            assert ok(await app.call("GET", address))["state"] == "expired"


class TestCosts:
    async def test_the_money_of_a_day_sends_checks_elsewhere(
        self, make: Make, kin: Kin, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "face_providers", spend={"dear": {"price_fen": 100, "a_day_fen": 250}})
        owner = await app_of(await make.owner(), house)
        async with served(owner, house, "dear", "cheap") as (app, _):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)

            providers = [ok(await start(app, enrolment))["provider"] for _ in range(4)]

            assert providers == ["dear", "dear", "cheap", "cheap"]

    async def test_with_nobody_else_the_service_is_out_for_now(
        self, make: Make, kin: Kin, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "face_providers", spend={"dear": {"price_fen": 100, "a_day_fen": 99}})
        owner = await app_of(await make.owner(), house)
        async with served(owner, house, "dear") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)

            refused(await start(app, enrolment), 503, "face-service-unavailable")

            assert vendors["dear"].starts == []
            assert (await app.read(enrolment))["state"] == "face_pending"

    async def test_what_is_not_charged_is_given_back(
        self, make: Make, kin: Kin, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "face_providers", spend={"dear": {"price_fen": 100, "a_day_fen": 100}})
        owner = await app_of(await make.owner(), house)
        async with served(owner, house, "dear", "cheap") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            vendors["dear"].is_free = True
            providers = []
            for _ in range(3):
                check = ok(await start(app, enrolment, sandbox_scenario="user_cancelled"))
                ok(await app.call("POST", f"/v1/face-checks/{check['id']}/completion"))
                providers.append(check["provider"])

            assert providers == ["dear"] * 3

    async def test_eight_at_once_cost_what_the_day_allows(
        self, make: Make, kin: Kin, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "face_providers", spend={"dear": {"price_fen": 100, "a_day_fen": 300}})
        owners = [await app_of(await make.owner(), house) for _ in range(8)]
        async with AsyncExitStack() as stack:
            apps = [(await stack.enter_async_context(served(owner, house, "dear", "cheap")))[0] for owner in owners]
            enrolments = [await app.to_face(await kin(age=68), "51", age=68) for app in apps]

            checks = await asyncio.gather(*map(start, apps, enrolments))

        assert Counter(ok(check)["provider"] for check in checks) == {"dear": 3, "cheap": 5}

    @pytest.mark.parametrize("whose", ["starts_a_day", "starts_on_device_a_day"])
    async def test_starts_of_a_day_are_limited_for_owner_and_device(
        self, make: Make, kin: Kin, house: House, database: cluster.Database, whose: str
    ) -> None:
        await set_policy(database, "faces", **{whose: 2})
        owner = await app_of(await make.owner(), house)
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        answers = [await start(owner, enrolment) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert refused(answers[2], 429, "face-starts-used")["retry_after_seconds"] > 80_000

    async def test_past_the_limit_at_a_member_each_owner_has_as_many_starts_as_may_fail(
        self, make: Make, kin: Kin, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "faces", starts_at_member_a_day=5)
        member = await kin(age=68)
        owners = [await app_of(await make.owner(), house) for _ in range(3)]
        enrolments = [await owner.to_face(member, "51", age=68) for owner in owners]

        greedy = [await start(owners[0], enrolments[0]) for _ in range(6)]
        others = await asyncio.gather(*(start(owners[which], enrolments[which]) for which in (1, 2) * 5))

        assert [answer.status_code for answer in greedy] == [201] * 5 + [429]
        told = refused(greedy[5], 429, "face-starts-used")
        assert told["retry_after_seconds"] > 80_000
        assert told["next"]["href"] == f"{enrolments[0]}/review-requests"
        assert Counter(answer.status_code for answer in others) == {201: 6, 429: 4}

    async def test_strangers_keep_nobody_from_their_own_face(
        self, make: Make, house: House, database: cluster.Database
    ) -> None:
        await set_policy(database, "faces", starts_at_member_a_day=1)
        victim = await app_of(await make.card_password(await make.owner()), house)
        stranger = await app_of(await make.owner(sex="1"), house)
        enrolment = await stranger.to_face(victim.person, "99", age=40)
        tried = [await start(stranger, enrolment) for _ in range(4)]

        answers = []
        for _ in range(4):
            answers.append((await start_own(victim)).status_code)
            await later(house, minutes=2)

        assert [answer.status_code for answer in tried] == [201] * 3 + [429]
        assert answers == [201] * 4


class TestEvents:
    async def test_an_event_that_has_led_to_an_end_asks_the_vendor_no_more(
        self, owner: Owner, kin: Kin, house: House, db: Database
    ) -> None:
        async with served(owner, house, "vendor") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            check = ok(await start(app, enrolment))

            answers = await asyncio.gather(*(call_back(app, check, "done") for _ in range(10)))
            asked = vendors["vendor"].questions
            await call_back(app, check, "done")
            await call_back(app, check, "another")

            assert {answer.status_code for answer in answers} == {200}
            assert ok(await app.call("GET", f"/v1/face-checks/{check['id']}"))["state"] == "passed"
            assert vendors["vendor"].questions == asked
            assert await heard(db) == [("another", True), ("done", True)]

    async def test_one_that_came_too_early_is_heard_again(
        self, owner: Owner, kin: Kin, house: House, db: Database
    ) -> None:
        async with served(owner, house, "vendor") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            check = ok(await start(app, enrolment, sandbox_scenario="not_finished"))

            for _ in range(2):
                await call_back(app, check, "done")
                await later(house, seconds=2)

            assert vendors["vendor"].questions == 2
            assert await heard(db) == [("done", False)]

    async def test_what_another_provider_says_of_a_check_is_nothing(
        self, owner: Owner, kin: Kin, house: House, db: Database
    ) -> None:
        async with served(owner, house, "vendor", "other") as (app, vendors):
            enrolment = await app.to_face(await kin(age=68), "51", age=68)
            check = ok(await start(app, enrolment))

            answer = await call_back(app, check, "done", provider="other")

            assert answer.status_code == 200
            assert [vendor.questions for vendor in vendors.values()] == [0, 0]
            assert await heard(db) == []


async def call_back(app: Owner, check: dict[str, Any], event_id: str, provider: str = "vendor") -> httpx.Response:
    body = {"check_id": check["id"], "event_id": event_id}
    return await app.client.post(f"/v1/callbacks/face/{provider}", json=body)


async def heard(db: Database) -> list[tuple[str, bool]]:
    rows = await db.fetch("SELECT event_id, settled_at IS NOT NULL AS is_settled FROM face_event ORDER BY event_id")
    return [(row["event_id"], row["is_settled"]) for row in rows]
