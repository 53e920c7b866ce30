"""Re-keying is killed half way: what is done stays done, the next one goes on, and everything can be read."""

import httpx

from app.core.suites import Suite
from tests.cli.commands import Escard

OTHER = {"cipher_suite": Suite.SM.value}


def parts_of(said: str) -> dict[tuple[str, str], str]:
    """Read the table of `escard keys progress`: how far each part of each job is."""
    lines = [line.split() for line in said.splitlines()[1:]]
    return {(job, part): done for job, _, part, done, *_ in lines}


def test_a_killed_re_keying_goes_on_where_it_was(settled: Escard) -> None:
    for kind in ("pepper", "wrapping"):
        assert settled.do("keys", "add", kind, "--suite", "sm").status == 0
        assert settled.do("keys", "write", kind).status == 0
    running = settled.start("keys", "rekey", **OTHER, rekey_rows_per_second="10").ready("rows were looked at")

    running.kill()
    half = parts_of(settled.do("keys", "progress", **OTHER).said)
    finished = settled.do("keys", "rekey", **OTHER, rekey_rows_per_second="100000")
    whole = parts_of(settled.do("keys", "progress", **OTHER).said)
    dropped = settled.do("keys", "drop", "wrapping", "1", **OTHER)
    server = settled.start("serve", **OTHER).ready('"ready"')
    people = httpx.get(f"{settled.url}/dev/people", timeout=30)
    server.interrupted()

    assert "done" in half.values()
    assert set(half.values()) != {"done"}
    assert (finished.status, half.keys(), set(whole.values())) == (0, whole.keys(), {"done"})
    assert "0 could not be changed yet" in finished.said
    assert dropped.status == 1
    assert "less than a day ago" in dropped.complained
    assert len(people.json()["items"]) > 40
