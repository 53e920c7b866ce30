"""The document without a server: for what is known before anything runs."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from app import main
from app.core.settings import Settings
from tests.factories.houses import make_keys

JSON = dict[str, Any]


@cache
def document() -> JSON:
    """The document of a development server."""
    with tempfile.TemporaryDirectory() as folder:
        keys = make_keys(Path(folder) / "keys.json")
        house = main.build(Settings(data_folder=Path(folder)), "postgresql://nobody@127.0.0.1/nothing", keys=keys)
        return main.create_app(house).openapi()


def operations() -> Iterator[tuple[str, str, JSON]]:
    """Every operation: method, path, and what is said of it."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation
