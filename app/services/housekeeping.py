"""Puts away what nothing needs any more, in small steps, and finds objects that belong to no row."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.core.db import BUCKETS, Database, Session, bucket_of
from app.models.accounts import SmsCode
from app.models.answers import KeptAnswer
from app.models.base import Bucketed
from app.models.cards import CardPasswordWrong
from app.models.cases import NotedRisk
from app.models.channels import ChannelMessage
from app.models.counter import CardRead
from app.models.documents import SeenImage
from app.models.faces import FacePass, HeardEvent
from app.models.insurance import InsuranceCopy
from app.models.links import LinkEnding
from app.models.notifications import Notification
from app.models.operators import StaffSession
from app.models.outbox import OutboxEvent
from app.models.showings import Redemption
from app.models.stand_ins import InboxMessage
from app.models.statements import StatementNumber
from app.models.terminals import TerminalRequest
from app.models.throttles import Throttle
from app.ports.storage import ObjectStore
from app.services import files

EVIDENCE: Final = "evidence"
_SLICE = BUCKETS // 64
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Rule:
    """Rows of a table that go when so much time has passed since `moment`."""

    table: type[Bucketed]
    moment: InstrumentedAttribute[Any]
    kept: timedelta


_RULES: Final = (
    _Rule(KeptAnswer, KeptAnswer.expires_at, timedelta()),
    _Rule(SmsCode, SmsCode.expires_at, timedelta(days=1)),
    _Rule(CardPasswordWrong, CardPasswordWrong.at, timedelta(days=7)),  # a day counts
    _Rule(LinkEnding, LinkEnding.expires_at, timedelta(days=1)),
    _Rule(Throttle, Throttle.resets_at, timedelta()),
    _Rule(HeardEvent, HeardEvent.heard_at, timedelta(days=30)),
    _Rule(FacePass, FacePass.at, timedelta(days=30)),
    _Rule(SeenImage, SeenImage.seen_at, timedelta(days=30)),
    _Rule(NotedRisk, NotedRisk.noted_at, timedelta(days=30)),
    _Rule(StaffSession, StaffSession.expires_at, timedelta(days=90)),  # where somebody has signed in from counts 30
    _Rule(Notification, Notification.created_at, timedelta(days=730)),
    _Rule(InsuranceCopy, InsuranceCopy.fetched_at, timedelta(days=7)),
    _Rule(StatementNumber, StatementNumber.valid_until, timedelta()),
    _Rule(Redemption, Redemption.redeemed_at, timedelta(days=1)),  # a code is good for a minute; the audit keeps who
    _Rule(CardRead, CardRead.expires_at, timedelta(days=1)),  # the audit keeps who has read whose card
    _Rule(TerminalRequest, TerminalRequest.heard_at, timedelta(days=1)),  # and a signature for five
    _Rule(ChannelMessage, ChannelMessage.heard_at, timedelta(days=1)),
    _Rule(OutboxEvent, OutboxEvent.done_at, timedelta(days=30)),
)
_INBOX_KEPT = timedelta(days=30)


async def put_away(db: Database) -> int:
    """Delete what is past: answers, codes, throttles, staff sessions, numbers, nonces, events, the inbox; say how many.

    A sixty-fourth of a table at a time, by its key, from the next bucket that has rows: no statement runs long, none
    needs an index of its own, and a table with next to nothing in it takes next to no time.
    """
    count = 0
    for rule in _RULES:
        start: int | None = 0
        while start is not None:
            gone, start = await db.run(partial(_put_away, rule, start))
            count += gone
    return count + await db.run(_empty_inbox)


async def strays(db: Database, store: ObjectStore) -> list[str]:
    """Return the keys of evidence that belongs to no row.

    Raises:
        StorageUnavailable: the store does not answer.
    """
    found: list[str] = []
    async for keys in _batches(store):
        known = await db.run(partial(_known, keys))
        # What was swept while we looked is gone by now, and no stray.
        found += [key for key in keys if key not in known and await store.exists(key)]
    return found


async def _put_away(rule: _Rule, start: int, session: Session) -> tuple[int, int | None]:
    """Go over the next slice that has rows; say how many went, and where to go on, if anywhere."""
    first = await session.scalar(select(func.min(rule.table.bucket)).where(rule.table.bucket >= start))
    if first is None:
        return 0, None
    done = await session.execute(
        delete(rule.table)
        .where(rule.table.bucket.between(first, first + _SLICE - 1), rule.moment <= session.now - rule.kept)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(done, CursorResult)
    return done.rowcount, first + _SLICE


async def _empty_inbox(session: Session) -> int:
    done = await session.execute(
        delete(InboxMessage)
        .where(InboxMessage.sent_at <= session.now - _INBOX_KEPT)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(done, CursorResult)
    return done.rowcount


async def _batches(store: ObjectStore) -> AsyncIterator[Sequence[str]]:
    batch: list[str] = []
    async for entry in store.list(EVIDENCE):
        batch.append(entry.key)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


async def _known(keys: Sequence[str], session: Session) -> set[str]:
    ids = [each for each in map(_identity, keys) if each is not None]
    buckets = {bucket_of(each) for each in ids}
    known: set[str] = set()
    for table in files.TABLES:
        rows = await session.execute(
            select(table.object_key, table.moving_key).where(table.bucket.in_(buckets), table.id.in_(ids))
        )
        for object_key, moving_key in rows:
            known |= {object_key} | (set() if moving_key is None else {files.moving_from(moving_key)})
    return known


def _identity(key: str) -> UUID | None:
    """Read the id that evidence is named after; what somebody else has put there has none."""
    try:
        return UUID(key.rpartition("/")[2].partition(".")[0])
    except ValueError:
        return None
