"""Which tables hold something on a person, how their rows are found, and what of them is told: a table of tables.

A test walks every table of persons and every column of theirs: one that stands neither here nor among what is left out
fails it, so that nothing new is held in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Table

from app.models import (
    accounts,
    agreements,
    answers,
    attestations,
    audit,
    card_orders,
    cards,
    cases,
    certifications,
    channels,
    consents,
    counter,
    documents,
    draws,
    enrolments,
    faces,
    handovers,
    insurance,
    links,
    medical_accounts,
    notifications,
    offline,
    operators,
    outbox,
    people,
    sharing,
    showings,
    statements,
    terminals,
    throttles,
    transfers,
)
from app.models.base import Base


class Fate(StrEnum):
    """What becomes of rows when somebody closes their account.

    `deleted` at once; `swept` at once too, once the object in the store is gone; `record` stays without a name, as
    what was agreed to; `audit` stays as it is, with what people have decided: it names nobody. The server's role in the
    database may delete neither.
    """

    DELETED = "deleted"
    SWEPT = "swept"
    RECORD = "record"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Holding:
    """How one table holds something on somebody.

    `by` are the columns in which their person or account stands; `home` is the one whose key seals the row. `shown` are
    sealed columns that are theirs, each with the column of the id it is bound to; `masked` hold somebody else's name or
    number. `others` are ids of other people, told by masked names. `kept_secret` are columns that are told to nobody:
    keys, digests, and what others could do harm with. `emptied` are columns of a record that go with its name.
    """

    table: type[Base]
    by: tuple[str, ...]
    home: str
    shown: Mapping[str, str] = field(default_factory=dict)
    masked: Mapping[str, str] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    kept_secret: frozenset[str] = frozenset()
    fate: Fate = Fate.DELETED
    emptied: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name under which its rows are told."""
        return self.stored.name

    @property
    def stored(self) -> Table:
        """The table as the database has it."""
        stored = self.table.__table__
        assert isinstance(stored, Table)
        return stored

    def columns(self) -> Mapping[str, Any]:
        """Return the columns that are told as they stand."""
        apart = {"bucket", *self.shown, *self.masked, *self.others, *self.kept_secret}
        return {column.name: column for column in self.stored.columns if column.name not in apart}


_FILE: Final = frozenset({"object_key", "moving_key", "wrapped_key", "upload_hmac"})
_MEMBER: Final = frozenset({"member_id"})

HOLDINGS: Final = (
    Holding(
        people.Person,
        ("id",),
        "id",
        shown={"name": "id", "number": "id", "birth_date": "id"},
        others=frozenset({"account_id"}),
    ),
    Holding(
        accounts.Account, ("id",), "id", shown={"phone": "id"}, kept_secret=frozenset({"password_hash", "person_id"})
    ),
    Holding(
        accounts.Device,
        ("account_id",),
        "account_id",
        shown={"name": "id", "push_address": "id"},
        kept_secret=frozenset({"device_hmac"}),
    ),
    Holding(
        accounts.SignedIn,
        ("account_id",),
        "home_id",
        shown={"device_name": "id"},
        kept_secret=frozenset({"seed", "generation", "person_id"}),
    ),
    Holding(
        channels.ChannelTie,
        ("account_id",),
        "account_id",
        kept_secret=frozenset({"login_bucket"}),
    ),
    Holding(
        cards.Card,
        ("person_id",),
        "person_id",
        shown={"card_number": "person_id"},
        others=frozenset({"suspended_by"}),
    ),
    Holding(cards.CardIssue, ("person_id",), "person_id"),
    Holding(
        cards.CardPassword,
        ("person_id",),
        "person_id",
        kept_secret=frozenset({"hash", "change_hmac", "checking_id", "checking_until"}),
    ),
    Holding(cards.CardPasswordReset, ("person_id",), "person_id"),
    Holding(
        agreements.Agreement,
        ("person_id",),
        "person_id",
        kept_secret=frozenset({"account_id", "device_id", "operator_id", "card_read_id"}),
        fate=Fate.RECORD,
    ),
    Holding(cards.CardUpgrade, ("person_id",), "person_id", fate=Fate.RECORD),
    Holding(cards.CardPasswordWrong, ("person_id",), "person_id", kept_secret=frozenset({"value_hmac"})),
    Holding(
        links.FamilyLink,
        ("owner_id",),
        "owner_id",
        masked={"member_name": "id", "member_number": "id"},
        others=_MEMBER,
        kept_secret=frozenset({"member_birth_date"}),
    ),
    Holding(
        links.MemberSlot,
        ("member_id",),
        "member_id",
        masked={"owner_name": "link_id"},
        others=frozenset({"owner_id"}),
    ),
    Holding(links.SlotWait, ("member_id",), "member_id"),
    Holding(links.Milestone, ("member_id",), "member_id"),
    Holding(links.Reconfirmation, ("owner_id",), "owner_id", others=frozenset({"member_id", "home_id"})),
    Holding(links.LinkDispute, ("member_id",), "member_id", others=frozenset({"owner_id"})),
    Holding(
        sharing.SharingBinding,
        ("owner_id",),
        "owner_id",
        masked={"member_name": "id", "member_number": "id"},
        others=_MEMBER,
        fate=Fate.RECORD,
        emptied=frozenset({"member_name", "member_number"}),
    ),
    Holding(
        sharing.SharerSlot,
        ("member_id",),
        "member_id",
        masked={"owner_name": "binding_id"},
        others=frozenset({"owner_id"}),
    ),
    Holding(
        sharing.SharingRequest,
        ("member_id",),
        "member_id",
        masked={"owner_name": "binding_id"},
        others=frozenset({"owner_id"}),
        kept_secret=frozenset({"seed"}),
    ),
    Holding(sharing.SharingOrder, ("member_id",), "member_id"),
    Holding(
        enrolments.Enrolment,
        ("account_id", "owner_id"),
        "home_id",
        masked={"member_name": "id", "member_number": "id"},
        others=_MEMBER,
        kept_secret=frozenset({"member_birth_date"}),
        fate=Fate.RECORD,
        emptied=frozenset({"member_id", "member_name", "member_number", "member_birth_date"}),
    ),
    Holding(consents.Consent, ("account_id", "home_id"), "home_id", fate=Fate.RECORD),
    Holding(
        attestations.Attestation, ("home_id",), "home_id", kept_secret=frozenset({"operator_id"}), fate=Fate.RECORD
    ),
    Holding(
        handovers.Handover,
        ("account_id", "home_id"),
        "home_id",
        others=_MEMBER,
        kept_secret=frozenset({"seed", "device_name", "device_id", "platform"}),
    ),
    Holding(documents.Document, ("home_id",), "home_id", kept_secret=_FILE, fate=Fate.SWEPT),
    Holding(documents.FailedImage, ("owner_id",), "owner_id", others=_MEMBER, kept_secret=frozenset({"upload_hmac"})),
    Holding(
        faces.FaceCheck,
        ("account_id", "home_id"),
        "home_id",
        others=_MEMBER,
        kept_secret=frozenset({"client", "photo_hmac", "score_band", "provider_ref", "unit_id", "asked_until"}),
        fate=Fate.RECORD,
        emptied=frozenset({"client", "photo_hmac"}),
    ),
    Holding(faces.FaceTry, ("home_id",), "home_id", others=_MEMBER),
    Holding(
        cases.Case,
        ("home_id",),
        "home_id",
        others=_MEMBER,
        kept_secret=frozenset({"claimed_by", "face_hint"}),
        fate=Fate.AUDIT,
    ),
    Holding(faces.FacePass, ("member_id",), "member_id"),
    Holding(certifications.Recipient, ("person_id",), "person_id", shown={"record": "person_id"}),
    Holding(
        certifications.Certification,
        ("person_id",),
        "person_id",
        shown={"address": "id"},
        others=frozenset({"home_id"}),
        kept_secret=frozenset({"account_id", "unit_id"}),
        fate=Fate.RECORD,
        emptied=frozenset({"address"}),
    ),
    Holding(cases.NotedRisk, ("owner_id",), "owner_id", others=_MEMBER),
    Holding(
        card_orders.CardOrder, ("person_id",), "person_id", shown={"address": "id"}, others=frozenset({"filed_by"})
    ),
    Holding(card_orders.CardOrderStep, ("person_id",), "person_id"),
    Holding(card_orders.CardPhoto, ("home_id",), "home_id", kept_secret=_FILE, fate=Fate.SWEPT),
    Holding(transfers.Transfer, ("person_id",), "person_id", others=frozenset({"filed_by"})),
    Holding(transfers.TransferStep, ("person_id",), "person_id"),
    Holding(
        draws.Draw,
        ("spender_id",),
        "spender_id",
        others=frozenset({"shown_by"}),
        kept_secret=frozenset({"code_id"}),
        fate=Fate.AUDIT,
    ),
    Holding(draws.DrawPart, ("spender_id",), "spender_id", others=frozenset({"payer_id"}), fate=Fate.AUDIT),
    Holding(draws.DrawShare, ("payer_id",), "payer_id", others=frozenset({"spender_id"}), fate=Fate.AUDIT),
    Holding(draws.DrawReversal, ("spender_id",), "spender_id", fate=Fate.AUDIT),
    Holding(draws.SharingMonth, ("owner_id",), "owner_id", fate=Fate.AUDIT),
    Holding(
        medical_accounts.LedgerEntry,
        ("account_id",),
        "account_id",
        fate=Fate.AUDIT,
    ),
    Holding(showings.Redemption, ("holder_id",), "holder_id", kept_secret=frozenset({"nonce"})),
    Holding(
        counter.EmergencyLook,
        ("person_id",),
        "person_id",
        kept_secret=frozenset({"operator_id", "reviewed_by", "terminal_id"}),
        fate=Fate.AUDIT,
    ),
    Holding(
        counter.CardRead,
        ("person_id",),
        "person_id",
        kept_secret=frozenset({"operator_id", "session_id", "nonce"}),
    ),
    Holding(notifications.Notification, ("home_id",), "home_id", shown={"parameters": "id"}),
    Holding(notifications.NotificationWish, ("account_id",), "account_id"),
    Holding(insurance.InsuranceCopy, ("home_id",), "home_id", kept_secret=frozenset({"content"})),
    Holding(
        statements.StatementFile, ("home_id",), "home_id", shown={"number": "id"}, kept_secret=_FILE, fate=Fate.SWEPT
    ),
    Holding(
        audit.AuditEvent,
        ("home_id",),
        "home_id",
        others=frozenset({"actor_id", "on_behalf_of"}),
        kept_secret=frozenset({"mac"}),
        fate=Fate.AUDIT,
    ),
)
"""What is told, in this order."""

LEFT_OUT: Final[Mapping[type[Base], str]] = {
    people.Closing: "the receipt of an account that was closed: nobody's any more",
    people.Home: "it holds the key to all the rest, and nothing else",
    people.Identifier: "a keyed digest of the number that stands in `person`",
    accounts.Login: "a keyed digest of the phone that stands in `account`",
    accounts.SmsCode: "keyed digests, for minutes",
    answers.KeptAnswer: "copies of answers, for a day",
    audit.AuditCut: "where the chain of `audit_event` begins once its oldest events are gone",
    audit.AuditHead: "where the chain of `audit_event` ends",
    channels.ChannelMessage: "names that channels give to what they sign, for a day",
    cases.Approval: "which of the staff said yes; what came of it stands in `review_case`",
    channels.ChannelLogin: "a keyed digest of a channel's name for somebody who has a `channel_tie`",
    counter.EmergencySlot: "the staff's own",
    documents.SeenImage: "keyed digests of pictures, for thirty days",
    draws.DrawOrder: "by a terminal's own number; what was drawn stands in `draw`",
    faces.FaceFrame: "pictures that are gone with their check",
    faces.HeardEvent: "names that providers give to their calls",
    links.LinkEnding: "codes on their way to a phone; what came of it stands in `family_link`",
    offline.OfflineDeed: "order numbers of terminals; what was done stands with whom it was done for",
    operators.Operator: "the staff's own",
    operators.StaffSession: "the staff's own",
    outbox.OutboxEvent: "codes on their way to `notification`",
    statements.StatementNumber: "it does not say whose the paper is",
    terminals.Terminal: "a device at an office",
    terminals.TerminalRequest: "names that terminals give to their requests, for a day",
    throttles.Throttle: "counters under keyed digests, for days at most",
}
"""What is not told, and why."""


def not_told() -> dict[str, str]:
    """Return what is not told, by the names of the tables, and why."""
    return {table.__tablename__: reason for table, reason in LEFT_OUT.items()}
