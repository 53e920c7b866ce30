"""SMS by any gateway that speaks our small contract (docs/messages.md): signed, and each key sent once."""

from typing import Final

import httpx

from app.adapters.gateways import Gateway, GatewaySilent
from app.adapters.messages.keys import address_of
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings.groups import GatewaySettings
from app.ports.messages import Message, Messages, MessagesUnavailable

_TAKEN: Final = frozenset({200, 201, 202, 204})
_NEVER: Final = frozenset({404, 410, 422})


class GatewayMessages(Messages):
    """Hands each message over by `PUT /messages/{key}`: what is put twice is there once."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = Gateway(settings, clock, client)

    async def send(self, message: Message) -> None:
        """Hand a message over; one that nobody can ever receive is put into the log, and is done.

        Raises:
            MessagesUnavailable: the gateway is silent, or does not know us.
        """
        body = {"to": message.to, "kind": message.kind.value, "text": message.text, "code": message.code}
        try:
            answer = await self._gateway.ask("PUT", address_of("/messages", message.key), body)
        except GatewaySilent as error:
            raise MessagesUnavailable from error
        if answer.status in _NEVER:
            logger(__name__).warning("message_refused", key=message.key, status=answer.status)
        elif answer.status not in _TAKEN:
            logger(__name__).error("message_gateway_refuses_us", status=answer.status)
            raise MessagesUnavailable
