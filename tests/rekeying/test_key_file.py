"""The key file changes in steps that no server can be surprised by, and is whole at any moment."""

import json
import resource
import signal
from pathlib import Path

import pytest

from app.adapters.keys import versions
from app.adapters.keys.file import FileKeys, KeyFileBroken
from app.adapters.keys.versions import VersionRefused
from app.core.suites import Suite
from app.ports.keys import KeyKind
from tests.factories.houses import make_keys

kinds = pytest.mark.parametrize("kind", KeyKind)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys.json")
    return tmp_path / "keys.json"


def states(path: Path, kind: KeyKind) -> list[tuple[int, bool]]:
    return [(each.number, each.is_written) for each in versions.of(json.loads(path.read_text()), kind)]


@kinds
def test_a_new_key_is_read_before_it_is_written(path: Path, kind: KeyKind) -> None:
    added = versions.add(path, kind, Suite.INTERNATIONAL)
    before = states(path, kind), FileKeys.read(path).written(kind)

    written = versions.write(path, kind)

    assert added == written == 2
    assert before == ([(2, False), (1, True)], 1)
    assert (states(path, kind), FileKeys.read(path).written(kind)) == ([(2, True), (1, False)], 2)


@kinds
def test_an_old_key_is_dropped_and_its_number_is_never_given_again(path: Path, kind: KeyKind) -> None:
    versions.add(path, kind, Suite.INTERNATIONAL)
    with pytest.raises(VersionRefused):
        versions.drop(path, kind, 1)
    versions.write(path, kind)

    versions.drop(path, kind, 1)

    assert states(path, kind) == [(2, True)]
    assert versions.add(path, kind, Suite.INTERNATIONAL) == 3
    for number in (1, 2, 3, 4):
        with pytest.raises(VersionRefused):
            versions.drop(path, kind, number)


@kinds
def test_steps_are_taken_one_at_a_time(path: Path, kind: KeyKind) -> None:
    with pytest.raises(VersionRefused):
        versions.write(path, kind)
    versions.add(path, kind, Suite.INTERNATIONAL)
    content = path.read_bytes()

    with pytest.raises(VersionRefused):
        versions.add(path, kind, Suite.INTERNATIONAL)

    assert path.read_bytes() == content
    assert not path.with_name("keys.json.new").exists()


async def test_what_is_wrapped_says_by_which_key_and_opens_before_that_key_is_written_elsewhere(path: Path) -> None:
    versions.add(path, KeyKind.WRAPPING, Suite.SM)
    early = FileKeys.read(path)
    versions.write(path, KeyKind.WRAPPING)

    old, new = await early.wrap(b"k" * 32), await FileKeys.read(path).wrap(b"k" * 32)

    assert (old[:2], new[:2]) == (b"\x00\x01", b"\x00\x02")
    assert await early.unwrap(new) == await FileKeys.read(path).unwrap(old) == b"k" * 32


def test_a_changed_file_is_for_its_owner_alone_and_changed_by_one_at_a_time(path: Path) -> None:
    versions.add(path, KeyKind.PEPPER, Suite.SM)
    mode = path.stat().st_mode & 0o777
    path.with_name("keys.json.new").touch()

    with pytest.raises(FileExistsError):
        versions.write(path, KeyKind.PEPPER)

    assert mode == 0o600
    assert FileKeys.read(path).written(KeyKind.PEPPER) == 1
    assert FileKeys.read(path).peppers()[2].suite is Suite.SM


def test_a_file_that_writes_what_it_has_not_is_none(path: Path) -> None:
    held = json.loads(path.read_text())
    path.write_text(json.dumps(held | {"written": {"peppers": 7}}))

    with pytest.raises(KeyFileBroken):
        FileKeys.read(path)


@pytest.mark.parametrize("damaged", ["", "c2hvcnQ=", "%s\n", "A%s"])
def test_a_file_with_a_key_that_is_damaged_is_none(path: Path, damaged: str) -> None:
    held = json.loads(path.read_text())
    root = held["root"] if isinstance(held["root"], str) else held["root"]["key"]
    key = damaged % root if "%s" in damaged else damaged
    path.write_text(json.dumps(held | {"peppers": {"1": key}}))

    with pytest.raises(KeyFileBroken):
        FileKeys.read(path)


def test_a_file_that_a_link_leads_to_is_changed_where_it_lies(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)

    versions.add(link, KeyKind.PEPPER, Suite.INTERNATIONAL)

    assert link.is_symlink()
    assert states(path, KeyKind.PEPPER) == [(2, False), (1, True)]


def test_a_disk_that_is_full_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            versions.add(path, KeyKind.PEPPER, Suite.INTERNATIONAL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    assert path.read_bytes() == before
    assert not path.with_name("keys.json.new").exists()
