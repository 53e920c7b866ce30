"""Ages change at midnight in China, and on 1 March for those born on 29 February."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.people.ages import age_on, birthday, birthday_starts, is_under, today

BIRTHS = st.dates(date(1850, 1, 1), date(2100, 12, 31))
YEARS = st.integers(0, 120)


def test_the_day_changes_at_sixteen_hours_utc() -> None:
    assert today(datetime(2025, 3, 1, 15, 59, 59, tzinfo=UTC)) == date(2025, 3, 1)
    assert today(datetime(2025, 3, 1, 16, tzinfo=UTC)) == date(2025, 3, 2)


def test_a_moment_without_a_time_zone_has_no_date() -> None:
    with pytest.raises(ValueError, match="time zone"):
        today(datetime(2025, 3, 1))  # noqa: DTZ001 - the mistake under test


def test_born_on_29_february_one_comes_of_age_on_1_march() -> None:
    assert birthday(date(2008, 2, 29), 16) == date(2024, 2, 29)
    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18


def test_a_birthday_starts_at_midnight_in_china() -> None:
    assert birthday_starts(date(2009, 5, 4), 16) == datetime(2025, 5, 3, 16, tzinfo=UTC)


def test_one_is_under_sixteen_until_the_birthday_starts() -> None:
    midnight = birthday_starts(date(2009, 5, 4), 16)

    assert is_under(date(2009, 5, 4), 16, midnight - timedelta(microseconds=1))
    assert not is_under(date(2009, 5, 4), 16, midnight)


def test_before_birth_an_age_is_negative() -> None:
    assert age_on(date(2025, 5, 4), date(2025, 5, 3)) == -1


@given(BIRTHS, YEARS)
def test_the_age_goes_up_on_the_birthday_and_not_before(birth: date, years: int) -> None:
    day = birthday(birth, years)

    assert age_on(birth, day) == years
    assert age_on(birth, day - timedelta(days=1)) == years - 1


@given(BIRTHS, YEARS, st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive by contract
def test_under_an_age_and_before_its_birthday_are_the_same(birth: date, years: int, now: datetime) -> None:
    assert is_under(birth, years, now) == (now < birthday_starts(birth, years))
