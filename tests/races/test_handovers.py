"""Handovers at once: one link opens once, five guesses are five, and of two ends one holds."""

import asyncio
from collections import Counter

import httpx
import pytest

from app.routers.deps import House
from tests.factories.adding import Kin, Owner, ok, refused
from tests.factories.handing import MemberPhone, at_face, hand_over
from tests.races.test_adding import CROWD, at_once, codes
from tests.races.test_adding import deadlocks as deadlocks

ROUNDS = 5


@pytest.fixture
async def enrolment(owner: Owner, kin: Kin) -> str:
    return await at_face(owner, await kin(age=68))


async def opened(client: httpx.AsyncClient, owner: Owner, enrolment: str) -> MemberPhone:
    member = MemberPhone(client)
    ok(await member.open(await hand_over(owner, enrolment)))
    return member


class TestOpening:
    async def test_of_twenty_phones_at_once_one_gets_the_token(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str, house: House
    ) -> None:
        offer = await hand_over(owner, enrolment)
        phones = [MemberPhone(client) for _ in range(CROWD)]

        answers = await at_once(phone.open(offer) for phone in phones)

        assert codes(answers) == {"201": 1, "handover-link-over": CROWD - 1}
        (winner,) = [phone for phone in phones if phone.token]
        assert (await winner.read())["state"] == "opened"
        assert len(await house.db.fetch("SELECT 1 FROM audit_event WHERE action = 'handover.opened'")) == 1

    async def test_the_same_request_at_once_is_one_opening(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        member, offer = MemberPhone(client), await hand_over(owner, enrolment)

        answers = await at_once(member.open(offer, key="the-same-key") for _ in range(CROWD))

        assert set(codes(answers)) <= {"201", "idempotency-key-in-flight"}
        assert len({answer.json()["access_token"] for answer in answers if answer.status_code == 201}) == 1

    async def test_twenty_wrong_codes_at_once_are_exactly_five_tries(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        offer = await hand_over(owner, enrolment)
        wrong = f"{(int(offer['spoken_code']) + 1) % 10**6:06}"

        answers = await at_once(MemberPhone(client).open(offer, wrong) for _ in range(CROWD))

        assert codes(answers) == {
            "handover-code-wrong": 4,
            "handover-codes-used-up": 1,
            "handover-link-over": CROWD - 5,
        }
        left = [answer.json()["tries_left"] for answer in answers if answer.status_code == 403]
        assert sorted(left) == [0, 1, 2, 3, 4]
        refused(await MemberPhone(client).open(offer), 404, "handover-link-over")

    async def test_the_right_code_among_wrong_ones_opens_or_comes_too_late(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        for _ in range(ROUNDS):
            offer = await hand_over(owner, enrolment)
            wrong = f"{(int(offer['spoken_code']) + 1) % 10**6:06}"
            member = MemberPhone(client)

            guesses = [MemberPhone(client).open(offer, wrong) for _ in range(5)]
            *answers, right = await at_once([*guesses, member.open(offer)])

            is_used_up = codes(answers)["handover-codes-used-up"] == 1
            assert (right.status_code, is_used_up) in {(404, True), (201, False)}
            state = (await owner.read(enrolment))["handover"]["state"]
            assert state == ("opened" if right.status_code == 201 else "ended")

    async def test_against_cancelling(self, client: httpx.AsyncClient, owner: Owner, kin: Kin) -> None:
        for _ in range(ROUNDS):
            enrolment = await at_face(owner, await kin(age=68))
            member, offer = MemberPhone(client), await hand_over(owner, enrolment)

            answer, cancelled = await at_once([member.open(offer), owner.call("DELETE", enrolment)])

            read = await owner.read(enrolment)
            assert cancelled.status_code == 204
            assert (read["state"], read["handover"]["state"]) == ("cancelled", "ended")
            if answer.status_code == 201:
                refused(await member.call("GET"), 401, "handover-ended")
            else:
                refused(answer, 404, "handover-link-over")

    async def test_against_taking_back(self, client: httpx.AsyncClient, owner: Owner, enrolment: str) -> None:
        for _ in range(ROUNDS):
            member, offer = MemberPhone(client), await hand_over(owner, enrolment)

            await at_once([member.open(offer), owner.call("DELETE", f"{enrolment}/handovers/current")])

            assert (await owner.read(enrolment))["handover"]["ended_because"] == "taken_back"
            if member.token:
                refused(await member.call("GET"), 401, "handover-ended")


class TestOffering:
    async def test_of_twenty_at_once_one_is_open(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str, house: House
    ) -> None:
        answers = await at_once(owner.call("POST", f"{enrolment}/handovers") for _ in range(CROWD))

        assert codes(answers) == {"201": CROWD}
        rows = await house.db.fetch("SELECT state FROM handover")
        assert Counter(row["state"] for row in rows) == {"waiting": 1, "ended": CROWD - 1}
        outcomes = [await MemberPhone(client).open(ok(answer)) for answer in answers]
        assert codes(outcomes) == {"201": 1, "handover-link-over": CROWD - 1}


class TestEnding:
    async def test_refusing_against_the_pass_of_the_check(
        self, client: httpx.AsyncClient, owner: Owner, kin: Kin, house: House
    ) -> None:
        seen = set()
        for round_no in range(2 * ROUNDS):
            enrolment = await at_face(owner, await kin(age=40, name="王小军"), "99")
            member = await opened(client, owner, enrolment)
            await member.agree("view")
            check = await member.start()

            async def refuse(by: MemberPhone = member, after: float = 0.004 * (round_no % 3)) -> httpx.Response:
                await asyncio.sleep(after)
                return await by.call("POST", "/refusals")

            no, done = await at_once([refuse(), member.call("POST", f"{check}/completion")])

            read = await owner.read(enrolment)
            link = read["link_id"]
            seen.add(read["state"])
            if read["state"] == "active":
                refused(no, 409, "handover-finished")
                assert (ok(done)["state"], read["handover"]["state"]) == ("passed", "done")
                assert (await owner.call("DELETE", f"/v1/family/members/{link}")).status_code == 204
            else:
                assert (ok(no)["state"], read["rejection"]) == ("refused", "member-refused")
                assert (ok(done)["state"], link) == ("cancelled", None)
                assert await house.db.fetch("SELECT 1 FROM member_slot") == []

        assert seen <= {"active", "cancelled"}

    async def test_refusing_disputing_and_cancelling_have_one_winner(
        self, client: httpx.AsyncClient, owner: Owner, kin: Kin
    ) -> None:
        for _ in range(ROUNDS):
            enrolment = await at_face(owner, await kin(age=40), "99")
            member = await opened(client, owner, enrolment)

            await at_once(
                [
                    member.call("POST", "/refusals"),
                    member.call("POST", "/disputes", {"reason": "other"}),
                    owner.call("DELETE", enrolment),
                ]
            )

            read = await owner.read(enrolment)
            won = (read["handover"]["state"], read["rejection"])
            assert won in {("refused", "member-refused"), ("disputed", "member-disputed"), ("ended", None)}
            assert read["state"] == "cancelled"

    async def test_the_owners_check_and_the_members_at_once_are_one(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str, house: House
    ) -> None:
        member = await opened(client, owner, enrolment)
        await member.agree("view")

        starts = [owner.call("POST", f"{enrolment}/face-checks", {}) for _ in range(3)]
        starts += [member.call("POST", "/face-checks", {}) for _ in range(3)]
        answers = await at_once(starts)

        assert codes(answers) == {"201": 6}
        rows = await house.db.fetch("SELECT state FROM face_check WHERE purpose = 'enrolment' AND mode = 'live'")
        under_way = [row["state"] for row in rows if row["state"] in ("starting", "started", "processing")]
        assert len(under_way) == 1
