"""`escard face-provider check`: the kit from the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

_BROKEN = """
from contextlib import asynccontextmanager
import httpx
from app.kit.sandbox import SandboxStage
from app.adapters.face.sandbox import SandboxFaceProvider

class Nameless(SandboxFaceProvider):
    name = ""

class Stage(SandboxStage):
    def provider(self, clock):
        return Nameless(clock=clock, client=self._client)

@asynccontextmanager
async def stage():
    async with httpx.AsyncClient() as client:
        yield Stage(client)
"""


def check(name: str, folder: Path = Path()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "face-provider", "check", name],
        env={"PYTHONPATH": f"{Path.cwd()}:{folder}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_sandbox_passes() -> None:
    done = check("app.kit.sandbox:stage")

    assert done.returncode == 0
    assert "15 passed" in done.stdout
    assert "it_closes_twice" not in done.stdout


def test_a_broken_one_fails_and_says_which_promise(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(_BROKEN, encoding="utf-8")

    done = check("broken:stage", tmp_path)

    assert done.returncode == 1
    assert "it_says_what_it_can_do" in done.stdout
    assert "the provider has no name" in done.stdout


@pytest.mark.parametrize("name", ["nobody", "no_such_module:stage", "app.kit.sandbox:nothing"])
def test_one_without_a_stage_is_refused_in_one_line(name: str) -> None:
    done = check(name)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert name.partition(":")[0] in done.stderr
