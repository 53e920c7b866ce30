"""Brings events to the channels that hear them: at least once, for three days, with nothing personal in them."""

from datetime import timedelta
from typing import Final

import orjson

from app.core import logging
from app.core.db import Database
from app.ports.hooks import Hooks, HookUnavailable
from app.services import outbox
from app.services.channel_registry import hearing as registered
from app.services.channels import replaying
from app.services.outbox import Taken

PATIENCE: Final = timedelta(days=3)  # the schedule that the specification of Standard Webhooks gives as an example

_log = logging.logger(__name__)


async def tell(db: Database, hooks: Hooks, event: Taken) -> None:
    """Post an event to its channel; after three days it is given up, and the log says so.

    Raises:
        HookUnavailable: not now.
    """
    name = event.facts["channel"]
    hook = await db.run(lambda session: registered.hook(session, name))
    if hook is None:
        return
    body = {
        "type": event.facts["event"],
        "timestamp": event.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {"issue_number": event.facts["issue_number"]},
    }
    try:
        await hooks.post(hook, replaying.webhook_id(event.id), orjson.dumps(body))
    except HookUnavailable:
        if db.clock.now() - event.since < PATIENCE:
            raise
        await db.run(lambda session: outbox.give_up(session, event.id))
        _log.error("channel_event_given_up", channel=name, event_id=str(event.id), attempts=event.attempts)
