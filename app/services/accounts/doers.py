"""Who acts in an application, and on which device: what steps, checks, consents and frames ask of whoever comes."""

from dataclasses import dataclass
from typing import Protocol, Self
from uuid import UUID

from app.services.audit import Actor


class Applicant(Protocol):
    """Whose applications these are: whoever is signed in, or an owner whose card lies at a window.

    `device_id` is that of the one before it: of an owner at a window the clerk's session. `actor` is who acts.
    """

    @property
    def account_id(self) -> UUID: ...
    @property
    def home_id(self) -> UUID: ...
    @property
    def person_id(self) -> UUID | None: ...
    @property
    def is_proven(self) -> bool: ...
    @property
    def device_id(self) -> UUID: ...
    @property
    def channel(self) -> str: ...
    @property
    def actor(self) -> Actor: ...


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
    def of(cls, caller: Applicant) -> Self:
        """Return somebody who is signed in, or whose card lies at a window."""
        return cls(caller.account_id, caller.device_id, caller.channel, caller.actor)
