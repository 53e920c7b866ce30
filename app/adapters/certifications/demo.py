"""Who of the demo's people is paid a benefit for life, and how their certification stands on the day they are made."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from app.adapters.certifications.embedded import Paid, Record
from app.ports.certifications import CertifiedKind, Way

_PENSION: Final = Paid(CertifiedKind.PENSION, Decimal("3268.50"))
_DAYS_AGO: Final[Mapping[str, tuple[int, Paid, Way]]] = {
    "parent-68": (320, _PENSION, Way.FACE),
    "parent-mother": (355, _PENSION, Way.COUNTER),
    "grandparent": (450, _PENSION, Way.HOME_VISIT),
    "mother-in-law": (370, _PENSION, Way.FACE),
    "member-at-cap": (100, _PENSION, Way.DATA_MATCH),
    "ward-11": (330, Paid(CertifiedKind.SURVIVOR, Decimal("1042.00")), Way.COUNTER),
    "sibling": (340, Paid(CertifiedKind.INJURY, Decimal("2210.80")), Way.FACE),
}
"""How many days ago they were certified, what they are paid a month, and the way."""


def records(numbers: Mapping[str, str], today: date) -> tuple[tuple[str, Record], ...]:
    """Return what the authority knows of the demo's people, by their numbers.

    Args:
        numbers: of the people, by their labels.
    """
    return tuple(
        (numbers[label], Record((paid,), today - timedelta(days=days), way))
        for label, (days, paid, way) in _DAYS_AGO.items()
    )
