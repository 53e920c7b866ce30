"""Writes into the log what somebody should look at: what is torn, what is lost, what is late."""

from app.core import logging
from app.core.db import Database
from app.ports import Ports
from app.services import housekeeping
from app.services.counter import reviewing
from app.services.draws import comparing as holding_against
from app.services.links import comparing
from app.services.medical_accounts import comparing as adding_up
from app.services.reviews import lateness
from app.services.sharing import comparing as weighing

_log = logging.logger(__name__)


async def report_strays(db: Database, ports: Ports) -> int:
    """Write into the log which objects of the store belong to no row; return how many."""
    found = await housekeeping.strays(db, ports.store)
    if found:
        _log.error("objects_without_row", count=len(found), first=found[:20])
    return len(found)


async def report_torn_links(db: Database) -> int:
    """Write into the log which links say one thing in the owner's home and another in the member's; return how many."""
    found = await comparing.torn(db)
    if found:
        _log.error("links_torn", count=len(found), first=[str(link_id) for link_id in found[:20]])
    return len(found)


async def report_unequal_books(db: Database) -> int:
    """Write into the log which movements do not add up; return how many."""
    found = await adding_up.unequal(db)
    if found:
        _log.error("book_unequal", count=len(found), movements=[str(each) for each in found[:20]])
    return len(found)


async def report_differing_draws(db: Database, ports: Ports) -> int:
    """Write into the log of which draws the keeper's book says something else than ours; return how many."""
    found = await holding_against.differing(db, ports.medical_funds)
    if found:
        _log.error("draws_differ", count=len(found), draws=[str(each) for each in found[:20]])
    return len(found)


async def report_torn_sharing(db: Database) -> int:
    """Write into the log which sharing is one thing in the owner's home, another in the member's; return how much."""
    found = await weighing.torn(db)
    if found:
        _log.error("sharing_torn", count=len(found), first=[str(binding_id) for binding_id in found[:20]])
    return len(found)


async def report_late_reviews(db: Database) -> int:
    """Write into the log how many cases are past their deadline, a line for each office; return how many lines."""
    late = await db.run(lateness.by_office)
    for office, count in late.items():
        _log.warning("reviews_overdue", office=office, count=count)
    return len(late)


async def report_late_looks(db: Database) -> int:
    """Write into the log how many looks without a card wait too long for a review, a line for each office."""
    late = await db.run(reviewing.late_by_office)
    for office, count in late.items():
        _log.warning("emergency_looks_overdue", office=office, count=count)
    return len(late)
