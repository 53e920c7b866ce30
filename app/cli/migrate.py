"""`escard migrate`: bring the database's schema to this version."""

import typer

from app.adapters.postgres.schema import migrate
from app.cli.configuration import read_settings, start_logging
from app.cli.database import is_newest, reachable
from app.cli.terminal import Refused, say

app = typer.Typer()


@app.command("migrate")
def bring_to_newest() -> None:
    """Apply the migrations that are missing, as the role that owns the tables."""
    settings = read_settings()
    start_logging(settings)
    with reachable(settings) as addresses:
        if addresses.owner is None:
            raise Refused("Set ESCARD_OWNER_DATABASE_URL: tables are changed by the role that owns them.")
        if is_newest(addresses.owner):
            say("The schema is the one of this version already.")
            return
        migrate(addresses.owner)
        say("The schema is the one of this version now.")
