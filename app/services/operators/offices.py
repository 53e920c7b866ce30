"""Offices: where people can go, and where staff work."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from app.core.db import Session
from app.core.errors import Conflict, NotFound
from app.models.operators import Office, OfficeKind


class OfficeKnown(Conflict):
    """There is an office with this id."""

    code = "office-known"


@dataclass(frozen=True, slots=True)
class NewOffice:
    """An office to be added: `id` is a short name of small letters, figures and hyphens, `region` GB/T 2260."""

    id: str
    name: str
    kind: OfficeKind
    region: str
    address: str
    hours: str
    phone: str


async def add(session: Session, new: NewOffice) -> Office:
    """Add an office.

    Raises:
        OfficeKnown: the id is taken.
    """
    if await session.get(Office, new.id) is not None:
        raise OfficeKnown
    office = Office(
        id=new.id,
        name=new.name,
        kind=new.kind,
        region=new.region,
        address=new.address,
        hours=new.hours,
        phone=new.phone,
        added_at=session.now,
    )
    session.add(office)
    await session.flush()
    return office


async def one(session: Session, office_id: str) -> Office:
    """Return an office.

    Raises:
        NotFound: there is none.
    """
    office: Office | None = await session.get(Office, office_id)
    if office is None:
        raise NotFound
    return office


async def find(
    session: Session, *, region: str | None = None, after: str | None = None, most: int = 100
) -> Sequence[Office]:
    """Return offices by their ids: all, or those that serve a region or lie in it.

    Args:
        region: GB/T 2260, six figures; zeros at its end stand for all within.
        after: the last id that is known.
    """
    wanted = [] if region is None else [_serves(region)]
    rows = await session.scalars(
        select(Office).where(*wanted, *([] if after is None else [Office.id > after])).order_by(Office.id).limit(most)
    )
    return rows.all()


async def everywhere(session: Session) -> Sequence[Office]:
    """Return every office by its id."""
    return (await session.scalars(select(Office).order_by(Office.id))).all()


def within(region: str) -> str:
    """Return what every region within this one begins with: `110000` holds whatever begins with `11`."""
    while region.endswith("00"):
        region = region[:-2]
    return region


def _serves(region: str) -> ColumnElement[bool]:
    around = {region[:length].ljust(6, "0") for length in (0, 2, 4, 6)}
    return or_(Office.region.in_(sorted(around)), Office.region.startswith(within(region), autoescape=True))
