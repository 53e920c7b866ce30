"""Mainland mobile phones: one written form for the many ways people type them."""

import re
import unicodedata
from enum import StrEnum

from app.services.people.identifiers import Population


class PhoneFault(StrEnum):
    """Why a phone is none; the first that holds, in this order."""

    BAD_CHARACTERS = "bad_characters"
    BAD_LENGTH = "bad_length"
    NOT_MAINLAND_MOBILE = "not_mainland_mobile"


class PhoneNotValid(ValueError):
    """No mainland mobile phone; the message never carries what was typed."""

    def __init__(self, reason: PhoneFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


# Spaces, brackets, every dash, and the invisible direction marks that phone books put around a number one copies.
_PUNCTUATION = re.compile(r"[\s()\-\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_COUNTRY_CODE = re.compile(r"(?:\+|00)86|86(?=1[0-9]{10}$)")
_DIGITS = re.compile(r"[0-9]+")
_ABROAD = re.compile(r"(?:\+|00)[0-9]+")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_TEST_MOBILE = re.compile(r"1000000[0-9]{4}")
_LENGTH = 11


def parse_phone(raw: str, *, population: Population = Population.LIVING) -> str:
    """Return the 11 digits of a mobile phone, typed with or without +86, spaces and dashes.

    Raises:
        PhoneNotValid: it is none, by its `reason`.
    """
    digits = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", raw))
    if country_code := _COUNTRY_CODE.match(digits):
        digits = digits[country_code.end() :]
    if _ABROAD.fullmatch(digits):
        raise PhoneNotValid(PhoneFault.NOT_MAINLAND_MOBILE)
    if not _DIGITS.fullmatch(digits):
        raise PhoneNotValid(PhoneFault.BAD_CHARACTERS)
    if len(digits) != _LENGTH:
        raise PhoneNotValid(PhoneFault.BAD_LENGTH)
    is_test = population is Population.WITH_TEST_PEOPLE and _TEST_MOBILE.fullmatch(digits)
    if not (is_test or _MOBILE.fullmatch(digits)):
        raise PhoneNotValid(PhoneFault.NOT_MAINLAND_MOBILE)
    return digits


def mask_phone(value: str) -> str:
    """Hide the middle of a phone: `138****0000`. What is none is hidden whole."""
    if len(value) != _LENGTH:
        return "*" * len(value)
    return f"{value[:3]}****{value[7:]}"
