"""The reference in a browser: whole without internet, and nobody else's script on our origin."""

import re

import httpx
import pytest


async def test_it_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    answers = {part: await client.get(part) for part in parts}

    assert set(parts) == {"/docs/favicon.png", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"}
    assert "//" not in page.text
    for part, answer in answers.items():
        assert answer.status_code == 200, part
        assert len(answer.content) > 100
        assert "'self'" in answer.headers["content-security-policy"]
    assert b"SwaggerUIBundle" in answers["/docs/swagger-ui-bundle.js"].content
    assert answers["/docs/swagger-ui-bundle.js"].headers["content-type"].startswith("text/javascript")


async def test_a_browser_runs_no_script_but_ours(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/docs/nothing.js"])
async def test_nothing_else_is_served_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
