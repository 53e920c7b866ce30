"""`escard face-provider check`: the kit from the command line."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.face.remote_stage import remote_stage

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


def test_the_example_of_a_provider_passes() -> None:
    done = check("acme_stage:stage", Path("examples/acme_faces").resolve())

    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout


async def test_a_running_system_that_speaks_the_remote_contract_passes() -> None:
    async with remote_stage() as stage:
        options = {f"ESCARD_FACE_OPTIONS__REMOTE__{name.upper()}": value for name, value in stage.options.items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "face-provider", "check", "app.kit.remote:stage"),
            env={"PYTHONPATH": str(Path.cwd()), "PATH": ""} | options,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 0, said.decode()
    assert "15 passed" in said.decode()


def test_a_running_system_needs_an_address() -> None:
    done = check("app.kit.remote:stage")

    assert done.returncode == 1
    assert "set ESCARD_FACE_OPTIONS__REMOTE__ENDPOINT" in done.stdout


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
