"""How the holder of an account wishes to be told: in which language, and of what by which way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app import texts
from app.core.db import Session, bucket_of
from app.core.errors import Conflict
from app.models.notifications import NotificationWish
from app.services import audit
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.notifications.topics import Topic, Way
from app.services.people import homes

ALWAYS: Final = frozenset({Topic.SECURITY})
"""Topics that cannot be switched off."""


class SecurityNoticesStay(Conflict):
    """What is about somebody's security is told by every way."""

    code = "security-notices-stay"


@dataclass(frozen=True, slots=True)
class Wishes:
    """A language, and whether each topic is told by each way."""

    language: str
    topics: Mapping[Topic, Mapping[Way, bool]]

    def wants(self, topic: Topic, way: Way) -> bool:
        """Say whether a topic is told by a way."""
        return self.topics[topic][way]


async def of(session: Session, account_id: UUID | None) -> Wishes:
    """Return how an account's holder wishes to be told; everything, and in Chinese, until they say otherwise."""
    found = None
    if account_id is not None:
        found = await session.get(NotificationWish, (bucket_of(account_id), account_id), populate_existing=True)
    if found is None:
        return _read(texts.DEFAULT_LANGUAGE, "")
    return _read(found.language, found.switched_off)


async def change(
    session: Session, caller: Caller, *, language: str | None, topics: Mapping[Topic, Mapping[Way, bool]]
) -> Wishes:
    """Let the caller be told so from now on; what is not named stays as it is.

    Raises:
        SecurityNoticesStay: security is to be switched off.
    """
    await homes.lock(session, {caller.account_id})  # what two say at once, of different topics, both holds
    before = await of(session, caller.account_id)
    after = Wishes(
        language or before.language, {topic: {**before.topics[topic], **topics.get(topic, {})} for topic in Topic}
    )
    if not all(after.wants(topic, way) for topic in ALWAYS for way in Way):
        raise SecurityNoticesStay
    if after == before:
        return after
    switched_off = _written(after)
    written = {"language": after.language, "switched_off": switched_off, "changed_at": session.now}
    await session.execute(
        insert(NotificationWish)
        .values(bucket=bucket_of(caller.account_id), account_id=caller.account_id, **written)
        .on_conflict_do_update(constraint="pk_notification_wish", set_=written)
    )
    await audit.record(
        session,
        Action.NOTIFICATION_WISHES_CHANGED,
        home_id=caller.account_id,
        actor=caller.actor,
        facts={"language": after.language, "switched_off": switched_off},
    )
    return after


def _read(language: str, switched_off: str) -> Wishes:
    off = frozenset(switched_off.split())
    return Wishes(language, {topic: {way: f"{topic}.{way}" not in off for way in Way} for topic in Topic})


def _written(wishes: Wishes) -> str:
    return " ".join(f"{topic}.{way}" for topic in Topic for way in Way if not wishes.wants(topic, way))
