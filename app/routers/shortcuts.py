"""Answers the reads people do all day before the framework walks to a route.

A read here is the function of a route that is published like any other; only the way to it is shorter, by how much is
in docs/performance.md. What differs in any way from the plain read, such as a query, goes the usual way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.core.errors import AppError
from app.routers.deps import House


@dataclass(frozen=True, slots=True)
class Read:
    """One read; `path` names it in the log, as a route's does."""

    path: str
    answer: Callable[[Request, House], Awaitable[Response]]


class Shortcuts:
    """Wraps the app inside of what every request passes; pure ASGI."""

    def __init__(self, app: ASGIApp, *, house: House, reads: Mapping[str, Read]) -> None:
        self._app = app
        self._house = house
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one of the reads, or pass the request on."""
        read = self._reads.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if read is None or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        scope["route"] = read
        request = Request(scope)
        try:
            response = await read.answer(request, self._house)
        except AppError as refusal:
            response = problems.answer(request, refusal)
        await response(scope, receive, send)
