"""Who does a face step, and on which device: what checks, consents and frames ask of whoever comes."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from app.services.accounts.sessions import Caller
from app.services.audit import Actor


@dataclass(frozen=True, slots=True)
class Doer:
    """Somebody before a camera: for which account, on which device, in which channel, and how audit events name them.

    With a `handover_id` they are a member to whom the step was handed over, on their own phone, and the account is that
    of the owner. What one doer has started is no other's to read or to go on with.
    """

    account_id: UUID
    device_id: UUID
    channel: str
    actor: Actor
    handover_id: UUID | None = None

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """Return somebody who is signed in."""
        return cls(caller.account_id, caller.device_id, caller.channel, caller.actor)
