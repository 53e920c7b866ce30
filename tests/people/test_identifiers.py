"""Social security numbers are read as people type them, checked, and never shown whole."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.services.people.identifiers import (
    NumberFault,
    NumberKind,
    NumberNotValid,
    Population,
    Sex,
    SocialSecurityNumber,
    check_character,
    mask_number,
    parse_number,
)


def full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


@st.composite
def eighteen(draw: st.DrawFn) -> str:
    """A valid number of any kind that has 18 characters."""
    head = draw(
        st.sampled_from(["110105", "440524", "659004", "710000", "810000", "820000", "830000", "911840", "931826"])
    )
    birth = draw(st.dates(date(1850, 1, 1), date(2100, 12, 31)))
    first17 = f"{head}{birth:%Y%m%d}{draw(st.integers(1, 999)):03}"
    return first17 + check_character(first17)


@st.composite
def permits_2017(draw: st.DrawFn) -> str:
    country = draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3))
    birth = draw(st.dates(date(1924, 1, 1), date(2023, 12, 31)))
    return f"{country}1101{birth:%y%m%d}{draw(st.integers(0, 99)):02}"


def refusal(raw: str, population: Population = Population.LIVING) -> NumberFault:
    with pytest.raises(NumberNotValid) as refused:
        parse_number(raw, population=population)
    return refused.value.reason


@pytest.mark.parametrize(
    ("raw", "kind", "birth_date", "sex", "region"),
    [
        ("11010519491231002X", NumberKind.CITIZEN_ID, date(1949, 12, 31), Sex.FEMALE, "110105"),
        ("440524188001010014", NumberKind.CITIZEN_ID, date(1880, 1, 1), Sex.MALE, "440524"),
        ("370101190102039973", NumberKind.CITIZEN_ID, date(1901, 2, 3), Sex.MALE, "370101"),
        ("810000200001010014", NumberKind.HMT_PERMIT, date(2000, 1, 1), Sex.MALE, "810000"),
        ("820000199912310022", NumberKind.HMT_PERMIT, date(1999, 12, 31), Sex.FEMALE, "820000"),
        ("830000201006300035", NumberKind.HMT_PERMIT, date(2010, 6, 30), Sex.MALE, "830000"),
        ("911840199001010018", NumberKind.FOREIGN_PERMIT_2023, date(1990, 1, 1), Sex.MALE, "110000"),
        ("931826198512310022", NumberKind.FOREIGN_PERMIT_2023, date(1985, 12, 31), Sex.FEMALE, "310000"),
        ("USA110190010108", NumberKind.FOREIGN_PERMIT_2017, date(1990, 1, 1), Sex.UNKNOWN, "110100"),
    ],
)
def test_a_number_says_its_kind_birth_sex_and_region(
    raw: str, kind: NumberKind, birth_date: date, sex: Sex, region: str
) -> None:
    assert parse_number(raw) == SocialSecurityNumber(raw, kind, birth_date, sex, region)


@pytest.mark.parametrize(
    "raw",
    ["11010519491231002x", " 110105 19491231 002X ", full_width("11010519491231002x"), "110105491231002"],
)
def test_a_number_is_read_as_people_type_it(raw: str) -> None:
    assert parse_number(raw).value == "11010519491231002X"


def test_a_permit_of_2017_is_read_in_small_letters() -> None:
    assert parse_number(" usa1101 900101 08").value == "USA110190010108"


def test_a_permit_of_2017_is_never_refused_for_its_check_digit() -> None:
    assert parse_number("USA110190010108").check_agrees
    assert not parse_number("USA110190010107").check_agrees


@pytest.mark.parametrize(("year", "century"), [("24", 1900), ("99", 1900), ("00", 2000), ("23", 2000)])
def test_a_permit_of_2017_is_of_nobody_born_after_2023(year: str, century: int) -> None:
    assert parse_number(f"USA1101{year}010108").birth_date.year == century + int(year)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", NumberFault.BAD_LENGTH),
        ("1101051949123100", NumberFault.BAD_LENGTH),
        ("11010519491231002X0", NumberFault.BAD_LENGTH),
        ("1101051949123100AX", NumberFault.BAD_CHARACTERS),
        ("11010519491231X02X", NumberFault.BAD_CHARACTERS),
        ("一二三105194912310021", NumberFault.BAD_CHARACTERS),
        ("uſı110190010108", NumberFault.BAD_CHARACTERS),
        ("AB1110190010108", NumberFault.BAD_CHARACTERS),
        ("812345200001010014", NumberFault.BAD_REGION_KIND),
        ("830001201006300035", NumberFault.BAD_REGION_KIND),
        ("810000000101001", NumberFault.BAD_REGION_KIND),
        ("911840900101001", NumberFault.BAD_REGION_KIND),
        ("160105194912310021", NumberFault.UNASSIGNED_PROVINCE),
        ("990105194912310021", NumberFault.UNASSIGNED_PROVINCE),
        ("981840199001010018", NumberFault.UNASSIGNED_PROVINCE),
        ("USA990190010108", NumberFault.UNASSIGNED_PROVINCE),
        ("11010519490229002X", NumberFault.BAD_DATE),
        ("110105194913010021", NumberFault.BAD_DATE),
        ("110105000001010021", NumberFault.BAD_DATE),
        ("110105490229002", NumberFault.BAD_DATE),
        ("USA110190023008", NumberFault.BAD_DATE),
        ("110105194912310021", NumberFault.BAD_CHECK),
    ],
)
def test_what_is_no_number_is_refused_by_reason(raw: str, reason: NumberFault) -> None:
    assert refusal(raw) is reason


def test_a_refusal_does_not_carry_what_was_typed() -> None:
    with pytest.raises(NumberNotValid) as refused:
        parse_number("11010519490229002X")

    assert str(refused.value) == "bad_date"
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("first17", ["10010120160501001", "91084019900101001"])
def test_test_people_are_taken_only_where_they_are_asked_for(first17: str) -> None:
    number = first17 + check_character(first17)

    assert refusal(number) is NumberFault.UNASSIGNED_PROVINCE
    assert parse_number(number, population=Population.WITH_TEST_PEOPLE).value == number


def test_other_unassigned_provinces_are_refused_with_test_people_too() -> None:
    assert refusal("160105194912310021", Population.WITH_TEST_PEOPLE) is NumberFault.UNASSIGNED_PROVINCE


@pytest.mark.parametrize("first17", ["", "1101051949123100", "110105194912310022", "1101051949123100A"])
def test_only_seventeen_digits_have_a_check_character(first17: str) -> None:
    with pytest.raises(ValueError, match=r"argument|invalid literal"):
        check_character(first17)


@given(eighteen())
def test_a_valid_number_is_its_own_written_form(number: str) -> None:
    assert parse_number(number).value == number
    assert parse_number(full_width(number.lower())).value == number


@given(eighteen(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_character_is_always_refused(number: str, position: int, character: str) -> None:
    assume(number[position] != character)

    assert refusal(number[:position] + character + number[position + 1 :])


@given(eighteen(), st.integers(0, 16))
def test_two_neighbours_swapped_are_always_refused(number: str, position: int) -> None:
    assume(number[position] != number[position + 1])

    assert refusal(number[:position] + number[position + 1] + number[position] + number[position + 2 :])


@given(st.dates(date(1900, 1, 1), date(1999, 12, 31)), st.integers(1, 999))
def test_fifteen_digits_say_the_same_as_eighteen(birth: date, sequence: int) -> None:
    number = parse_number(f"110105{birth:%y%m%d}{sequence:03}")

    assert number == parse_number(number.value)
    assert number.birth_date == birth
    assert number.sex is (Sex.MALE if sequence % 2 else Sex.FEMALE)


@given(permits_2017())
def test_a_permit_of_2017_is_its_own_written_form(number: str) -> None:
    assert parse_number(number).value == number


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(raw: str) -> None:
    with suppress(NumberNotValid):
        assert parse_number(parse_number(raw).value) == parse_number(raw)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("11010519491231002X", "110105********002X"),
        ("810000200001010014", "810000********0014"),
        ("USA110190010108", "USA1101******08"),
        ("", ""),
        ("A12345678", "*********"),
    ],
)
def test_the_birth_date_is_masked(value: str, masked: str) -> None:
    assert mask_number(value) == masked


@given(eighteen() | permits_2017())
def test_a_mask_shows_nothing_of_the_birth_date(number: str) -> None:
    start, end = (6, 14) if len(number) == 18 else (7, 13)

    masked = mask_number(number)

    assert masked == number[:start] + "*" * (end - start) + number[end:]
    assert repr(parse_number(number)) == str(parse_number(number)) == f"SocialSecurityNumber({masked})"
