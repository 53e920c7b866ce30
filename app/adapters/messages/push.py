"""What apps show, by any gateway that speaks our small contract (docs/messages.md): signed, each key shown once."""

from typing import Final

import httpx

from app.adapters.gateways import Gateway, GatewaySilent
from app.adapters.messages.keys import address_of
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings.groups import GatewaySettings
from app.ports.push import Push, PushMessage, PushOutcome, PushUnavailable

_TAKEN: Final = frozenset({200, 201, 202, 204})
_GONE: Final = frozenset({404, 410})


class GatewayPush(Push):
    """Hands each notification over by `PUT /notifications/{key}`: what is put twice is there once."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = Gateway(settings, clock, client)

    async def send(self, message: PushMessage) -> PushOutcome:
        body = {"to": message.to, "platform": message.platform, "topic": message.topic, "text": message.text}
        try:
            answer = await self._gateway.ask("PUT", address_of("/notifications", message.key), body)
        except GatewaySilent as error:
            raise PushUnavailable from error
        if answer.status in _GONE:
            return PushOutcome.GONE
        if answer.status not in _TAKEN:
            logger(__name__).error("push_gateway_refuses_us", status=answer.status)
            raise PushUnavailable
        return PushOutcome.TAKEN
