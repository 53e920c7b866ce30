"""Asks another authority's gateway: JSON over HTTP, signed as docs/adr/0017 has it, with an end to every wait."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import uuid4

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from app.adapters.answers import whole
from app.adapters.webhooks import Flaw, NotGenuine, Webhooks, read_secret
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings.groups import GatewaySettings

_MOST_BYTES: Final = 1024 * 1024
_MOST_FAULTS: Final = 10
PLAIN: Final = {"accept": "application/json", "accept-encoding": "identity", "content-type": "application/json"}


class GatewaySilent(Exception):
    """No answer, or none that we understand: it is not known what was done."""


class Said(BaseModel):
    """What a gateway says: each field of the contract with its type; further ones are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


Model = TypeVar("Model", bound=Said)


def understood(model: type[Model], body: bytes) -> Model:
    """Read what a gateway says; what is wrong with it is logged by field and kind, never by value.

    Raises:
        GatewaySilent: it is not what the contract says.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(step) for step in each['loc'] if step in model.model_fields)}: {each['type']}"
            for each in error.errors(include_url=False, include_input=False)[:_MOST_FAULTS]
        ]
        logger(__name__).warning("gateway_not_understood", said=model.__name__, faults=faults)
        raise GatewaySilent from error


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the body as it came."""

    status: int
    body: bytes = field(repr=False)

    def read(self, model: type[Model]) -> Model:
        """Read the body.

        Raises:
            GatewaySilent: it is not what the contract says.
        """
        return understood(model, self.body)


class Gateway:
    """One gateway: its address, the secrets that requests are signed with, and how long it may take."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._endpoint = settings.endpoint.rstrip("/")
        self._timeout = settings.timeout_seconds
        self._webhooks = Webhooks(secrets_of(settings), clock)
        self._client = client

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Send a request and return the answer, whatever its status below 500.

        Raises:
            GatewaySilent: there was none in time, or only that it cannot answer now.
        """
        said, _ = await self._exchange(f"req_{uuid4().hex}", method, path, body)
        return said

    async def ask_signed(self, method: str, path: str, body: object = None) -> Answer:
        """Send a request to a gateway that signs its answers; believe none but the one to this very request.

        Such an answer bears the request's `webhook-id`, and signs `{status}`, a line's end and the body.

        Raises:
            GatewaySilent: there was none in time, or only that it cannot answer now.
            NotGenuine: it is signed by nobody we know, is not of now, or was given to another request.
        """
        request_id = f"req_{uuid4().hex}"
        said, headers = await self._exchange(request_id, method, path, body)
        if self._webhooks.verify(headers, f"{said.status}\n".encode() + said.body) != request_id:
            raise NotGenuine(Flaw.HEADERS)
        return said

    async def _exchange(
        self, request_id: str, method: str, path: str, body: object
    ) -> tuple[Answer, Mapping[str, str]]:
        content = b"" if body is None else orjson.dumps(body)
        signed = self._webhooks.sign(request_id, f"{method} {path}\n".encode() + content)
        try:
            async with (
                asyncio.timeout(self._timeout),  # the client's own limit begins anew with each piece of an answer
                self._client.stream(
                    method, self._endpoint + path, content=content, headers=PLAIN | signed, follow_redirects=False
                ) as answer,
            ):
                said = Answer(answer.status_code, await whole(answer.aiter_raw(), _MOST_BYTES, GatewaySilent()))
        except (httpx.HTTPError, TimeoutError) as error:
            raise GatewaySilent from error
        if is_not_now(said.status):
            raise GatewaySilent
        return said, answer.headers


def secrets_of(settings: GatewaySettings) -> Sequence[bytes]:
    """Return the secrets shared with a gateway.

    Raises:
        ValueError: one is none; the words do not tell it.
    """
    return [read_secret(each) for each in settings.secrets.get_secret_value().split()]


def is_not_now(status: int) -> bool:
    """Say whether a status means that there is no answer now, and may be one later."""
    return status >= 500 or status in (408, 425, 429)
