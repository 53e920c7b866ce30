"""What every table shares: names of constraints, types, and the bucket that says where a person's rows live."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Enum, Integer, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

PERSONAL: Final = {"dist": "bucket"}
"""Rows of persons and accounts: spread by bucket."""
REFERENCE: Final = {"dist": "reference"}
"""Small tables that every node holds whole."""
STAND_IN: Final = {"dist": "stand_in"}
"""Tables of embedded adapters: they stand in for somebody else's system and are in no cluster."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes sealed under the data key of a home, bound to a row.

    `home` is the column with the home's id, None where the system's own key seals; `row` the column with the id that
    the value is bound to. It is bound to `table.column` too, and where `within` names a column to the word in there.
    """

    home: str | None
    row: str = "id"
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key, wrapped by the key ring."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A keyed digest, by which a value is found again; how it comes under a new pepper.

    It is made anew, as one of a `kind`, from a sealed value, `derived_from`; or its row goes by itself after the column
    `gone_by`; or it is forgotten: once so many `days` have passed since the column `since`, nobody asks for it any
    more. Where other bytes stand in the same column, it is not `told_apart` from them.
    """

    derived_from: str | None = None
    kind: str | None = None
    gone_by: str | None = None
    since: str | None = None
    days: int = 0
    told_apart: bool = True


@dataclass(frozen=True, slots=True)
class Plain:
    """Bytes that no key of the ring stands behind, and why that is right."""

    because: str


Held = Sealed | Wrapped | Digest | Plain
"""What the bytes of a column are; a test finds a column of bytes that does not say it."""


def held(what: Held) -> dict[str, Held]:
    """Say what the bytes of a column are, for its `info`: re-keying goes by it."""
    return {"held": what}


def words(kind: type[StrEnum], name: str | None = None) -> Enum:
    """Return the type of a column that holds one of an enum's words, with a CHECK.

    Args:
        name: of the CHECK, where a table has two columns of one enum.
    """
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda kind: [member.value for member in kind],
    )


class Base(DeclarativeBase):
    """The tables of escard."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSONB(),
        StrEnum: words(StrEnum),
    }


class Bucketed:
    """A row of a person's home: `bucket` comes first in every key."""

    bucket: Mapped[int] = mapped_column(Integer, primary_key=True, sort_order=-20)


class Identified(Bucketed):
    """A row with an id of its own that carries its bucket."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)


def bucket_agrees(column: str = "id") -> CheckConstraint:
    """Make the check that a row's bucket is the one its id carries."""
    return CheckConstraint(
        f"bucket = get_byte(uuid_send({column}), 0) * 256 + get_byte(uuid_send({column}), 1)", name="bucket_agrees"
    )
