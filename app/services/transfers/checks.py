"""What is looked at before a transfer is handed in; each check that fails has a reason and a way on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.core.db import Session
from app.core.errors import Conflict
from app.ports.transfers import Place, TransferInsurance, Transfers
from app.services import policies
from app.services.transfers import rows


class TransferJoinsAnew(Conflict):
    """This insurance does not move: one joins it anew at the new place."""

    code = "transfer-joins-anew"


class TransferSamePlace(Conflict):
    """Both regions are of one place; nothing has to move."""

    code = "transfer-same-place"


class TransferOldPlaceOffline(Conflict):
    """The place one moves away from takes no part in transfers of this insurance online."""

    code = "transfer-old-place-offline"


class TransferNewPlaceOffline(Conflict):
    """The same for the place one moves to."""

    code = "transfer-new-place-offline"


class TransferUnderWay(Conflict):
    """A transfer of this insurance is under way; `next_step` leads there."""

    code = "transfer-under-way"


class Check(StrEnum):
    """One thing that is looked at."""

    INSURANCE_MOVES = "insurance_moves"
    PLACES_DIFFER = "places_differ"
    OLD_PLACE_ONLINE = "old_place_online"
    NEW_PLACE_ONLINE = "new_place_online"
    NONE_UNDER_WAY = "none_under_way"


REFUSALS: Final[Mapping[Check, type[Conflict]]] = {
    Check.INSURANCE_MOVES: TransferJoinsAnew,
    Check.PLACES_DIFFER: TransferSamePlace,
    Check.OLD_PLACE_ONLINE: TransferOldPlaceOffline,
    Check.NEW_PLACE_ONLINE: TransferNewPlaceOffline,
    Check.NONE_UNDER_WAY: TransferUnderWay,
}


@dataclass(frozen=True, slots=True)
class Places:
    """The two places as they are now; None where nobody is known to keep a region's records."""

    old: Place | None
    new: Place | None


async def ask_places(port: Transfers, from_region: str, to_region: str) -> Places:
    """Ask about both places at once.

    Raises:
        TransfersUnavailable: one of the answers is not to be had.
    """
    old, new = await asyncio.gather(port.place(from_region), port.place(to_region))
    return Places(old, new)


async def failing(
    session: Session, person_id: UUID, insurance: TransferInsurance, regions: tuple[str, str], places: Places
) -> tuple[Check, ...]:
    """Return the checks that fail, in order; the person's home is locked where that is to hold."""
    rules = (await policies.current(session)).transfers
    found = {
        Check.INSURANCE_MOVES: insurance.value in rules.insurances,
        Check.PLACES_DIFFER: _name(places.old, regions[0]) != _name(places.new, regions[1]),
        Check.OLD_PLACE_ONLINE: places.old is not None and places.old.moves(insurance),
        Check.NEW_PLACE_ONLINE: places.new is not None and places.new.moves(insurance),
        Check.NONE_UNDER_WAY: await rows.under_way(session, person_id, insurance) is None,
    }
    if not found[Check.INSURANCE_MOVES]:  # then no place takes part, and to say so three times helps nobody
        return (Check.INSURANCE_MOVES,)
    return tuple(check for check, is_passed in found.items() if not is_passed)


def _name(place: Place | None, region: str) -> str:
    return region if place is None else place.region
