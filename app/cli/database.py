"""Finds the database of a command: the one the settings name, or the embedded one, started or joined."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.adapters.postgres import EmbeddedPostgres, EmbeddedPostgresError, versions
from app.adapters.postgres.founding import APP, OWNER
from app.cli import stopping
from app.cli.terminal import Refused, progress
from app.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Addresses:
    """How the database is reached: as the server's role, and as the role that migrates where that is known."""

    app: str = field(repr=False)
    owner: str | None = field(repr=False)


@contextmanager
def reachable(settings: Settings, *, tell: Callable[[str], None] = progress) -> Iterator[Addresses]:
    """Have a database for as long as the block lasts; `tell` hears what takes longer than a moment.

    Raises:
        Refused: it cannot be had.
    """
    if settings.database_url is not None:
        owner = settings.owner_database_url
        yield Addresses(settings.database_url.get_secret_value(), owner.get_secret_value() if owner else None)
        return
    server = EmbeddedPostgres(settings.data_folder / "postgres", settings.postgres_binaries, progress=tell)
    with ExitStack() as until_the_end:
        try:
            until_the_end.enter_context(server)
        except EmbeddedPostgresError as error:
            raise Refused(str(error)) from None
        stopping.heed()
        yield Addresses(server.url(APP), server.url(OWNER))


def is_newest(url: str) -> bool:
    """Say whether a database has the schema that this version needs.

    Raises:
        Refused: it cannot be reached.
    """
    try:
        plain = make_url(url).set(drivername="postgresql")
    except ArgumentError:
        raise Refused(
            "The address of the database is none: postgresql://name:password@host:port/database is."
        ) from None
    try:
        found = asyncio.run(versions.present(plain.render_as_string(hide_password=False)))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or type(error).__name__
        raise Refused(
            f"The database at {_place(plain)} cannot be used: {reason}. Is ESCARD_DATABASE_URL right?"
        ) from None
    return found == versions.newest()


def _place(url: URL) -> str:
    hosts = url.query.get("host")
    return str(hosts) if hosts else f"{url.host}:{url.port or 5432}"


def plain(url: str) -> str:
    """Return a database's address as PostgreSQL's own libraries take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def require_newest(url: str) -> None:
    """Check that a database has the schema that this version needs.

    Raises:
        Refused: it has not, or it cannot be reached.
    """
    if not is_newest(url):
        raise Refused("The database's schema is not the one of this version: run `escard migrate` first.")
