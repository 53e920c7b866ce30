"""`escard run`: started in one go, stopped in one go, and killed without leaving anything behind."""

import os
import re
import signal
import socket
import subprocess
import time

import httpx
import pytest

from tests.cli.commands import Escard, Running, free_port

PHONE = "10000000001"


def sends_a_code(escard: Escard) -> None:
    """Let the server do something that is to be found again."""
    answer = httpx.post(f"{escard.url}/v1/sms-codes", json={"phone": PHONE, "purpose": "register"})
    assert answer.status_code == 202, answer.text


def messages(escard: Escard) -> int:
    return len(httpx.get(f"{escard.url}/dev/messages", params={"phone": PHONE}).json()["items"])


def worker_of(running: Running) -> int:
    """Return the process id of the worker, by what it was started with."""
    children = f"/proc/{running.process.pid}/task/{running.process.pid}/children"
    with open(children) as listed:
        for pid in map(int, listed.read().split()):
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                if b"worker" in command.read().split(b"\0"):
                    return pid
    raise AssertionError("no worker")


def test_a_second_run_finds_the_data_of_the_first(escard: Escard) -> None:
    first = escard.start("run").ready("One thing to try")
    sends_a_code(escard)
    ended = first.interrupted()
    second = escard.start("run").ready("One thing to try")

    assert messages(escard) == 1
    assert "Making the key file" in first.said
    assert "Making the key file" not in second.said
    assert "Bringing the database's schema" not in second.said
    assert ended.status == 0
    assert second.interrupted().status == 0


def test_it_prints_addresses_people_and_one_thing_to_try_that_works(settled: Escard) -> None:
    running = settled.start("run").ready("One thing to try")
    time.sleep(0.1)
    tried = [
        subprocess.run(line.strip(), shell=True, capture_output=True, text=True, check=True).stdout  # noqa: S602 - ours
        for line in running.said.splitlines()
        if line.startswith("  curl ")
    ]

    assert settled.url in running.said
    assert f"{settled.url}/dev/people" in running.said
    assert f"{settled.url}/dev/staff" in running.said
    assert re.search(
        r"^demo-reviewer  +reviewer  demo-office  +[a-z2-7-]{27}  otpauth://totp/\S+$", running.said, re.MULTILINE
    )
    assert "child-turning-16" in running.said
    assert "parent-68" in running.said
    assert "expires_in" in tried[0]
    assert PHONE in tried[1]
    running.interrupted()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_quickly_and_leaves_no_process(settled: Escard, number: signal.Signals) -> None:
    running = settled.start("run").ready("One thing to try")
    running.until(lambda: "working" in running.complained, "the worker did not come")
    everybody = running.processes
    started = time.monotonic()
    os.kill(running.process.pid, number)
    ended = running.ended()

    assert ended.status == 0
    assert time.monotonic() - started < 20  # the machine may be busy; by force it would be more
    assert "postgres" in everybody
    assert running.processes == []
    assert ended.said.rstrip().endswith("Stopped.")
    assert "Traceback" not in ended.complained
    assert "chore_failed" not in ended.complained


def test_killed_it_leaves_no_process_and_the_next_run_goes_on(settled: Escard) -> None:
    running = settled.start("run").ready("One thing to try")
    running.until(lambda: "working" in running.complained, "the worker did not come")
    sends_a_code(settled)
    running.kill()
    running.alone()
    again = settled.start("run").ready("One thing to try")

    assert messages(settled) == 1
    assert again.interrupted().status == 0


def test_a_worker_that_dies_is_started_anew(settled: Escard) -> None:
    running = settled.start("run").ready("One thing to try")
    first = worker_of(running)
    os.kill(first, signal.SIGKILL)
    running.until(lambda: "worker_died" in running.complained, "nobody noticed")

    assert worker_of(running) != first
    assert running.interrupted().status == 0
    assert running.processes == []


def test_a_taken_port_is_told_in_one_line_before_anything_is_made(escard: Escard) -> None:
    with socket.create_server(("127.0.0.1", escard.port)):
        done = escard.do("run")

    assert done.status == 1
    assert done.complained == (
        f"escard: Port {escard.port} on 127.0.0.1 is taken by another program; "
        "choose another with --port or ESCARD_PORT (ESCARD_PORT=8001 make run).\n"
    )
    assert not escard.data_folder.exists()


def test_a_port_that_another_escard_has_is_told_as_such(settled: Escard) -> None:
    running = settled.start("run").ready("One thing to try")
    done = settled.do("run")

    assert done.status == 1
    assert f"Port {settled.port} on 127.0.0.1 is taken by an escard that runs already;" in done.complained
    assert running.interrupted().status == 0


def test_a_data_folder_that_cannot_be_is_told_in_one_line(escard: Escard) -> None:
    done = escard.do("run", data_folder="/proc/nope")

    assert done.status == 1
    assert "The key file /proc/nope/keys.json cannot be written: No such file or directory." in done.complained
    assert done.complained.count("\n") == 1


def test_the_port_of_the_command_line_comes_first(settled: Escard) -> None:
    port = free_port()
    running = settled.start("run", "--port", str(port)).ready("One thing to try")

    assert httpx.get(f"http://127.0.0.1:{port}/readyz").json() == {"status": "ready"}
    assert f"curl -s http://127.0.0.1:{port}/" in running.said
    running.interrupted()


def test_it_runs_for_an_ordinary_user(ordinary: Escard) -> None:
    running = ordinary.start("run").ready("One thing to try")
    ended = running.interrupted()

    assert ended.status == 0
    assert running.processes == []
    assert (ordinary.data_folder / "keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.6])
def test_stopped_while_it_loads_it_is_gone_without_a_word(escard: Escard, seconds: float) -> None:
    running = escard.start_anew("run")
    time.sleep(seconds)
    os.kill(running.process.pid, signal.SIGTERM)
    ended = running.ended()
    running.alone()

    assert ended.status in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert "Traceback" not in ended.complained


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("Making the key file", signal.SIGINT),
        ("Preparing PostgreSQL", signal.SIGINT),
        ("Preparing PostgreSQL", signal.SIGTERM),
        ("Bringing the database's schema", signal.SIGINT),
        ("Bringing the database's schema", signal.SIGTERM),
    ],
)
def test_stopped_while_it_prepares_it_ends_without_a_trace(escard: Escard, word: str, number: signal.Signals) -> None:
    running = escard.start_in_background("run").ready(word)
    os.killpg(running.process.pid, number)
    ended = running.ended()
    running.alone()

    assert ended.status == 128 + number
    assert "escard is running" not in ended.said
    assert "Traceback" not in ended.complained


def test_after_a_stop_while_it_prepared_the_next_run_goes_on(escard: Escard) -> None:
    for word in ("Preparing PostgreSQL", "Bringing the database's schema"):
        escard.start("run").ready(word).interrupted()

    assert escard.start("run").ready("One thing to try").interrupted().status == 0
