"""Houses as the server builds them, but for what would only make tests wait."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine
from sqlalchemy.engine.interfaces import CompiledCacheType

from app import main
from app.adapters.keys.file import FileKeys
from app.core.passwords import Cost, Passwords
from app.core.settings import Settings
from app.ports.keys import Keys, Purpose
from app.routers.deps import House

QUICK = Cost(passes=1, kibibytes=8, iterations=1)
"""The least that there is; what passwords cost in earnest is tested where that is the point."""


_dialects: list[Dialect] = []
_statements: CompiledCacheType = {}


def make_keys(path: Path) -> FileKeys:
    """Make a key file for the suite that the run is under (`pytest --suite`)."""
    return FileKeys.create(path, Settings().cipher_suite)


def build(settings: Settings, database_url: str, keys: Keys, **ports: Any) -> House:
    """Build a house whose passwords are quick to check; `ports` take the place of those it would have."""
    built = main.build(settings, database_url, keys=keys)
    _share_statements(built.db.engine.sync_engine)
    quick = Passwords(keys.secret(Purpose.PASSWORD_PEPPER), settings.cipher_suite, cost=QUICK)
    return replace(built, passwords=quick, ports=replace(built.ports, **ports))


def _share_statements(engine: Engine) -> None:
    """Let houses of one process use each other's compiled statements: every test's is new, and all say the same.

    A dialect is part of what they are kept under, and knows its server once somebody has connected with it.
    """
    engine.update_execution_options(compiled_cache=_statements)
    known = next((dialect for dialect in _dialects if dialect.server_version_info is not None), None)
    if known is None:
        _dialects.append(engine.dialect)
    else:
        engine.dialect = known
