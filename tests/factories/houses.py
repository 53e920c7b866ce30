"""Houses as the server builds them, but for what would only make tests wait."""

from dataclasses import replace
from typing import Any

from app import main
from app.core.passwords import Cost, Passwords
from app.core.settings import Settings
from app.ports.keys import Keys, Purpose
from app.routers.deps import House

QUICK = Cost(passes=1, kibibytes=8)
"""The least that argon2 takes; what passwords cost in earnest is tested where that is the point."""


def build(settings: Settings, database_url: str, keys: Keys, **ports: Any) -> House:
    """Build a house whose passwords are quick to check; `ports` take the place of those it would have."""
    built = main.build(settings, database_url, keys=keys)
    quick = Passwords(keys.secret(Purpose.PASSWORD_PEPPER), cost=QUICK)
    return replace(built, passwords=quick, ports=replace(built.ports, **ports))
