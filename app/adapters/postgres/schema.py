"""Brings a database's schema to this version of the code."""

from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.adapters.postgres.versions import MIGRATIONS

if TYPE_CHECKING:
    from alembic.config import Config


def configuration(owner_url: str) -> "Config":
    """Return Alembic's configuration for the database at this address, as its owner."""
    from alembic.config import Config  # loading Alembic takes half a second, and most starts have nothing to migrate

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(rev)s_%%(slug)s")
    config.attributes["url"] = make_url(owner_url).set(drivername="postgresql+asyncpg")
    return config


def migrate(owner_url: str) -> None:
    """Apply what is missing; nothing is done when nothing is."""
    from alembic import command

    command.upgrade(configuration(owner_url), "head")
