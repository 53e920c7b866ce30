"""Codes at once: read once, and never by a link that is over or disputed, whichever comes first."""

import asyncio
import secrets

import httpx
import pytest

from app.core.db import Database
from app.models.links import LinkEnd
from app.models.showings import Redemption
from app.routers.deps import House
from app.services import audit, links
from app.services.audit import Action
from tests.factories.adding import ok, refused
from tests.factories.make import Holder, Make, Member
from tests.factories.rows import count
from tests.factories.showing import show
from tests.factories.terminals import Install, Terminal
from tests.races.test_adding import CROWD, at_once, codes
from tests.races.test_adding import deadlocks as deadlocks

ROUNDS = 6


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def father(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


@pytest.fixture
async def desk(install: Install) -> Terminal:
    """A terminal that reads codes for everything."""
    return await install()


async def actions(make: Make, member: Member) -> list[str]:
    return [action for action, _, _ in await make.audited(member.person)]


async def somebody_waits(db: Database) -> None:
    """Wait until a statement of this database waits for a lock."""
    waiting = (
        "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE NOT l.granted AND a.datname = current_database()"
    )
    async with asyncio.timeout(60):
        while not await db.fetch(waiting):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


class TestDoubleScans:
    async def test_of_twenty_scans_of_one_code_one_succeeds_and_the_others_are_told_so(
        self, make: Make, me: Holder, father: Member, desk: Terminal, install: Install, db: Database
    ) -> None:
        terminals, code = [desk, await install("desk-2")], await show(me, father)

        answers = await at_once(terminals[turn % 2].redeem(code) for turn in range(CROWD))

        assert codes(answers) == {"200": 1, "code-used": CROWD - 1}
        assert await count(db, Redemption) == 1
        assert (await actions(make, father)).count(Action.CODE_REDEEMED) == 1
        told = await db.fetch("SELECT 1 FROM outbox_event WHERE facts->>'message' = 'code_shown_member'")
        assert len(told) == 1

    async def test_one_request_twenty_times_at_once_is_one_redemption_and_one_answer(
        self, make: Make, me: Holder, father: Member, desk: Terminal
    ) -> None:
        request = desk.signed({"code": await show(me, father)})

        answers = await at_once(desk.send(request) for _ in range(CROWD))

        assert codes(answers) == {"200": CROWD}
        assert len({answer.content for answer in answers}) == 1
        assert (await actions(make, father)).count(Action.CODE_REDEEMED) == 1

    async def test_of_two_requests_with_one_nonce_one_is_heard(self, me: Holder, desk: Terminal, db: Database) -> None:
        nonce = secrets.token_urlsafe(18)
        shown = [await show(me) for _ in range(CROWD)]

        answers = await at_once(desk.redeem(code, nonce=nonce) for code in shown)

        assert codes(answers) == {"200": 1, "request-replayed": CROWD - 1}
        assert await count(db, Redemption) == 1


class TestEndsDuringAScan:
    @pytest.mark.parametrize("turn", range(ROUNDS))
    async def test_an_end_comes_before_or_after_a_scan_never_between(
        self, make: Make, me: Holder, father: Member, desk: Terminal, turn: int
    ) -> None:
        shown = [await show(me, father) for _ in range(ROUNDS)]
        unbind = me.call("DELETE", f"/v1/family/members/{father.link_id}")

        scans = [desk.redeem(code) for code in shown]
        scans.insert(turn, unbind)
        answers = await at_once(scans)

        assert codes(answers).keys() <= {"200", "204", "code-withdrawn"}
        written = await actions(make, father)
        assert Action.CODE_REDEEMED not in written[written.index(Action.LINK_ENDED) :]

    @pytest.mark.parametrize("turn", range(ROUNDS))
    async def test_a_dispute_comes_before_or_after_a_scan_never_between(
        self, make: Make, me: Holder, father: Member, desk: Terminal, turn: int
    ) -> None:
        himself = await make.signed_in(father.person)
        shown = [await show(me, father) for _ in range(ROUNDS)]
        key = {"Idempotency-Key": secrets.token_hex(8)}
        path = f"/v1/family/owners/{father.link_id}/disputes"

        scans = [desk.redeem(code) for code in shown]
        scans.insert(turn, himself.call("POST", path, {"reason": "not_agreed"}, **key))
        answers = await at_once(scans)

        assert codes(answers).keys() <= {"200", "201", "code-withdrawn"}
        written = await actions(make, father)
        assert Action.CODE_REDEEMED not in written[written.index(Action.LINK_DISPUTED) :]

    async def test_a_scan_that_meets_an_end_waits_for_it_and_is_refused(
        self, me: Holder, father: Member, desk: Terminal, house: House
    ) -> None:
        code = await show(me, father)

        async with house.db.transaction() as ending:
            await links.end(ending, father.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM)
            scan = asyncio.create_task(desk.redeem(code))
            await somebody_waits(house.db)

        refused(await scan, 409, "code-withdrawn")

    async def test_an_end_that_is_undone_lets_the_scan_go_on(
        self, me: Holder, father: Member, desk: Terminal, house: House
    ) -> None:
        code = await show(me, father)

        async def end_and_fail() -> asyncio.Task[httpx.Response]:
            async with house.db.transaction() as ending:
                await links.end(ending, father.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM)
                scan = asyncio.create_task(desk.redeem(code))
                await somebody_waits(house.db)
                await ending.rollback()
                return scan

        scan = await end_and_fail()
        ok(await scan)
