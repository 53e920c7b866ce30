"""A face provider to play with: how a check ends is clicked on its page. It looks at no face.

It speaks the contract of docs/face-remote.openapi.yaml: three signed calls that escard makes, and a signed callback
when a check has ended. The outcome is any reason of the contract:

    device_meta {"outcome": "face_mismatch"}   of the request that begins the check, else
    FACES_OUTCOME=ok                           of the environment, for all checks, else
    source_photo_missing                       where there is no portrait to compare with, else
    ok                                         in photo mode, and in live mode
    what somebody clicks on the page

Checks are kept in memory, pictures not at all.
"""

import asyncio
import base64
import html
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
from remote_checks import DECISIONS, Check, read
from remote_signatures import Signatures
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

KEPT_SECONDS = 86400
MOST_BYTES = 8 * 1024 * 1024
CALLBACK_AFTER_SECONDS = (1.0, 5.0, 30.0, 300.0)


class Refused(Exception):
    """A request that is not answered: the status, and the contract's reason for it."""

    def __init__(self, status: int, reason: str = "provider_misconfigured") -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class RemoteFaces:
    """The provider: its secrets, where phones reach it, the outcome of all checks if it is fixed, and its clock."""

    def __init__(
        self, shared: Sequence[str], url: str, *, outcome: str | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.url = url
        self.outcome = outcome
        self.checks: list[Check] = []
        self.callback_after_seconds: Sequence[float] = CALLBACK_AFTER_SECONDS
        self._signatures = Signatures(shared, now)
        self._now = now
        self._calls: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    def app(self) -> Starlette:
        """Make the server."""
        return Starlette(
            routes=[
                Route("/checks", self._begin, methods=["POST"]),
                Route("/checks/{name}", self._tell, methods=["GET"]),
                Route("/checks/{name}", self._give_up, methods=["DELETE"]),
                Route("/pages/{page}", self._show, methods=["GET"]),
                Route("/pages/{page}", self._click, methods=["POST"]),
            ],
            exception_handlers={Refused: _refuse},
            lifespan=self._lifespan,
        )

    async def _begin(self, request: Request) -> Response:
        asked = read(await self._signed(request))
        if asked is None:
            raise Refused(422)
        self._forget()
        known = next((check for check in self.checks if check.check_id == asked["check_id"]), None)
        check = known or Check(asked["check_id"], asked["mode"], asked["callback_url"], self._moment())
        if known is None:
            self.checks.append(check)
            self._end(check, self._outcome_of(asked))
        client = {"url": f"{self.url}/pages/{check.page}"} if check.mode == "live" else {}
        return JSONResponse({"id": check.name, "client": client}, 200 if known else 201)

    async def _tell(self, request: Request) -> Response:
        await self._signed(request)
        return JSONResponse(self._named(request).standing())

    async def _give_up(self, request: Request) -> Response:
        await self._signed(request)
        check = self._named(request)
        if check.is_open:
            check.reason, check.occurred_at = "user_cancelled", self._moment()
        return Response(status_code=204)

    async def _show(self, request: Request) -> Response:
        return _page(self._on_page(request))

    async def _click(self, request: Request) -> Response:
        check = self._on_page(request)
        clicked = parse_qs((await _whole(request)).decode("latin-1")).get("outcome", [""])[0]
        if clicked not in DECISIONS:
            raise Refused(422)
        if check.is_open:
            self._end(check, clicked)
        return RedirectResponse(f"/pages/{check.page}", 303)

    async def _signed(self, request: Request) -> bytes:
        """Return the body of a request that escard has signed; nothing is looked at before."""
        body = await _whole(request)
        path = request.scope["path"]
        if not self._signatures.is_request_of_escard(request.method, path, request.headers, body):
            raise Refused(401)
        return body

    def _outcome_of(self, asked: dict[str, Any]) -> str:
        outcome: str | None = asked["device_meta"].get("outcome") or self.outcome
        if outcome is not None:
            return outcome if outcome in DECISIONS else "provider_misconfigured"
        if asked["reference"] is None:
            return "source_photo_missing"
        return "not_finished" if asked["mode"] == "live" else "ok"

    def _end(self, check: Check, reason: str) -> None:
        check.reason, check.occurred_at = reason, self._moment()
        if not check.is_open:
            call = asyncio.create_task(self._call_back(check))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call_back(self, check: Check) -> None:
        """Call back until we are heard: the same id each time, a new time and signature."""
        assert self._client is not None
        ended_at = check.occurred_at or check.begun_at
        body = {"type": "face_check.ended", "timestamp": ended_at.isoformat(), "data": {"check_id": check.check_id}}
        content, message = json.dumps(body).encode(), f"evt_{secrets.token_hex(16)}"
        for wait in self.callback_after_seconds:
            await asyncio.sleep(wait)
            headers = self._signatures.sign(message, content) | {"content-type": "application/json"}
            try:
                if (await self._client.post(check.callback_url, content=content, headers=headers)).is_success:
                    return
            except httpx.HTTPError:
                continue

    def _named(self, request: Request) -> Check:
        return self._found(lambda check: check.name == request.path_params["name"])

    def _on_page(self, request: Request) -> Check:
        return self._found(
            lambda check: secrets.compare_digest(check.page.encode(), request.path_params["page"].encode())
        )

    def _found(self, is_it: Callable[[Check], bool]) -> Check:
        found = next(filter(is_it, self.checks), None)
        if found is None:
            raise Refused(404)
        return found

    def _forget(self) -> None:
        now = self._moment()
        self.checks = [each for each in self.checks if (now - each.begun_at).total_seconds() < KEPT_SECONDS]

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=15) as self._client:
            yield
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Refused(413)
    return bytes(body)


async def _refuse(_: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return JSONResponse({"reason": refused.reason}, refused.status)


def _page(check: Check) -> Response:
    """Draw the page of a check: who stands before a camera elsewhere clicks here."""
    if check.is_open:
        outcomes = [outcome for outcome, decision in DECISIONS.items() if decision != "pending"]
        buttons = "\n".join(f'<button name="outcome" value="{each}">{each}</button>' for each in outcomes)
        content = f'<p>How does the check end?</p>\n<form method="post">\n{buttons}\n</form>'
    else:
        content = f"<p>It has ended: {html.escape(check.reason)}. Go back to the app.</p>"
    page = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Face check</title>
<style>body {{ font-family: sans-serif; margin: 2rem }} button {{ display: block; margin: .5rem 0 }}</style>
<h1>Face check</h1>
{content}
</html>
"""
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})


def _port(words: Sequence[str]) -> str:
    """Return the port that uvicorn was told on its command line; it tells nobody else."""
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word == "--port":
            return value
        if word.startswith("--port="):
            return word.removeprefix("--port=")
    return os.environ.get("UVICORN_PORT", "8000")


def app() -> Starlette:
    """Make the server as the environment says: FACES_SECRETS, FACES_URL, FACES_OUTCOME."""
    url = os.environ.get("FACES_URL", f"http://127.0.0.1:{_port(sys.argv)}")
    shared = os.environ.get("FACES_SECRETS", "").split()
    if not shared:
        shared = ["whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()]
        sys.stderr.write(
            "No FACES_SECRETS, so here is a new one. Beside this, start escard with\n\n"
            f"ESCARD_FACE_PROVIDERS=remote ESCARD_FACE_OPTIONS__REMOTE__ENDPOINT={url} "
            f"ESCARD_FACE_OPTIONS__REMOTE__SECRETS={shared[0]} make run\n\n"
        )
    return RemoteFaces(shared, url, outcome=os.environ.get("FACES_OUTCOME") or None).app()
