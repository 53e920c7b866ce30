"""A circuit opens after failures in a row, and is probed by one call at a time, by the clock that it is given."""

import asyncio
from datetime import timedelta

import pytest

from app.adapters.national.circuits import FAILURES, PAUSE, Circuit, CircuitOpen, Failed, State
from app.core.clock import MovableClock

LONGEST = PAUSE * 1.2
SHORTEST = PAUSE * 0.8


def fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Failed), circuit.passing():
            raise Failed


def work(circuit: Circuit) -> None:
    with circuit.passing():
        pass


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def circuit(clock: MovableClock) -> Circuit:
    return Circuit("register", clock)


@pytest.fixture
def open_one(circuit: Circuit) -> Circuit:
    fail(circuit, FAILURES)
    return circuit


def test_failures_in_a_row_open_it_and_others_do_not(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    work(circuit)
    fail(circuit, FAILURES - 1)
    stood = circuit.state
    fail(circuit)

    assert (stood, circuit.state) == (State.CLOSED, State.OPEN)


def test_nobody_passes_while_it_is_open_and_is_told_for_how_long(open_one: Circuit, clock: MovableClock) -> None:
    clock.move(SHORTEST - timedelta(seconds=5))

    with pytest.raises(CircuitOpen) as refused, open_one.passing():
        raise AssertionError("nobody passes")

    assert 1 <= refused.value.seconds <= (LONGEST - SHORTEST).total_seconds() + 5


def test_after_a_pause_one_probe_passes_and_all_others_are_turned_away(open_one: Circuit, clock: MovableClock) -> None:
    clock.move(LONGEST)
    stood = open_one.state

    with open_one.passing():
        for _ in range(20):
            with pytest.raises(CircuitOpen), open_one.passing():
                raise AssertionError("one probe is enough")

    assert (stood, open_one.state) == (State.HALF_OPEN, State.CLOSED)
    work(open_one)


def test_a_probe_that_fails_opens_it_for_another_pause(open_one: Circuit, clock: MovableClock) -> None:
    clock.move(LONGEST)
    fail(open_one)

    clock.move(SHORTEST - timedelta(seconds=1))
    stood = open_one.state
    clock.move(LONGEST)

    assert (stood, open_one.state) == (State.OPEN, State.HALF_OPEN)


async def test_a_probe_that_is_given_up_leaves_its_place_to_the_next(open_one: Circuit, clock: MovableClock) -> None:
    clock.move(LONGEST)

    with pytest.raises(asyncio.CancelledError), open_one.passing():
        raise asyncio.CancelledError
    stood = open_one.state
    work(open_one)

    assert (stood, open_one.state) == (State.HALF_OPEN, State.CLOSED)


def test_a_call_given_up_counts_when_it_is_blamed(circuit: Circuit) -> None:
    def give_up() -> None:
        with circuit.passing() as blame:
            blame()
            raise asyncio.CancelledError

    for _ in range(FAILURES):
        with pytest.raises(asyncio.CancelledError):
            give_up()

    assert circuit.state is State.OPEN


def test_a_call_from_before_it_opened_neither_closes_it_nor_prolongs_it(circuit: Circuit, clock: MovableClock) -> None:
    good, bad = circuit.passing(), circuit.passing()
    good.__enter__()
    bad.__enter__()
    fail(circuit, FAILURES)
    clock.move(SHORTEST - timedelta(seconds=1))

    good.__exit__(None, None, None)
    stood = circuit.state
    bad.__exit__(Failed, Failed(), None)
    clock.move(LONGEST - SHORTEST + timedelta(seconds=1))

    assert (stood, circuit.state) == (State.OPEN, State.HALF_OPEN)


def test_a_clock_that_is_put_back_keeps_nobody_out(open_one: Circuit, clock: MovableClock) -> None:
    clock.advance -= timedelta(hours=1)

    work(open_one)

    assert open_one.state is State.CLOSED


def test_pauses_differ_so_that_many_processes_do_not_probe_at_once(clock: MovableClock) -> None:
    circuits = [Circuit("register", clock) for _ in range(50)]
    for each in circuits:
        fail(each, FAILURES)
    clock.move(PAUSE)

    assert {each.state for each in circuits} == {State.OPEN, State.HALF_OPEN}
