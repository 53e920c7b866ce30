"""Statements: papers of ours that anybody can ask about by their number."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Plain, Sealed, bucket_agrees, held, words
from app.models.documents import EvidenceFile


class StatementKind(StrEnum):
    """What a statement is about."""

    RIGHTS = "rights"
    MY_DATA = "my_data"


class StatementFile(EvidenceFile, Base):
    """A statement's PDF file, in the home of whom it is about, until its deadline; the `number` is sealed."""

    __tablename__ = "statement_file"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        Index("ix_statement_file_purge", "purge_at"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    kind: Mapped[StatementKind] = mapped_column(words(StatementKind))
    number: Mapped[bytes] = mapped_column(info=held(Sealed("home_id")))


class StatementNumber(Bucketed, Base):
    """That a paper with this number is ours: whose it is does not stand here; its bucket is that of the number."""

    __tablename__ = "statement_number"
    __table_args__ = ({"info": PERSONAL},)

    number_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="valid_until")))
    sha256: Mapped[bytes] = mapped_column(info=held(Plain("of a paper that others hold")))
    issued_at: Mapped[datetime]
    valid_until: Mapped[datetime]
