"""Long polls: an answer when something changes, for clients that have no server-sent events."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel
from starlette.responses import Response

from app.routers.deps import House

Prefer = Annotated[str | None, Header(description="`wait=20`: answer when it changes (RFC 7240 §4.3)")]
IfNoneMatch = Annotated[str | None, Header(description="The `ETag` of what is known already")]
_WAIT = re.compile(r"\bwait=(\d{1,3})\b")
_LONGEST_SECONDS = 25


async def answer_when_changed(
    house: House,
    still_may: Callable[[], Awaitable[object]],
    read: Callable[[], Awaitable[tuple[int, BaseModel]]],
    newest: Callable[[], Awaitable[int | None]],
    prefer: str | None,
    if_none_match: str | None,
) -> Response:
    """Answer with the newest version, at once or when it is another than the one known; 304 when none came.

    The version alone is looked at each second, and whether the caller may still read it; no connection is held
    between, and a stopping server answers at once. All is read again when the version changes or the wait is over.

    Args:
        still_may: raises what is to be answered to a caller who was signed out meanwhile.
    """
    wait = _WAIT.search(prefer or "")
    until = time.monotonic() + (min(int(wait.group(1)), _LONGEST_SECONDS) if wait else 0)
    while True:
        version, body = await read()
        etag = f'"{version}"'
        if if_none_match != etag:
            return Response(body.model_dump_json(), headers={"ETag": etag}, media_type="application/json")
        if time.monotonic() >= until or house.stopping.is_set():
            return Response(status_code=304, headers={"ETag": etag})
        is_new = False
        while not (is_new or time.monotonic() >= until or house.stopping.is_set()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(house.stopping.wait(), 1)
            await still_may()
            is_new = await newest() != version
