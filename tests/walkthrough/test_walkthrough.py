"""The walkthrough works on a server of its own and on one that runs, again and again, and leaves nobody in a log."""

import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.cli.commands import SUITE

PERSONAL = (
    "access_token|refresh_token|sms_code|spoken_code|url|password|token|phone|to|name|social_security_number|computer_number|"
    "card_number|issue_number|text|code|totp|totp_address"
)
CHAPTERS = [
    "1. The people",
    "2. An account",
    "3. A card of his own",
    "4. My → Family Service → Add",
    "5. His son, 9",
    "6. His father, 68",
    "7. His mother, whose face fails",
    "8. A reviewer",
    "9. The family",
    "10. At the hospital",
]

YEARS = [
    "1. The people",
    "2. A man and his card",
    "3. A birth",
    "4. A card for the baby",
    "5. A son of 15, a father, a mother",
    "6. A move to another town",
    "7. Rights and interests",
    "8. Still alive",
    "9. A sixteenth birthday",
    "10. A lost card",
    "11. A dispute",
    "12. A death",
    "13. Looking back",
]


def test_a_server_of_its_own_plays_the_whole_flow_and_logs_nothing_personal(tmp_path: Path) -> None:
    log, closed = tmp_path / "server.log", tmp_path / "closed"
    closed.mkdir(mode=0o700)

    playing = walkthrough("--in-full", "--server-log", str(log), TMPDIR=str(closed))
    data = _data_in(closed, playing)
    told = finished(playing)

    assert not data.exists()
    assert list(closed.iterdir()) == []
    assert told.returncode == 0, told.stdout[-2000:] + told.stderr
    assert [line for line in told.stdout.splitlines() if re.match(r"[0-9]+\. ", line)] == CHAPTERS
    assert "✓ The whole flow works." in told.stdout
    values = _personal_values(told.stdout)
    assert {"王志远", "王子墨", "王建国", "陈淑芬", "518093", "My phone"} <= values
    assert len([value for value in values if re.fullmatch(r"10010[0-9X]{13}", value)]) == 4
    assert len([value for value in values if value.startswith("eyJ")]) >= 3  # access tokens
    assert len([value for value in values if value.startswith("handover.")]) == 1
    assert [value for value in values if value.startswith("otpauth://")] != []
    assert '"state": "approved"' in told.stdout
    written = log.read_text(encoding="utf-8")
    assert [value for value in values if _is_in(value, written)] == []
    assert _requests_in(written) > {
        "/v1/accounts",
        "/v1/enrolments/{enrolment_id}/details",
        "/v1/holders/{holder}/card",
        "/v1/reviews/{review_id}/exhibits/{exhibit_id}",
    }


def test_two_years_of_a_family_are_told_on_a_server_whose_clock_is_moved(tmp_path: Path) -> None:
    log = tmp_path / "server.log"

    told = finished(walkthrough("--two-years", "--in-full", "--server-log", str(log), TMPDIR=str(tmp_path)))

    assert told.returncode == 0, told.stdout[-2000:] + told.stderr
    assert [line for line in told.stdout.splitlines() if re.match(r"[0-9]+\. ", line)] == YEARS
    assert "✓ The whole flow works." in told.stdout
    written = log.read_text(encoding="utf-8")
    values = _personal_values(told.stdout)
    personal = {value for value in values if not re.fullmatch("[0-9]{2}|[a-z_]+", value)}  # codes of steps and messages
    assert {"王志远", "518093", "My phone"} <= personal
    assert [value for value in personal if _is_in(value, written)] == []


def test_it_can_be_played_again_on_one_server_also_after_it_was_broken_off(url: str) -> None:
    first = finished(walkthrough("--url", url))
    again = finished(walkthrough("--url", url))
    _break_off(walkthrough("--url", url), after='"state": "documents_pending"')
    after_all = finished(walkthrough("--url", url))

    assert [played.returncode for played in (first, again, after_all)] == [0, 0, 0], after_all.stdout[-2000:]
    assert "earlier walkthrough" not in first.stdout
    assert again.stdout.count("since an earlier walkthrough") == 3
    assert "No try is left today" in again.stdout
    assert again.stdout.count('"state": "approved"') == 1
    assert "earlier walkthrough" in after_all.stdout
    hidden = (
        r"eyJ[A-Za-z0-9_-]{20}",
        r'"(password|totp|(sms_|spoken_)?code)": "[^"…]*[0-9]{6}',
        r"[A-Z2-7]{32}",
        r"(?<![\w-])[\w-]{43}(?![\w-])",
        r"\x1b",
    )
    for secret in hidden:
        assert not re.search(secret, first.stdout), secret


def test_an_address_where_nobody_answers_is_told_in_one_line() -> None:
    told = finished(walkthrough("--url", f"http://127.0.0.1:{_free_port()}"))

    assert told.returncode == 1
    assert re.fullmatch(r"\n✗ No escard server answers at http://127.0.0.1:[0-9]+\.\n", told.stdout)


@pytest.mark.parametrize(
    ("status", "people", "line"),
    [
        (
            200,
            {"items": []},
            "✗ The server's register has no child-9, owner, parent-68, parent-mother: run `escard demo` there.",
        ),
        (404, {"code": "not-found"}, "✗ GET /dev/people was answered 404 (not-found:) instead of 200."),
    ],
)
def test_an_answer_that_is_not_as_expected_ends_it_with_one_line(status: int, people: object, line: str) -> None:
    with _stub({"/readyz": (200, {"status": "ready"}), "/dev/people": (status, people)}) as url:
        told = finished(walkthrough("--url", url))

    assert told.returncode == 1
    assert told.stdout.splitlines()[-1] == line


def walkthrough(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESCARD_") or name == SUITE}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "walkthrough", *arguments],
        # Nobody answers at this port, whoever runs a server meanwhile.
        env=environment | settings | {"ESCARD_PORT": str(_free_port())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _data_in(folder: Path, playing: subprocess.Popen[str]) -> Path:
    """Return where the data of the walkthrough's own server really lies: elsewhere, if PostgreSQL cannot pass."""
    while not (found := list(folder.glob("*/data/postgres/data"))):
        assert playing.poll() is None
        time.sleep(0.02)
    return found[0].resolve()


def finished(playing: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = playing.communicate(timeout=300)
    return subprocess.CompletedProcess(playing.args, playing.returncode, out, err)


def _break_off(playing: subprocess.Popen[str], *, after: str) -> None:
    lines: IO[str] | None = playing.stdout
    assert lines is not None
    assert any(after in line for line in lines)
    playing.kill()
    playing.communicate()


def _personal_values(story: str) -> set[str]:
    found = re.findall(rf'"(?:{PERSONAL})": ("(?:[^"\\]|\\.)*")', story)
    values = {json.loads(value) for value in found}
    return {value for value in values if not re.fullmatch(r"[a-z-]+", value)}  # the codes of notices and problems


def _is_in(value: str, text: str) -> bool:
    """Say whether a text has a value, not just its figures among those of a time or an id."""
    return re.search(rf"(?<![0-9A-Za-z.]){re.escape(value)}(?![0-9A-Za-z])", text) is not None


def _requests_in(log: str) -> set[str]:
    events = [json.loads(line) for line in log.splitlines()]
    return {event["route"] for event in events if event["event"] == "request"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _stub(answers: dict[str, tuple[int, object]]) -> Iterator[str]:
    """Have a server that gives these answers and no others."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving_thread = threading.Thread(target=server.serve_forever)
        serving_thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving_thread.join()
