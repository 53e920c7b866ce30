"""The page that a link opens: in three languages, for every reader, with nothing in it that could run or leak."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from app import texts
from tests.api.documents import document

FILES = ("/handover", "/handover/page.css", "/handover/page.js")


class Page(HTMLParser):
    """What a browser sees of a page: elements with their attributes, and the text in each."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.inside.append((self._open[-1], data.strip()))

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


async def page(client: httpx.AsyncClient, language: str = "en") -> Page:
    return Page((await client.get("/handover", headers={"Accept-Language": language})).text)


@pytest.mark.parametrize("language", texts.LANGUAGES)
async def test_it_is_in_the_language_of_its_reader(client: httpx.AsyncClient, language: str) -> None:
    answer = await client.get("/handover", headers={"Accept-Language": language})
    spoken = {text for _, text in Page(answer.text).inside}

    assert (answer.status_code, answer.headers["content-language"]) == (200, language)
    assert answer.headers["vary"] == "Accept-Language"
    assert Page(answer.text).all("html") == [{"lang": language}]
    assert set(texts.handover(language).values()) <= spoken
    assert "{" not in answer.text


async def test_every_word_of_it_has_its_place(client: httpx.AsyncClient) -> None:
    words = texts.handover("en")

    assert len(set(words.values())) == len(words)
    with pytest.raises(KeyError):
        texts.handover("fr")


@pytest.mark.parametrize("path", FILES)
async def test_nothing_but_its_own_script_and_style_can_run(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    policy = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")
    assert "set-cookie" not in headers


async def test_there_is_no_script_or_style_in_it(client: httpx.AsyncClient) -> None:
    seen = await page(client)

    assert [tag for tag, _ in seen.inside if tag in ("script", "style")] == []
    assert [attributes["src"] for attributes in seen.all("script")] == ["/handover/page.js"]
    assert [attributes["href"] for attributes in seen.all("link")] == ["/handover/page.css"]
    named = {name for _, attributes in seen.elements for name in attributes}
    assert [name for name in named if name.startswith("on") or name in ("style", "action", "srcdoc")] == []


@pytest.mark.parametrize(
    ("path", "media_type"), [("/handover/page.css", "text/css"), ("/handover/page.js", "text/javascript")]
)
async def test_its_files_are_there(client: httpx.AsyncClient, path: str, media_type: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert "url(" not in answer.text
    assert "@import" not in answer.text


async def test_whatever_is_shown_goes_in_as_text(client: httpx.AsyncClient) -> None:
    script = (await client.get("/handover/page.js")).text

    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|import\(", script)
        == []
    )
    assert not re.search(r"[\u4e00-\u9fff]", script), "words are in app/texts"


async def test_the_script_asks_for_what_there_is(client: httpx.AsyncClient) -> None:
    script = (await client.get("/handover/page.js")).text
    paths = {re.sub(r"\{\w+\}", "[^/]+", path) for path in document()["paths"]}

    asked = {re.sub(r"\$\{[\w.]+\}", "x", path) for path in re.findall(r"[\"`](/v1/[^\"`]+)[\"`]", script)}
    asked |= {f"/v1/handovers/current/{path}" for path in re.findall(r"\$\{OURS\}/([\w/-]+)`", script)}
    asked |= {f"/v1/handovers/current/{path}" for path in re.findall(r"say\(\"([\w-]+)\"", script)}

    assert len(asked) == 8
    assert [path for path in asked if not any(re.fullmatch(known, path) for known in paths)] == []


async def test_the_script_finds_what_it_looks_for(client: httpx.AsyncClient) -> None:
    seen, script = await page(client), (await client.get("/handover/page.js")).text

    named = set(re.findall(r"byId\(\"([\w-]+)\"\)", script))
    named |= set(re.findall(r"\b(?:on|show|end)\(\"([\w-]+)\"", script))
    assert len(named) > 25
    assert named - set(seen.ids) == set()
    assert len(seen.ids) == len(set(seen.ids))


async def test_who_cannot_see_it_can_use_it(client: httpx.AsyncClient) -> None:
    seen = await page(client)
    sections, headings = seen.all("section"), seen.all("h1")

    labelled = {attributes["for"] for attributes in seen.all("label")}
    assert {attributes["id"] for attributes in seen.all("input")} == labelled
    described = {attributes["aria-describedby"] for attributes in seen.all("input") if "aria-describedby" in attributes}
    assert described <= set(seen.ids)
    assert len(seen.all("fieldset")) == len(seen.all("legend")) == 3
    assert [attributes["tabindex"] for attributes in headings] == ["-1"] * len(sections)
    assert {attributes.get("role") for attributes in seen.all("p", "div")} >= {"status", "alert"}
    assert all("hidden" in attributes for attributes in sections)
    assert "user-scalable" not in str(seen.all("meta"))


async def test_without_a_script_it_says_where_else_to_go(client: httpx.AsyncClient) -> None:
    answer = await client.get("/handover", headers={"Accept-Language": "en"})

    assert re.search(r"<noscript><p>[^<]*counter[^<]*</p></noscript>", answer.text)


@pytest.mark.parametrize("path", ["/handover/", "/handover/page.html", "/handover/%2e%2e/x"])
async def test_nothing_else_is_served_beside_it(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
