"""The embedded database: PostgreSQL as a child process, so that nothing need be installed before a first run."""

from app.adapters.postgres.founding import remove
from app.adapters.postgres.programs import EmbeddedPostgresError
from app.adapters.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "remove"]
