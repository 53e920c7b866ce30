"""What is under way when somebody closes their account: it goes on for others, and holds nobody up."""

from dataclasses import replace

import httpx
import pytest

from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.clock import Clock
from app.core.db import Session, bucket_of
from app.core.tokens.access import auth_seconds
from app.models.people import Home
from app.ports.face import FaceResult, FaceServiceUnavailable
from app.routers.deps import House
from app.services import outcomes
from app.services.rights import copies
from tests import cluster
from tests.card_orders.playing import OFFICE, Ordering
from tests.factories.adding import later, ok
from tests.factories.certifying import ask, pay, show_face
from tests.factories.make import Holder, Make
from tests.factories.passing import Time
from tests.factories.servers import loopback_client
from tests.factories.staff import Hire
from tests.privacy.test_closing import close, rows_about
from tests.transfers.playing import Filing


class ClosedMeanwhile(SandboxFaceProvider):
    """A provider that is silent about whoever is asked about first, and closes their account meanwhile."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, who: Holder) -> None:
        super().__init__(clock, client)
        self._who: Holder | None = who

    async def result(self, provider_ref: str) -> FaceResult:
        if self._who is None:
            return await super().result(provider_ref)
        who, self._who = self._who, None
        ok(await close(who))
        raise FaceServiceUnavailable


@pytest.fixture
async def me(make: Make, hire: Hire) -> Holder:
    """Somebody who has just given their card password, with an office in their region."""
    await hire.office(OFFICE, region="100101")
    return await make.card_password(await make.owner(name="王志远"))


class TestFilings:
    """Filed for a member by somebody who is gone."""

    async def test_a_transfer_that_has_left_goes_on_for_the_member(self, house: House, make: Make, me: Holder) -> None:
        time, member = Time(house), await make.owner(name="王建国")
        link = await make.member(me, person=member)
        transfer = await Filing(me, str(link.link_id)).file()
        await time.work()

        ok(await close(me))
        for _ in range(6):
            await time.pass_by(days=3)

        assert len(await Filing(member).states(transfer)) > 1

    async def test_a_transfer_that_has_not_left_stays(self, house: House, make: Make, me: Holder) -> None:
        time, member = Time(house), await make.owner(name="王建国")
        link = await make.member(me, person=member)
        transfer = await Filing(me, str(link.link_id)).file()

        ok(await close(me))
        await time.work()

        assert (await Filing(member).states(transfer))[-1] == "not_submitted"

    async def test_a_card_order_goes_on_for_the_member(self, house: House, make: Make, me: Holder) -> None:
        time, member = Time(house), await make.owner(name="王建国")
        link = await make.member(me, person=member)
        order = await Ordering(me, str(link.link_id)).order()
        await time.work()

        ok(await close(me))
        for _ in range(4):
            await time.pass_by(days=3)

        assert len(await Ordering(member).states(order)) > 1

    async def test_both_kinds_under_way_are_told_before(self, me: Holder) -> None:
        await Filing(me).file()
        await Ordering(me).order()

        said = await me.read("/v1/me/closing")

        assert {each["what"]: each["count"] for each in said["effects"]} == {"cards": 1, "filings": 2}


class TestLate:
    async def test_what_was_on_its_way_into_the_home_is_erased_too(
        self, house: House, database: cluster.Database, me: Holder
    ) -> None:
        async def write(session: Session) -> None:
            seen = await session.get_one(Home, (bucket_of(me.id), me.id))  # as it was before
            ok(await close(me))
            await copies.keep(session, seen.id, {"participations/work": b"{}"})

        await house.db.run(write)
        await Time(house).work()

        assert "insurance_copy" not in await rows_about(database, me)


class TestCertifications:
    """Begun for a member by somebody, when either is gone."""

    async def test_what_the_owner_handed_to_people_does_not_keep_the_member_from_asking_anew(
        self, house: House, make: Make, me: Holder
    ) -> None:
        member = await make.owner(name="王建国")
        await pay(house, member)
        link = await make.member(me, person=member)
        assert (await ask(me, link.link_id, way="counter")).status_code == 201

        ok(await close(me))
        await Time(house).work()

        again = await ask(member)
        assert again.status_code == 201, again.text

    async def test_a_face_before_the_owners_camera_does_not_keep_the_member_from_asking_anew(
        self, house: House, make: Make, me: Holder
    ) -> None:
        member = await make.owner(name="王建国")
        await pay(house, member)
        link = await make.member(me, person=member)
        assert (await ask(me, link.link_id)).status_code == 201

        ok(await close(me))
        await Time(house).work()

        again = await ask(member)
        assert again.status_code == 201, again.text
        assert (await show_face(member, again))["state"] == "passed"
        states = await house.db.fetch("SELECT state FROM benefit_certification")
        assert sorted(row["state"] for row in states) == ["cancelled", "reporting"]

    async def test_a_check_of_a_member_who_is_gone_holds_up_no_other(
        self, house: House, make: Make, me: Holder
    ) -> None:
        owner, member = await make.owner(name="林若溪"), await make.owner(name="王建国")
        await pay(house, me)
        await pay(house, member)
        link = await make.member(owner, person=me)
        gone = await ask(owner, link.link_id)
        assert gone.status_code == 201
        assert (await ask(member)).status_code == 201

        ok(await close(me))
        await later(house, hours=2)
        await outcomes.settle_due(house.db, house.ports)
        await Time(house).work()

        rows = await house.db.fetch("SELECT member_id, state FROM face_check")
        assert {row["member_id"]: row["state"] for row in rows} == {me.id: "cancelled", member.id: "passed"}

    async def test_one_who_goes_while_their_check_is_asked_about_holds_up_no_other(
        self, house: House, make: Make, me: Holder
    ) -> None:
        owner, member = await make.owner(name="林若溪"), await make.owner(name="王建国")
        await pay(house, me)
        await pay(house, member)
        link = await make.member(owner, person=me)
        assert (await ask(owner, link.link_id)).status_code == 201
        assert (await ask(member)).status_code == 201

        await later(house, hours=2)
        again = replace(me, claims=replace(me.claims, auth_time=auth_seconds(house.db.clock.now())))
        async with loopback_client() as client:
            provider = ClosedMeanwhile(house.db.clock, client, again)
            await outcomes.settle_due(house.db, replace(house.ports, faces={"sandbox": provider}))

        rows = await house.db.fetch("SELECT member_id, state FROM face_check")
        assert {row["member_id"]: row["state"] for row in rows}[member.id] == "passed"

    async def test_a_case_of_a_member_who_is_gone_leaves_the_queue(
        self, house: House, make: Make, me: Holder, hire: Hire
    ) -> None:
        owner = await make.owner(name="林若溪")
        await pay(house, me)
        link = await make.member(owner, person=me)
        assert (await ask(owner, link.link_id, way="counter")).status_code == 201

        ok(await close(me))
        await Time(house).work()

        li = await hire("li")
        assert ok(await li.call("GET", "/v1/reviews"))["items"] == []
