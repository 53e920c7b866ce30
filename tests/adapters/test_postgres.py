"""The embedded database starts, is shared, survives what happens to its holder, and gives away no rights."""

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.adapters.embedded import QUICK, ask, folder_for_everybody, hold, release, server_in, server_pid, told_by


@pytest.fixture
def base() -> Iterator[Path]:
    with folder_for_everybody() as folder:
        yield folder


class TestStarting:
    def test_the_first_start_says_that_it_takes_a_moment(self, base: Path) -> None:
        said: list[str] = []
        for _ in range(2):
            with EmbeddedPostgres(base / "db", options=QUICK, progress=said.append, refuge=base / "refuge"):
                pass

        assert said == ["Preparing PostgreSQL for its first start."]

    def test_data_and_port_are_the_same_after_a_restart(self, base: Path) -> None:
        with server_in(base / "db") as server:
            first = server.url("escard_owner")
            ask(first, "CREATE TABLE kept AS SELECT 7 AS number")

        with server_in(base / "db") as server:
            assert server.url("escard_owner") == first
            assert ask(first, "SELECT number FROM kept") == 7

    def test_it_is_reached_on_loopback_only_and_not_by_a_socket_file(self, base: Path) -> None:
        with server_in(base / "db") as server:
            assert server.host == "127.0.0.1"
            assert ask(server.url("escard_app"), "SHOW listen_addresses") == "127.0.0.1"
            assert ask(server.url("postgres"), "SHOW unix_socket_directories") == ""

    def test_options_reach_the_server_and_text_is_sorted_by_code_point(self, base: Path) -> None:
        with server_in(base / "db", max_connections="17") as server:
            assert ask(server.url("escard_app"), "SHOW max_connections") == "17"
            assert ask(server.url("escard_app"), "SELECT 'Z' < 'a' AND upper('é') = 'É'") is True

    def test_a_folder_with_a_long_path_works(self, base: Path) -> None:
        folder = base.joinpath(*["a-name-of-some-forty-characters-or-so---"] * 5)

        with server_in(folder) as server:
            assert ask(server.url("escard_app"), "SELECT 1") == 1

    def test_a_first_start_that_was_interrupted_is_made_again(self, base: Path) -> None:
        rubbish = base / "db" / "data.new"
        rubbish.mkdir(parents=True)
        (rubbish / "PG_VERSION").write_text("18")

        with server_in(base / "db") as server:
            assert ask(server.url("escard_app"), "SELECT 1") == 1

    def test_a_port_that_was_taken_meanwhile_is_changed(self, base: Path) -> None:
        with server_in(base / "db") as server:
            last = server.port

        with socket.socket() as squatter:
            squatter.bind(("127.0.0.1", last))
            squatter.listen()
            with server_in(base / "db") as server:
                assert server.port != last
                assert ask(server.url("escard_app"), "SELECT 1") == 1

    def test_a_process_number_of_before_that_is_somebody_elses_now_is_no_obstacle(self, base: Path) -> None:
        with server_in(base / "db"):
            lines = (base / "db" / "data" / "postmaster.pid").read_text().splitlines()
        stale = base / "db" / "data" / "postmaster.pid"
        stale.write_text("\n".join([str(os.getpid()), *lines[1:]]))
        shutil.copystat(stale.parent, stale)
        os.chown(stale, stale.parent.stat().st_uid, stale.parent.stat().st_gid)

        with server_in(base / "db") as server:
            assert ask(server.url("escard_app"), "SELECT 1") == 1


class TestRights:
    def test_the_application_creates_nothing_and_the_owner_does(self, base: Path) -> None:
        with server_in(base / "db") as server:
            for statement in ("CREATE TABLE t ()", "CREATE SCHEMA s", "CREATE TEMP TABLE t ()", "CREATE ROLE r"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    ask(server.url("escard_app"), statement)
            ask(server.url("escard_owner"), "CREATE TABLE t ()", "CREATE SCHEMA s")

    def test_the_application_sees_what_it_was_granted_and_no_more(self, base: Path) -> None:
        with server_in(base / "db") as server:
            ask(server.url("escard_owner"), "CREATE TABLE t (n int)", "GRANT INSERT ON t TO escard_app")

            ask(server.url("escard_app"), "INSERT INTO t VALUES (1)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                ask(server.url("escard_app"), "SELECT n FROM t")

    def test_neither_role_enters_the_administrators_database(self, base: Path) -> None:
        with server_in(base / "db") as server:
            for role in ("escard_owner", "escard_app"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    ask(server.url(role, "postgres"), "SELECT 1")

    def test_a_password_is_needed_and_the_file_of_passwords_is_private(self, base: Path) -> None:
        with server_in(base / "db") as server:
            with pytest.raises(asyncpg.InvalidPasswordError):
                ask(server.url("escard_app").replace(server.passwords["escard_app"], "guess"), "SELECT 1")

            assert (base / "db" / "passwords.json").stat().st_mode & 0o777 == 0o600
            assert ask(server.url("postgres"), "SELECT rolpassword FROM pg_authid WHERE rolname = 'escard_app'")


class TestSharing:
    def test_another_process_joins_and_its_leaving_ends_nothing(self, base: Path) -> None:
        with server_in(base / "db") as server:
            other = hold(base / "db")
            facts = told_by(other)
            assert facts["joined"] is True
            assert facts["url"] == server.url("escard_owner")
            release(other)

            assert ask(server.url("escard_app"), "SELECT 1") == 1
            assert not server.is_joined

    def test_two_that_start_at_once_share_one_server(self, base: Path) -> None:
        both = [hold(base / "db") for _ in range(2)]

        facts = [told_by(holder) for holder in both]

        assert sorted(str(fact["joined"]) for fact in facts) == ["False", "True"]
        assert facts[0]["url"] == facts[1]["url"]
        for holder in both:
            holder.communicate()

    def test_the_server_has_ended_when_the_block_has(self, base: Path) -> None:
        with server_in(base / "db"):
            pid = server_pid(base / "db")

        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    def test_ctrl_c_at_the_terminal_does_not_reach_the_server(self, base: Path) -> None:
        with server_in(base / "db"):
            assert os.getpgid(server_pid(base / "db")) != os.getpgid(0)

    def test_a_forked_child_does_not_keep_the_lock(self, base: Path) -> None:
        reading, writing = os.pipe()
        with server_in(base / "db"):
            child = os.fork()
            if child == 0:
                os.read(reading, 1)
                os._exit(0)

        with server_in(base / "db") as server:
            assert not server.is_joined

        os.write(writing, b".")
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


class TestKilling:
    def test_the_server_dies_with_its_holder_and_the_next_start_finds_what_was_committed(self, base: Path) -> None:
        holder = hold(base / "db")
        ask(str(told_by(holder)["url"]), "CREATE TABLE kept AS SELECT 7 AS number")
        pid = server_pid(base / "db")

        holder.send_signal(signal.SIGKILL)
        holder.communicate()

        with server_in(base / "db") as server:  # at once: the old server may still be shutting down
            assert server_pid(base / "db") != pid
            assert ask(server.url("escard_owner"), "SELECT number FROM kept") == 7

    def test_a_server_killed_without_warning_recovers(self, base: Path) -> None:
        holder = hold(base / "db")
        ask(str(told_by(holder)["url"]), "CREATE TABLE kept AS SELECT 7 AS number")

        os.kill(server_pid(base / "db"), signal.SIGKILL)
        holder.send_signal(signal.SIGKILL)
        holder.communicate()

        with server_in(base / "db") as server:
            assert ask(server.url("escard_owner"), "SELECT number FROM kept") == 7

    def test_a_block_that_fails_stops_the_server(self, base: Path) -> None:
        pids: list[int] = []

        def fail() -> None:
            pids.append(server_pid(base / "db"))
            raise InterruptedError

        with pytest.raises(InterruptedError), server_in(base / "db"):
            fail()

        with pytest.raises(ProcessLookupError):
            os.kill(pids[0], 0)


class TestRefusals:
    def test_programs_that_are_not_there(self, base: Path) -> None:
        with (
            pytest.raises(EmbeddedPostgresError, match="cannot be run"),
            EmbeddedPostgres(base / "db", binaries=base / "nowhere"),
        ):
            pass

    def test_data_of_another_version(self, base: Path) -> None:
        with server_in(base / "db"):
            pass
        (base / "db" / "data" / "PG_VERSION").write_text("17\n")

        with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17, not by 18"), server_in(base / "db"):
            pass

    def test_a_setting_that_the_server_does_not_know_is_named(self, base: Path) -> None:
        with (
            pytest.raises(EmbeddedPostgresError, match=r"did not start: .*no_such_setting"),
            server_in(base / "db", no_such_setting="1"),
        ):
            pass

    def test_a_folder_that_is_a_file(self, base: Path) -> None:
        (base / "db").write_text("")

        with pytest.raises(EmbeddedPostgresError, match="cannot be used"), server_in(base / "db"):
            pass

    def test_a_thread_that_could_end_before_the_process(self, base: Path) -> None:
        refusals: list[EmbeddedPostgresError] = []

        def start() -> None:
            try:
                with server_in(base / "db"):
                    pass
            except EmbeddedPostgresError as refusal:
                refusals.append(refusal)

        thread = threading.Thread(target=start)
        thread.start()
        thread.join()

        assert "main thread" in str(refusals[0])


def test_a_start_on_data_that_is_there_takes_less_than_a_second(base: Path) -> None:
    with server_in(base / "db"):
        pass
    began = time.monotonic()
    with server_in(base / "db"):
        assert time.monotonic() - began < 1
