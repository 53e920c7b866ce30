"""Rules are listed and set from the command line, and nothing that does not fit is let in."""

import asyncio
import getpass
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from app.core.clock import SystemClock, today
from tests import cluster
from tests.adapters.embedded import ROOT
from tests.cli.commands import Escard


@pytest.fixture
def installed(with_keys: Escard, database: cluster.Database) -> Mapping[str, str]:
    """A key file, and the settings that name a migrated database."""
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


def file(folder: Path, value: object) -> str:
    path = folder / "value.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def in_days(days: int) -> str:
    return (today(SystemClock().now()) + timedelta(days=days)).isoformat()


def test_the_page_in_the_docs_is_the_list(with_keys: Escard, installed: Mapping[str, str]) -> None:
    done = with_keys.do("policies", "list", "--markdown", **installed)

    assert done.said == (ROOT / "docs" / "policies.md").read_text(encoding="utf-8"), done.complained


def test_one_that_is_set_is_listed_beside_the_old_one(
    with_keys: Escard, installed: Mapping[str, str], tmp_path: Path
) -> None:
    words = ("policies", "set", "owners", file(tmp_path, {"per_member": 3}), "--from", in_days(1), "--region", "100100")
    done = with_keys.do(*words, **installed)
    rows = [line.split(None, 4) for line in with_keys.do("policies", "list", **installed).said.splitlines()]

    assert (done.status, done.complained) == (0, "")
    assert done.said == f"owners is set in 100100 from {in_days(1)} on.\n"
    assert [row for row in rows if row[0] == "owners"] == [
        ["owners", "000000", "2026-01-01", "-", '{"per_member": 2}'],
        ["owners", "100100", in_days(1), "-", '{"per_member": 3}'],
    ]


def test_who_has_set_which_rule_is_written_down_where_the_server_cannot_change_it(
    with_keys: Escard, installed: Mapping[str, str], tmp_path: Path
) -> None:
    for value, words in ((3, ("--by", "wang.fang")), (4, ("--by", "li.wei")), (5, ())):
        rule = file(tmp_path, {"per_member": value})
        assert with_keys.do("policies", "set", "owners", rule, "--from", in_days(1), *words, **installed).status == 0
    rows = with_keys.do("policies", "changes", **installed).said.splitlines()[1:]

    assert [re.findall(r"\{[^}]*\}", row) for row in rows] == [
        ['{"per_member": 4}', '{"per_member": 5}'],
        ['{"per_member": 3}', '{"per_member": 4}'],
        ['{"per_member": 3}'],
    ]
    assert [name in row for name, row in zip((getpass.getuser(), "li.wei", "wang.fang"), rows, strict=True)] == [
        True
    ] * 3
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(_forget(installed["database_url"]))


async def _forget(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DELETE FROM policy_change")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("code", "value", "more", "words"),
    [
        ("ownership", {}, (), "There is no rule ownership"),
        ("owners", [], (), "The value of owners is a JSON object with per_member."),
        ("owners", {"per_member": 2, "since": "2026-01-01"}, (), "The value of owners is a JSON object"),
        ("owners", {"per_member": "2"}, (), "per_member: Input should be a valid integer"),
        ("owners", {"per_member": 0}, (), "per_member: Input should be greater than or equal to 1"),
        ("owners", {"per_member": 2, "more": 1}, (), "more: Extra inputs are not permitted"),
        ("owners", {"per_member": 2}, ("--from", in_days(-1)), "--from is today or later"),
        ("owners", {"per_member": 2}, ("--until", in_days(0)), "--until is later than --from"),
        ("owners", {"per_member": 2}, ("--region", "west"), "A region is six figures"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    with_keys: Escard,
    installed: Mapping[str, str],
    tmp_path: Path,
    code: str,
    value: object,
    more: tuple[str, ...],
    words: str,
) -> None:
    done = with_keys.do("policies", "set", code, file(tmp_path, value), *more, **installed)

    assert done.status == 1
    assert words in done.complained
    assert done.complained.count("\n") == 1


def test_the_role_that_owns_the_tables_is_needed(with_keys: Escard, database: cluster.Database, tmp_path: Path) -> None:
    done = with_keys.do("policies", "set", "owners", file(tmp_path, {"per_member": 2}), database_url=database.app_url)

    assert done.status == 1
    assert "ESCARD_OWNER_DATABASE_URL" in done.complained


def test_what_is_no_json_is_refused(with_keys: Escard, installed: Mapping[str, str], tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text("{", encoding="utf-8")
    done = with_keys.do("policies", "set", "owners", str(path), **installed)

    assert done.status == 1
    assert "cannot be read as JSON" in done.complained
