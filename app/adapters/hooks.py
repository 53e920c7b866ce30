"""Posts events to channels over HTTP, signed as Standard Webhooks 1.0.0 has it."""

import asyncio
from typing import Final

import httpx

from app.adapters.webhooks import Webhooks
from app.core.clock import Clock
from app.ports.hooks import Hook, Hooks, HookUnavailable

_SECONDS: Final = 15.0  # "15-30s" by the specification, under "operational considerations"
_PLAIN: Final = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "escard"}


class HttpHooks(Hooks):
    """One POST an event; no redirect is followed, and no answer is read."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, *, seconds: float = _SECONDS) -> None:
        self._clock = clock
        self._client = client
        self._seconds = seconds

    async def post(self, to: Hook, event_id: str, body: bytes) -> None:
        signed = Webhooks(to.secrets, self._clock).sign(event_id, body)
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    "POST", to.url, content=body, headers=_PLAIN | signed, follow_redirects=False
                ) as answer,
            ):
                if answer.is_success:
                    return
        except (httpx.HTTPError, TimeoutError) as error:
            raise HookUnavailable from error
        raise HookUnavailable
