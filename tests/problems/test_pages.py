"""Every refusal has a page that explains it, in every language, and every answer says which language it speaks."""

import importlib
import pkgutil
from collections.abc import Iterator

import httpx
import pytest

import app
from app import problems, texts
from app.core.errors import AppError
from app.ports.register import TestPerson


def kinds(of: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Every kind of error in the program."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    yield from _below(of)


def _below(of: type[AppError]) -> Iterator[type[AppError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _below(kind)


CODES = sorted({kind.code for kind in kinds() if hasattr(kind, "code")})


def test_every_kind_has_one_status_and_a_code_that_is_its_own() -> None:
    named = [kind for kind in kinds() if "code" in vars(kind)]

    assert len(CODES) > 40
    assert all(400 <= problems.status_of(kind) < 600 for kind in named)
    statuses = {code: {problems.status_of(kind) for kind in named if kind.code == code} for code in CODES}
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


async def test_every_code_has_a_page_in_every_language(client: httpx.AsyncClient) -> None:
    assert set(CODES) <= set(texts.problem_codes())

    for language in texts.LANGUAGES:
        pages = {
            code: await client.get(f"/problems/{code}", headers={"Accept-Language": language})
            for code in texts.problem_codes()
        }
        assert {page.status_code for page in pages.values()} == {200}
        assert {page.headers["content-language"] for page in pages.values()} == {language}
        assert len({page.text for page in pages.values()}) == len(pages)
        assert all('href="/problems"' in page.text for page in pages.values())
        assert all(texts.problem(code, language).title in _plain(page.text) for code, page in pages.items())


def _plain(page: str) -> str:
    return page.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&")


async def test_the_address_alone_leads_to_the_documentation_also_without_a_body(client: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/")
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_a_picture_for_an_outcome_that_there_is_not_is_refused(
    client: httpx.AsyncClient, people: dict[str, TestPerson]
) -> None:
    where = f"/dev/people/{next(iter(people))}/pictures/facial_photo"
    refused = await client.get(f"{where}?scenario=face_mismatched")
    known = await client.get(f"{where}?scenario=face_mismatch")

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "query:scenario")
    assert known.status_code == 200


async def test_the_pages_are_listed(client: httpx.AsyncClient) -> None:
    listed = await client.get("/problems")

    assert all(f'href="/problems/{code}"' in listed.text for code in texts.problem_codes())


@pytest.mark.parametrize("code", ["no-such-code", "<script>", "%3Cscript%3E", "..%2fhealthz"])
async def test_a_page_that_is_not_there_is_a_problem_and_repeats_nothing(client: httpx.AsyncClient, code: str) -> None:
    answer = await client.get(f"/problems/{code}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "script" not in answer.text


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("es-MX", "es"),
        ("fr, es;q=0.5", "es"),
        ("zh-TW", "zh-CN"),
        ("de", "zh-CN"),
        ("", "zh-CN"),
        ("*", "zh-CN"),
        ("en;q=0, es", "es"),
        (";;;q=x,,\u00ff", "zh-CN"),
    ],
)
async def test_a_refusal_speaks_the_language_asked_for(
    client: httpx.AsyncClient, wanted: str | None, language: str
) -> None:
    headers = [] if wanted is None else [(b"accept-language", wanted.encode("latin-1"))]

    answer = await client.get("/v1/me", headers=headers)

    assert answer.headers["content-language"] == language
    assert answer.json()["title"] == texts.problem("not-signed-in", language).title
    assert answer.json()["next"]["text"] == texts.problem("not-signed-in", language).next
