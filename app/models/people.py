"""Homes and the people who live in them: who somebody is, sealed, and how they are found again."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Identified, Sealed, Wrapped, bucket_agrees, held


class HomeKind(StrEnum):
    """A person's home, or an account's until its person is known.

    One of the staff has one for what they do here, and a terminal for when it came and went.
    """

    PERSON = "person"
    ACCOUNT = "account"
    OPERATOR = "operator"
    TERMINAL = "terminal"


class Proof(StrEnum):
    """How it was seen who somebody is: by a photo, a live face, in person at a counter, or by people's review."""

    PHOTO = "photo"
    LIVE = "live"
    IN_PERSON = "in_person"
    REVIEW = "review"


class Home(Identified, Base):
    """Everything known of one person lives under this row; it is the lock and it holds the data key.

    One that was erased has no key any more, and stands for the ids in its audit and in records without a name.
    """

    __tablename__ = "home"
    __table_args__ = (bucket_agrees(), {"info": PERSONAL})

    kind: Mapped[HomeKind]
    wrapped_key: Mapped[bytes] = mapped_column(info=held(Wrapped()))
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class Closing(Bucketed, Base):
    """That an account was closed, by which session, and the signed receipt: nothing of whose it was."""

    __tablename__ = "account_closing"
    __table_args__ = (bucket_agrees("account_id"), {"info": PERSONAL})

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    receipt: Mapped[str]
    closed_at: Mapped[datetime]


class Person(Identified, Base):
    """A person the register has confirmed; `id` is the home's.

    `account_id` is the account whose holder has proved with their face to be this person.
    """

    __tablename__ = "person"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"]),
        CheckConstraint("sex IN ('0', '1', '2', '9')", name="sex"),
        {"info": PERSONAL},
    )

    name: Mapped[bytes] = mapped_column(info=held(Sealed("id")))
    number: Mapped[bytes] = mapped_column(info=held(Sealed("id")))
    birth_date: Mapped[bytes] = mapped_column(info=held(Sealed("id")))
    sex: Mapped[str]
    region: Mapped[str]
    account_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Identifier(Bucketed, Base):
    """A number that names a person; its bucket belongs to the value, `person_id` routes on."""

    __tablename__ = "identifier"
    __table_args__ = ({"info": PERSONAL},)

    number_hmac: Mapped[bytes] = mapped_column(
        primary_key=True, info=held(Digest(derived_from="person.number", kind="social-security-number"))
    )
    key_version: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str]
    person_id: Mapped[UUID]
