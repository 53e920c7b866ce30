"""Names are taken in every way people write them, and compared and masked alike."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.people.names import NameFault, NameNotValid, mask_name, normalise_name, parse_name, same_name

DOTS = "\u00b7\u0387\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb\uff0e\uff65."
SELECTOR = "\U000e0100"

HAN = st.sampled_from("王李欧阳买提䶮〇\u9fff\U00020087\U0002a6df\U0002ebf0\U000323af\U00031350\ufa0e\ue000")
LATIN = st.sampled_from("abzABZéÉñüȘẞ")
WORDS = st.text(HAN, min_size=1, max_size=6) | st.text(LATIN, min_size=1, max_size=6)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("·".join) | st.lists(
    st.text(LATIN, min_size=1, max_size=6), min_size=1, max_size=4
).map(" ".join)


def refusal(raw: str) -> NameFault:
    with pytest.raises(NameNotValid) as refused:
        parse_name(raw)
    return refused.value.reason


@pytest.mark.parametrize("dot", DOTS)
def test_every_dot_is_the_middle_dot(dot: str) -> None:
    assert parse_name(f"阿依古丽{dot}买买提") == "阿依古丽·买买提"
    assert parse_name(f"阿依古丽 {dot} 买买提") == "阿依古丽·买买提"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (" 王芳\n", "王芳"),
        ("王\u3000芳", "王芳"),
        ("王  小 明", "王小明"),
        ("阿依古丽··买买提", "阿依古丽·买买提"),
        ("\uff2a\uff4f\uff48\uff4e\u00a0 Smith", "John Smith"),
        ("Anne\u2010Marie O\u2019Neil", "Anne-Marie O'Neil"),
        ("José", "José"),
        ("⽅", "方"),
        ("\ue863", "䶮"),
        ("\ue831", "\U000215d7"),
        ("龙\ue864", "龙\u9fbb"),
    ],
)
def test_a_name_has_one_written_form(raw: str, name: str) -> None:
    assert parse_name(raw) == name


def test_all_characters_that_gbk_kept_private_are_found_where_unicode_has_them() -> None:
    written = normalise_name("".join(map(chr, range(0xE815, 0xE865))))

    assert len(set(written)) == 80
    assert not any(unicodedata.category(character) == "Co" for character in written)


@pytest.mark.parametrize(
    "name",
    [
        "王",
        "欧阳娜娜",
        "阿依古丽·买买提",
        "〇",
        "𠮷田",
        "\U000323af\U0002ebf0\U0003fffd",
        "\uf8ff\U000f0000",
        f"葛{SELECTOR}城",
        "'t Hooft",
        "Nguyễn Văn A",
        "x\u0323\u0302",
        "JEAN-LUC D'ARC",
        "王" * 50,
        f"葛{SELECTOR}" * 50,
    ],
)
def test_rare_long_and_foreign_names_are_taken(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", NameFault.EMPTY),
        (" \t\n", NameFault.EMPTY),
        (" · - ", NameFault.EMPTY),
        ("王2", NameFault.BAD_CHARACTERS),
        ("王②", NameFault.BAD_CHARACTERS),
        ("王\n芳", NameFault.BAD_CHARACTERS),
        ("王\x00芳", NameFault.BAD_CHARACTERS),
        ("王😀", NameFault.BAD_CHARACTERS),
        ("王\u202e芳", NameFault.BAD_CHARACTERS),
        ("王\u200b芳", NameFault.BAD_CHARACTERS),
        ("王<b>", NameFault.BAD_CHARACTERS),
        ("王.", NameFault.BAD_CHARACTERS),
        (SELECTOR, NameFault.BAD_CHARACTERS),
        (f"葛{SELECTOR}{SELECTOR}", NameFault.BAD_CHARACTERS),
        ("x\u0302\u0323\u0324", NameFault.BAD_CHARACTERS),
        ("王" * 51, NameFault.TOO_LONG),
    ],
)
def test_what_is_no_name_is_refused_by_reason(raw: str, reason: NameFault) -> None:
    assert refusal(raw) is reason


def test_a_refusal_does_not_carry_what_was_typed() -> None:
    with pytest.raises(NameNotValid, match=r"^bad_characters$"):
        parse_name("王2")


@given(st.text(max_size=30) | st.text("王芳.·•\u3000 \u0301a'\u2019-\ufe00\uff65\u0149\u0140", max_size=12))
def test_normalising_twice_changes_nothing(raw: str) -> None:
    assert normalise_name(normalise_name(raw)) == normalise_name(raw)


@pytest.mark.parametrize("text", [" ", "· ", "王 ", "王.", ". ", "a\u0301"])
def test_a_long_text_is_refused_as_fast_as_it_is_read(text: str) -> None:
    # A pattern that looks back over what it has read would need minutes here.
    assert refusal(text * 200_000)


@given(NAMES)
def test_a_written_form_is_a_name_and_stays_as_it_is(name: str) -> None:
    assert parse_name(parse_name(name)) == parse_name(name)


@given(NAMES, st.sampled_from(DOTS[:-1]))
def test_names_are_the_same_whatever_the_dot_the_case_and_the_spaces(name: str, dot: str) -> None:
    assert same_name(name, f" {name.replace('·', dot)} ")
    assert same_name(name.upper(), name.lower())


def test_glyph_variants_of_a_character_are_one() -> None:
    assert same_name(f"葛{SELECTOR}城", "葛城")
    assert same_name("葛\ufe00城", "葛城")


def test_different_names_are_not_the_same() -> None:
    assert not same_name("王芳", "王方")
    assert not same_name("阿依古丽·买买提", "阿依古丽买买提")


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王芳", "王*"),
        ("王小明", "王**"),
        ("欧阳娜娜", "欧***"),
        ("阿依古丽·买买提", "阿***·***"),
        ("JOHN SMITH", "J*** *****"),
        ("O'Neil", "O'****"),
        (f"葛{SELECTOR}城", "葛*"),
        ("王", "*"),
        ("𠮷", "*"),
        ("", "*"),
    ],
)
def test_a_mask_shows_the_first_character_and_the_shape(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@given(NAMES)
def test_a_mask_never_shows_more_than_the_first_character(name: str) -> None:
    masked = mask_name(name)

    assert set(masked[1:]) <= set("*· '-")
    assert masked[0] in {name[0], "*"}
    assert len(name) > 1 or masked == "*"
