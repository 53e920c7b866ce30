"""`escard policies`: the rules that regions set, with the days they hold; seen here, and changed here."""

import asyncio
import getpass
import inspect
import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from pydantic import BaseModel, ValidationError
from sqlalchemy import make_url

from app.adapters.postgres import rules as stored
from app.cli.configuration import read_settings, start_logging
from app.cli.database import reachable, require_newest
from app.cli.house import in_house
from app.cli.terminal import Refused, moment, say, table
from app.core.clock import SystemClock, today
from app.models.policies import Policy
from app.services import policies
from app.services.rules import Policies

app = typer.Typer(name="policies", help="See and change the rules that regions set.", no_args_is_help=True)

_PAGE = """# Policies

Rules that sources disagree on, or that a region sets, are rows of the database: a code, a region (GB/T 2260; 000000 is
everywhere), the days they hold, a value. Of the rows that hold today the narrowest region's counts, then the newest.
This page is what `escard policies list --markdown` prints of a new database; without that, the command lists the rows
there are.

To change one, write its whole value into a file and say from which day it holds; a server reads it within five seconds:

```sh
.venv/bin/escard policies set owners owners.json --from 2027-01-01
.venv/bin/escard policies set quota quota.json --region 100100   # from today on, in one prefecture
```

What does not fit the rule's shape is refused, and so is a day that is past: what held stays written down. It takes the
role that owns the tables: that of `ESCARD_OWNER_DATABASE_URL`, or the embedded PostgreSQL's, which the command finds by
itself, also while the server runs. Each change is written down with the name of whoever is signed in at the machine, or
`--by`; the server's role can only read it: `escard policies changes`.
"""

Code = Annotated[str, typer.Argument(metavar="CODE", help="Which rule: a code that `escard policies list` shows.")]
Value = Annotated[Path, typer.Argument(metavar="FILE", help="Its whole value, as JSON.", exists=True, dir_okay=False)]
Day = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="The first day it holds; without it, today (Asia/Shanghai)."),
]
LastDay = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="The first day it holds no more.")
]
By = Annotated[
    str | None, typer.Option(help="Who sets it; without it, the name that one is signed in with at the machine.")
]
Region = Annotated[str, typer.Option(help="Where it holds (GB/T 2260, six figures).")]


@app.command("list")
def list_policies(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/policies.md.")] = False
) -> None:
    """List every row: its code, region and days, and its value."""
    rows = in_house(lambda house: house.db.run(policies.every))
    if markdown:
        say(page(rows))
        return
    say(
        table(
            ("code", "region", "from", "until", "value"),
            (
                (
                    each.code,
                    each.region,
                    each.valid_from.isoformat(),
                    each.valid_to.isoformat() if each.valid_to else "-",
                    json.dumps(each.value, ensure_ascii=False),
                )
                for each in rows
            ),
        )
    )


@app.command("set")
def set_policy(
    code: Code,
    file: Value,
    first_day: Day = None,
    last_day: LastDay = None,
    region: Region = policies.EVERYWHERE,
    by: By = None,
) -> None:
    """Say what a rule is from a day on; its older rows stay."""
    start = first_day.date() if first_day else today(SystemClock().now())
    end = last_day.date() if last_day else None
    _require_days(start, end)
    if not re.fullmatch(r"[0-9]{6}", region):
        raise Refused("A region is six figures (GB/T 2260).")
    value = _checked(code, _read(file))
    settings = read_settings()
    start_logging(settings)
    with reachable(settings) as addresses:
        if addresses.owner is None:
            raise Refused("Set ESCARD_OWNER_DATABASE_URL: rules are changed by the role that owns the tables.")
        require_newest(addresses.owner)
        row = {"code": code, "region": region, "valid_from": start, "valid_to": end, "value": value}
        _put(addresses.owner, **row, set_by=by or _signed_in(), at=SystemClock().now())
    say(f"{code} is set in {region} from {start.isoformat()} on{f', until {end.isoformat()}' if end else ''}.")


@app.command("changes")
def list_changes() -> None:
    """List who has set which rule and when, the newest first, and what stood there before."""
    rows = in_house(lambda house: house.db.run(policies.changes))
    if not rows:
        say("Nobody has set a rule: all are as they came.")
        return
    say(
        table(
            ("at", "by", "code", "region", "from", "until", "before", "value"),
            (
                (
                    moment(each.at),
                    each.set_by,
                    each.code,
                    each.region,
                    each.valid_from.isoformat(),
                    each.valid_to.isoformat() if each.valid_to else "-",
                    "-" if each.before is None else json.dumps(each.before, ensure_ascii=False),
                    json.dumps(each.value, ensure_ascii=False),
                )
                for each in rows
            ),
        )
    )


def page(rows: Sequence[Policy]) -> str:
    """Return the rules as a page, without the last line's end."""
    parts = [_PAGE]
    for name, shape in sorted(shapes().items()):
        parts.append(f"## `{name}`\n\n{inspect.getdoc(shape)}\n")
        parts += [
            f"```json\n{json.dumps(row.value, indent=2, sort_keys=True, ensure_ascii=False)}\n```\n"
            for row in rows
            if row.code == name
        ]
    return "\n".join(parts).rstrip("\n")


def shapes() -> dict[str, type[BaseModel]]:
    """Return the shape of each rule by its code."""
    found = {name: field.annotation for name, field in Policies.model_fields.items()}
    return {name: shape for name, shape in found.items() if inspect.isclass(shape) and issubclass(shape, BaseModel)}


def _require_days(start: date, end: date | None) -> None:
    if start < today(SystemClock().now()):
        raise Refused("What held before today stays as it was: --from is today or later.")
    if end is not None and end <= start:
        raise Refused("--until is later than --from.")


def _read(file: Path) -> object:
    try:
        found: object = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise Refused(f"{file} cannot be read as JSON: {error}.") from None
    return found


def _checked(code: str, value: object) -> dict[str, Any]:
    shape = shapes().get(code)
    if shape is None:
        raise Refused(f"There is no rule {code}; `escard policies list` shows them.")
    if not isinstance(value, dict) or "since" in value:
        raise Refused(f"The value of {code} is a JSON object with {', '.join(_names(shape))}.")
    try:
        shape.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise Refused("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)) from None
    return value


def _names(shape: type[BaseModel]) -> list[str]:
    return [name for name in shape.model_fields if name != "since"]


def _signed_in() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        raise Refused("Nobody is signed in here by name: say --by.") from None


def _put(owner: str, **row: Any) -> None:
    plain = make_url(owner).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        asyncio.run(stored.put(plain, **row))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Refused(f"The rule cannot be written: {str(error) or type(error).__name__}.") from None
