"""Which six digits make a card password, and which are guessed too easily."""

import re
from datetime import date
from enum import StrEnum


class PasswordFault(StrEnum):
    """Why six digits are no card password; the first that holds, in this order."""

    NOT_SIX_DIGITS = "not_six_digits"
    SEQUENTIAL = "sequential"
    REPEATED = "repeated"
    IN_NUMBER = "in_number"
    IN_BIRTH_DATE = "in_birth_date"
    IN_PHONE = "in_phone"


_SIX_DIGITS = re.compile(r"[0-9]{6}")
# 0 lies after 9 on a keyboard and before 1 on a line: 567890 and 012345 are both in order.
_UPWARDS = "01234567890"
_DOWNWARDS = _UPWARDS[::-1]
# 111111, 121212, 123123: one to three digits again and again. 112233, 111222: every digit beside its like.
_AGAIN_AND_AGAIN = re.compile(r"([0-9]{1,3})\1+")
_BESIDE_ITS_LIKE = re.compile(r"(?:([0-9])\1+)+")


def check_password(password: str, *, number: str, birth_date: date, phone: str | None) -> PasswordFault | None:
    """Return what is wrong with a card password, or nothing.

    `number` and `phone` are the holder's, each in its one written form; `phone` is None where nobody knows one.
    """
    if not _SIX_DIGITS.fullmatch(password):
        return PasswordFault.NOT_SIX_DIGITS
    if password in _UPWARDS or password in _DOWNWARDS:
        return PasswordFault.SEQUENTIAL
    if _AGAIN_AND_AGAIN.fullmatch(password) or _BESIDE_ITS_LIKE.fullmatch(password):
        return PasswordFault.REPEATED
    if password in number:
        return PasswordFault.IN_NUMBER
    if any(password in written for written in _ways_to_write(birth_date)):
        return PasswordFault.IN_BIRTH_DATE
    if phone is not None and password in phone:
        return PasswordFault.IN_PHONE
    return None


def _ways_to_write(day: date) -> tuple[str, ...]:
    """19900215, and as other countries write it; the first holds 900215 too."""
    year, month, day_of_month = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    return (
        year + month + day_of_month,
        day_of_month + month + year,
        month + day_of_month + year,
        day_of_month + month + year[2:],
        month + day_of_month + year[2:],
    )
