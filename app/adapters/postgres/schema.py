"""Brings a database's schema to this version of the code."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

_MIGRATIONS = Path(__file__).parents[3] / "migrations"


def configuration(owner_url: str) -> Config:
    """Return Alembic's configuration for the database at this address, as its owner."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(rev)s_%%(slug)s")
    config.attributes["url"] = make_url(owner_url).set(drivername="postgresql+asyncpg")
    return config


def migrate(owner_url: str) -> None:
    """Apply what is missing; nothing is done when nothing is."""
    command.upgrade(configuration(owner_url), "head")
