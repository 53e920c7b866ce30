"""What these tests share: an owner with a phone of their own, and what comes to phones."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from app.core.db import Database, Session, bucket_of
from app.models.accounts import Account
from app.routers.deps import House
from app.services.people import homes
from app.worker.relay import tell_due
from tests.factories.make import Holder, Make

PHONE = "10000000071"


@pytest.fixture
async def me(make: Make, db: Database) -> Holder:
    """An owner, with a phone of their own."""
    holder = await make.owner(name="王志远")

    async def change(session: Session) -> None:
        key = await homes.key_of(session, holder.claims.account_id)
        account = await session.get_one(Account, (bucket_of(holder.claims.account_id), holder.claims.account_id))
        account.phone = key.seal("account.phone", account.id, PHONE)

    await db.run(change)
    return holder


@pytest.fixture
def told(house: House) -> Callable[[str], Awaitable[Sequence[str]]]:
    """Lets everything be told, and returns what a phone shows, oldest first."""

    async def look(phone: str) -> Sequence[str]:
        await tell_due(house.db, house.ports)
        assert house.sandbox is not None
        return [each.text for each in reversed(await house.sandbox.inbox.received(phone))]

    return look
