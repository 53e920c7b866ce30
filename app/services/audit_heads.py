"""Signs the ends of the audit chains into the object store, and checks the chains against them.

A chain holds what is in it; that its newest events were cut off shows only by an end that was written down elsewhere.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import select, tuple_, update

from app.core.db import BUCKETS, Database, Session, bucket_of
from app.models.audit import AuditEvent, AuditHead
from app.models.people import Home
from app.ports.storage import ObjectStore
from app.services import audit, audit_cuts
from app.services.audit import Break

FOLDER: Final = "audit-heads"
_DOMAIN = b"audit-heads"  # what a signature is made over begins with it: no event's code is ever a signature
_AT_ONCE = 5000
_SLICE = BUCKETS // 64


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a home's chain at some time."""

    home_id: UUID
    seq: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """How the chains stand: how many, against how many signed ends, where they break, and what was forged."""

    chains: int
    signed: int
    breaks: tuple[Break, ...]
    forged: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything holds."""
        return not self.breaks and not self.forged


async def sign_changed(db: Database, store: ObjectStore) -> int:
    """Write the ends that have moved since they were last signed into the store; return how many.

    Two workers may sign the same end, and an end is signed again when the second step was lost: both are harmless.

    Raises:
        StorageUnavailable: what is not signed yet is signed the next time.
    """
    count, waiting = 0, list[Head]()
    for start in range(0, BUCKETS, _SLICE):
        waiting += await db.run(partial(_changed, start))
        if len(waiting) >= _AT_ONCE:
            count += await _sign(db, store, waiting)
            waiting = []
    return count + await _sign(db, store, waiting)


async def check(db: Database, store: ObjectStore) -> Report:
    """Walk every chain from its start, and look for every signed end in its chain.

    Raises:
        StorageUnavailable: the signed ends cannot be read.
    """
    chains, breaks = 0, dict[UUID, Break]()
    async for home_id, has_head in _homes(db):
        chains += 1
        found = await db.run(partial(_verify, home_id)) if has_head else Break(home_id, 1)
        if found is not None:
            breaks[home_id] = found
    signed, forged = await _signed(db, store)
    for head in signed.values():
        if head.home_id not in breaks and not await db.run(partial(_holds, head)):
            breaks[head.home_id] = Break(head.home_id, head.seq)
    return Report(chains, len(signed), tuple(breaks.values()), tuple(forged))


async def _sign(db: Database, store: ObjectStore, heads: Sequence[Head]) -> int:
    if not heads:
        return 0
    now = db.clock.now()
    said = {
        "signed_at": now.isoformat(),
        "heads": [[str(head.home_id), head.seq, head.mac.hex()] for head in heads],
    }
    key = f"{FOLDER}/{now:%Y%m%dt%H%M%Sz}-{secrets.token_hex(8)}.json"
    mac = await db.run(partial(_mac, _content(said)))
    await store.put(key, orjson.dumps(said | {"mac": mac.hex()}))
    for head in heads:
        await db.run(partial(_remember, head))
    return len(heads)


async def _mac(content: bytes, session: Session) -> bytes:
    return session.chain.mac(_DOMAIN, content)


def _content(said: Mapping[str, Any]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


async def _changed(start: int, session: Session) -> list[Head]:
    rows = await session.execute(
        select(AuditHead.home_id, AuditHead.seq, AuditHead.mac).where(
            AuditHead.bucket.between(start, start + _SLICE - 1), AuditHead.seq > AuditHead.signed_seq
        )
    )
    return [Head(row.home_id, row.seq, row.mac) for row in rows]


async def _remember(head: Head, session: Session) -> None:
    await session.execute(
        update(AuditHead)
        .where(
            AuditHead.bucket == bucket_of(head.home_id),
            AuditHead.home_id == head.home_id,
            AuditHead.signed_seq < head.seq,
        )
        .values(signed_seq=head.seq)
    )


async def _signed(db: Database, store: ObjectStore) -> tuple[dict[UUID, Head], list[str]]:
    """Return the furthest signed end of each home, and the objects that we did not sign."""
    furthest, forged = dict[UUID, Head](), list[str]()
    async for entry in store.list(FOLDER):
        heads = await db.run(partial(_read, await store.get(entry.key)))
        if heads is None:
            forged.append(entry.key)
            continue
        for head in heads:
            if head.home_id not in furthest or furthest[head.home_id].seq < head.seq:
                furthest[head.home_id] = head
    return furthest, forged


async def _read(content: bytes, session: Session) -> list[Head] | None:
    try:
        said = orjson.loads(content)
        mac = bytes.fromhex(said.pop("mac"))
        heads = [Head(UUID(home), seq, bytes.fromhex(code)) for home, seq, code in said["heads"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return heads if session.chain.holds(_DOMAIN, _content(said), mac) else None


async def _holds(head: Head, session: Session) -> bool:
    """Say whether a signed end is in its chain; one that lies behind a cut is gone with what it was the end of."""
    cut = await audit_cuts.start(session, head.home_id)
    if cut is not None and head.seq <= cut.seq:
        return head.seq < cut.seq or head.mac == cut.mac
    mac = await session.scalar(
        select(AuditEvent.mac).where(
            AuditEvent.bucket == bucket_of(head.home_id),
            AuditEvent.home_id == head.home_id,
            AuditEvent.seq == head.seq,
        )
    )
    return mac == head.mac


async def _homes(db: Database) -> AsyncIterator[tuple[UUID, bool]]:
    for start in range(0, BUCKETS, _SLICE):
        for row in await db.run(partial(_homes_from, start)):
            yield row


async def _homes_from(start: int, session: Session) -> list[tuple[UUID, bool]]:
    rows = await session.execute(
        select(Home.id, AuditHead.home_id.is_not(None).label("has_head"))
        .join(
            AuditHead,
            tuple_(AuditHead.bucket, AuditHead.home_id) == tuple_(Home.bucket, Home.id),
            isouter=True,
        )
        .where(Home.bucket.between(start, start + _SLICE - 1))
    )
    return [(row.id, row.has_head) for row in rows]


async def _verify(home_id: UUID, session: Session) -> Break | None:
    return await audit.verify(session, home_id)
