"""The member says no, kindly told to the owner; or says that it should not be, and is protected for some time."""

from datetime import date

import httpx
import pytest

from app.adapters.messages.inbox import InboxMessages
from app.ports.register import TestPerson
from app.routers.deps import House
from app.worker import relay
from tests import cluster
from tests.factories.adding import Kin, Owner, app_of, later, ok, refused, set_policy, steps
from tests.factories.handing import MemberPhone, at_face, hand_over
from tests.factories.make import Make
from tests.factories.phone import JSON


async def told(house: House) -> list[tuple[str, str]]:
    """Let everything be told; return to which phone and what, newest first, but for what the seed has left."""
    await relay.tell_due(house.db, house.ports)
    assert isinstance(house.ports.messages, InboxMessages)
    received = await house.ports.messages.received(None)
    return [(item.to, item.text) for item in received if item.to != "10000000001"]


def details(person: TestPerson) -> JSON:
    return {"name": person.name, "social_security_number": person.number, "relationship": "51"}


async def name_again(owner: Owner, person: TestPerson) -> httpx.Response:
    enrolment = await owner.open("family_member")
    await owner.acknowledge(enrolment, "family-account")
    return await owner.call("PUT", f"{enrolment}/details", details(person))


class TestRefusing:
    async def test_the_application_ends_and_says_why(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        answer = ok(await member.call("POST", "/refusals"))
        read = await owner.read(enrolment)

        assert (answer["state"], answer["enrolment_state"], answer["next"]) == ("refused", "cancelled", [])
        assert (read["state"], read["rejection"], read["handover"]["state"]) == (
            "cancelled",
            "member-refused",
            "refused",
        )
        assert steps(read) == ["start-again"]
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["total"]["used"] == 0

    async def test_its_reason_has_a_page_of_kind_words(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/problems/member-refused", headers={"Accept-Language": "en"})

        assert page.status_code == 200
        assert "prefers not to join for now" in page.text

    async def test_the_owner_is_told_and_nobody_else(self, member: MemberPhone, house: House) -> None:
        await member.call("POST", "/refusals")

        (message,) = await told(house)

        assert message[0] == "10000009999"
        assert message[1].startswith("王**看过申请，这次暂时不想加入")

    async def test_a_check_under_way_is_given_up(self, member: MemberPhone, enrolment: str) -> None:
        await member.agree("view")
        check = await member.start()

        await member.call("POST", "/refusals")

        assert ok(await member.call("GET", check))["state"] == "cancelled"
        assert ok(await member.call("POST", f"{check}/completion"))["state"] == "cancelled"

    async def test_twice_is_once(self, member: MemberPhone, owner: Owner, enrolment: str, house: House) -> None:
        answers = [ok(await member.call("POST", "/refusals")) for _ in range(2)]

        assert answers[0] == answers[1]
        assert len(await told(house)) == 1

    async def test_the_owner_may_ask_again(self, member: MemberPhone, owner: Owner, father: TestPerson) -> None:
        await member.call("POST", "/refusals")

        assert (await name_again(owner, father)).status_code == 200

    async def test_after_it_nothing_else_can_be_done(self, member: MemberPhone) -> None:
        await member.call("POST", "/refusals")

        refused(await member.agree("view"), 409, "handover-finished")
        refused(await member.call("POST", "/face-checks", {}), 409, "handover-finished")
        refused(await member.call("POST", "/disputes", {"reason": "not_asked"}), 409, "handover-finished")
        assert (await member.read())["state"] == "refused"

    async def test_after_the_face_has_passed_it_is_too_late_here(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        await member.face_check()

        for path, body in (("/refusals", None), ("/disputes", {"reason": "other"})):
            refused(await member.call("POST", path, body), 409, "handover-finished")
        assert (await owner.read(enrolment))["state"] == "active"

    async def test_it_is_written_down(self, member: MemberPhone, owner: Owner, make: Make) -> None:
        await member.call("POST", "/refusals")
        assert owner.holder is not None

        actions = [(action, facts.get("because")) for action, facts, _ in await make.audited(owner.holder)]

        assert ("handover.ended", "refused") in actions
        assert actions[-1][0] == "enrolment.ended"


class TestDisputing:
    async def test_the_application_ends_and_says_why(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        answer = ok(await member.call("POST", "/disputes", {"reason": "owner_unknown"}))
        read = await owner.read(enrolment)

        assert (answer["state"], answer["enrolment_state"]) == ("disputed", "cancelled")
        assert (read["state"], read["rejection"]) == ("cancelled", "member-disputed")
        assert read["handover"]["state"] == "disputed"

    @pytest.mark.parametrize("reason", ["owner_unknown", "not_asked", "pressed", "other"])
    async def test_both_homes_hold_it(
        self, member: MemberPhone, owner: Owner, make: Make, house: House, reason: str
    ) -> None:
        await member.call("POST", "/disputes", {"reason": reason})

        rows = await house.db.fetch(
            "SELECT home_id, actor_id, facts->>'reason' AS reason FROM audit_event WHERE action = 'handover.disputed'"
        )
        (handover,) = await house.db.fetch("SELECT home_id, member_id FROM handover")
        assert {row["home_id"] for row in rows} == {handover["home_id"], handover["member_id"]}
        assert {(row["actor_id"], row["reason"]) for row in rows} == {(handover["member_id"], reason)}

    @pytest.mark.parametrize("body", [{}, {"reason": "revenge"}, {"reason": "other", "words": "…"}, {"reason": None}])
    async def test_the_reason_is_one_of_a_list(self, member: MemberPhone, body: JSON) -> None:
        refused(await member.call("POST", "/disputes", body), 422, "invalid-request")
        assert (await member.read())["state"] == "opened"

    async def test_the_phone_that_the_register_holds_is_told(
        self, client: httpx.AsyncClient, make: Make, house: House
    ) -> None:
        """Not the account's: who holds the account may be the one it is about."""
        owner = await app_of(await make.owner(), house)
        known = await make.person(name="王建国", birth_date=date(1957, 3, 8), phone="10000007777")
        await make.signed_in(known)
        member = MemberPhone(client)
        await member.open(await hand_over(owner, await at_face(owner, Kin.known(known))))

        await member.call("POST", "/disputes", {"reason": "pressed"})
        messages = dict(await told(house))

        assert messages["10000007777"].startswith("您对王**添加您一事提出的异议已经记下")
        assert "提出异议已经结束" in messages["10000009999"]

    async def test_the_same_owner_cannot_name_the_member_for_some_days(
        self, database: cluster.Database, client: httpx.AsyncClient, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "handovers", disputed_days=3)
        owner = await app_of(await make.owner(), house)
        member, father = MemberPhone(client), await kin(age=68)
        await member.open(await hand_over(owner, await at_face(owner, father)))
        await member.call("POST", "/disputes", {"reason": "not_asked"})

        answer = await name_again(owner, father)
        await later(owner.house, days=2, hours=23)
        still = await name_again(owner, father)
        await later(owner.house, hours=2)
        again = await name_again(owner, father)

        assert 0 < refused(answer, 409, "member-disputed")["retry_after_seconds"] <= 3 * 86400
        refused(still, 409, "member-disputed")
        assert again.status_code == 200

    async def test_another_owner_can_and_so_can_the_same_for_another_member(
        self, member: MemberPhone, owner: Owner, father: TestPerson, kin: Kin, make: Make, house: House
    ) -> None:
        await member.call("POST", "/disputes", {"reason": "other"})
        sister = await app_of(await make.owner(name="王小红", sex="2"), house)

        assert (await name_again(sister, father)).status_code == 200
        assert (await name_again(owner, await kin(age=67))).status_code == 200

    async def test_twice_is_once(self, member: MemberPhone, house: House) -> None:
        answers = [ok(await member.call("POST", "/disputes", {"reason": "other"})) for _ in range(2)]

        assert answers[0] == answers[1]
        assert len(await told(house)) == 1
