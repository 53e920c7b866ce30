"""Reads JSON bodies strictly: what two readers could understand differently is refused."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body: UTF-8, no name twice in an object, no NaN (RFC 8259 §4, §6, §8.1)."""
        text = (await self.body()).decode()
        return json.loads(text, object_pairs_hook=_each_name_once, parse_constant=_refuse)


class StrictRoute(APIRoute):
    """A route whose body is read so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def serve(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return serve


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("")
    return found


def _refuse(_: str) -> NoReturn:
    raise json.JSONDecodeError("not strict", "", 0)
