"""Mobile phones have one written form, and show their ends only."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.people.identifiers import Population
from app.services.people.phones import PhoneFault, PhoneNotValid, mask_phone, parse_phone

MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True, alphabet="0123456789")


def refusal(raw: str, population: Population = Population.LIVING) -> PhoneFault:
    with pytest.raises(PhoneNotValid) as refused:
        parse_phone(raw, population=population)
    return refused.value.reason


@pytest.mark.parametrize(
    "raw",
    [
        "13800000000",
        " 138 0000 0000 ",
        "138-0000-0000",
        "138\u20130000\u20110000",
        "+8613800000000",
        "+86 138 0000 0000",
        "(+86) 138-0000-0000",
        "008613800000000",
        "8613800000000",
        "\uff0b\uff18\uff16\uff11\uff13\uff18\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
        "\u202d138 0000 0000\u202c",
    ],
)
def test_a_phone_is_read_as_people_type_it(raw: str) -> None:
    assert parse_phone(raw) == "13800000000"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", PhoneFault.BAD_CHARACTERS),
        ("138abcd0000", PhoneFault.BAD_CHARACTERS),
        ("138+0000000", PhoneFault.BAD_CHARACTERS),
        ("1380000000", PhoneFault.BAD_LENGTH),
        ("138000000000", PhoneFault.BAD_LENGTH),
        ("+861380000000", PhoneFault.BAD_LENGTH),
        ("12800000000", PhoneFault.NOT_MAINLAND_MOBILE),
        ("010 1234 5678", PhoneFault.NOT_MAINLAND_MOBILE),
        ("+852 9123 4567", PhoneFault.NOT_MAINLAND_MOBILE),
        ("10000001234", PhoneFault.NOT_MAINLAND_MOBILE),
    ],
)
def test_what_is_no_mobile_phone_is_refused_by_reason(raw: str, reason: PhoneFault) -> None:
    assert refusal(raw) is reason


def test_test_phones_are_taken_only_where_they_are_asked_for() -> None:
    assert parse_phone("100 0000 1234", population=Population.WITH_TEST_PEOPLE) == "10000001234"
    assert parse_phone("13800000000", population=Population.WITH_TEST_PEOPLE) == "13800000000"
    assert refusal("10000101234", Population.WITH_TEST_PEOPLE) is PhoneFault.NOT_MAINLAND_MOBILE


@given(MOBILES)
def test_a_phone_is_its_own_written_form(phone: str) -> None:
    assert parse_phone(phone) == parse_phone(f"+86 {phone[:3]}-{phone[3:7]}-{phone[7:]}") == phone


@given(MOBILES)
def test_a_mask_never_shows_the_middle(phone: str) -> None:
    assert mask_phone(phone) == f"{phone[:3]}****{phone[7:]}"


@given(st.text(max_size=20).filter(lambda value: len(value) != 11))
def test_what_is_no_phone_is_masked_whole(value: str) -> None:
    assert mask_phone(value) == "*" * len(value)


@given(st.text(max_size=20))
def test_any_text_is_a_phone_or_refused(raw: str) -> None:
    with suppress(PhoneNotValid):
        assert parse_phone(parse_phone(raw)) == parse_phone(raw)
