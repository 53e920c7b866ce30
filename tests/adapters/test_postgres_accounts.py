"""PostgreSQL refuses to run as root: the embedded database finds an account, and what that account can reach."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.postgres import EmbeddedPostgres, EmbeddedPostgresError, remove
from tests.adapters.embedded import (
    QUICK,
    allow,
    ask,
    copy_of_packages,
    folder_for_everybody,
    hold,
    interpreter_for_everybody,
    release,
    server_in,
    server_pid,
    told_by,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Only root runs PostgreSQL as somebody else.")


@pytest.fixture
def base() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


@pytest.fixture
def closed(base: Path) -> Path:
    """A folder that only root may pass."""
    folder = base / "closed"
    folder.mkdir(mode=0o700)
    return folder


class TestAccounts:
    def test_root_runs_the_server_as_nobody(self, base: Path) -> None:
        with server_in(base / "db"):
            assert Path(f"/proc/{server_pid(base / 'db')}").stat().st_uid == pwd.getpwnam("nobody").pw_uid

    def test_an_ordinary_user_runs_it_and_root_goes_on_as_that_user(self, base: Path) -> None:
        nobody = pwd.getpwnam("nobody")
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
        packages = copy_of_packages(base / "packages")
        allow(packages, everybody=True)
        user = hold(base / "db", packages=packages, interpreter=interpreter_for_everybody(), account="nobody")
        facts = told_by(user)
        assert facts["uid"] == nobody.pw_uid
        ask(str(facts["url"]), "CREATE TABLE kept AS SELECT 7 AS number")
        release(user)

        with server_in(base / "db") as server:
            assert ask(server.url("escard_owner"), "SELECT number FROM kept") == 7

    def test_behind_a_closed_door_the_data_lies_elsewhere_and_a_link_leads_there(
        self, closed: Path, base: Path
    ) -> None:
        for _ in range(2):
            with EmbeddedPostgres(closed / "db", options=QUICK, refuge=base / "refuge") as server:
                assert ask(server.url("escard_owner"), "CREATE TABLE IF NOT EXISTS t ()", "SELECT 1") == 1

        assert (closed / "db" / "data").resolve().parent == base / "refuge"
        assert len(list((base / "refuge").glob("data-*"))) == 1

    def test_what_lies_elsewhere_is_removed_with_its_folder(self, closed: Path, base: Path) -> None:
        with EmbeddedPostgres(closed / "db", options=QUICK, refuge=base / "refuge"):
            pass

        remove(closed / "db")

        assert not (closed / "db").exists()
        assert list((base / "refuge").glob("data-*")) == []

    def test_what_could_not_be_made_elsewhere_leaves_nothing_there(self, closed: Path, base: Path) -> None:
        (base / "programs").mkdir()
        for name, words in {
            "postgres": "echo postgres '(PostgreSQL)' 18.1",
            "initdb": "touch $2/begun; exit 1",
        }.items():
            (base / "programs" / name).write_text(f"#!/bin/sh\n{words}\n")
            (base / "programs" / name).chmod(0o755)

        with (
            pytest.raises(EmbeddedPostgresError, match="initdb failed"),
            EmbeddedPostgres(closed / "db", base / "programs", refuge=base / "refuge"),
        ):
            pass

        assert list((base / "refuge").iterdir()) == []

    def test_what_somebody_killed_has_left_half_made_goes_after_a_day(self, closed: Path, base: Path) -> None:
        old, new = (base / "refuge" / f"data-{name}.new" for name in ("old", "new"))
        for left in (old, new):
            left.mkdir(parents=True)
        os.utime(old, (0, 0))

        with EmbeddedPostgres(closed / "db", options=QUICK, refuge=base / "refuge"):
            assert new.exists()
            assert not old.exists()

    def test_a_door_closed_later_moves_the_data(self, base: Path) -> None:
        with server_in(base / "house" / "db") as server:
            ask(server.url("escard_owner"), "CREATE TABLE kept AS SELECT 7 AS number")
        (base / "house").chmod(0o700)

        with EmbeddedPostgres(base / "house" / "db", options=QUICK, refuge=base / "refuge") as server:
            assert ask(server.url("escard_owner"), "SELECT number FROM kept") == 7

    def test_programs_that_nobody_can_read_are_copied(self, base: Path) -> None:
        packages = copy_of_packages(base / "packages")
        allow(packages, everybody=False)

        holder = hold(base / "db", packages=packages)

        assert ask(str(told_by(holder)["url"]), "SELECT 1") == 1
        command = Path(f"/proc/{server_pid(base / 'db')}/cmdline").read_text()
        assert command.startswith(f"{base / 'db' / 'binaries-'}")
        release(holder)
