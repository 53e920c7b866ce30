"""The README's story with curl works as printed: its blocks are pasted into a shell, one after the other."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the story is told with curl, which is not installed here"
)
BEGINNING = [
    *["details_pending", "face_pending", "passed", "active"],
    *["details_pending", *["documents_pending"] * 4, "face_pending", "passed"],
    *["lost", "normal"],
    *["details_pending", *["documents_pending"] * 2, *["face_pending"] * 2, "passed"],
    *["details_pending", *["documents_pending"] * 2, *["face_pending"] * 2],
]


def told(url: str, folder: Path) -> str:
    section = README.read_text(encoding="utf-8").partition("## The same by hand")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    played = subprocess.run(
        ["sh", "-eu"],
        input="\n".join(blocks),
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"BASE": url, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        timeout=300,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    return played.stdout


def words(story: str) -> list[str]:
    return re.findall(r"^[a-z_]+$", story, flags=re.MULTILINE)


def test_the_story_with_curl_works_as_printed_and_again_after_a_walkthrough(url: str, tmp_path: Path) -> None:
    story = told(url, tmp_path)

    assert words(story) == [*BEGINNING, *["face_mismatch"] * 3, "in_review", "approved", "active"]
    shown = re.findall(r"^\{\n.*?^\}", story, flags=re.MULTILINE | re.DOTALL)
    sent, card, rights, statement, *more = map(json.loads, shown)
    details, family, childs_card, scanned, channels, pension, certified, case = more
    assert sent == {"expires_in": 300, "resend_after": 60}
    assert card["status"] == "active"
    assert rights["schemes"][0]["scheme"] == "110"
    assert statement["valid"] is True
    assert (tmp_path / "statement.pdf").read_bytes().startswith(b"%PDF")
    assert details["state"] == "documents_pending"
    assert [member["relationship_name"] for member in family["members"]] == ["son"]
    assert childs_card["status"] == "issued"
    assert "\ncard-lost\n" in story
    assert [place["channel"] for place in channels["items"]] == ["app"]
    assert (pension["state"], pension["benefits"][0]["kind"]) == ("due", "pension")
    assert (certified["is_face_reused"], certified["state"] in ("reporting", "passed")) == (True, True)
    assert (scanned["shown_by"], scanned["owner"]["relationship_text"]) == ("owner", "王**'s son")
    assert (tmp_path / "code.svg").read_text().startswith("<svg ")
    titles = [line for line in story.splitlines() if line in ("This code has been used", "This code is no longer good")]
    assert titles == ["This code has been used", "This code is no longer good"]
    assert (case["reason"], case["member"]["name"]) == ("face_failed", "王**")
    assert [check["reason"] for check in case["face_checks"]] == ["face_mismatch"] * 3
    assert (tmp_path / "looked-at.jpg").read_bytes()[:3] == b"\xff\xd8\xff"

    subprocess.run(
        [sys.executable, "-m", "app", "walkthrough", "--url", url], check=True, capture_output=True, timeout=300
    )
    *before, approved, active = (word for word in words(told(url, tmp_path)) if word != "open")  # now two must agree
    assert before == [*BEGINNING, "asked_for", "in_review"]
    assert (approved, active) == ("approved", "active")
