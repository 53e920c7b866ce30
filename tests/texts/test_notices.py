"""Notices are complete, agree between languages, and never change once they are published."""

import re
import tomllib
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from app.texts import LANGUAGES, NOTICE_CODES, Notice, notice, notice_versions

LATEST = date.max
PUBLISHED = Path(__file__).with_name("published_notices.toml")


def every_notice() -> list[Notice]:
    published = tomllib.loads(PUBLISHED.read_text("utf-8"))
    return [
        notice(code, language, date.fromisoformat(version))
        for code, versions in published.items()
        for version in versions
        for language in LANGUAGES
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", NOTICE_CODES)
def test_every_notice_can_be_read_in_every_language(code: str, language: str) -> None:
    read = notice(code, language, LATEST)

    assert (read.code, read.language, read.version) == (code, language, notice_versions(code)[-1])
    assert read.title
    assert len(read.body) > 500
    assert "## " in read.body
    assert 0 < read.min_reading_seconds <= 60


@pytest.mark.parametrize("code", NOTICE_CODES)
def test_the_languages_of_a_version_agree(code: str) -> None:
    for version in notice_versions(code):
        day = date.fromisoformat(version)
        same = [notice(code, language, day) for language in LANGUAGES]

        assert {each.version for each in same} == {version}
        assert {each.effective_from for each in same} == {day}
        assert len({each.min_reading_seconds for each in same}) == 1
        assert len({len(re.findall(r"^## ", each.body, re.MULTILINE)) for each in same}) == 1
        assert len({len(re.findall(r"^(?:- |[0-9]\. )", each.body, re.MULTILINE)) for each in same}) == 1
        assert len({each.title for each in same}) == len({each.body for each in same}) == len(LANGUAGES)


@pytest.mark.parametrize("code", NOTICE_CODES)
def test_nothing_is_in_force_before_its_day(code: str) -> None:
    first = date.fromisoformat(notice_versions(code)[0])

    with pytest.raises(KeyError):
        notice(code, "zh-CN", first - timedelta(days=1))
    assert notice(code, "zh-CN", first).effective_from == first


@pytest.mark.parametrize(("code", "language"), [("no-such", "zh-CN"), ("own-card", "fr"), ("..", "en"), ("", "")])
def test_a_notice_that_is_not_there_is_an_error(code: str, language: str) -> None:
    with pytest.raises(KeyError):
        notice(code, language, LATEST)


def test_versions_of_a_notice_that_is_not_there_are_an_error() -> None:
    with pytest.raises(KeyError):
        notice_versions("no-such")


def test_the_hash_is_over_the_body_as_it_is_sent() -> None:
    for each in every_notice():
        assert each.sha256 == sha256(each.body.encode("utf-8")).hexdigest()
        assert each.body == each.body.strip()
        assert "\r" not in each.body
        assert "+++" not in each.body


def test_a_published_text_is_never_changed() -> None:
    """People agreed to exactly these words. A new wording is a new version: add its file and its line here."""
    published = tomllib.loads(PUBLISHED.read_text("utf-8"))

    assert {code: tuple(versions) for code, versions in published.items()} == {
        code: notice_versions(code) for code in NOTICE_CODES
    }
    for each in every_notice():
        assert published[each.code][each.version][each.language] == each.sha256, f"{each.code} {each.language}"


@pytest.mark.parametrize("code", NOTICE_CODES)
@pytest.mark.parametrize(
    ("language", "owed"),
    [
        ("zh-CN", ["单独", "不同意", "撤回", "窗口", "保存", "12333", "投诉", "敏感个人信息"]),
        ("en", ["consent", "agree", "withdraw", "counter", "kept", "12333", "complain", "sensitive"]),
        ("es", ["consentimiento", "acept", "retir", "ventanilla", "conserva", "12333", "reclamar", "sensible"]),
    ],
)
def test_every_notice_says_what_the_law_owes_people(code: str, language: str, owed: list[str]) -> None:
    """Purpose and handler, retention, rights (PIPL art. 17), withdrawal (art. 15), sensitive data (arts. 28 to 31)."""
    body = notice(code, language, LATEST).body.lower()

    assert [word for word in owed if word not in body] == []


@pytest.mark.parametrize(
    ("language", "promises"),
    [
        ("zh-CN", ["不是唯一", "7 天", "未满 14 周岁", "查看", "出示", "待遇资格认证", "提交", "支付不在其中"]),
        ("en", ["never the only way", "7 days", "under 14", "View", "Show", "Certify", "File", "asked apart"]),
        ("es", ["nunca es la única", "7 días", "14 años", "Ver", "Mostrar", "Certificar", "Tramitar", "aparte"]),
    ],
)
def test_the_face_notice_keeps_the_promises_of_the_measures_of_2025(language: str, promises: list[str]) -> None:
    body = notice("face-check", language, LATEST).body

    assert [promise for promise in promises if promise not in body] == []


def test_notices_name_nobody_and_are_finished() -> None:
    for each in every_notice():
        text = each.title + each.body
        assert not re.search(r"[0-9]{6}|\*\*\*|TODO|FIXME|XXX|@|://|\{", text), each.code
        assert bool(re.search(r"[\u4e00-\u9fff]", text)) is (each.language == "zh-CN"), each.code
