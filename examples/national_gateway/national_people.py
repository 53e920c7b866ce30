"""The people of the example: from a CSV file with the columns of docs/register.md, or those of escard's demo."""

import csv
import importlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
SEXES = {"1": "1", "男": "1", "2": "2", "女": "2", "0": "0", "9": "9"}
DEAD = {"false", "0", "no", "否"}
RELATIVES = ("father_number", "mother_number")


@dataclass
class People:
    """Who there is: what is said of each, by number, the portraits, and what is in medical accounts at first."""

    said: dict[str, JSON] = field(default_factory=dict)
    portraits: dict[str, bytes] = field(default_factory=dict)
    credits: dict[str, Decimal] = field(default_factory=dict)

    def by_card(self, card: str) -> list[JSON]:
        return [person for person in self.said.values() if person["aaz500"] == card]


def read(path: Path) -> People:
    """Read a file in UTF-8; a row with a fault ends it, by line: this is an example."""
    found = People()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        for row in rows:
            try:
                texts = {name: (value or "").strip() for name, value in row.items() if name}
                person = _person(texts)
                if texts.get("medical_account"):
                    found.credits[person["aac002"]] = _money(texts["medical_account"])
            except (KeyError, ValueError) as error:
                raise ValueError(f"line {rows.line_num} of {path} cannot be read") from error
            found.said[person["aac002"]] = person
            if row.get("portrait"):
                found.portraits[person["aac002"]] = (path.parent / str(row["portrait"]).strip()).read_bytes()
    return found


def _money(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text):
        raise ValueError
    return Decimal(text).quantize(Decimal("0.01"))


def _person(row: dict[str, str]) -> JSON:
    number = row["social_security_number"].upper()
    is_citizen = re.fullmatch(r"[0-9]{17}[0-9X]", number) is not None
    if not row["name"] or not (is_citizen or (row.get("sex") and row.get("birth_date") and row.get("region"))):
        raise ValueError
    birth_date = row.get("birth_date") or number[6:14]
    year, month, day = re.findall(r"^([0-9]{4})\D?([0-9]{1,2})\D?([0-9]{1,2})$", birth_date)[0]
    return {
        "aac001": row.get("computer_number") or None,
        "aac002": number,
        "aac003": row["name"],
        "aac004": SEXES[row["sex"]] if row.get("sex") else ("1" if int(number[16]) % 2 else "2"),
        "aac006": f"{year}{int(month):02}{int(day):02}",
        "aac060": "2" if row.get("is_alive", "").lower() in DEAD else "1",
        "aab301": row.get("region") or number[:6],
        "aae005": row.get("phone") or None,
        "aaz500": row.get("card_number") or None,
        "aaz502": (row.get("card_status") or "1") if row.get("card_number") else None,
        "parents": [row[column].upper() for column in RELATIVES if row.get(column)],
        "guardians": [each.strip().upper() for each in row.get("guardian_numbers", "").split(";") if each.strip()],
    }


def demo() -> People:
    """Return the people of escard's demo, as they are today; the only thing here that takes escard."""
    people = importlib.import_module("app.adapters.register.demo").people
    money = importlib.import_module("app.adapters.medical_funds.demo").CREDITS
    found = People()
    for entry in people((datetime.now(UTC) + timedelta(hours=8)).date()):
        found.said[entry.person.number] = told(entry.person)
        if entry.portrait is not None:
            found.portraits[entry.person.number] = entry.portrait
        if entry.label in money:
            found.credits[entry.person.number] = money[entry.label]
    return found


def told(person: Any) -> JSON:
    """Say of one of escard's people what the contract says."""
    return {
        "aac001": person.computer_number,
        "aac002": person.number,
        "aac003": person.name,
        "aac004": person.sex,
        "aac006": person.birth_date.strftime("%Y%m%d"),
        "aac060": "1" if person.is_alive else "2",
        "aab301": person.region,
        "aae005": person.phone,
        "aaz500": None if person.card is None else person.card.number,
        "aaz502": None if person.card is None else str(person.card.status),
        "parents": sorted(person.parents),
        "guardians": sorted(person.guardians),
    }
