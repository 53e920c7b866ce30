"""Months are written in one way, and counted over the ends of years."""

from datetime import date

import pytest

from app.ports.insurance import Month


def test_they_are_counted_over_the_ends_of_years() -> None:
    month = Month.of(date(2026, 11, 22))

    assert [str(month.after(months)) for months in (0, 2, -11, -23)] == ["2026-11", "2027-01", "2025-12", "2024-12"]
    assert month.since(Month.parse("2023-01")) == 46
    assert Month.parse("0999-12") < month


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "202611", "2026-1", "26-11", "2026/11", "２０２６-11", "+026-11", ""]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"month|year|isoformat"):
        Month.parse(text)
