"""The language of an answer is the one asked for, and a header can do no harm."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts import DEFAULT_LANGUAGE, LANGUAGES, choose_language

tags = st.sampled_from(["zh", "zh-CN", "ZH-hans-cn", "en", "en-GB", "es", "es-MX", "fr", "de-DE", "*"])
weights = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def header(wishes: list[tuple[str, float]]) -> str:
    return ", ".join(f"{tag};q={weight:.3f}" for tag, weight in wishes)


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("zh", "zh-CN"),
        ("zh-Hans-CN", "zh-CN"),
        ("en-GB", "en"),
        ("ES-mx", "es"),
        ("fr", "zh-CN"),
        ("fr, en;q=0.5", "en"),
        ("es;q=0.8, en;q=0.9, fr", "en"),
        ("en, es", "en"),
        ("es, en", "es"),
        ("es\t; Q=0.3 ,en ;q=0.2", "es"),
        ("*", "zh-CN"),
        ("en, *", "en"),
        ("*, en", "en"),
        ("*;q=0.5, en;q=0.4", "zh-CN"),
        ("zh;q=0, *", "en"),
        ("zh;q=0, en;q=0, *;q=0.1", "es"),
        ("en;q=0", "zh-CN"),
        ("*;q=0", "zh-CN"),
        ("en-US;q=0, en;q=0.5", "en"),
        ("english, es", "es"),
        ("en;q=1.5", "zh-CN"),
        ("en;q=0.1234", "zh-CN"),
        ("en;q=", "zh-CN"),
        ("en_US", "zh-CN"),
        ("ｅｎ", "zh-CN"),
        (";;;,,,q=1", "zh-CN"),
    ],
)
def test_the_header_decides_as_rfc_9110_says(accept_language: str | None, language: str) -> None:
    assert choose_language(accept_language) == language


@given(st.text())
def test_any_header_gives_one_of_our_languages(garbage: str) -> None:
    assert choose_language(garbage) in LANGUAGES


@given(st.lists(st.tuples(tags, weights), max_size=12))
def test_well_formed_headers_give_one_of_our_languages(wishes: list[tuple[str, float]]) -> None:
    assert choose_language(header(wishes)) in LANGUAGES


@given(st.lists(st.tuples(tags, weights), max_size=12))
def test_case_does_not_matter(wishes: list[tuple[str, float]]) -> None:
    assert choose_language(header(wishes).upper()) == choose_language(header(wishes))


@given(st.lists(st.tuples(tags, weights), max_size=12, unique_by=lambda wish: wish[1]))
def test_order_does_not_matter_when_no_weights_are_equal(wishes: list[tuple[str, float]]) -> None:
    assert choose_language(header(wishes[::-1])) == choose_language(header(wishes))


@given(st.sampled_from(LANGUAGES), st.lists(st.tuples(tags, weights.map(lambda weight: weight * 0.9)), max_size=12))
def test_a_language_wished_for_above_all_others_is_given(language: str, others: list[tuple[str, float]]) -> None:
    assert choose_language(header([*others, (language, 1.0)])) == language


@given(st.lists(st.tuples(tags, weights), max_size=6), st.text(alphabet="!@#$%^&()", min_size=1))
def test_a_part_that_cannot_be_read_changes_nothing(wishes: list[tuple[str, float]], garbage: str) -> None:
    assert choose_language(f"{garbage}, {header(wishes)}") == choose_language(header(wishes))


@pytest.mark.parametrize("piece", ["en,", "en;q=0.1,", "a-", "-", " ", "en ;", ";q=0.", "*-*-", "\t,", "aaaaaaaa"])
def test_a_huge_header_is_answered_at_once(piece: str) -> None:
    huge = piece * 1_000_000

    started = process_time()
    assert choose_language(huge) in LANGUAGES

    assert process_time() - started < 0.1


def test_of_a_huge_header_the_beginning_is_read() -> None:
    assert choose_language("es;q=0.9, " + "fr;q=0.1, " * 10_000 + "en") == "es"


def test_a_wish_that_is_cut_in_two_is_left_out() -> None:
    padding = "fr," * 332
    assert len(padding) + len("en-U") == 1000

    assert choose_language(f"{padding}en-US;q=0") == DEFAULT_LANGUAGE
