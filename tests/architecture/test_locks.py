"""The lock files pin every dependency by hash, name no place to fetch from, and agree with each other."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ;.*?)? \\\n(?:    --hash=sha256:.*\n)+",
    re.MULTILINE,
)


def pins(lock: str) -> dict[str, set[Version]]:
    """The versions by name; more than one where Python versions need different ones."""
    found: dict[str, set[Version]] = {}
    for pin in PIN.finditer((ROOT / lock).read_text()):
        found.setdefault(canonicalize_name(pin["name"]), set()).add(Version(pin["version"]))
    return found


def unmet(requirements: Iterable[str], lock: str) -> list[str]:
    pinned = pins(lock)
    return [
        text
        for text in requirements
        if not (versions := pinned.get(canonicalize_name(Requirement(text).name)))
        or not all(version in Requirement(text).specifier for version in versions)
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_is_recorded(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_belongs_to_a_pin_with_hashes(lock: str) -> None:
    assert PIN.sub("", (ROOT / lock).read_text()) == ""


def test_what_runs_is_in_both_locks() -> None:
    required = PROJECT["project"]["dependencies"]

    assert unmet(required, "requirements.lock") == []
    assert unmet(required, "requirements-dev.lock") == []


def test_what_develops_and_what_builds_is_locked() -> None:
    assert unmet(PROJECT["dependency-groups"]["dev"], "requirements-dev.lock") == []
    assert unmet(PROJECT["dependency-groups"]["build"], "requirements-build.lock") == []
    assert unmet(PROJECT["build-system"]["requires"], "requirements-build.lock") == []


def test_what_runs_is_what_was_tested() -> None:
    tested = pins("requirements-dev.lock")

    assert {
        name: versions for name, versions in pins("requirements.lock").items() if tested.get(name) != versions
    } == {}
