"""The README's story with curl works as printed: its blocks are pasted into a shell, one after the other."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the story is told with curl, which is not installed here")
def test_the_story_with_curl_works_as_printed(url: str, tmp_path: Path) -> None:
    section = README.read_text(encoding="utf-8").partition("## The same by hand")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)

    told = subprocess.run(
        ["sh", "-eu"],
        input="\n".join(blocks),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"BASE": url},
        timeout=300,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert re.findall(r"^[a-z_]+$", told.stdout, flags=re.MULTILINE) == [
        *["details_pending", "face_pending", "passed", "active"],
        *["details_pending", *["documents_pending"] * 4, "face_pending", "passed"],
        *["details_pending", *["documents_pending"] * 2, *["face_pending"] * 2, *["face_mismatch"] * 3, "in_review"],
        *["approved", "active"],
    ]
    shown = re.findall(r"^\{\n.*?^\}", told.stdout, flags=re.MULTILINE | re.DOTALL)
    sent, card, details, family, childs_card, case = map(json.loads, shown)
    assert sent == {"expires_in": 300, "resend_after": 60}
    assert card["status"] == "active"
    assert details["state"] == "documents_pending"
    assert [member["relationship_name"] for member in family["members"]] == ["son"]
    assert childs_card["status"] == "issued"
    assert (case["reason"], case["member"]["name"]) == ("face_failed", "王**")
    assert [check["reason"] for check in case["face_checks"]] == ["face_mismatch"] * 3
    assert (tmp_path / "looked-at.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
