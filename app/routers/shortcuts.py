"""Answers what people do all day before the framework walks to a route.

A shortcut is the function of a route that is published like any other; only the way to it is shorter, by how much is in
docs/performance.md. What differs in any way from the plain request, such as a query or a body written otherwise, goes
the usual way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.core.errors import AppError
from app.routers.deps import House

_MOST_BYTES: Final = 4096
_JSON: Final = b"application/json"


@dataclass(frozen=True, slots=True)
class Read:
    """One read; `path` names it in the log, as a route's does."""

    path: str
    answer: Callable[[Request, House], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Deed:
    """One POST with a small body; `read` says what a body asks for, and None of one that is not written plainly."""

    path: str
    read: Callable[[bytes], str | None]
    answer: Callable[[Request, House, bytes, str], Awaitable[Response]]


class Shortcuts:
    """Wraps the app inside of what every request passes; pure ASGI."""

    def __init__(self, app: ASGIApp, *, house: House, reads: Mapping[str, Read], deeds: Mapping[str, Deed]) -> None:
        self._app = app
        self._house = house
        self._reads = reads
        self._deeds = deeds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one of the shortcuts, or pass the request on."""
        if scope["type"] != "http" or scope["query_string"]:
            await self._app(scope, receive, send)
        elif scope["method"] == "GET" and (read := self._reads.get(scope["path"])) is not None:
            request = Request(scope)
            await self._answer(read, read.answer(request, self._house), request, send)
        elif scope["method"] == "POST" and (deed := self._deeds.get(scope["path"])) is not None and _is_small(scope):
            await self._do(deed, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _do(self, deed: Deed, scope: Scope, receive: Receive, send: Send) -> None:
        messages = await _messages(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        asked = deed.read(body) if messages[-1]["type"] == "http.request" else None
        if asked is None:
            await self._app(scope, _again(messages, receive), send)
            return
        request = Request(scope)
        await self._answer(deed, deed.answer(request, self._house, body, asked), request, send)

    async def _answer(self, way: Read | Deed, answer: Awaitable[Response], request: Request, send: Send) -> None:
        request.scope["route"] = way
        try:
            response = await answer
        except AppError as refusal:
            response = problems.answer(request, refusal)
        await response(request.scope, _nothing, send)


def _is_small(scope: Scope) -> bool:
    """Say whether a body is JSON, or none, of a length that is told and no more than a few kilobytes."""
    length = media_type = b""
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"content-type":
            media_type = value
        elif name == b"transfer-encoding":
            return False
    if length in (b"", b"0"):
        return True
    return media_type == _JSON and length.isdigit() and int(length) <= _MOST_BYTES


async def _messages(receive: Receive) -> list[Message]:
    """Take in a whole body, or what came of it before its sender went away."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Let somebody else take in what was taken in already."""
    waiting = iter(messages)

    async def give() -> Message:
        return next(waiting, None) or await receive()

    return give


async def _nothing() -> Message:
    """Wait for nothing more: the answer needs no more of the request."""
    return {"type": "http.disconnect"}
