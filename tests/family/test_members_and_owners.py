"""One link from either side: read, narrowed, ended."""

import asyncio

import pytest

from app.core.db import Database, bucket_of
from app.services.audit import Action
from app.services.links import Services
from tests.factories.make import Holder, Make, Member, Someone

ALL = ["view", "show_code", "certify", "file"]


async def told(db: Database, person: Someone) -> list[str]:
    """What is waiting to be told in somebody's home."""
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


async def actions(make: Make, person: Someone) -> list[str]:
    return [action for action, _, _ in await make.audited(person)]


def member_side(link: Member) -> str:
    return f"/v1/family/owners/{link.link_id}"


def owner_side(link: Member) -> str:
    return f"/v1/family/members/{link.link_id}"


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def link(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


@pytest.fixture
async def father(make: Make, link: Member) -> Holder:
    """The same, with a phone of his own."""
    return await make.signed_in(link.person)


class TestReading:
    async def test_the_owner_reads_the_member_as_on_the_page(self, me: Holder, link: Member) -> None:
        assert await me.read(owner_side(link)) == (await me.read("/v1/family"))["members"][0]

    async def test_the_member_reads_what_the_owner_may_do(self, father: Holder, link: Member) -> None:
        owner = await father.read(member_side(link))

        assert owner.pop("services") == ALL
        assert (owner.pop("agreed"), owner.pop("changes"), owner.pop("dispute")) == (ALL, [], None)
        assert owner == (await father.read("/v1/family"))["owners"][0]

    async def test_of_two_owners_each_is_read_by_their_own_link(self, make: Make, father: Holder, link: Member) -> None:
        daughter = await make.owner(name="王静姝", sex="2")
        second = await make.member(daughter, person=link.person, services=Services(pay=True))

        first_read, second_read = [await father.read(member_side(each)) for each in (link, second)]

        assert (first_read["link_id"], second_read["link_id"]) == (str(link.link_id), str(second.link_id))
        assert (first_read["services"], second_read["services"]) == (ALL, [*ALL, "pay"])

    async def test_nobody_reads_from_the_other_side_or_from_outside(
        self, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        stranger = await make.owner()

        for who, path in (
            (me, member_side(link)),
            (father, owner_side(link)),
            (stranger, member_side(link)),
            (stranger, owner_side(link)),
            (me, "/v1/family/members/nothing"),
            (me, f"/v1/family/members/{me.id}"),
        ):
            for method in ("GET", "DELETE"):
                assert (await who.call(method, path)).status_code == 404
            assert (await who.call("PUT", f"{path}/services", {"services": []})).status_code == 404


class TestNarrowing:
    @pytest.mark.parametrize("side", ["owner", "member"])
    async def test_either_side_narrows_and_both_homes_keep_it(
        self, make: Make, me: Holder, father: Holder, link: Member, side: str
    ) -> None:
        who, path = (me, owner_side(link)) if side == "owner" else (father, member_side(link))

        answer = await who.call("PUT", f"{path}/services", {"services": ["show_code", "view"]})

        assert answer.status_code == 200
        assert answer.json()["services"] == ["view", "show_code"]
        assert (await me.read(owner_side(link)))["services"] == ["view", "show_code"]
        assert (await father.read(member_side(link)))["services"] == ["view", "show_code"]
        for home in (me, link.person):
            [event] = [event for event in await make.audited(home) if event[0] == Action.LINK_SERVICES_CHANGED]
            assert event[1]["services"] == "view show_code"
            assert event[2] == who.id

    async def test_nobody_widens_by_a_wish_alone(self, make: Make, me: Holder, father: Holder, link: Member) -> None:
        await father.call("PUT", f"{member_side(link)}/services", {"services": ["view"]})

        for who, path, refusal in (
            (me, owner_side(link), (409, "services-not-allowed")),
            (father, member_side(link), (401, "card-password-required")),
        ):
            answer = await who.call("PUT", f"{path}/services", {"services": ["view", "pay"]})
            assert (answer.status_code, answer.json()["code"]) == refusal
        assert (await me.read(owner_side(link)))["services"] == ["view"]
        assert (await actions(make, me)).count(Action.LINK_SERVICES_CHANGED) == 1

    async def test_the_same_again_changes_nothing(self, make: Make, me: Holder, link: Member) -> None:
        answer = await me.call("PUT", f"{owner_side(link)}/services", {"services": ALL})

        assert (answer.status_code, answer.json()["services"]) == (200, ALL)
        assert Action.LINK_SERVICES_CHANGED not in await actions(make, me)

    async def test_what_was_taken_can_no_longer_be_done(self, me: Holder, father: Holder, link: Member) -> None:
        card = f"/v1/holders/{link.link_id}/card"
        assert (await me.call("GET", card)).status_code == 200

        await father.call("PUT", f"{member_side(link)}/services", {"services": []})

        assert (await me.call("GET", card)).json()["code"] == "service-not-shared"

    @pytest.mark.parametrize("services", [["fly"], "view", ["view"] * 6, None])
    async def test_what_is_no_service_is_refused(self, me: Holder, link: Member, services: object) -> None:
        answer = await me.call("PUT", f"{owner_side(link)}/services", {"services": services})

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")

    async def test_twenty_at_once_from_both_sides_end_with_the_least(
        self, me: Holder, father: Holder, link: Member
    ) -> None:
        """Each takes away one thing of what it saw; one that would give something back is refused."""
        wishes = [[*ALL[:index], *ALL[index + 1 :]] for index in range(4)]

        answers = await asyncio.gather(
            *(me.call("PUT", f"{owner_side(link)}/services", {"services": wish}) for wish in wishes for _ in range(3)),
            *(father.call("PUT", f"{member_side(link)}/services", {"services": wish}) for wish in wishes * 2),
        )

        done = {tuple(answer.json()["services"]) for answer in answers if answer.status_code == 200}
        # The member might give back, with a step-up; whoever comes at the same moment is refused under the lock.
        assert {200} < {answer.status_code for answer in answers} <= {200, 401, 409}
        assert len(done) == 1  # the first wins; every other would widen it again
        assert tuple((await me.read(owner_side(link)))["services"]) in done


class TestEnding:
    @pytest.mark.parametrize("side", ["owner", "member"])
    async def test_either_side_ends_it_at_once_and_both_are_told(
        self, make: Make, db: Database, me: Holder, father: Holder, link: Member, side: str
    ) -> None:
        who, path = (me, owner_side(link)) if side == "owner" else (father, member_side(link))

        answer = await who.call("DELETE", path)

        assert (answer.status_code, answer.content) == (204, b"")
        mine, his = await me.read("/v1/family"), await father.read("/v1/family")
        assert (mine["members"], his["owners"]) == ([], [])
        assert mine["quota"]["total"]["used"] == 0
        assert "link_ended_owner" in await told(db, me)
        assert "link_ended_member" in await told(db, link.person)
        for home in (me, link.person):
            [event] = [event for event in await make.audited(home) if event[0] == Action.LINK_ENDED]
            assert (event[1]["because"], event[2]) == (f"by_{side}", who.id)

    async def test_ending_twice_is_as_good_from_either_side(
        self, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        answers = [
            await who.call("DELETE", path)
            for who, path in ((me, owner_side(link)), (me, owner_side(link)), (father, member_side(link)))
        ]

        assert [answer.status_code for answer in answers] == [204, 204, 204]
        assert (await actions(make, me)).count(Action.LINK_ENDED) == 1

    async def test_both_at_once_end_it_once(self, make: Make, me: Holder, father: Holder, link: Member) -> None:
        answers = await asyncio.gather(
            *(me.call("DELETE", owner_side(link)) for _ in range(5)),
            *(father.call("DELETE", member_side(link)) for _ in range(5)),
        )

        assert {answer.status_code for answer in answers} == {204}
        assert (await actions(make, me)).count(Action.LINK_ENDED) == 1
        assert (await actions(make, link.person)).count(Action.LINK_ENDED) == 1

    async def test_an_ended_link_is_not_there(self, me: Holder, father: Holder, link: Member) -> None:
        await me.call("DELETE", owner_side(link))

        for who, path in ((me, owner_side(link)), (father, member_side(link))):
            assert (await who.call("GET", path)).status_code == 404
            assert (await who.call("PUT", f"{path}/services", {"services": []})).status_code == 404
        assert (await me.call("GET", f"/v1/holders/{link.link_id}/card")).status_code == 404

    async def test_the_place_and_the_slot_are_free_again(self, make: Make, me: Holder, link: Member) -> None:
        await me.call("DELETE", owner_side(link))

        again = await make.member(me, person=link.person)

        assert again.link_id != link.link_id
        assert [member["link_id"] for member in (await me.read("/v1/family"))["members"]] == [str(again.link_id)]

    async def test_a_relative_who_is_being_added_is_ended_by_the_enrolment_alone(self, make: Make, me: Holder) -> None:
        adding = await make.adding(me, "52", sex="2")

        for method in ("GET", "DELETE"):
            assert (await me.call(method, owner_side(adding))).status_code == 404
        assert len((await me.read("/v1/family"))["adding"]) == 1

    async def test_someone_without_a_proved_person_has_nothing_to_end(
        self, make: Make, me: Holder, link: Member
    ) -> None:
        nobody = await make.signed_in(await make.person(card=None))

        assert (await nobody.call("DELETE", owner_side(link))).status_code == 404
        assert Services().names == tuple((await me.read(owner_side(link)))["services"])
