"""Writes down what was done to whom by whom, in the same transaction, chained in the home it concerns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import orjson
from sqlalchemy import select

from app.core.db import Session, Writer, bucket_of, hot
from app.core.logging import current_request_id
from app.core.sealing import Chain
from app.models.audit import ActorKind, AuditEvent, AuditHead
from app.services import audit_cuts


class Action(StrEnum):
    """Everything that leaves a trace."""

    ACCOUNT_OPENED = "account.opened"
    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"
    SESSION_TOKEN_REUSED = "session.token_reused"  # noqa: S105 - an action, not a secret
    ACCOUNT_MOVED = "account.moved"
    ACCOUNT_TAKEN_OVER = "account.taken_over"
    DEVICE_PHONE_CHECKED = "device.phone_checked"
    DEVICE_REMOVED = "device.removed"
    NOTIFICATION_WISHES_CHANGED = "notifications.wishes_changed"
    ACCOUNT_CLOSED = "account.closed"
    PHONE_CHANGED = "account.phone_changed"
    MY_DATA_TOLD = "person.data_told"
    OWN_NUMBER_REVEALED = "person.number_revealed"
    ACTIVITY_SEEN = "person.activity_seen"
    PERSON_CREATED = "person.created"
    PERSON_LOOKUP_REFUSED = "person.lookup_refused"
    ENROLMENT_OPENED = "enrolment.opened"
    NOTICE_ACKNOWLEDGED = "enrolment.notice_acknowledged"
    DETAILS_GIVEN = "enrolment.details_given"
    DOCUMENT_STORED = "enrolment.document_stored"
    DOCUMENT_REMOVED = "enrolment.document_removed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    ENROLMENT_SEEN_AT_COUNTER = "enrolment.seen_at_counter"
    IDENTITY_ATTESTED = "identity.attested"
    HANDOVER_OFFERED = "handover.offered"
    HANDOVER_OPENED = "handover.opened"
    HANDOVER_ENDED = "handover.ended"
    HANDOVER_DISPUTED = "handover.disputed"
    FACE_STARTED = "face.started"
    FACE_ENDED = "face.ended"
    OPERATOR_ADDED = "operator.added"
    OPERATOR_IDENTIFIED = "operator.identified"
    OPERATOR_RENEWED = "operator.renewed"
    OPERATOR_REMOVED = "operator.removed"
    TERMINAL_ADDED = "terminal.added"
    TERMINAL_REMOVED = "terminal.removed"
    STAFF_SIGNED_IN = "staff.signed_in"
    STAFF_SIGNED_OUT = "staff.signed_out"
    REVIEW_ASKED_FOR = "review.asked_for"
    REVIEW_OPENED = "review.opened"
    REVIEW_CLAIMED = "review.claimed"
    REVIEW_CLAIM_REFUSED = "review.claim_refused"
    REVIEW_GIVEN_BACK = "review.given_back"
    REVIEW_SEEN = "review.seen"
    REVIEW_EVIDENCE_SEEN = "review.evidence_seen"
    REVIEW_DECIDED = "review.decided"
    ENROLMENT_ENDED = "enrolment.ended"
    RIGHTS_SEEN = "rights.seen"
    STATEMENT_ISSUED = "statement.issued"
    STATEMENT_SEEN = "statement.seen"
    CARD_ISSUED = "card.issued"
    CARD_SEEN = "card.seen"
    CARD_STATUS_CHANGED = "card.status_changed"
    CARD_REPLACED = "card.replaced"
    CHANNEL_LEFT = "channel.left"
    CHANNEL_JOINED = "channel.joined"
    CHANNEL_TIED = "channel.tied"
    CHANNEL_UNTIED = "channel.untied"
    CARD_PAYMENT_ADDED = "card.payment_added"
    CARD_SUSPENDED = "card.suspended"
    CARD_RESUMED = "card.resumed"
    CARD_CLOSED = "card.closed"
    CARD_OPENED_AGAIN = "card.opened_again"
    CARD_PASSWORD_SET = "card.password_set"  # noqa: S105 - an action, not a secret
    CARD_PASSWORD_CHECKED = "card.password_checked"  # noqa: S105 - an action, not a secret
    CARD_PASSWORD_UNLOCKED = "card.password_unlocked"  # noqa: S105 - an action, not a secret
    CARD_PASSWORD_RESET_STARTED = "card.password_reset_started"  # noqa: S105 - an action, not a secret
    CARD_ORDERS_SEEN = "card_orders.seen"
    CARD_ORDER_DRAFTED = "card_order.drafted"
    CARD_ORDER_SUBMITTED = "card_order.submitted"
    CARD_ORDER_MOVED = "card_order.moved"
    CARD_ORDER_WITHDRAWN = "card_order.withdrawn"
    TRANSFERS_SEEN = "transfers.seen"
    TRANSFER_DRAFTED = "transfer.drafted"
    TRANSFER_SUBMITTED = "transfer.submitted"
    TRANSFER_LEFT = "transfer.left"
    TRANSFER_MOVED = "transfer.moved"
    TRANSFER_WITHDRAWAL_ASKED = "transfer.withdrawal_asked"
    CERTIFICATION_SEEN = "certification.seen"
    CERTIFICATION_STARTED = "certification.started"
    CERTIFICATION_ENDED = "certification.ended"
    CARD_READ = "counter.card_read"
    COUNTER_REFUSED = "counter.refused"
    COUNTER_LOOKED = "counter.looked"
    COUNTER_BOUND = "counter.bound"
    DRAW_MADE = "draw.made"
    DRAW_REFUSED = "draw.refused"
    DRAW_REVERSED = "draw.reversed"
    EMERGENCY_LOOKED = "counter.emergency_looked"
    EMERGENCY_REVIEWED = "counter.emergency_reviewed"
    CODE_REDEEMED = "code.redeemed"
    CODE_REFUSED = "code.refused"
    LINK_STARTED = "link.started"
    LINK_SERVICES_CHANGED = "link.services_changed"
    LINK_CONSENT_PASSED = "link.consent_passed"
    LINK_FACE_DUE = "link.face_due"
    LINK_GUARDIANSHIP_ENDED = "link.guardianship_ended"
    LINK_RECONFIRMED = "link.reconfirmed"
    LINK_ANSWERED = "link.answered"
    LINK_VIEW_ONLY = "link.view_only"
    LINK_DISPUTED = "link.disputed"
    LINKS_SEEN_AT_COUNTER = "links.seen_at_counter"
    LINKS_ENDED_AT_COUNTER = "links.ended_at_counter"
    LINK_DISPUTED_AT_COUNTER = "link.disputed_at_counter"
    LINK_DISPUTE_CLOSED = "link.dispute_closed"
    LINK_ENDED = "link.ended"
    LINK_REFUSED = "link.refused"
    SHARING_ASKED = "sharing.asked"
    SHARING_STARTED = "sharing.started"
    SHARING_CHANGED = "sharing.changed"
    SHARING_ORDERED = "sharing.ordered"
    SHARING_ENDED = "sharing.ended"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and by which channel and kind of device, as far as that is known: it makes nobody another."""

    kind: ActorKind
    id: UUID | None = None
    channel: str | None = field(default=None, compare=False)
    platform: str | None = field(default=None, compare=False)


SYSTEM = Actor(ActorKind.SYSTEM)


def begin(session: Session, home_id: UUID) -> None:
    """Start the chain of a new home."""
    session.add(AuditHead(bucket=bucket_of(home_id), home_id=home_id, seq=0, mac=Chain.START, signed_seq=0))


async def record(
    session: Session,
    action: Action,
    *,
    home_id: UUID,
    actor: Actor,
    on_behalf_of: UUID | None = None,
    facts: Mapping[str, str | int | bool | None] | None = None,
) -> None:
    """Add one event to a home's chain; the head stays locked until the transaction ends.

    Args:
        home_id: the home of the person whose data it is.
        on_behalf_of: the person acted for, when it is not the actor.
        facts: codes and ids that explain it; nothing personal.
    """
    head = await _head(session, home_id)
    event = AuditEvent(
        bucket=head.bucket,
        home_id=home_id,
        seq=head.seq + 1,
        at=session.now,
        action=action.value,
        actor_kind=actor.kind,
        actor_id=actor.id,
        on_behalf_of=on_behalf_of,
        request_id=current_request_id(),
        channel=actor.channel,
        platform=actor.platform,
        facts=dict(facts or {}),
    )
    event.mac = session.chain.mac(head.mac, content(event))
    head.seq, head.mac = event.seq, event.mac
    session.add(event)


_HEAD_OF = hot("SELECT seq, mac FROM audit_head WHERE bucket = $1 AND home_id = $2 FOR UPDATE")
_ADVANCE = "UPDATE audit_head SET seq = $3, mac = $4 WHERE bucket = $1 AND home_id = $2"
_EVENT = """
INSERT INTO audit_event
       (bucket, home_id, seq, at, action, actor_kind, actor_id, on_behalf_of, request_id, facts, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def write(
    writer: Writer,
    action: Action,
    *,
    home_id: UUID,
    actor: Actor,
    on_behalf_of: UUID | None,
    facts: Mapping[str, str],
) -> None:
    """Add one event to a home's chain as `record` does, in a unit of work by hand: once for a home."""
    bucket = bucket_of(home_id)
    (head,) = await writer.rows(_HEAD_OF, bucket, home_id)
    event = AuditEvent(
        home_id=home_id,
        seq=head["seq"] + 1,
        at=writer.now,
        action=action.value,
        actor_kind=actor.kind,
        actor_id=actor.id,
        on_behalf_of=on_behalf_of,
        request_id=current_request_id(),
        facts=dict(facts),
    )
    mac = writer.chain.mac(head["mac"], content(event))
    await writer.rows(_ADVANCE, bucket, home_id, event.seq, mac)
    await writer.rows(
        _EVENT, bucket, home_id, event.seq, event.at, event.action, event.actor_kind.value, event.actor_id,
        on_behalf_of, event.request_id, orjson.dumps(event.facts).decode(), mac,
    )  # fmt: skip


def content(event: AuditEvent) -> bytes:
    """Return what an event's code is made over: everything it says, in one fixed form.

    Channel and platform come last where there are any, so that the codes of events from before them still hold.
    """
    how = [] if event.channel is None and event.platform is None else [event.channel, event.platform]
    return orjson.dumps(
        [
            str(event.home_id),
            event.seq,
            event.at.isoformat(),
            event.action,
            event.actor_kind.value,
            str(event.actor_id),
            str(event.on_behalf_of),
            event.request_id,
            event.facts,
            *how,
        ],
        option=orjson.OPT_SORT_KEYS,
    )


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a home's chain does not hold."""

    home_id: UUID
    seq: int


async def verify(session: Session, home_id: UUID) -> Break | None:
    """Walk a home's chain from its start, or from where it was cut; return the first break, if there is one."""
    head = await _head(session, home_id)
    mac, expected = Chain.START, 1
    cut = await audit_cuts.start(session, home_id)
    if cut is not None:
        if not audit_cuts.holds(session, cut):
            return Break(home_id, cut.seq)
        mac, expected = cut.mac, cut.seq + 1
    events = await session.stream_scalars(
        select(AuditEvent)
        .where(AuditEvent.bucket == bucket_of(home_id), AuditEvent.home_id == home_id)
        .order_by(AuditEvent.seq)
        .execution_options(yield_per=500)
    )
    async for event in events:
        if event.seq != expected or not session.chain.holds(mac, content(event), event.mac):
            return Break(home_id, expected)
        mac = event.mac
        expected += 1
    return None if (head.seq, head.mac) == (expected - 1, mac) else Break(home_id, expected)


async def _head(session: Session, home_id: UUID) -> AuditHead:
    """Return the head, locked; locked once in a unit of work."""
    locked: dict[UUID, AuditHead] = session.info.setdefault("audit_heads", {})
    if home_id not in locked:
        locked[home_id] = await session.get_one(
            AuditHead, (bucket_of(home_id), home_id), with_for_update=True, populate_existing=True
        )
    return locked[home_id]
