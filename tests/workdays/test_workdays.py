"""Working days, compared with what the State Council has published and with what nobody knows yet."""

from datetime import date, timedelta

import pytest

from app.services import workdays
from app.services.rules.filing import Workdays

PUBLISHED = Workdays(off=frozenset(), on=frozenset())


def working(first: date, last: date, rules: Workdays = PUBLISHED) -> list[date]:
    days = (last - first).days + 1
    return [day for day in (first + timedelta(n) for n in range(days)) if workdays.is_working_day(rules, day)]


def test_national_day_2025_is_eight_days_off_and_two_weekend_days_are_worked_for_it() -> None:
    """Guobanfamingdian 2024 No. 12: off from 1 to 8 October, worked on Sunday 28 September and Saturday 11 October."""
    assert working(date(2025, 9, 27), date(2025, 10, 12)) == [
        date(2025, 9, 28),
        date(2025, 9, 29),
        date(2025, 9, 30),
        date(2025, 10, 9),
        date(2025, 10, 10),
        date(2025, 10, 11),
    ]


def test_spring_festival_and_national_day_2026_are_as_published() -> None:
    """Guobanfamingdian 2025 No. 7: off from 15 to 23 February and from 1 to 7 October, with days worked around them."""
    february = working(date(2026, 2, 13), date(2026, 3, 1))
    october = working(date(2026, 9, 19), date(2026, 10, 11))

    assert february == [
        date(2026, 2, 13),
        date(2026, 2, 14),
        *(date(2026, 2, day) for day in range(24, 29)),
    ]
    assert {date(2026, 9, 20), date(2026, 10, 8), date(2026, 10, 10)} <= set(october)
    assert not {date(2026, 9, 19), date(2026, 9, 27), date(2026, 10, 11)} & set(october)
    assert not {date(2026, 10, day) for day in range(1, 8)} & set(october)


def test_a_deadline_begins_the_day_after_and_ends_on_a_working_day() -> None:
    friday = date(2026, 11, 20)

    assert workdays.after(PUBLISHED, friday, 1).on == date(2026, 11, 23)
    assert workdays.after(PUBLISHED, friday, 5).on == date(2026, 11, 27)
    assert workdays.after(PUBLISHED, friday, 15).on == date(2026, 12, 11)


def test_fifteen_working_days_over_national_day_2025_take_in_the_days_that_are_worked_for_it() -> None:
    due = workdays.after(PUBLISHED, date(2025, 9, 26), 15)

    assert due == workdays.Due(date(2025, 10, 23), is_estimate=False)


def test_a_policy_takes_days_off_and_puts_days_on() -> None:
    rules = Workdays(off=frozenset({date(2026, 11, 24)}), on=frozenset({date(2026, 11, 28)}))

    assert working(date(2026, 11, 23), date(2026, 11, 29), rules) == [
        date(2026, 11, 23),
        *(date(2026, 11, day) for day in range(25, 29)),
    ]


def test_beyond_what_is_published_the_days_of_the_law_count_and_it_is_said_to_be_an_estimate() -> None:
    beyond = date(workdays.published_through(PUBLISHED) + 1, 10, 1)
    last_known = date(beyond.year - 1, 12, 28)

    assert not workdays.is_working_day(PUBLISHED, beyond)
    assert workdays.after(PUBLISHED, last_known, 15).is_estimate
    assert not workdays.after(PUBLISHED, last_known, 1).is_estimate


def test_a_policy_that_adds_a_year_says_that_it_is_published() -> None:
    year = workdays.published_through(PUBLISHED) + 1
    rules = Workdays(off=frozenset(), on=frozenset(), published_through=year)

    assert not workdays.after(rules, date(year, 3, 1), 15).is_estimate


@pytest.mark.parametrize("days", [0, -1])
def test_a_deadline_without_a_day_is_none(days: int) -> None:
    with pytest.raises(ValueError, match="one working day"):
        workdays.after(PUBLISHED, date(2026, 1, 1), days)
