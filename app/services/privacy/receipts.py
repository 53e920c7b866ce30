"""Receipts of closed accounts: what is gone and what stays, signed, with a number that anybody can ask about."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.core.clock import today
from app.core.db import Session
from app.core.tokens.published import Published
from app.services import policies, statements

TYP: Final = "closing-receipt+jwt"


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays without a name until a day, at least; a backup that holds the key, at most."""

    what: str
    until: date


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased and what stays; `signed` says the same to whoever has our published keys."""

    number: str
    closed_on: date
    erased: Sequence[str]
    kept: Sequence[Kept]
    signed: str


async def issue(session: Session, published: Published, number: str) -> Receipt:
    """Sign a receipt of today, and let its number be vouched for."""
    rules = (await policies.current(session)).erasure
    now = today(session.now)
    claims = {
        "jti": number,
        "iat": int(session.now.timestamp()),
        "closed_on": now.isoformat(),
        "erased": ["data", "files", "look_ups"],
        "kept": {
            "audit": (now + timedelta(days=rules.audit_days)).isoformat(),
            "records": (now + timedelta(days=rules.record_days)).isoformat(),
            "backups": (now + timedelta(days=rules.backup_days)).isoformat(),
        },
    }
    signed = published.sign(TYP, claims)
    await statements.vouch(session, number, hashlib.sha256(signed.encode()).digest(), session.now)
    return read(published, signed)


def read(published: Published, signed: str) -> Receipt:
    """Return what a receipt of ours says.

    Raises:
        NotOurs: it is none.
    """
    match published.verify(TYP, signed):
        case {"jti": str(number), "closed_on": str(day), "erased": list(erased), "kept": dict(kept)}:
            stays = [Kept(str(what), date.fromisoformat(until)) for what, until in kept.items()]
            return Receipt(number, date.fromisoformat(day), [str(each) for each in erased], stays, signed)
        case other:
            raise AssertionError(f"a receipt with {sorted(other)}")
