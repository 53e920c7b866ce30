"""Who did what for somebody: read from what is written down in their home, the newest first.

A holder reads all of it. An owner reads, for a member, what concerns the member: neither how they sign in nor what they
do themselves for others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, not_, or_, select

from app.core.db import Database, Session, bucket_of
from app.models.audit import ActorKind, AuditEvent
from app.models.links import FamilyLink
from app.models.operators import Office, Operator
from app.models.people import Person
from app.services import authority
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.people import homes
from app.services.people.names import mask_name

_OWN: Final = ("account.", "session.", "device.", "notifications.", "channel.", "card.password", "person.")
"""Beginnings of what is nobody's business but the holder's own."""


class By(StrEnum):
    """Who did it, as the reader sees them."""

    ME = "me"
    HOLDER = "holder"
    OWNER = "owner"
    STAFF = "staff"
    SYSTEM = "system"
    SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who did something: an owner by masked name and what the holder is to them, staff by their office."""

    by: By
    name: str | None = field(default=None, repr=False)
    relationship: str | None = None
    office: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing done; `for_member` is the masked name of whom the holder did it for, where that was somebody else."""

    seq: int
    at: datetime
    action: str
    who: Who
    channel: str | None
    platform: str | None
    for_member: str | None = field(repr=False)


async def read(db: Database, caller: Caller, holder: UUID | None, *, before: int | None, most: int) -> Sequence[Deed]:
    """Return what was done for a holder, the newest first; an owner's look is written down there too.

    Args:
        before: the number of the last one that is known.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.look`.
    """

    async def work(session: Session, acting: Acting) -> Sequence[Deed]:
        rows = await session.scalars(
            select(AuditEvent)
            .where(
                AuditEvent.bucket == bucket_of(acting.person_id),
                AuditEvent.home_id == acting.person_id,
                *([] if before is None else [AuditEvent.seq < before]),
                *([] if acting.link is None else _of_member(acting.person_id)),
            )
            .order_by(AuditEvent.seq.desc())
            .limit(most)
        )
        people = _People(session, caller, acting)
        return [await people.deed(row) for row in rows]

    return await authority.look(db, caller, holder, Action.ACTIVITY_SEEN, work)


def _of_member(person_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Return what an owner may read of a member: what concerns them, and is not their own business alone."""
    is_about_them = or_(AuditEvent.on_behalf_of.is_(None), AuditEvent.on_behalf_of == person_id)
    is_own = or_(*(AuditEvent.action.startswith(beginning, autoescape=True) for beginning in _OWN))
    return is_about_them, or_(not_(is_own), AuditEvent.action == Action.ACTIVITY_SEEN.value)


class _People:
    """Names those who did things, each once."""

    def __init__(self, session: Session, caller: Caller, acting: Acting) -> None:
        self._session = session
        self._caller = caller
        self._person_id = acting.person_id
        self._known: dict[tuple[ActorKind, UUID | None], Who] = {}

    async def deed(self, row: AuditEvent) -> Deed:
        actor = (row.actor_kind, row.actor_id)
        if actor not in self._known:
            self._known[actor] = await self._who(*actor)
        is_for_other = row.on_behalf_of not in (None, self._person_id)
        return Deed(
            seq=row.seq,
            at=row.at,
            action=row.action,
            who=self._known[actor],
            channel=row.channel,
            platform=row.platform,
            for_member=await self._name(row.on_behalf_of) if is_for_other and row.on_behalf_of is not None else None,
        )

    async def _who(self, kind: ActorKind, actor_id: UUID | None) -> Who:
        match kind:
            case ActorKind.SYSTEM:
                return Who(By.SYSTEM)
            case ActorKind.OPERATOR:
                return Who(By.STAFF, office=await self._office(actor_id))
            case ActorKind.ACCOUNT:
                return Who(By.ME if actor_id == self._caller.account_id else By.SOMEBODY)
            case ActorKind.PERSON:
                return await self._person(actor_id)

    async def _person(self, person_id: UUID | None) -> Who:
        if person_id == self._caller.person_id:
            return Who(By.ME)
        if person_id == self._person_id:
            return Who(By.HOLDER)
        link = None if person_id is None else await self._link(person_id)
        if link is None:
            return Who(By.SOMEBODY)
        return Who(By.OWNER, name=await self._name(link.owner_id), relationship=link.relationship)

    async def _link(self, owner_id: UUID) -> FamilyLink | None:
        """Return the newest link, ended or not, by which somebody acted for the holder."""
        link: FamilyLink | None = await self._session.scalar(
            select(FamilyLink)
            .where(
                FamilyLink.bucket == bucket_of(owner_id),
                FamilyLink.owner_id == owner_id,
                FamilyLink.member_id == self._person_id,
            )
            .order_by(FamilyLink.reserved_at.desc())
            .limit(1)
        )
        return link

    async def _office(self, operator_id: UUID | None) -> str | None:
        if operator_id is None:
            return None
        operator = await self._session.get(Operator, (bucket_of(operator_id), operator_id))
        office = None if operator is None else await self._session.get(Office, operator.office_id)
        return None if office is None else office.name

    async def _name(self, person_id: UUID) -> str | None:
        """Return a masked name; None of who has closed their account since."""
        if await self._session.get(Person, (bucket_of(person_id), person_id)) is None:
            return None
        return mask_name((await homes.person(self._session, person_id)).name)
