"""What the parts of re-keying work with, and what they find."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from app.core.db import Database
from app.models.rekeying import RekeyJob
from app.ports.keys import KeyKind, Keys
from app.ports.storage import ObjectStore
from app.services.rekeying.parts import Moved, Targets
from app.services.rekeying.rows import Change


@dataclass(frozen=True, slots=True)
class Tools:
    """The database, the key ring and the store."""

    db: Database
    keys: Keys
    store: ObjectStore

    def targets(self) -> Targets:
        """Return what each job leads to: what this process writes."""
        return {
            RekeyJob.WRAPPING: str(self.keys.written(KeyKind.WRAPPING)),
            RekeyJob.PEPPER: str(self.keys.written(KeyKind.PEPPER)),
            RekeyJob.SUITE: self.db.vault.suite.value,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """How far one step comes, and what is to be written with that."""

    moved: Moved
    table: Table
    changes: Sequence[Change] = ()
