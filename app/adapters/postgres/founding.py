"""Lay out a new database cluster: its files, its two roles and the empty database."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from app.adapters.postgres.programs import Account, EmbeddedPostgresError, Programs

DATABASE = "escard"
SUPERUSER = "postgres"
OWNER = "escard_owner"
APP = "escard_app"
FORSAKEN_SECONDS = 86400.0


def passwords(folder: Path) -> Mapping[str, str]:
    """Read the passwords of the roles, made at the first call and readable by the account of the caller alone."""
    path = folder / "passwords.json"
    if not path.exists():
        made = {role: secrets.token_hex(24) for role in (SUPERUSER, OWNER, APP)}
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        unfinished.rename(path)
    read: dict[str, str] = json.loads(path.read_text())
    return read


def create(programs: Programs, folder: Path, refuge: Path, *, is_synced: bool) -> Path:
    """Make the cluster `folder`/data and return where it really lies.

    It is made beside its place and moved there at the end: what was interrupted is not there, and is made again.
    Where the account cannot enter `folder`, the cluster lies in `refuge` and `folder`/data is a link to it.
    """
    data = folder / "data"
    place = data if programs.account.can_enter(folder) else _open_place(refuge)
    unfinished = place.with_name(f"{place.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        _fill(programs, unfinished, _roles(passwords(folder)), is_synced=is_synced)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(place)
    if place != data:
        _link(data, place)
    return place


def _fill(programs: Programs, data: Path, roles: list[str], *, is_synced: bool) -> None:
    _give(data, programs.account)
    programs.run(
        "initdb", "--pgdata", data, "--username", SUPERUSER, "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        "--auth-host=scram-sha-256", "--auth-local=reject", "--no-instructions",
        *([] if is_synced else ["--no-sync"]),
    )  # fmt: skip
    _sql(programs, data, "postgres", roles, is_synced=is_synced)


def reach(data: Path, account: Account, refuge: Path) -> Path:
    """Where the cluster at `data` lies, moved to `refuge` if a door was closed to `account` since it was made."""
    place = data.resolve()
    if account.can_enter(place.parent):
        return place
    moved = _open_place(refuge)
    shutil.move(place, moved)
    for path in (moved, *moved.rglob("*")):  # a move between file systems is a copy, and the copy would be root's
        _give(path, account)
    _link(data, moved)
    return moved


def remove(folder: Path) -> None:
    """Remove a data folder whose server has stopped, with what lies elsewhere because the account cannot enter it."""
    data = folder / "data"
    if data.is_symlink():
        shutil.rmtree(data.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _open_place(refuge: Path) -> Path:
    try:
        refuge.mkdir(mode=0o711, parents=True, exist_ok=True)
        refuge.chmod(0o711)  # whatever the umask
        for left in refuge.glob("data-*.new"):
            if time.time() - left.stat().st_mtime > FORSAKEN_SECONDS:  # whoever made it was killed
                shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"The account that runs PostgreSQL can reach neither the data folder nor {refuge}: {error}."
        ) from error
    return refuge / f"data-{secrets.token_hex(8)}"


def _link(data: Path, place: Path) -> None:
    unfinished = data.with_name("data.link")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(place)
    unfinished.rename(data)


def _give(path: Path, account: Account) -> None:
    if account.is_other:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _roles(made: Mapping[str, str]) -> list[str]:
    return [
        f"ALTER ROLE {SUPERUSER} PASSWORD '{made[SUPERUSER]}'",
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{made[OWNER]}'",
        f"CREATE ROLE {APP} LOGIN PASSWORD '{made[APP]}'",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        *restrict(DATABASE),
        *restrict("postgres"),
    ]


def restrict(database: str) -> list[str]:
    """Statements that leave a database to its owner, and to the application as a guest who creates nothing."""
    return [
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        *([] if database == "postgres" else [f"GRANT CONNECT ON DATABASE {database} TO {APP}"]),
    ]


def _sql(programs: Programs, data: Path, database: str, statements: list[str], *, is_synced: bool) -> None:
    """Run statements, one a line, in a server that nobody can connect to.

    The passwords are 192 random bits: no number of SCRAM iterations makes them harder to guess, and each costs time at
    every connection.
    """
    programs.run(
        "postgres", "--single", "-D", data, "-c", "exit_on_error=on", "-c", "scram_iterations=1",
        *([] if is_synced else ["-c", "fsync=off"]), database,
        text="".join(f"{statement};\n" for statement in statements),
    )  # fmt: skip
