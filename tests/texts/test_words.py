"""Every text is there in every language, says something of its own, and names nobody."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import pytest

import app
from app import texts
from app.models.accounts import SmsPurpose
from app.models.card_orders import CardOrderState
from app.models.cases import Finding
from app.models.filings import FilingEnd
from app.models.transfers import TransferState
from app.ports.card_orders import CardOrderFailure
from app.ports.face import FaceReason
from app.ports.images import MAX_PIXELS, ImageFault
from app.ports.transfers import TransferRejection
from app.services.audit import Action
from app.services.card_orders.photos import CardPhotoFault
from app.services.cards.rules import PasswordFault
from app.services.family.activity import By
from app.services.family.ageing import ChangeKind
from app.services.links import Service
from app.services.people.identifiers import NumberFault
from app.services.people.names import NameFault
from app.services.people.phones import PhoneFault
from app.services.people.plausibility import Implausibility
from app.services.people.relationships import RelationshipFault

APP = Path(app.__file__).parent
FILES = (
    "problems",
    "messages",
    "fields",
    "filings",
    "pages",
    "relationships",
    "reviews",
    "services",
    "family",
)
PAGES = ("activity", "handover", "insurance", "my_data", "closing")
HAN = re.compile(r"[\u4e00-\u9fff]")
PLACES = {"code", "minutes", "name", "owner", "member", "on", "due_on", "valid_until"}
ALLOWED = {
    "messages": PLACES,
    "family": {"total", "spouse", "child", "elder", "other", "since"},
    "activity": {"office"},
}
SIDES = ("owner", "member")
_FACTS = dict.fromkeys(("total", "spouse", "child", "elder", "other", "since", "owner", "relationship"), "1")


def words(language: str) -> dict[str, str]:
    """Every text of a language by where it stands, in the order of its file."""
    return {
        f"{file}.{place}": text
        for file in FILES + PAGES
        for place, text in _leaves(tomllib.loads((APP / "texts" / language / f"{file}.toml").read_text("utf-8")))
    }


def _leaves(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            assert isinstance(value, str), f"{above}{key} is no text"
            yield f"{above}{key}", value


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", texts.LANGUAGES[1:])
def test_every_language_has_the_same_texts_with_the_same_places(language: str) -> None:
    first, other = words(texts.DEFAULT_LANGUAGE), words(language)

    assert list(other) == list(first)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in first.items()}


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_text_is_a_clean_line_that_names_nobody(language: str) -> None:
    for key, text in words(language).items():
        assert text, key
        assert text == " ".join(text.split()), key
        assert not re.search(r"[0-9]{6}|\*\*|TODO|FIXME|XXX|@|://", text), key
        allowed = {"messages": PLACES, "family": set(_FACTS), "activity": {"name", "office"}}.get(
            key.partition(".")[0], set()
        )
        assert places(text) <= allowed, key


def test_chinese_is_written_in_han_and_the_others_are_not() -> None:
    assert [key for key, text in words("zh-CN").items() if not HAN.search(text)] == []
    assert [key for language in ("en", "es") for key, text in words(language).items() if HAN.search(text)] == []


def test_no_text_was_left_untranslated() -> None:
    by_language = [words(language) for language in texts.LANGUAGES]

    assert [key for key in by_language[0] if len({each[key] for each in by_language}) < len(by_language)] == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_sentences_end_and_titles_do_not(language: str) -> None:
    for key, text in words(language).items():
        if key.partition(".")[0] in FILES and key != "family.holder_is":
            assert text.endswith(("。", ".")) is not key.endswith(".title"), key


@pytest.mark.parametrize("file", FILES)
def test_files_are_in_alphabetical_order(file: str) -> None:
    table = tomllib.loads((APP / "texts" / "en" / f"{file}.toml").read_text("utf-8"))
    reasons = table.pop("face_reasons", {})

    assert list(table) == sorted(table)
    assert list(reasons) == sorted(reasons)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_problem_says_what_happened_and_what_to_do(language: str) -> None:
    for code in texts.problem_codes():
        said = texts.problem(code, language)

        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert said.title
        assert said.detail
        assert said.next


def test_every_error_code_of_the_program_has_words() -> None:
    """A code is the class attribute `code` of an error; it is looked for in the source, so that none is missed."""
    raised = {
        statement.value.value
        for source in APP.rglob("*.py")
        for each in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(each, ast.ClassDef)
        for statement in each.body
        if isinstance(statement, ast.Assign)
        and [ast.unparse(target) for target in statement.targets] == ["code"]
        and isinstance(statement.value, ast.Constant)
    }

    assert "step-not-allowed" in raised
    assert raised - set(texts.problem_codes()) == set()


def test_every_message_that_the_program_names_has_words_also_for_those_who_stand_in() -> None:
    """What is not put together is looked for in the source, as the codes of errors are."""
    named = {
        each.value.value
        for source in APP.rglob("*.py")
        for each in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(each, ast.keyword) and each.arg == "message" and isinstance(each.value, ast.Constant)
    }
    kinds = set(texts.message_kinds())
    to_members = {kind.removesuffix("_member") for kind in kinds if kind.endswith("_member")}

    assert "acted_today_member" in named
    assert named - kinds == set()
    assert {f"{kind}_other_owner" for kind in to_members} - kinds == set()


def test_every_face_reason_has_words_and_none_is_left_over() -> None:
    assert set(texts.face_reasons()) == set(FaceReason)


def test_every_finding_of_reviewers_has_words_and_none_is_left_over() -> None:
    assert set(texts.review_findings()) == set(Finding)


def test_every_state_and_reason_of_filings_has_words_and_none_is_left_over() -> None:
    assert {kind: set(codes) for kind, codes in texts.filings().items()} == {
        "card_order_reasons": set(CardOrderFailure),
        "card_order_states": set(CardOrderState),
        "filing_ends": set(FilingEnd),
        "transfer_reasons": set(TransferRejection),
        "transfer_states": set(TransferState),
    }


@pytest.mark.parametrize(
    "faults",
    [NumberFault, NameFault, PhoneFault, RelationshipFault, Implausibility, PasswordFault, ImageFault, CardPhotoFault],
)
def test_every_fault_of_a_field_has_words(faults: type[StrEnum]) -> None:
    assert set(faults) - set(texts.field_codes()) == set()


def test_no_words_are_left_over_for_what_nothing_says() -> None:
    program = "".join(source.read_text("utf-8") for source in APP.rglob("*.py"))

    assert [code for code in (*texts.problem_codes(), *texts.field_codes()) if f'"{code}"' not in program] == []


def test_everything_that_is_done_for_people_has_words_and_none_is_left_over() -> None:
    of_staff = ("operator.", "staff.", "terminal.")
    done = {action.replace(".", "_") for action in Action if not action.startswith(of_staff)}

    assert set(texts.activity_codes()) == done | {f"by_{by}" for by in By if by is not By.OWNER} | {"something"}


def test_every_change_with_age_has_words_for_both_sides_and_none_is_left_over() -> None:
    assert set(texts.family_codes()) == {"holder_is", "quota"} | {
        f"{kind}_{side}" for kind in ChangeKind for side in SIDES
    }


def test_every_service_of_a_link_has_words_and_none_is_left_over() -> None:
    assert set(texts.services()) == set(Service)


@pytest.mark.parametrize("purpose", SmsPurpose)
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_code_says_how_long_it_lives_and_that_nobody_may_have_it(purpose: SmsPurpose, language: str) -> None:
    text = texts.message(f"sms_code_{purpose}", language, code="493027", minutes="5")

    assert "493027" in text
    assert re.search(r"\b5 (分钟|minutes|minutos)", text)
    assert any(hint in text for hint in ("不要告诉任何人", "Never tell anybody", "No se lo diga a nadie"))


def test_a_chinese_code_fits_in_one_text_message() -> None:
    """70 characters (GSM 03.38, UCS-2), less the sender's signature of about 10."""
    for purpose in SmsPurpose:
        assert len(texts.message(f"sms_code_{purpose}", "zh-CN", code="493027", minutes="5")) <= 60


def test_a_value_is_never_read_as_a_place() -> None:
    text = texts.message("link_started_owner", "en", member="{owner.__class__}")

    assert text.startswith("{owner.__class__} has joined")


def test_a_missing_value_is_an_error_and_never_a_gap() -> None:
    with pytest.raises(KeyError):
        texts.message("sms_code_register", "en", minutes="5")


@pytest.mark.parametrize("language", ["fr", "", "..", "zh-cn"])
def test_a_language_we_do_not_have_is_an_error(language: str) -> None:
    with pytest.raises(KeyError):
        texts.problem("not-found", language)


@pytest.mark.parametrize("kind", texts.message_kinds())
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_message_can_be_written(kind: str, language: str) -> None:
    values = {place: "王*" for place in PLACES}

    assert "{" not in texts.message(kind, language, **values)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_code_gives_its_own_words(language: str) -> None:
    spoken = [texts.field_error(code, language) for code in texts.field_codes()]
    spoken += [texts.face_reason(reason, language) for reason in texts.face_reasons()]
    spoken += [texts.problem(code, language).title for code in texts.problem_codes()]
    spoken += [texts.review_finding(finding, language) for finding in texts.review_findings()]
    spoken += [texts.service(name, language).title for name in texts.services()]
    spoken += [texts.family(code, language, **_FACTS) for code in texts.family_codes()]

    assert len(set(spoken)) == len(spoken)


def test_the_pixel_limit_that_is_told_is_the_one_that_holds() -> None:
    assert f"{MAX_PIXELS // 10_000} 万像素" in texts.problem("image-too-many-pixels", "zh-CN").detail
    assert f"{MAX_PIXELS // 1_000_000} megap" in texts.problem("image-too-many-pixels", "en").detail
    assert f"{MAX_PIXELS // 1_000_000} megap" in texts.problem("image-too-many-pixels", "es").detail
