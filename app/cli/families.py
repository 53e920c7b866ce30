"""The families of the demo: somebody at their quota, somebody with all the owners they may have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from app.core.db import Database, Session, new_id
from app.ports.register import Register, RegisteredPerson, TestPerson
from app.services import audit, links
from app.services.cards import issuing
from app.services.links import Relative, Services
from app.services.people import homes
from app.services.people.identifiers import Population, parse_number
from app.services.people.relationships import find_relationship


@dataclass(frozen=True, slots=True)
class _Met:
    """A person of the demo who has a home here."""

    id: UUID
    registered: RegisteredPerson


async def link_families(
    db: Database,
    register: Register,
    people: Sequence[TestPerson],
    wanted: Sequence[tuple[str, str, str]],
    channel: str,
) -> int:
    """Start the links of the demo that are not there yet; return how many were started.

    Args:
        wanted: labels of owner and member, and the relationship's code.
    """
    labelled = {person.label: person for person in people}
    started = 0
    for owner_label, member_label, code in wanted:
        owner, member = [await _meet(db, register, labelled, label) for label in (owner_label, member_label)]
        started += await db.run(partial(_link, owner, member, code, channel))
    return started


async def _meet(db: Database, register: Register, people: Mapping[str, TestPerson], label: str) -> _Met:
    number = parse_number(people[label].number, population=Population.WITH_TEST_PEOPLE)
    registered = await register.find(number.value)
    assert registered is not None  # the demo register was filled a moment ago
    person_id = await db.run(lambda session: homes.find_or_create(session, number, registered))
    return _Met(person_id, registered)


async def _link(owner: _Met, member: _Met, code: str, channel: str, session: Session) -> bool:
    await homes.lock(session, {owner.id, member.id})
    relationship = find_relationship(code)
    relative = Relative(
        id=member.id,
        name=member.registered.name,
        number=member.registered.number,
        birth_date=member.registered.birth_date,
        relationship=code,
        place=relationship.place,
    )
    try:
        link = await links.reserve(session, owner_id=owner.id, enrolment_id=new_id(0), relative=relative)
    except links.AlreadyMember:
        return False
    for met in (owner, member):
        await issuing.issue(session, met.id, met.registered, channel=channel, actor=audit.SYSTEM)
    return await links.activate(session, link.id, Services(), audit.SYSTEM)
