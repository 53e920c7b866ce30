"""The national gateway at its worst: each time there is one right outcome, and nothing of anybody in the log."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from national_gateway import ExampleGateway
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.adapters.national.circuits import FAILURES, PAUSE, State
from app.adapters.national.codes import CALLS, CONTRIBUTIONS, FIND, MEANINGS, Group, Meaning
from app.adapters.national.gateway import NationalGateway, NationalSilent
from app.adapters.national.register import NationalRegister
from app.core.clock import MovableClock
from app.core.errors import AppError
from app.ports.register import RegisterUnavailable
from tests.adapters.national.conftest import WORKER
from tests.factories.national import KEY_TEXT, SECRET_TEXT, example, meet, national_settings, reaching
from tests.factories.servers import loopback_client, serving

STRANGER = "whsec_" + "A" * 44
PATIENT = replace(FIND, seconds=60, try_seconds=60)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that must happen."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - the example tells nobody that it was asked
            await asyncio.sleep(0.01)


async def refused(register: NationalRegister) -> AppError:
    with pytest.raises(RegisterUnavailable) as raised:
        await register.find(WORKER.number)
    return raised.value


@pytest.mark.parametrize("mood", ["answers", "older"])
async def test_both_success_codes_are_good(there: ExampleGateway, register: NationalRegister, mood: str) -> None:
    there.behave(mood)

    assert await register.find(WORKER.number) == WORKER


@pytest.mark.parametrize("mood", ["down", "busy"])
async def test_a_read_is_tried_again_and_no_more_than_agreed(
    there: ExampleGateway, register: NationalRegister, mood: str
) -> None:
    there.behave(mood)

    assert (await refused(register)).retry_after_seconds == 5
    assert [method for method, _ in there.asked] == ["register.find"] * FIND.tries


async def test_an_answer_that_is_lost_is_asked_for_again(there: ExampleGateway, register: NationalRegister) -> None:
    there.behave("unheard")

    assert await register.find(WORKER.number) == WORKER
    assert len(there.asked) == 2


async def test_a_slow_one_is_given_up_in_time(there: ExampleGateway, clock: MovableClock) -> None:
    async with reaching(there, clock, timeout_seconds=0.3) as gateway:
        there.behave("slow")
        try:
            await refused(NationalRegister(gateway, clock))
        finally:
            there.behave("answers")

    assert len(there.asked) <= 1


@pytest.mark.parametrize(
    ("mood", "event", "why"),
    [
        ("garbage", "national_gateway_not_genuine", "envelope"),
        ("twice", "national_gateway_not_genuine", "envelope"),
        ("forged", "national_gateway_not_genuine", "signature"),
        ("replayed", "national_gateway_not_genuine", "request"),
        ("stale", "national_gateway_not_genuine", "time"),
        ("wrong_code", "national_gateway_not_understood", "OK"),
        ("other_person", "national_register_not_believed", "person"),
    ],
)
async def test_what_it_has_not_said_or_not_to_us_is_no_answer_and_not_asked_for_again(
    there: ExampleGateway, register: NationalRegister, mood: str, event: str, why: str
) -> None:
    await register.find(WORKER.number)
    there.behave(mood)

    with structlog.testing.capture_logs() as lines:
        await refused(register)

    assert len(there.asked) == 2
    assert [(line["event"], line.get("why") or line["what"]) for line in lines] == [(event, why)]


async def test_an_answer_in_the_clear_is_not_believed_where_it_was_to_be_sealed(clock: MovableClock) -> None:
    there = example(clock, keys=(KEY_TEXT,))
    meet(there, WORKER)
    async with reaching(there, clock, encryption_keys=KEY_TEXT) as gateway:
        register = NationalRegister(gateway, clock)
        assert await register.find(WORKER.number) == WORKER
        there.behave("in_the_clear")
        with structlog.testing.capture_logs() as lines:
            await refused(register)

    assert [line["why"] for line in lines] == ["encryption"]


@pytest.mark.parametrize(
    "changes", [{"app_id": "somebody"}, {"secrets": STRANGER}, {"encryption_keys": KEY_TEXT}], ids=str
)
async def test_whoever_it_does_not_know_is_told_so_by_nobody(
    there: ExampleGateway, clock: MovableClock, changes: dict[str, str]
) -> None:
    async with reaching(there, clock, **changes) as gateway:
        with structlog.testing.capture_logs() as lines:
            await refused(NationalRegister(gateway, clock))

    assert (there.asked, [line["why"] for line in lines]) == ([], ["http_401"])


async def test_a_secret_is_changed_without_an_answer_lost(there: ExampleGateway, clock: MovableClock) -> None:
    async with reaching(there, clock, secrets=f"{STRANGER} {SECRET_TEXT}") as gateway:
        assert await NationalRegister(gateway, clock).find(WORKER.number) == WORKER


async def test_a_key_is_changed_without_an_answer_lost(clock: MovableClock) -> None:
    new = base64.b64encode(bytes(32)).decode()
    there = example(clock, keys=(new, KEY_TEXT))
    meet(there, WORKER)

    async with reaching(there, clock, encryption_keys=f"{KEY_TEXT} {new}") as gateway:
        assert await NationalRegister(gateway, clock).find(WORKER.number) == WORKER


async def test_too_much_is_not_read(there: ExampleGateway, register: NationalRegister) -> None:
    there.people.said[WORKER.number]["note"] = "x" * FIND.most_bytes

    with structlog.testing.capture_logs() as lines:
        await refused(register)

    assert [line["why"] for line in lines] == ["size"]


async def test_nothing_personal_stands_in_addresses_or_in_the_log(
    there: ExampleGateway, register: NationalRegister
) -> None:
    addresses: list[str] = []
    with structlog.testing.capture_logs() as lines:
        for mood in ("answers", "down", "garbage", "forged", "other_person", "wrong_code"):
            there.behave(mood)
            try:
                await register.find(WORKER.number)
            except RegisterUnavailable as error:
                addresses.append(repr(error) + repr(error.__cause__))

    told = repr(lines) + repr(addresses)
    assert not any(value in told for value in (WORKER.number, WORKER.name, "10000000901", "D00000901"))


class TestCircuits:
    async def test_a_gateway_that_is_down_is_left_in_peace_and_probed_by_one(
        self, there: ExampleGateway, national: NationalGateway, register: NationalRegister, clock: MovableClock
    ) -> None:
        there.behave("down")
        while national.circuits()["register"] is State.CLOSED:
            await refused(register)
        asked = len(there.asked)
        told = await refused(register)

        clock.move(PAUSE * 1.2)
        there.behave("slow")
        probe = asyncio.create_task(national.ask(Group.REGISTER, PATIENT, {"aac002": WORKER.number}))
        await until(lambda: len(there.asked) > asked)
        for _ in range(20):
            await refused(register)
        probes = len(there.asked) - asked
        there.behave("answers")

        assert (asked, probes) == (FAILURES, 1)
        assert 5 < (told.retry_after_seconds or 0) <= (PAUSE * 1.2).total_seconds()
        assert (await probe).meaning is Meaning.DONE
        assert await register.find(WORKER.number) == WORKER

    async def test_one_group_that_is_down_does_not_stop_the_others(
        self, there: ExampleGateway, national: NationalGateway, register: NationalRegister
    ) -> None:
        there.behave("down")
        for _ in range(FAILURES):
            with pytest.raises(NationalSilent):
                await national.ask(Group.HUMAN_RESOURCES, CONTRIBUTIONS, {"aac002": WORKER.number})
        there.behave("answers")

        assert await register.find(WORKER.number) == WORKER
        assert national.circuits() == {
            "register": State.CLOSED,
            "human_resources": State.OPEN,
            "healthcare_security": State.CLOSED,
            "card_orders": State.CLOSED,
            "medical_funds": State.CLOSED,
        }

    async def test_a_record_that_is_wrong_opens_nothing(
        self, there: ExampleGateway, national: NationalGateway, register: NationalRegister
    ) -> None:
        there.behave("other_person")
        for _ in range(2 * FAILURES):
            await refused(register)

        assert set(national.circuits().values()) == {State.CLOSED}

    async def test_whoever_gives_up_after_long_waiting_counts_against_it(
        self, there: ExampleGateway, national: NationalGateway
    ) -> None:
        there.behave("slow")
        call = replace(PATIENT, try_seconds=2)
        asking = [
            asyncio.create_task(national.ask(Group.REGISTER, call, {"aac002": WORKER.number})) for _ in range(FAILURES)
        ]
        await until(lambda: len(there.asked) == FAILURES)
        await asyncio.sleep(1.1)  # more than half of what a try may take

        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        there.behave("answers")

        assert national.circuits()["register"] is State.OPEN

    async def test_whoever_had_no_time_left_to_ask_does_not_count_against_it(
        self, there: ExampleGateway, national: NationalGateway
    ) -> None:
        there.behave("slow")
        call = replace(FIND, seconds=0.2, try_seconds=30)

        silent = await asyncio.gather(
            *(national.ask(Group.REGISTER, call, {"aac002": WORKER.number}) for _ in range(2 * FAILURES)),
            return_exceptions=True,
        )
        there.behave("answers")

        assert {type(each) for each in silent} == {NationalSilent}
        assert national.circuits()["register"] is State.CLOSED


async def test_no_more_than_some_ask_at_a_time(there: ExampleGateway, clock: MovableClock) -> None:
    async with reaching(there, clock, concurrency=2, timeout_seconds=1) as gateway:
        register = NationalRegister(gateway, clock)
        there.behave("slow")
        try:
            with structlog.testing.capture_logs() as lines:
                await asyncio.gather(*(refused(register) for _ in range(6)))
        finally:
            there.behave("answers")

    assert len(there.asked) <= 4
    assert "national_gateway_crowded" in {line["event"] for line in lines}


async def test_it_is_led_nowhere_else(there: ExampleGateway, clock: MovableClock) -> None:
    async def away(_: Request) -> Response:
        return RedirectResponse(address + "/", status_code=307)

    elsewhere = Starlette(routes=[Route("/", away, methods=["POST"])])
    async with serving(there.app()) as address, serving(elsewhere) as wrong, loopback_client() as client:
        gateway = NationalGateway(national_settings(f"{wrong}/"), clock, client)
        await refused(NationalRegister(gateway, clock))

    assert there.asked == []


async def test_nobody_there_is_no_answer(clock: MovableClock) -> None:
    async with loopback_client() as client:
        gateway = NationalGateway(national_settings("http://127.0.0.1:9/"), clock, client)
        await refused(NationalRegister(gateway, clock))


def test_no_call_may_say_that_it_is_not_now_or_not_let_in() -> None:
    for call in CALLS:
        assert call.may_say & {Meaning.DONE}
        assert not call.may_say & {Meaning.NOT_NOW, Meaning.NOT_LET_IN}
    assert {code for code, meaning in MEANINGS.items() if meaning is Meaning.DONE} == {"0", "200"}
