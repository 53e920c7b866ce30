"""Insurance records of the example: whoever is of age pays for a year; a pension from sixty on."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

JSON = dict[str, Any]
SCHEMES = {"pension": "110", "unemployment": "210", "work_injury": "410", "medical": "310", "maternity": "510"}
KEEPS = {
    "human_resources": ("pension", "unemployment", "work_injury"),
    "healthcare_security": ("medical", "maternity"),
}
EMPLOYER = "示例市第一机械厂"


def made_up(method: str, asked: Mapping[str, str], person: JSON | None, now: datetime) -> list[JSON]:
    """Return the items of an answer; nothing of nobody."""
    months = [_month(now, ago) for ago in range(12)]
    age = 0 if person is None else now.year - int(person["aac006"][:4])
    if person is None or age < 18:
        return []
    if method == "rights.benefits":
        gets = asked["insurance"] == "pension" and age >= 60
        pension = {"aae140": "110", "kind": "pension", "amount": "3120.00", "status": "paid"}
        return [pension | {"aae002": month} for month in months] if gets else []
    place = {"aab301": person["aab301"], "aab004": EMPLOYER}
    paid = {"aae180": "6000.00", "personal": "480.00", "by_employer": "960.00"}
    if method == "rights.contributions":
        scheme = {"aae140": SCHEMES[asked["insurance"]], "arrived_on": None}
        return [] if age >= 60 else [place | paid | scheme | {"aae002": month} for month in months]
    stands = {
        "aac031": "3" if age >= 60 else "1",
        "aae041": months[-1],
        "aae042": months[0],
        "aae201": 12,
        "balance": None,
        "arrived": months[1],
    }
    return [place | paid | stands | {"aae140": SCHEMES[insurance]} for insurance in KEEPS[asked["authority"]]]


def _month(now: datetime, ago: int) -> str:
    china = now.astimezone(timezone(timedelta(hours=8)))
    year, month = divmod(china.year * 12 + china.month - 1 - ago, 12)
    return f"{year:04}{month + 1:02}"
