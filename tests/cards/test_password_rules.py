"""A card password is six digits that nobody guesses from the holder's papers."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.services.cards.rules import PasswordFault, check_password

NUMBER = "11010519491231002X"
BIRTH_DATE = date(1949, 12, 31)
PHONE = "13852746309"

SIX_DIGITS = st.text("0123456789", min_size=6, max_size=6)
quick = settings(deadline=None, database=None)


def checked(password: str) -> PasswordFault | None:
    return check_password(password, number=NUMBER, birth_date=BIRTH_DATE, phone=PHONE)


@pytest.mark.parametrize("password", ["274916", "805273", "112234", "121213", "123124", "135790", "138904"])
def test_ordinary_digits_are_taken(password: str) -> None:
    assert checked(password) is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", PasswordFault.NOT_SIX_DIGITS),
        ("27491", PasswordFault.NOT_SIX_DIGITS),
        ("2749160", PasswordFault.NOT_SIX_DIGITS),
        ("27491a", PasswordFault.NOT_SIX_DIGITS),
        ("274916\n", PasswordFault.NOT_SIX_DIGITS),
        ("\uff12\uff17\uff14\uff19\uff11\uff16", PasswordFault.NOT_SIX_DIGITS),
        ("\u0662\u0667\u0664\u0669\u0661\u0666", PasswordFault.NOT_SIX_DIGITS),
        ("123456", PasswordFault.SEQUENTIAL),
        ("012345", PasswordFault.SEQUENTIAL),
        ("567890", PasswordFault.SEQUENTIAL),
        ("987654", PasswordFault.SEQUENTIAL),
        ("543210", PasswordFault.SEQUENTIAL),
        ("098765", PasswordFault.SEQUENTIAL),
        ("111111", PasswordFault.REPEATED),
        ("112233", PasswordFault.REPEATED),
        ("111222", PasswordFault.REPEATED),
        ("112222", PasswordFault.REPEATED),
        ("121212", PasswordFault.REPEATED),
        ("123123", PasswordFault.REPEATED),
        ("110105", PasswordFault.IN_NUMBER),
        ("491231", PasswordFault.IN_NUMBER),
        ("231002", PasswordFault.IN_NUMBER),
        ("311249", PasswordFault.IN_BIRTH_DATE),
        ("123149", PasswordFault.IN_BIRTH_DATE),
        ("311219", PasswordFault.IN_BIRTH_DATE),
        ("123119", PasswordFault.IN_BIRTH_DATE),
        ("138527", PasswordFault.IN_PHONE),
        ("746309", PasswordFault.IN_PHONE),
    ],
)
def test_what_is_guessed_easily_is_refused_by_reason(password: str, fault: PasswordFault) -> None:
    assert checked(password) is fault


def test_a_birth_date_is_refused_where_the_number_does_not_say_it() -> None:
    permit = "USA110190010108"

    fault = check_password("199001", number=permit, birth_date=date(1990, 1, 1), phone=None)

    assert fault is PasswordFault.IN_BIRTH_DATE


def test_without_a_phone_no_phone_is_looked_at() -> None:
    assert check_password("138527", number=NUMBER, birth_date=BIRTH_DATE, phone=None) is None


@quick
@given(st.integers(0, 11))
def test_no_piece_of_the_number_is_taken(start: int) -> None:
    assert checked(NUMBER[start : start + 6]) is not None


@quick
@given(st.integers(0, 5))
def test_no_piece_of_the_phone_is_taken(start: int) -> None:
    assert checked(PHONE[start : start + 6]) is not None


@quick
@given(st.text("0123456789", min_size=1, max_size=3))
def test_nothing_said_again_and_again_is_taken(piece: str) -> None:
    assert checked((piece * 6)[:6]) is not None


@quick
@given(st.dates(date(1, 1, 1)), st.sampled_from(["%y%m%d", "%m%d%y", "%d%m%y"]))
def test_no_birth_date_is_taken(birth_date: date, form: str) -> None:
    password = birth_date.strftime(form)

    assert check_password(password, number="X" * 18, birth_date=birth_date, phone=None) is not None


@quick
@given(SIX_DIGITS)
def test_a_password_taken_is_in_nothing_that_others_can_see(password: str) -> None:
    assume(checked(password) is None)

    assert not any(password in known for known in (NUMBER, PHONE, f"{BIRTH_DATE:%Y%m%d}"))
    assert len(set(password)) > 1
