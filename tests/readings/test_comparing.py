"""What is read on a document agrees with a person, differs, or could not be read; never more than a hint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.documents import Agreement
from app.services.readings import Reading, compare

NAME, NUMBER = "王子墨", "100101201703040014"
OTHER_NUMBER = "100101198703140037"
AGREES, DIFFERS, UNREAD = Agreement.AGREES, Agreement.DIFFERS, Agreement.UNREAD


def read(*lines: str, name: str = NAME, number: str = NUMBER) -> tuple[Agreement, Agreement]:
    reading = compare(lines, name=name, number=number)
    return reading.name, reading.number


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("姓名王子墨", "性别男民族汉", f"公民身份号码{NUMBER}"), (AGREES, AGREES)),
        (("姓 名 王 子 墨", "公民身份号码 100101 20170304 0014"), (AGREES, AGREES)),
        (("姓名：王志远", f"公民身份号码{OTHER_NUMBER}"), (DIFFERS, DIFFERS)),
        (("姓名王子黑", "公民身份号码100101201703040011"), (UNREAD, UNREAD)),
        (("户主姓名王志远", f"姓名王子墨 {NUMBER}", f"姓名王志远 {OTHER_NUMBER}"), (AGREES, AGREES)),
        (("社会保障卡", "SOCIAL SECURITY CARD"), (UNREAD, UNREAD)),
        (("社会保障号码", NUMBER), (UNREAD, AGREES)),
        (("一", "二"), (UNREAD, UNREAD)),
        ((), (UNREAD, UNREAD)),
    ],
)
def test_a_document_says(lines: tuple[str, ...], said: tuple[Agreement, Agreement]) -> None:
    assert read(*lines) == said


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("古丽·买买提", "姓名古丽买买提"),
        ("古丽·买买提", "姓名 古丽•买买提"),
        ("䶮小明", "姓名\ue863小明"),
        ("JOHN SMITH", "Name John  Smith"),
        ("𠮷田", "姓名𠮷田性别女"),
    ],
)
def test_names_are_compared_whatever_the_dots_spaces_and_glyphs(name: str, line: str) -> None:
    assert read(line, "ABCDEFG", name=name)[0] is AGREES


@pytest.mark.parametrize(
    ("number", "line"),
    [
        ("10010119870314003X", "号码10010119870314003x"),
        ("USA110190010108", "证件号码 USA110190010108"),
        ("911840199001010018", "911840199001010018"),
    ],
)
def test_numbers_of_every_kind_are_found(number: str, line: str) -> None:
    assert read("永久居留身份证", line, number=number)[1] is AGREES


def test_a_number_within_a_longer_one_is_not_somebody_elses() -> None:
    assert read("编号 9" + OTHER_NUMBER + "7", "条码")[1] is UNREAD


@given(lines=st.lists(st.text(max_size=80), max_size=12))
def test_whatever_is_read_there_is_an_answer(lines: list[str]) -> None:
    assert isinstance(compare(lines, name=NAME, number=NUMBER), Reading)
