"""Modules stay short enough to be read at a sitting."""

from pathlib import Path
from typing import Final

APP: Final = Path(__file__).parents[2] / "app"
MOST_LINES: Final = 300
TABLES: Final = {
    "openapi/examples.py": "one table: an example for each shape of the document",
    "services/privacy/holdings.py": "one table: a row for each table of persons",
}
"""What may be longer, and why: rows that stand beside each other, and no steps to follow."""


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_module_past_300_lines_is_split_by_verb() -> None:
    long = {str(path.relative_to(APP)) for path in APP.rglob("*.py") if _lines(path) > MOST_LINES}

    assert sorted(long) == sorted(TABLES)
