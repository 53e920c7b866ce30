"""Reads what a register says of its own accord: signed as Standard Webhooks has it (docs/register.md)."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from app.adapters.webhooks import NotGenuine, Webhooks, read_secret
from app.core.clock import Clock
from app.core.logging import logger
from app.ports.register import EventRefused, RegisterEvents

_FOLLOWED: Final = frozenset({"card.changed", "person.died"})


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class _About(_Said):
    social_security_number: str


class _Event(_Said):
    type: str
    data: _About


class SignedRegisterEvents(RegisterEvents):
    """Events that are signed with one of these secrets, each `whsec_…`, with spaces between."""

    def __init__(self, secrets: str, clock: Clock) -> None:
        self._webhooks = Webhooks([read_secret(each) for each in secrets.split()], clock)

    def number_in(self, headers: Mapping[str, str], body: bytes) -> str | None:
        try:
            event_id = self._webhooks.verify(headers, body)
        except NotGenuine as error:
            logger(__name__).warning("register_event_refused", flaw=error.flaw.value)
            raise EventRefused from None
        try:
            event = _Event.model_validate_json(body)
        except ValidationError:
            logger(__name__).warning("register_event_not_understood", event_id=event_id)
            raise EventRefused from None
        return event.data.social_security_number if event.type in _FOLLOWED else None
