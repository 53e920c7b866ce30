"""Tables of the embedded adapters: each stands in for somebody else's system, and is left out of a real one."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import STAND_IN, Base, Digest, Sealed, held, words
from app.models.medical_accounts import MONEY, Movement
from app.ports.insurance import Authority
from app.ports.medical_funds import FundsRefusal
from app.ports.messages import MessageKind
from app.ports.transfers import TransferInsurance


class RegisterPerson(Base):
    """A person of the embedded citizen register; `record` and `portrait` are sealed.

    `card_hmac` is a digest of the card's number, or of no number at all; a row from before there was one has none yet.
    """

    __tablename__ = "register_person"
    __table_args__ = ({"info": STAND_IN},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number_hmac: Mapped[bytes] = mapped_column(
        unique=True, info=held(Digest(derived_from="register_person.record", kind="register-number"))
    )
    card_hmac: Mapped[bytes | None] = mapped_column(index=True, info=held(Digest(since="changed_at")))
    label: Mapped[str | None] = mapped_column(unique=True)
    record: Mapped[bytes] = mapped_column(info=held(Sealed(None)))
    portrait: Mapped[bytes | None] = mapped_column(info=held(Sealed(None)))
    changed_at: Mapped[datetime]


class BenefitRecord(Base):
    """What the embedded authority knows of somebody's benefits; `record` is sealed."""

    __tablename__ = "benefit_record"
    __table_args__ = ({"info": STAND_IN},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number_hmac: Mapped[bytes] = mapped_column(
        unique=True, info=held(Digest(derived_from="register_person.record", kind="benefit-number"))
    )
    record: Mapped[bytes] = mapped_column(info=held(Sealed(None)))


class BenefitReport(Base):
    """A certification that the embedded authority was told of, by our order; `receipt` is sealed."""

    __tablename__ = "benefit_report"
    __table_args__ = ({"info": STAND_IN},)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt: Mapped[bytes] = mapped_column(info=held(Sealed(None, row="order_id")))
    heard_at: Mapped[datetime]


class InsurancePlan(Base):
    """What one authority of the demo keeps of a person; `plan` is sealed."""

    __tablename__ = "insurance_plan"
    __table_args__ = (UniqueConstraint("number_hmac", "authority"), {"info": STAND_IN})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number_hmac: Mapped[bytes] = mapped_column(
        info=held(Digest(derived_from="register_person.record", kind="insurance-number"))
    )
    authority: Mapped[Authority]
    plan: Mapped[bytes] = mapped_column(info=held(Sealed(None)))
    changed_at: Mapped[datetime]


class InboxMessage(Base):
    """A message that the embedded adapter "sent", sealed, for `/dev/messages`."""

    __tablename__ = "inbox_message"
    __table_args__ = ({"info": STAND_IN},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    phone_hmac: Mapped[bytes] = mapped_column(index=True, info=held(Digest(gone_by="sent_at")))
    kind: Mapped[MessageKind]
    content: Mapped[bytes] = mapped_column(info=held(Sealed(None)))
    sent_at: Mapped[datetime]


class FiledCardOrder(Base):
    """An order that the embedded card makers have; whose it is is sealed."""

    __tablename__ = "filed_card_order"
    __table_args__ = ({"info": STAND_IN},)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[bytes] = mapped_column(info=held(Sealed(None, row="order_id")))
    is_refused: Mapped[bool]
    filed_at: Mapped[datetime]
    collected_at: Mapped[datetime | None]


class FiledTransfer(Base):
    """An order that the embedded places have; all else follows from when it came."""

    __tablename__ = "filed_transfer"
    __table_args__ = ({"info": STAND_IN},)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_region: Mapped[str]
    to_region: Mapped[str]
    insurance: Mapped[TransferInsurance]
    filed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class FundsAccount(Base):
    """What is left in a medical personal account; without a digest it is of somebody whom nobody knew any more."""

    __tablename__ = "funds_account"
    __table_args__ = (CheckConstraint("balance >= 0", name="never_below_zero"), {"info": STAND_IN})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number_hmac: Mapped[bytes | None] = mapped_column(
        unique=True, info=held(Digest(derived_from="register_person.record", kind="social-security-number"))
    )
    balance: Mapped[Decimal] = mapped_column(MONEY)
    opened_at: Mapped[datetime]


class FundsEntry(Base):
    """One side of a movement; the server's role in the database may insert and read it, never change or delete it.

    `account_id` is an account, or what the adapter makes of an office or of the fund.
    """

    __tablename__ = "funds_entry"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="moves_something"),
        Index("ix_funds_entry_account", "account_id"),
        {"info": STAND_IN},
    )

    movement_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[Movement] = mapped_column(words(Movement))
    amount: Mapped[Decimal] = mapped_column(MONEY)
    booked_at: Mapped[datetime]


class FundsCredit(Base):
    """A credit by the authority's reference number: it counts once, whoever it is for, and is never changed."""

    __tablename__ = "funds_credit"
    __table_args__ = (CheckConstraint("amount > 0", name="gives_something"), {"info": STAND_IN})

    reference: Mapped[str] = mapped_column(primary_key=True)
    movement_id: Mapped[UUID]
    account_id: Mapped[UUID]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    credited_at: Mapped[datetime]


class FundsSettlement(Base):
    """An order that came to whoever keeps the accounts, and the answer to it; its entries bear its number."""

    __tablename__ = "funds_settlement"
    __table_args__ = ({"info": STAND_IN},)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    office_id: Mapped[str]
    refusal: Mapped[FundsRefusal | None] = mapped_column(words(FundsRefusal))
    filed_at: Mapped[datetime]
    given_back_at: Mapped[datetime | None]


class DevelopmentClock(Base):
    """How far the demo's clock is ahead: one row."""

    __tablename__ = "development_clock"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"), {"info": STAND_IN})

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    advance_seconds: Mapped[int] = mapped_column(BigInteger)
