"""What tests of payments share: money in accounts, relatives who share, a till that draws."""

import itertools
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import httpx

from app.adapters.medical_funds.embedded import Credited, EmbeddedMedicalFunds
from app.core.db import Database, Session
from app.models.sharing import SharingBinding, SharingEnd, SharingState
from app.services.medical_accounts import comparing
from app.services.sharing import rows
from tests.factories.adding import ok
from tests.factories.make import JSON, Holder, Make, Member, Someone
from tests.factories.sharing import shared
from tests.factories.showing import show
from tests.factories.terminals import Terminal

DRAWS = "/v1/terminals/draws"
PREVIEWS = "/v1/sharing/previews"
HISTORY = "/v1/sharing/draws"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Somebody who shares with a holder, and the binding."""

    owner: Someone
    binding: SharingBinding


async def put(db: Database, person: Someone, amount: str) -> None:
    """Credit somebody's account."""
    funds, reference = EmbeddedMedicalFunds(db), f"test/{next(_numbers)}"
    assert await funds.credit(person.registered.number, Decimal(amount), reference) is Credited.NOW


async def left(db: Database, *people: Someone) -> list[str]:
    """Return what is in people's accounts."""
    found = await EmbeddedMedicalFunds(db).balances([each.registered.number for each in people])
    return [str(found[each.registered.number]) for each in people]


async def unequal(db: Database) -> int:
    """Add both books up: that of whoever keeps the accounts, and that of draws; return how much is wrong."""
    return len(await EmbeddedMedicalFunds(db).unequal()) + len(await comparing.unequal(db))


async def sharer(
    make: Make, db: Database, member: Someone, *, amount: str, relationship: str = "20", name: str = "陈淑芬"
) -> Sharing:
    """Make a mother who shares what is in her account with her son, unless said otherwise."""
    owner = await make.person(name=name, sex="2", birth_date=date(1957, 3, 8))
    await put(db, owner, amount)
    return Sharing(owner, await shared(db, owner, member, relationship))


async def pause(db: Database, sharing: Sharing) -> None:
    """Let the owner pause a binding."""

    async def unit(session: Session) -> None:
        binding = await rows.locked(session, sharing.binding.id)
        binding.advance(SharingState.PAUSED)
        await rows.mark_slot(session, binding)

    await db.run(unit)


async def cap(db: Database, sharing: Sharing, most: str | None) -> None:
    """Let the owner set how much is spent in a month."""

    async def unit(session: Session) -> None:
        binding = await rows.locked(session, sharing.binding.id)
        binding.monthly_cap = None if most is None else Decimal(most)
        await rows.mark_slot(session, binding)

    await db.run(unit)


async def unbind(db: Database, sharing: Sharing) -> None:
    """Let a binding end."""

    async def unit(session: Session) -> None:
        binding = await rows.locked(session, sharing.binding.id)
        binding.advance(SharingState.ENDED)
        binding.ended_at, binding.ended_because, binding.place_no = session.now, SharingEnd.BY_OWNER, None
        await rows.free_slot(session, binding)

    await db.run(unit)


async def redeemed(till: Terminal, holder: Holder, member: Member | None = None, purpose: str = "medical") -> str:
    """Show a code and let the till redeem it; return what a payment names it by."""
    answer: str = ok(await till.redeem(await show(holder, member, purpose)))["redemption_id"]
    return answer


def order(redemption: str, amount: str, number: str | None = None, **more: object) -> JSON:
    """Return a payment as a till orders it, under a number of its own."""
    number = number or f"order-{next(_numbers)}"
    return {"redemption_id": redemption, "order_number": number, "amount": amount} | more


async def draw(till: Terminal, body: JSON) -> httpx.Response:
    """Let a till draw."""
    return await till.send(till.signed(body, path=DRAWS))


async def pay(till: Terminal, holder: Holder, amount: str, number: str | None = None, **more: object) -> httpx.Response:
    """Show a code, redeem it and draw."""
    return await draw(till, order(await redeemed(till, holder), amount, number, **more))


async def give_back(till: Terminal, draw_id: str) -> httpx.Response:
    """Let a till give a draw back."""
    return await till.send(till.signed(b"", path=f"{DRAWS}/{draw_id}/reversals"))
