"""Says what a payment would draw now, out of whose account, and why somebody pays nothing; nothing is moved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import FieldError, Invalid, NotFound
from app.ports.medical_funds import MedicalFunds
from app.services import authority, policies
from app.services.accounts.sessions import Caller
from app.services.cards.reading import OwnCardNeeded
from app.services.draws import funds, splitting
from app.services.draws.funds import Balances, Numbers
from app.services.draws.splitting import Part
from app.services.people import homes
from app.services.people.names import mask_name


@dataclass(frozen=True, slots=True)
class Share:
    """What one account would give; `name` is its owner's, masked, unless it is one's own."""

    part: Part
    name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a payment would draw, all accounts in their order."""

    amount: Decimal
    covered: Decimal
    uncovered: Decimal
    shares: Sequence[Share]


async def preview(db: Database, port: MedicalFunds, caller: Caller, amount: Decimal) -> Preview:
    """Say what a payment of the caller's would draw if it were made now; no connection is held while the port is asked.

    Raises:
        OwnCardNeeded: nobody has shown by this account who they are.
        Invalid: the amount is above what is drawn at once (policy).
        MedicalFundsUnavailable: what is in the accounts cannot be said now.
    """
    numbers = await db.run(partial(_numbers, caller, amount))
    balances = await funds.balances(port, numbers)
    return await db.run(partial(_preview, caller, amount, balances))


async def _numbers(caller: Caller, amount: Decimal, session: Session) -> Numbers:
    person_id = await person_of(session, caller)
    region = (await homes.person(session, person_id)).region
    most = (await policies.current(session, region)).draws.most
    if amount > most:
        raise Invalid(errors=[FieldError("/amount", "out_of_range", maximum=float(most))])
    return await funds.numbers(session, person_id)


async def _preview(caller: Caller, amount: Decimal, balances: Balances, session: Session) -> Preview:
    person_id = await person_of(session, caller)
    split = splitting.split(amount, await funds.sources(session, person_id, balances))
    shares = [Share(part, await _name(session, part)) for part in split.parts]
    return Preview(amount, split.covered, split.uncovered, shares)


async def person_of(session: Session, caller: Caller) -> UUID:
    """Return who the caller has shown to be.

    Raises:
        OwnCardNeeded: nobody.
    """
    try:
        return await authority.person_still(session, caller)
    except NotFound:
        raise OwnCardNeeded from None


async def _name(session: Session, part: Part) -> str | None:
    if part.source.binding_id is None:
        return None
    owner = await homes.find_person(session, part.source.payer_id)
    return None if owner is None else mask_name(owner.name)
