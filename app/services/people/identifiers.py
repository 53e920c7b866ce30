"""Social security numbers: what one says of its holder, or why it is none.

    citizen_id           region 6 · birth 8 · sequence 3 · check                  GB 11643-1999; once 15 digits
    hmt_permit           810000 | 820000 | 830000 · birth 8 · sequence 3 · check  Hong Kong, Macao, Taiwan
    foreign_permit_2023  9 · province 2 · country 3 · birth 8 · sequence 3 · check
    foreign_permit_2017  country 3 letters · region 4 · birth 6 · sequence 1 · check

Whether a birth date is still to come, or too long ago, is asked by those who know what day it is.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import cycle


class Sex(StrEnum):
    """Sex as GB/T 2261.1 codes it."""

    UNKNOWN = "0"
    MALE = "1"
    FEMALE = "2"
    NOT_STATED = "9"


class NumberKind(StrEnum):
    """The papers a social security number is taken from."""

    CITIZEN_ID = "citizen_id"
    HMT_PERMIT = "hmt_permit"
    FOREIGN_PERMIT_2023 = "foreign_permit_2023"
    FOREIGN_PERMIT_2017 = "foreign_permit_2017"


class Population(StrEnum):
    """Whose numbers are taken.

    Test people have what no living person can have: numbers of province 10, which is not assigned, and phones
    100 0000 xxxx. They are taken with the demo register only.
    """

    LIVING = "living"
    WITH_TEST_PEOPLE = "with_test_people"


class NumberFault(StrEnum):
    """Why a number is none; the first that holds, in this order."""

    BAD_LENGTH = "bad_length"
    BAD_CHARACTERS = "bad_characters"
    BAD_REGION_KIND = "bad_region_kind"
    UNASSIGNED_PROVINCE = "unassigned_province"
    BAD_DATE = "bad_date"
    BAD_CHECK = "bad_check"


class NumberNotValid(ValueError):
    """No social security number; the message never carries what was typed."""

    def __init__(self, reason: NumberFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, repr=False)
class SocialSecurityNumber:
    """A number in its one written form, and what it says.

    `region` is GB/T 2260 (6 digits, zeros where the number does not say more). `sex` is unknown and the century of
    `birth_date` inferred for a 2017 permit. `check_agrees` is false only for such a permit, whose published check rules
    disagree: a hint for reviewers, never a refusal.
    """

    value: str
    kind: NumberKind
    birth_date: date
    sex: Sex
    region: str
    check_agrees: bool = True

    def __repr__(self) -> str:
        return f"SocialSecurityNumber({mask_number(self.value)})"


_OLD_CITIZEN_ID = re.compile(r"[0-9]{15}")
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9Xx]")
_PERMIT_2017 = re.compile(r"[A-Za-z]{3}[0-9]{12}")

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"

# GB/T 2260. Provinces only: prefectures and counties are abolished all the time, the numbers they gave stay.
_PROVINCES = frozenset(
    str(province)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71))
    for province in range(first, last + 1)
)
_TEST_PROVINCE = "10"
_HMT_REGIONS = frozenset({"810000", "820000", "830000"})
_HMT_PROVINCES = frozenset(region[:2] for region in _HMT_REGIONS)

# By length, how much of a number stays readable at its head and tail: never the birth date.
_SHOWN = {18: (6, 4), 15: (7, 2)}


def parse_number(raw: str, *, population: Population = Population.LIVING) -> SocialSecurityNumber:
    """Read a number as people type it: full-width digits, spaces, small letters, or 15 digits of a citizen.

    Raises:
        NumberNotValid: it is none, by its `reason`.
    """
    text = "".join(unicodedata.normalize("NFKC", raw).split())
    if len(text) not in _SHOWN:
        raise NumberNotValid(NumberFault.BAD_LENGTH)
    if _PERMIT_2017.fullmatch(text):
        return _permit_2017(text.upper(), population)
    if _OLD_CITIZEN_ID.fullmatch(text):
        return _old_citizen_id(text, population)
    if _EIGHTEEN.fullmatch(text):
        return _eighteen(text.upper(), population)
    raise NumberNotValid(NumberFault.BAD_CHARACTERS)


def check_character(first17: str) -> str:
    """Return the check character of 17 digits (GB 11643, ISO 7064 MOD 11-2).

    Raises:
        ValueError: these are not 17 digits.
    """
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first17, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def mask_number(value: str) -> str:
    """Hide the birth date: `110105********002X`, `USA1101******08`. What has no known length is hidden whole."""
    head, tail = _SHOWN.get(len(value), (0, 0))
    hidden = len(value) - head - tail
    return value[:head] + "*" * hidden + value[head + hidden :]


def _eighteen(number: str, population: Population) -> SocialSecurityNumber:
    kind = _kind(number)
    region = number[1:3] + "0000" if kind is NumberKind.FOREIGN_PERMIT_2023 else number[:6]
    if kind is not NumberKind.HMT_PERMIT:
        _require_province(region, population)
    birth_date = _date(number[6:14])
    if check_character(number[:17]) != number[17]:
        raise NumberNotValid(NumberFault.BAD_CHECK)
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return SocialSecurityNumber(number, kind, birth_date, sex, region)


def _old_citizen_id(number: str, population: Population) -> SocialSecurityNumber:
    """Numbers had 15 digits until 1999: no century and no check character. Permits never had."""
    first17 = number[:6] + "19" + number[6:]
    if _kind(first17) is not NumberKind.CITIZEN_ID:
        raise NumberNotValid(NumberFault.BAD_REGION_KIND)
    return _eighteen(first17 + check_character(first17), population)


def _permit_2017(number: str, population: Population) -> SocialSecurityNumber:
    region = number[3:7] + "00"
    _require_province(region, population)
    # The last were given out in November 2023, so 00 to 23 are this century's: a holder born before 1924 would have
    # been past ninety. The register's birth date decides in any case.
    year = number[7:9]
    birth_date = _date(("20" if year <= "23" else "19") + number[7:13])
    agrees = _travel_document_check(number[:14]) == number[14]
    return SocialSecurityNumber(number, NumberKind.FOREIGN_PERMIT_2017, birth_date, Sex.UNKNOWN, region, agrees)


def _kind(number: str) -> NumberKind:
    if number.startswith("9"):
        return NumberKind.FOREIGN_PERMIT_2023
    if number[:2] not in _HMT_PROVINCES:
        return NumberKind.CITIZEN_ID
    if number[:6] in _HMT_REGIONS:
        return NumberKind.HMT_PERMIT
    raise NumberNotValid(NumberFault.BAD_REGION_KIND)


def _require_province(region: str, population: Population) -> None:
    province = region[:2]
    is_test = province == _TEST_PROVINCE and population is Population.WITH_TEST_PEOPLE
    if province not in _PROVINCES and not is_test:
        raise NumberNotValid(NumberFault.UNASSIGNED_PROVINCE)


def _date(digits: str) -> date:
    try:
        return date.fromisoformat(digits)
    except ValueError:
        raise NumberNotValid(NumberFault.BAD_DATE) from None


def _travel_document_check(text: str) -> str:
    """ICAO Doc 9303-3 §4.9: weights 7 3 1, digits for themselves, A to Z for 10 to 35."""
    return str(sum(weight * int(character, 36) for weight, character in zip(cycle((7, 3, 1)), text, strict=False)) % 10)
