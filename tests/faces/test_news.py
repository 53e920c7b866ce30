"""Who brings the news of a check does not matter, nor when or how often: there is one outcome."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from app import main
from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.db import Database, bucket_of, new_id
from app.core.settings import Settings
from app.ports.face import (
    FaceCallback,
    FaceEvent,
    FaceMode,
    FaceProvider,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
)
from app.routers.deps import House
from app.services import outcomes
from app.services.enrolments.expiring import expire_due
from app.worker.relay import tell_due
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.make import Make

CALLBACKS = "/v1/callbacks/face/sandbox"
LATE = {"delay_seconds": "60"}  # longer than the slowest machine needs until a test lets time pass


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A house whose provider is late by a minute, where it is late."""
    options = {"sandbox": {name: SecretStr(value) for name, value in LATE.items()}}
    return settings.model_copy(update={"face_options": options})


class Line(httpx.AsyncBaseTransport):
    """The way from the provider to our server, once there is one."""

    def __init__(self) -> None:
        self.server: httpx.ASGITransport | None = None
        self.answers: list[int] = []
        self._more = asyncio.Condition()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert self.server is not None
        answer = await self.server.handle_async_request(request)
        async with self._more:
            self.answers.append(answer.status_code)
            self._more.notify_all()
        return answer

    async def has_heard(self, calls: int) -> None:
        """Wait until so many have come."""
        async with asyncio.timeout(60), self._more:
            await self._more.wait_for(lambda: len(self.answers) >= calls)


@pytest.mark.parametrize("name", ["\0", "a\nb"])
async def test_an_event_of_a_name_that_is_none_changes_nothing(owner: Owner, kin: Kin, name: str) -> None:
    enrolment = await owner.to_face(await kin(age=68), "51", age=68)
    check = await started(owner, enrolment)

    answer = await owner.client.post(CALLBACKS, json={"check_id": check[-36:], "event_id": name})

    assert answer.status_code == 200
    assert (await owner.read(enrolment))["state"] == "face_pending"


async def started(owner: Owner, enrolment: str, scenario: str = "ok") -> str:
    """Start a check; return its address."""
    meta = {"device_meta": {"sandbox_scenario": scenario}}
    return f"/v1/face-checks/{ok(await owner.call('POST', f'{enrolment}/face-checks', meta))['id']}"


async def call_back(owner: Owner, check: str) -> httpx.Response:
    """What the provider sends, whenever it likes."""
    return await owner.client.post(CALLBACKS, json={"check_id": check[-36:], "event_id": "x"})


class TestCallbacks:
    @pytest.fixture
    async def line(self) -> Line:
        return Line()

    @pytest.fixture
    async def called_back(self, owner: Owner, house: House, line: Line) -> AsyncIterator[Owner]:
        """The owner's app at a server that the sandbox's callbacks reach."""
        async with httpx.AsyncClient(transport=line) as wire:
            provider = SandboxFaceProvider(house.ports.clock, wire, LATE)
            reached = replace(house, ports=replace(house.ports, faces={"sandbox": provider}))
            line.server = httpx.ASGITransport(main.create_app(reached))
            async with httpx.AsyncClient(transport=line.server, base_url="http://escard.test") as client:
                yield Owner(client, reached, "", holder=owner.holder)
            await provider.close()

    async def test_a_late_one_ends_a_check_that_is_not_finished(self, called_back: Owner, kin: Kin, line: Line) -> None:
        enrolment = await called_back.to_face(await kin(age=68), "51", age=68)
        check = await started(called_back, enrolment, "late_callback")

        early = ok(await called_back.call("POST", f"{check}/completion"))
        await later(called_back.house, minutes=2)
        await line.has_heard(1)

        assert early["state"] == "processing"
        assert (await called_back.read(enrolment))["state"] == "active"
        assert line.answers == [200]

    async def test_a_duplicate_is_heard_once(self, called_back: Owner, kin: Kin, line: Line, make: Make) -> None:
        enrolment = await called_back.to_face(await kin(age=68), "51", age=68)
        check = await started(called_back, enrolment, "duplicate_callback")

        await line.has_heard(2)

        assert ok(await called_back.call("GET", check))["state"] == "passed"
        assert line.answers == [200, 200]
        assert called_back.holder is not None
        actions = [action for action, _, _ in await make.audited(called_back.holder)]
        assert (actions.count("face.ended"), actions.count("enrolment.ended")) == (1, 1)

    async def test_what_names_none_of_our_checks_is_harmless(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment)
        unknown = str(new_id(bucket_of(UUID(check[-36:]))))

        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"[" * 5000,
            json.dumps({"check_id": unknown}).encode(),
            json.dumps({"check_id": 7}).encode(),
            json.dumps({"check_id": "not an id"}).encode(),
            json.dumps({"check": check[-36:]}).encode(),
        ):
            answer = await owner.client.post(CALLBACKS, content=body)
            assert (answer.status_code, answer.text) == (200, "success")
        refused(await owner.client.post("/v1/callbacks/face/acme", json={"check_id": check[-36:]}), 404, "not-found")

        assert ok(await owner.call("GET", check))["state"] == "started"

    async def test_a_browser_that_comes_back_is_told_to_go_on_in_the_app(self, owner: Owner) -> None:
        said = [await owner.client.get(CALLBACKS, headers={"Accept-Language": tag}) for tag in ("zh-CN", "en", "es")]

        assert [answer.status_code for answer in said] == [200, 200, 200]
        assert [answer.headers["content-type"] for answer in said] == ["text/plain; charset=utf-8"] * 3
        assert [answer.headers["content-language"] for answer in said] == ["zh-CN", "en", "es"]
        assert ["应用" in said[0].text, "app" in said[1].text, "aplicación" in said[2].text] == [True] * 3

    async def test_it_is_a_hint_and_never_the_result(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment, "face_mismatch")

        forged = {"check_id": check[-36:], "event_id": "forged", "passed": True, "decision": "passed", "reason": "ok"}
        await owner.client.post(CALLBACKS, json=forged)

        assert ok(await owner.call("GET", check))["state"] == "failed"


class TestThePoller:
    async def test_it_finishes_what_nobody_called(self, owner: Owner, kin: Kin, db: Database, house: House) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment, "no_callback")
        early = await outcomes.settle_due(db, house.ports)

        await later(house, minutes=11)
        due = await outcomes.settle_due(db, house.ports)
        again = await outcomes.settle_due(db, house.ports)

        assert (early, due, again) == (0, 1, 0)
        assert ok(await owner.call("GET", check))["state"] == "passed"
        assert (await owner.read(enrolment))["state"] == "active"

    async def test_it_asks_every_three_seconds_while_the_provider_is_not_finished_and_then_gives_up(
        self, owner: Owner, kin: Kin, db: Database, house: House
    ) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment, "not_finished")
        ok(await owner.call("POST", f"{check}/completion"))

        asked = []
        for _ in range(3):
            await later(house, seconds=4)
            asked.append(await outcomes.settle_due(db, house.ports))
        await later(house, minutes=10)
        asked.append(await outcomes.settle_due(db, house.ports))
        asked.append(await outcomes.settle_due(db, house.ports))
        read = ok(await owner.call("GET", check))

        assert asked == [1, 1, 1, 1, 0]
        assert (read["state"], read["reason"], read["tries_left"]) == ("expired", "timed_out", 3)
        assert (await owner.read(enrolment))["face"]["last_reason"] == "timed_out"

    async def test_one_silent_provider_does_not_keep_it_from_the_others(
        self, owner: Owner, kin: Kin, db: Database, house: House
    ) -> None:
        first, second = [
            await started(owner, await owner.to_face(await kin(age=68), "51", age=68), "late_callback")
            for _ in range(2)
        ]
        for check in (first, second):
            ok(await owner.call("POST", f"{check}/completion"))
        deaf = Scripted(house.ports.faces["sandbox"])
        deaf.silent_about = first[-36:]
        await later(house, minutes=2)

        seen = await outcomes.settle_due(db, replace(house.ports, faces={"sandbox": deaf}))
        states = [ok(await owner.call("GET", check))["state"] for check in (first, second)]
        await later(house, minutes=2)
        await outcomes.settle_due(db, house.ports)

        assert (seen, states) == (2, ["processing", "passed"])
        assert ok(await owner.call("GET", first))["state"] == "passed"


class TestAProviderThatIsGone:
    """Taken out of the setting while checks of it were open."""

    async def test_its_checks_end_with_their_time_and_nobody_is_told_of_it(
        self, owner: Owner, kin: Kin, db: Database, house: House
    ) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment, "no_callback")
        without = replace(house.ports, faces={})

        await later(house, minutes=11)
        with capture_logs() as lines:
            await outcomes.settle_due(db, without)
            while await tell_due(db, without):
                pass

        read = ok(await owner.call("GET", check))
        assert (read["state"], read["tries_left"]) == ("expired", 3)
        assert [line["event"] for line in lines if "told" in line["event"]] == []
        gone = [line for line in lines if line["event"] == "face_provider_gone"]
        assert [(line["provider"], line["check_id"]) for line in gone] == [("sandbox", check[-36:])]

    async def test_who_completes_one_is_told_that_it_does_not_answer_and_may_start_anew(
        self, owner: Owner, kin: Kin, db: Database, house: House
    ) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = await started(owner, enrolment)
        app = main.create_app(replace(house, ports=replace(house.ports, faces={})))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://escard.test") as client:
            without = Owner(client, house, "", holder=owner.holder)
            refused(await without.call("POST", f"{check}/completion"), 503, "face-service-unavailable")

        again = await started(owner, enrolment)
        done = ok(await owner.call("POST", f"{again}/completion"))

        assert ok(await owner.call("GET", check))["state"] == "cancelled"
        assert done["state"] == "passed"


class TestAskedOneAtATime:
    async def test_after_an_answer_that_decides_nothing_it_is_asked_again_two_seconds_later(
        self, owner: Owner, kin: Kin, house: House
    ) -> None:
        counting = Scripted(house.ports.faces["sandbox"])
        app = main.create_app(replace(house, ports=replace(house.ports, faces={"sandbox": counting})))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://escard.test") as client:
            asking = Owner(client, house, "", holder=owner.holder)
            check = await started(asking, await owner.to_face(await kin(age=68), "51", age=68), "late_callback")

            began = time.monotonic()
            many = await asyncio.gather(*[asking.call("POST", f"{check}/completion") for _ in range(30)])
            at_once, seconds = counting.questions, time.monotonic() - began
            await later(house, minutes=2)
            done = ok(await asking.call("POST", f"{check}/completion"))

        assert {ok(answer)["state"] for answer in many} == {"processing"}
        assert 1 <= at_once <= 1 + seconds // 2
        assert (counting.questions, done["state"]) == (at_once + 1, "passed")


class Scripted(FaceProvider):
    """The sandbox, with something happening at its start, or not answering about one check."""

    name = "sandbox"
    modes = frozenset(FaceMode)

    def __init__(self, provider: FaceProvider) -> None:
        self._provider = provider
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.silent_about = ""
        self.starts: list[str] = []
        self.cancelled: list[str] = []
        self.questions = 0

    async def start(self, request: FaceRequest) -> FaceStart:
        self.starts.append(str(request.check_id))
        begun = await self._provider.start(request)
        if self.meanwhile is not None:
            await self.meanwhile()
        return begun

    async def result(self, provider_ref: str) -> FaceResult:
        self.questions += 1
        found = await self._provider.result(provider_ref)
        if self.silent_about and self.silent_about in self.starts_of(provider_ref):
            raise FaceServiceUnavailable
        return found

    def starts_of(self, provider_ref: str) -> str:
        """The sandbox's reference says which check it is of."""
        return base64.urlsafe_b64decode(provider_ref).decode()

    async def cancel(self, provider_ref: str) -> None:
        self.cancelled.append(provider_ref)

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        return self._provider.event_of(callback)

    async def close(self) -> None:
        await self._provider.close()


class TestWhileStarting:
    @pytest.fixture
    async def provider(self, house: House) -> Scripted:
        return Scripted(house.ports.faces["sandbox"])

    @pytest.fixture
    async def scripted(self, owner: Owner, house: House, provider: Scripted) -> AsyncIterator[Owner]:
        """The owner's app at a server whose provider does as it is told."""
        told = replace(house, ports=replace(house.ports, faces={"sandbox": provider}))
        transport = httpx.ASGITransport(main.create_app(told))
        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            yield Owner(client, told, "", holder=owner.holder)

    async def test_cancelled_meanwhile_it_is_given_up_at_the_provider_too(
        self, scripted: Owner, kin: Kin, provider: Scripted, db: Database
    ) -> None:
        enrolment = await scripted.to_face(await kin(age=68), "51", age=68)
        provider.meanwhile = lambda: scripted.call("DELETE", enrolment)

        check = ok(await scripted.call("POST", f"{enrolment}/face-checks", {}))
        events = await db.fetch("SELECT facts->>'check_id' AS id FROM outbox_event WHERE kind = 'face_given_up'")
        await outcomes.given_up(db, scripted.house.ports, UUID(events[0]["id"]))

        assert (check["state"], check["client"]) == ("cancelled", {})
        assert [event["id"] for event in events] == [check["id"]]
        assert len(provider.cancelled) == 1
        assert (await scripted.read(enrolment))["state"] == "cancelled"

    async def test_a_callback_before_the_start_was_written_down_is_not_lost(
        self, scripted: Owner, kin: Kin, provider: Scripted
    ) -> None:
        enrolment = await scripted.to_face(await kin(age=68), "51", age=68)
        provider.meanwhile = lambda: call_back(scripted, provider.starts[0])

        check = ok(await scripted.call("POST", f"{enrolment}/face-checks", {}))
        done = ok(await scripted.call("POST", f"/v1/face-checks/{check['id']}/completion"))

        assert (check["state"], done["state"]) == ("started", "passed")

    async def test_after_such_a_callback_the_poller_asks_at_once(
        self, scripted: Owner, kin: Kin, provider: Scripted, db: Database
    ) -> None:
        enrolment = await scripted.to_face(await kin(age=68), "51", age=68)
        provider.meanwhile = lambda: call_back(scripted, provider.starts[0])

        check = ok(await scripted.call("POST", f"{enrolment}/face-checks", {}))
        await outcomes.settle_due(db, scripted.house.ports)

        assert ok(await scripted.call("GET", f"/v1/face-checks/{check['id']}"))["state"] == "passed"

    async def test_a_start_that_broke_off_goes_on_with_the_same_key(
        self, scripted: Owner, kin: Kin, provider: Scripted
    ) -> None:
        enrolment = await scripted.to_face(await kin(age=68), "51", age=68)
        provider.meanwhile = break_off

        broken = await scripted.call("POST", f"{enrolment}/face-checks", {}, Idempotency_Key="the-same-key")
        refused(broken, 500, "internal-error")
        provider.meanwhile = None
        check = ok(await scripted.call("POST", f"{enrolment}/face-checks", {}, Idempotency_Key="the-same-key"))
        done = ok(await scripted.call("POST", f"/v1/face-checks/{check['id']}/completion"))

        assert done["state"] == "passed"
        assert (await scripted.read(enrolment))["state"] == "active"

    async def test_a_start_that_nobody_came_back_to_ends_by_itself(
        self, scripted: Owner, kin: Kin, provider: Scripted, db: Database
    ) -> None:
        enrolment = await scripted.to_face(await kin(age=68), "51", age=68)
        provider.meanwhile = break_off
        refused(await scripted.call("POST", f"{enrolment}/face-checks", {}), 500, "internal-error")

        await later(scripted.house, minutes=11)
        settled = await outcomes.settle_due(db, scripted.house.ports)
        read = await scripted.read(enrolment)

        assert settled == 1
        assert (read["state"], read["face"]["last_reason"], read["face"]["tries_left"]) == (
            "face_pending",
            "timed_out",
            3,
        )


class BrokenOffError(Exception):
    """The server was killed here, as far as the caller can tell."""


async def break_off() -> None:
    raise BrokenOffError


NEWS = ("call back", "complete", "poll", "cancel", "expire")


class TestEveryOrder:
    @given(
        order=st.permutations(NEWS).flatmap(lambda news: st.integers(1, len(NEWS)).map(lambda n: tuple(news[:n]))),
        scenario=st.sampled_from(["ok", "face_mismatch", "late_callback", "timed_out"]),
    )
    @hypothesis_settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    async def test_of_news_leads_to_one_outcome(
        self, owner: Owner, kin: Kin, db: Database, house: House, order: tuple[str, ...], scenario: str
    ) -> None:
        enrolment = await owner.to_face(await kin(age=30), "99", age=30)
        check = await started(owner, enrolment, scenario)
        does: dict[str, Callable[[], Awaitable[object]]] = {
            "call back": lambda: call_back(owner, check),
            "complete": lambda: owner.call("POST", f"{check}/completion"),
            "poll": lambda: poll(house),
            "cancel": lambda: owner.call("DELETE", enrolment),
            "expire": lambda: expire(house),
        }
        ends = []

        for news in order:
            await does[news]()
            read = await owner.read(enrolment)
            ends.append((ok(await owner.call("GET", check))["state"], read["state"]))

        await agree(db, check, enrolment, ends)
        await owner.call("DELETE", enrolment)
        for member in ok(await owner.call("GET", "/v1/family"))["members"]:
            await owner.call("DELETE", f"/v1/family/members/{member['link_id']}")


async def poll(house: House) -> None:
    """A worker comes by, after the check's ten minutes."""
    await later(house, minutes=11)
    await outcomes.settle_due(house.db, house.ports)


async def expire(house: House) -> None:
    """A worker comes by, after the enrolment's three days."""
    await later(house, hours=73)
    await expire_due(house.db)


async def agree(db: Database, check: str, enrolment: str, ends: list[tuple[str, str]]) -> None:
    """Check that what has ended stayed ended, once, and that everybody agrees on it."""
    final = {"passed", "failed", "cancelled", "expired"}
    checks = [state for state, _ in ends if state in final]
    over = [state for _, state in ends if state in {"active", "cancelled", "expired"}]
    assert len(set(checks)) <= 1, ends
    assert len(set(over)) <= 1, ends
    assert ("active" in over) <= ("passed" in checks), ends
    ended = await db.fetch("SELECT facts->>'check_id' AS id FROM audit_event WHERE action = 'face.ended'")
    assert [row["id"] for row in ended].count(check[-36:]) == (1 if checks else 0)
    closed = await db.fetch("SELECT facts->>'enrolment_id' AS id FROM audit_event WHERE action = 'enrolment.ended'")
    assert [row["id"] for row in closed].count(enrolment[-36:]) == (1 if over else 0)
    links = await db.fetch("SELECT state FROM family_link WHERE enrolment_id = $1", UUID(enrolment[-36:]))
    expected = {"active": ["active"], "cancelled": [], "expired": []}.get(over[-1] if over else "", ["reserved"])
    assert [row["state"] for row in links] == expected
    slots = await db.fetch(
        "SELECT 1 FROM member_slot s JOIN family_link l ON l.id = s.link_id WHERE l.enrolment_id = $1",
        UUID(enrolment[-36:]),
    )
    assert len(slots) == (1 if expected == ["active"] else 0)
