"""Posts events to channels over HTTP, signed as Standard Webhooks 1.0.0 has it, and by SM2 to those who know it.

A signature by SM2 stands beside the others as `v1sm2,` and base64 of its DER, over the same text; libraries of the
specification pass over kinds that they do not know.
"""

import asyncio
import base64
from typing import Final

import httpx

from app.adapters.webhooks import Webhooks, signed_text
from app.core.clock import Clock
from app.ports.hooks import Hook, Hooks, HookUnavailable
from app.ports.signer import Signer, SignerUnavailable

_SECONDS: Final = 15.0  # "15-30s" by the specification, under "operational considerations"
_PLAIN: Final = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "escard"}


class HttpHooks(Hooks):
    """One POST an event; no redirect is followed, and no answer is read."""

    def __init__(
        self, clock: Clock, client: httpx.AsyncClient, signer: Signer | None = None, *, seconds: float = _SECONDS
    ) -> None:
        self._clock = clock
        self._signer = signer
        self._client = client
        self._seconds = seconds

    async def post(self, to: Hook, event_id: str, body: bytes) -> None:
        signed = Webhooks(to.secrets, self._clock).sign(event_id, body)
        if to.knows_sm2 and self._signer is not None:
            signed = await _signed_by_sm2(self._signer, signed, body)
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


async def _signed_by_sm2(signer: Signer, headers: dict[str, str], body: bytes) -> dict[str, str]:
    text = signed_text(headers["webhook-id"], headers["webhook-timestamp"], body)
    try:
        signature = base64.b64encode(await signer.sign(text)).decode()
    except SignerUnavailable as error:  # it is posted later, whole
        raise HookUnavailable from error
    return {**headers, "webhook-signature": f"{headers['webhook-signature']} v1sm2,{signature}"}
