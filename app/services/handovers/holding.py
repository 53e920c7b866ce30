"""Who holds a handover's token: a member without an account, on their own phone, for one face step."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.core.db import Database, bucket_of, hot
from app.core.errors import Unauthenticated
from app.core.tokens.handovers import HandoverTokens
from app.models.audit import ActorKind
from app.models.handovers import READABLE, HandoverState
from app.services.accounts.doers import Doer
from app.services.audit import Actor

CHANNEL: Final = "handover"
"""The channel of what is done by a handover: a browser on somebody's phone; policies may choose providers by it."""

HERE: Final = "/v1/handovers/current"
"""Where the member finds the handover they hold."""

NOBODYS_SEED: Final = bytes(16)
"""What a secret is compared with where there is no handover, so that both take the same."""


class HandoverEnded(Unauthenticated):
    """The token is not ours, or the handover is over: one answer for all."""

    code = "handover-ended"
    challenge = 'Bearer error="invalid_token"'


@dataclass(frozen=True, slots=True)
class Holder:
    """A member to whom a face step was handed over. They have shown a link and a spoken code, and no face yet."""

    handover_id: UUID
    enrolment_id: UUID
    member_id: UUID
    account_id: UUID
    device_id: UUID

    @property
    def actor(self) -> Actor:
        """The member as audit events name them; the facts beside it name the handover."""
        return Actor(ActorKind.PERSON, self.member_id, CHANNEL)

    @property
    def doer(self) -> Doer:
        """The member as one who does a face step."""
        return Doer(self.account_id, self.device_id, CHANNEL, self.actor, self.handover_id)


_HOLDER = hot("""
SELECT h.enrolment_id, h.member_id, h.account_id, h.device_id, h.seed, h.state, h.expires_at,
       p.account_id AS proven_account_id
FROM handover h
LEFT JOIN person p ON p.bucket = h.bucket AND p.id = h.home_id
WHERE h.bucket = $1 AND h.id = $2
""")


async def holder(db: Database, tokens: HandoverTokens, token: str) -> Holder:
    """Return who holds a token, in one trip.

    Raises:
        HandoverEnded: nobody does any more, or ever did; or another account has shown to be the owner since.
    """
    presented = tokens.read_token(token)
    if presented is None:
        raise HandoverEnded
    rows = await db.fetch(_HOLDER, bucket_of(presented.handover_id), presented.handover_id)
    if not tokens.is_token(presented, rows[0]["seed"] if rows else NOBODYS_SEED):
        raise HandoverEnded
    row = rows[0]
    is_over = HandoverState(row["state"]) not in READABLE or row["expires_at"] <= db.clock.now()
    if is_over or row["proven_account_id"] != row["account_id"]:
        raise HandoverEnded
    return Holder(
        handover_id=presented.handover_id,
        enrolment_id=row["enrolment_id"],
        member_id=row["member_id"],
        account_id=row["account_id"],
        device_id=row["device_id"],
    )
