"""Bodies: JSON is read strictly, what two readers could understand differently is refused; files come as they are."""

import json
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.ports.images import ImageType


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body: UTF-8, no name twice in an object, no NaN (RFC 8259 §4, §6, §8.1).

        Raises:
            JSONDecodeError: its message is the code of what is wrong.
        """
        try:
            text = (await self.body()).decode()
            return json.loads(text, object_pairs_hook=_each_name_once, parse_constant=_refuse)
        except UnicodeDecodeError:
            _refuse("not_utf8")
        except RecursionError:
            _refuse("too_deep")
        except json.JSONDecodeError as error:
            _refuse("twice" if error.msg == "twice" else "not_json")
        except ValueError:  # more figures than a number has
            _refuse("not_json")


class StrictRoute(APIRoute):
    """A route whose body is read so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def serve(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return serve


def file_body(types: Iterable[ImageType]) -> dict[str, Any]:
    """Describe a body that is a file of one of these types, for the OpenAPI document."""
    content = {kind.value: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(types)}
    return {"requestBody": {"required": True, "content": content}}


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        _refuse("twice")
    return found


def _refuse(why: str) -> NoReturn:
    raise json.JSONDecodeError(why, "", 0) from None
