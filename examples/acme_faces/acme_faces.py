"""A face provider of an imaginary vendor: what a real one has to do, and nothing else.

The vendor has three calls: `POST /checks` begins a check and returns its id and a page for the person's phone,
`GET /checks/{id}` says how it stands, `DELETE /checks/{id}` gives it up. It calls back, unsigned, when a check is done.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import httpx

from app.core.clock import Clock
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)

# Each of the vendor's codes is one of our reasons; write the vendor's page beside the table.
_OUTCOMES: Final[Mapping[str, tuple[FaceDecision, FaceReason]]] = {
    "passed": (FaceDecision.PASSED, FaceReason.OK),
    "open": (FaceDecision.PENDING, FaceReason.NOT_FINISHED),
    "other_person": (FaceDecision.FAILED, FaceReason.FACE_MISMATCH),
    "not_alive": (FaceDecision.FAILED, FaceReason.LIVENESS_FAILED),
    "blurred": (FaceDecision.FAILED, FaceReason.CAPTURE_QUALITY),
    "left": (FaceDecision.CANCELLED, FaceReason.USER_CANCELLED),
    "late": (FaceDecision.EXPIRED, FaceReason.TIMED_OUT),
}
_MATCHED: Final = (FaceReason.OK, FaceReason.FACE_MISMATCH)


class AcmeFaces(FaceProvider):
    """Made with our clock, our HTTP client and its options: `url` and `key`."""

    name = "acme"
    modes = frozenset({FaceMode.LIVE, FaceMode.PHOTO})

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str]) -> None:
        self._clock = clock
        self._client = client
        self._url = _option(options, "url")
        self._key = _option(options, "key")

    async def start(self, request: FaceRequest) -> FaceStart:
        begun = await self._ask(
            "POST",
            "/checks",
            {
                "order": str(request.check_id),  # the same when a start is repeated, so the vendor begins it once
                "mode": request.mode.value,
                "name": request.name,
                "number": request.number,
                "reference": _text(request.reference),
                "photo": _text(request.photo),
                "callback": request.callback_url,
            },
        )
        return FaceStart(provider_ref=begun["id"], client={"url": begun["page"]})

    async def result(self, provider_ref: str) -> FaceResult:
        said = await self._ask("GET", f"/checks/{provider_ref}")
        try:
            decision, reason = _OUTCOMES[said["outcome"]]
        except KeyError as error:  # what we do not understand is never somebody's failure
            raise FaceServiceUnavailable from error
        return FaceResult(
            decision=decision,
            reason=reason,
            liveness=Liveness(done=reason in _MATCHED, passed=reason in _MATCHED, kind="blink"),
            match=Match(
                done=reason in _MATCHED,
                passed=reason is FaceReason.OK,
                source=MatchSource.REGISTER if reason in _MATCHED else MatchSource.NONE,
                score_band=ScoreBand.HIGH if reason is FaceReason.OK else ScoreBand.LOW,
            ),
            provider_ref=provider_ref,
            provider_code=said["outcome"],
            charged=decision is not FaceDecision.PENDING,
            occurred_at=self._clock.now(),
        )

    async def cancel(self, provider_ref: str) -> None:
        await self._ask("DELETE", f"/checks/{provider_ref}")

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        try:
            return FaceEvent(UUID(callback.query["order"]), callback.digest)  # a hint: the result is asked for
        except (KeyError, ValueError):
            return None

    async def close(self) -> None:
        """Nothing to let go of: the client is the house's."""

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            answer = await self._client.request(
                method, self._url + path, json=body, headers={"Authorization": f"Bearer {self._key}"}
            )
            answer.raise_for_status()
            said: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise FaceServiceUnavailable from error
        return said


def _option(options: Mapping[str, str], name: str) -> str:
    """Return an option; a LookupError ends the start with its words."""
    if not options.get(name):
        raise LookupError(f"the face provider acme needs ESCARD_FACE_OPTIONS__ACME__{name.upper()}")
    return options[name]


def _text(image: bytes | None) -> str | None:
    return None if image is None else base64.b64encode(image).decode()
