"""What the documents name exists: files, commands, targets, codes, settings, addresses, decisions, people, packages."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from app import texts
from app.adapters.face.sandbox import SCENARIOS
from app.adapters.register import demo, people_csv
from app.cli import VERBS
from app.cli.configuration import fields
from app.cli.line import command
from app.core.clock import SystemClock, today
from app.models.consents import ConsentPurpose
from app.models.enrolments import State
from app.walkthrough.doors import DOORS
from tests.api.documents import document

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
SOURCES = [path for folder in ("app", "migrations", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
OTHER_WORDS = {"audit-heads", "demo-bank", "demo-centre", "demo-mini", "lint-imports"}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _quoted(path: Path) -> list[str]:
    """What stands between back quotes in a page's prose."""
    prose = re.sub(r"^```.*?^```", "", _text(path), flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+", " ", quoted) for quoted in re.findall(r"`([^`]+)`", prose)]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_to_files(page: Path) -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", _text(page))]

    assert [each for each in targets if each and "://" not in each and not (page.parent / each).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_files_named_in_pages_are_there(page: Path) -> None:
    named = [
        word
        for word in _quoted(page)
        if re.fullmatch(r"(app|tests|docs|migrations|examples|benchmarks)/[\w./]*\w", word)
    ]

    assert [word for word in named if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_hyphened_words_in_pages_are_codes_of_ours(page: Path) -> None:
    known = {
        *texts.problem_codes(),
        *texts.NOTICE_CODES,
        *ConsentPurpose,
        *_labels(),
        *_targets(),
        *_packages(),
        *DOORS,
    }

    words = {word for word in _quoted(page) if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)}
    assert words - known - OTHER_WORDS == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_settings_and_states_named_in_pages_are_there(page: Path) -> None:
    settings = {name for name, _ in fields()}

    named = re.findall(r"\bESCARD_[A-Z0-9_]+\b", _text(page))
    assert {re.sub(r"(?<=^ESCARD_FACE_OPTIONS)__.*", "", name) for name in named} <= settings
    states = {word for word in _quoted(page) if word.endswith(("_pending", "_review"))}
    assert states <= {state.value for state in State}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_addresses_named_in_pages_are_in_the_document(page: Path) -> None:
    paths = [re.sub(r"\{\w+\}", "[^/]+", path) for path in document()["paths"]]
    named = re.findall(r"(?:GET|POST|PUT|DELETE) (/(?:v1|dev)/[\w/{}-]*[\w}])", _text(page))

    assert [path for path in named if not any(re.fullmatch(known, path) for known in paths)] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_named_in_pages_are_there(page: Path) -> None:
    commands = _commands()
    for words in re.findall(
        r"^(?:\.venv/bin/)?escard ([a-z]+(?:-[a-z]+)*(?: [a-z]+)*)",
        "\n".join([*_quoted(page), _blocks(page)]),
        re.MULTILINE,
    ):
        verb, *more = words.split()
        assert verb in commands, words
        assert not more or not commands[verb] or more[0] in commands[verb], words


def test_the_page_about_faces_tells_of_every_provider_and_every_outcome_of_the_sandbox() -> None:
    page = _text(ROOT / "docs" / "faces.md")
    offered = tomllib.loads(_text(ROOT / "pyproject.toml"))["project"]["entry-points"]["escard.face_providers"]
    section = page.partition("\n## sandbox\n")[2].partition("\n## ")[0]

    assert [name for name in offered if f"| [`{name}`](#{name}) |" not in page or f"\n## {name}\n" not in page] == []
    assert SCENARIOS - set(re.findall(r"`([a-z_]+)`", section)) == set()


def test_commands_of_the_makefile_are_there() -> None:
    verbs = set(re.findall(r"-m app ([a-z]+)", _text(ROOT / "Makefile")))

    assert verbs == {"run", "walkthrough"}
    assert verbs <= VERBS.keys()


def test_every_command_is_in_the_changelog() -> None:
    told = " ".join(_quoted(ROOT / "CHANGELOG.md")).split()

    assert [verb for verb in VERBS if verb not in told] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / ".ci" / "run"], ids=_name)
def test_make_targets_named_in_pages_are_there(page: Path) -> None:
    commands = "\n".join([*_quoted(page), _blocks(page)])
    named = set(re.findall(r"^(?:exec )?make ([a-z]+(?:-[a-z]+)*)", commands, re.MULTILINE))

    assert named - _targets() == set()


def test_every_make_target_says_what_it_does() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", _text(ROOT / "Makefile"), re.MULTILINE)
    assert phony is not None

    assert set(phony[1].split()) == _targets()


def test_decisions_are_numbered_without_a_gap_and_have_one_shape() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(numbers) + 1))
    for path in DECISIONS:
        text = _text(path)
        assert text.startswith(f"# {path.name[:4]} "), path
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "Alternatives",
        ], path
        assert re.search(r"## Decision\n\n\*\*[^*]+\*\*", text), f"{path}: the decision is one sentence in bold"
        assert len(text.splitlines()) <= 75, f"{path} is more than a page"


def test_decisions_that_are_referred_to_are_there() -> None:
    there = {path.name[:4] for path in DECISIONS}
    for path in [*SOURCES, *PAGES, ROOT / "pyproject.toml", ROOT / "Makefile"]:
        referred = set(re.findall(r"\badr/([0-9]{4})\b|\[([0-9]{4})\]\(", _text(path)))
        numbers = {number for pair in referred for number in pair if number}
        assert numbers <= there, path


def test_the_map_of_the_readme_names_every_part_of_the_app() -> None:
    named = set(
        re.findall(r"^((?:app|migrations|benchmarks|tests|docs)/[\w./]*)", _blocks(ROOT / "README.md"), re.MULTILINE)
    )

    assert [word for word in named if not (ROOT / word).exists()] == []
    parts = {f"app/{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}
    modules = {f"app/{path.name}" for path in (ROOT / "app").glob("*.py")} - {"app/__init__.py", "app/__main__.py"}
    assert parts | modules - {"app/problems.py"} <= named


def test_the_readme_knows_the_test_people() -> None:
    table = _text(ROOT / "README.md").partition("## Test people")[2].partition("\n## ")[0]
    named = {label for label in re.findall(r"`([a-z0-9-]+)`", table) if not label.isdecimal()}

    crowd = {label for label in _labels() if label.startswith("quota-relative-")}
    assert named - _labels() == set()
    assert _labels() - crowd - named == set()


def test_the_columns_of_people_files_are_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", _text(ROOT / "docs" / "register.md"), re.MULTILINE)

    assert tuple(described) == people_csv.COLUMNS


def test_every_direct_dependency_has_its_line() -> None:
    page = _text(ROOT / "docs" / "adr" / "0014-direct-dependencies.md")
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))
    direct = [_package(line) for line in project["project"]["dependencies"]]

    assert re.findall(r"^\| ([a-z0-9-]+) \| (?!why)", page, re.MULTILINE) == sorted(direct)
    tools = {_package(line) for group in project["dependency-groups"].values() for line in group}
    words = set(re.findall(r"[a-z0-9-]+", page))
    assert {tool for tool in tools if tool not in words and tool.removeprefix("pytest-") not in words} == set()


def _blocks(page: Path) -> str:
    return "\n".join(re.findall(r"^```\w*\n(.*?)^```", _text(page), re.MULTILINE | re.DOTALL))


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):[^=\n]*##", _text(ROOT / "Makefile"), re.MULTILINE))


def _labels() -> set[str]:
    return {str(entry.label) for entry in demo.people(today(SystemClock().now()))}


def _packages() -> set[str]:
    project = tomllib.loads(_text(ROOT / "pyproject.toml"))
    return {_package(line) for line in project["project"]["dependencies"]}


def _package(line: str) -> str:
    found = re.match(r"[a-zA-Z0-9-]+", line)
    assert found is not None
    return found[0]


def _commands() -> dict[str, set[str]]:
    """Every verb of the command line, and the words that may follow it."""
    found = {}
    for verb in VERBS:
        asked = getattr(get_command(command([verb])), "commands", {})[verb]
        found[verb] = set(getattr(asked, "commands", {}))
    return found
