"""Records go when their time is over, by the role that owns the tables alone, and what is left can be verified."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError

from app import main
from app.adapters.keys.file import FileKeys
from app.core.db import Database
from app.core.settings import Settings
from app.routers.deps import House
from app.services import audit_heads, records
from app.services.audit import Break
from app.services.records import Over
from tests import cluster
from tests.audit.test_audit import Tamper, cut_at, home, tamper, write
from tests.factories.adding import Kin, Owner, kin, later, ok, owner
from tests.factories.houses import build
from tests.factories.make import Make

__all__ = ["home", "kin", "owner", "tamper"]

Found = Awaitable[Sequence[Over]]
AsOwner = Callable[[Callable[[Database], Found]], Found]
HALF_A_YEAR, THREE_YEARS = 184, 1097


@pytest.fixture
def as_owner(database: cluster.Database, settings: Settings, keys: FileKeys) -> AsOwner:
    """Does something in a house of the role that owns the tables, as the command does."""

    async def do(work: Callable[[Database], Found]) -> Sequence[Over]:
        async with main.opened(build(settings, database.owner_url, keys)) as house:
            return await work(house.db)

    return do


async def kept(db: Database, kind: str) -> int:
    (row,) = await db.fetch(f"SELECT count(*) FROM {kind}")  # noqa: S608 - ours, below
    return int(row["count"])


async def over(as_owner: AsOwner) -> dict[str, int]:
    return {each.kind: each.count for each in await as_owner(records.over)}


async def delete(as_owner: AsOwner) -> dict[str, int]:
    return {each.kind: each.count for each in await as_owner(records.delete_over)}


class TestConsents:
    async def test_stay_three_years_from_the_end_and_go_with_what_they_were_given_for(
        self, house: House, owner: Owner, kin: Kin, as_owner: AsOwner
    ) -> None:
        given_up = await owner.to_documents(await kin(), "51")
        assert (await owner.call("DELETE", given_up)).is_success
        await owner.to_documents(await kin(age=60, sex="2"), "52")

        await later(house, days=THREE_YEARS - 3)
        before = await over(as_owner)
        await later(house, days=3)
        seen, gone = await over(as_owner), await delete(as_owner)

        assert before.keys() <= {records.AUDIT}
        assert {"consent": 1, "enrolment": 1}.items() <= seen.items()
        assert gone == seen
        assert (await kept(house.db, "consent"), await kept(house.db, "enrolment")) == (1, 1)
        assert await over(as_owner) == {}

    async def test_of_a_link_stay_as_long_as_it_does(
        self, house: House, owner: Owner, kin: Kin, as_owner: AsOwner
    ) -> None:
        link_id = (await owner.add(await kin(age=60), "51", age=60))["link_id"]
        await later(house, days=2 * THREE_YEARS)
        while_it_lasts = await over(as_owner)
        assert (await owner.call("DELETE", f"/v1/family/members/{link_id}")).status_code == 204
        await later(house, days=THREE_YEARS)
        gone = await delete(as_owner)

        assert while_it_lasts.keys() == {records.AUDIT}
        assert gone["enrolment"] == 1
        assert await kept(house.db, "consent") == 0


class TestTheAudit:
    async def test_goes_after_three_years_and_what_is_left_goes_on_from_a_signed_cut(
        self, house: House, home: UUID, as_owner: AsOwner
    ) -> None:
        await audit_heads.sign_changed(house.db, house.ports.store)
        await later(house, days=THREE_YEARS)
        await house.db.run(partial(write, home))
        seen, gone = await over(as_owner), await delete(as_owner)
        await house.db.run(partial(write, home))

        assert seen == gone == {records.AUDIT: 6}
        assert await kept(house.db, "audit_event") == 2
        assert (await audit_heads.check(house.db, house.ports.store)).is_whole
        assert await over(as_owner) == {}

    async def test_is_cut_again_further_on(self, house: House, home: UUID, as_owner: AsOwner) -> None:
        await later(house, days=THREE_YEARS)
        await house.db.run(partial(write, home))
        first = await delete(as_owner)
        await audit_heads.sign_changed(house.db, house.ports.store)
        await later(house, days=THREE_YEARS)
        second = await delete(as_owner)

        assert (first, second) == ({records.AUDIT: 6}, {records.AUDIT: 1})
        assert (await audit_heads.check(house.db, house.ports.store)).is_whole  # up to its very end

    async def test_of_a_closed_account_goes_half_a_year_after(
        self, house: House, make: Make, as_owner: AsOwner
    ) -> None:
        me = await make.card_password(await make.owner())
        version = (await me.read("/v1/me/closing"))["version"]
        ok(await me.call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'}))
        fresh = await over(as_owner)
        await later(house, days=HALF_A_YEAR)
        await delete(as_owner)

        assert fresh == {}
        assert await kept(house.db, f"audit_event WHERE home_id = '{me.id}'") == 0
        assert (await audit_heads.check(house.db, house.ports.store)).is_whole

    @pytest.mark.parametrize("change", ["seq = 5", "at = at + interval '1 day'", "mac = signature"])
    async def test_a_cut_that_somebody_else_made_is_found(
        self, change: str, house: House, home: UUID, as_owner: AsOwner, tamper: Tamper
    ) -> None:
        await later(house, days=THREE_YEARS)
        await house.db.run(partial(write, home))
        await delete(as_owner)
        await tamper(f"UPDATE audit_cut SET {change}")  # noqa: S608 - ours, above

        assert not (await audit_heads.check(house.db, house.ports.store)).is_whole

    async def test_another_end_than_the_one_that_was_signed_is_found_at_a_cut(
        self, house: House, home: UUID, as_owner: AsOwner, tamper: Tamper
    ) -> None:
        await audit_heads.sign_changed(house.db, house.ports.store)
        await cut_at(5, home, tamper)
        await house.db.run(partial(write, home))
        await later(house, days=THREE_YEARS)
        await delete(as_owner)

        assert (await audit_heads.check(house.db, house.ports.store)).breaks == (Break(home, 6),)

    async def test_the_servers_role_cuts_nothing(self, house: House, home: UUID) -> None:
        await later(house, days=THREE_YEARS)

        with pytest.raises(ProgrammingError, match="permission denied"):
            await records.delete_over(house.db)
        assert await kept(house.db, "audit_event") == 6
