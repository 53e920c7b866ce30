"""A transfer of one's own, and one of a member: drafted, checked, handed in, followed to its end."""

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest

from app.core.db import Database
from app.models.stand_ins import FiledTransfer
from app.models.transfers import Transfer
from app.services.links import Services
from tests import cluster
from tests.factories.adding import set_policy
from tests.factories.make import Holder, Make
from tests.factories.passing import Time
from tests.factories.rows import count
from tests.transfers.playing import PENSION, Filing

JSON = dict[str, Any]
WHOLE = [
    "submitted",
    "reviewing_at_new_place",
    "letter_sent",
    "reviewing_at_old_place",
    "funds_sent",
    "funds_received",
    "settling",
    "done",
]


def failing(draft: JSON) -> dict[str, str]:
    return {each["check"]: each["problem"]["code"] for each in draft["checks"] if not each["passed"]}


async def left(db: Database) -> list[str]:
    """What the places have: each order as it is now."""
    rows = await db.fetch("SELECT withdrawn_at FROM filed_transfer")
    return ["here" if row["withdrawn_at"] is None else "withdrawn" for row in rows]


class TestDrafts:
    """Before anything leaves."""

    async def test_a_draft_says_that_nothing_stands_in_its_way_and_how_to_hand_it_in(self, mine: Filing) -> None:
        draft = await mine.draft()

        assert (draft["state"], draft["timeline"], draft["filed_by"]) == ("draft", [], "self")
        assert [draft["from_place"]["name"], draft["to_place"]["name"]] == ["东溪市", "西岭市"]
        assert failing(draft) == {}
        here = f"/v1/holders/me/transfers/{draft['id']}"
        assert draft["next"] == [
            {"step": "submit", "method": "POST", "href": f"{here}/submission"},
            {"step": "withdraw", "method": "DELETE", "href": here},
        ]

    @pytest.mark.parametrize(
        ("wanted", "obstacles"),
        [
            ({"insurance": "work_injury"}, {"insurance_moves": "transfer-joins-anew"}),
            ({"insurance": "maternity"}, {"insurance_moves": "transfer-joins-anew"}),
            ({"to_region": "100102"}, {"places_differ": "transfer-same-place"}),
            ({"from_region": "100300"}, {"old_place_online": "transfer-old-place-offline"}),
            ({"to_region": "100300"}, {"new_place_online": "transfer-new-place-offline"}),
            ({"to_region": "990000"}, {"new_place_online": "transfer-new-place-offline"}),
            ({"insurance": "medical", "to_region": "100600"}, {"new_place_online": "transfer-new-place-offline"}),
        ],
    )
    async def test_whatever_stands_in_the_way_is_said_with_what_to_do_and_cannot_be_handed_in(
        self, mine: Filing, wanted: dict[str, str], obstacles: dict[str, str]
    ) -> None:
        draft = await mine.draft(**wanted)
        submitted = await mine.submit(draft["id"])

        assert failing(draft) == obstacles
        assert all(each["problem"]["next"]["text"] for each in draft["checks"] if not each["passed"])
        assert [each["step"] for each in draft["next"]] == ["withdraw"]
        assert (submitted.status_code, submitted.json()["code"]) == (409, next(iter(obstacles.values())))
        assert (await mine.read(draft["id"]))["state"] == "draft"

    @pytest.mark.parametrize("region", ["1001", "10010１", "abcdef", ""])
    async def test_a_region_has_six_digits(self, mine: Filing, region: str) -> None:
        answer = await mine.post(mine.path, PENSION | {"to_region": region})

        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/to_region")

    async def test_a_draft_is_made_once_for_each_key(self, mine: Filing, db: Database) -> None:
        key = secrets.token_hex(8)

        first, again = await mine.post(mine.path, PENSION, key), await mine.post(mine.path, PENSION, key)

        assert first.json() == again.json()
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await count(db, Transfer) == 1

    async def test_only_so_many_are_begun_a_day(self, database: cluster.Database, make: Make) -> None:
        await set_policy(database, "transfers", begun_a_day=2)
        mine = Filing(await make.owner())

        answers = [await mine.post(mine.path, PENSION) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert answers[-1].json()["code"] == "transfers-used-up"

    async def test_a_draft_is_taken_back_at_once_and_again_is_as_good(self, mine: Filing) -> None:
        draft = await mine.draft()

        first, again = await mine.withdraw(draft["id"]), await mine.withdraw(draft["id"])

        assert (first.json()["state"], again.json()["state"]) == ("withdrawn", "withdrawn")
        assert first.json()["next"] == []


class TestTheWhole:
    """From the submission to the end, by the clock."""

    async def test_a_transfer_goes_through_all_its_legs_as_the_clock_moves_and_the_holder_hears_of_each(
        self, mine: Filing, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        seen: list[str] = []
        while not seen or seen[-1] != "done":
            await time.pass_by(days=1)
            seen.append((await mine.read(transfer_id))["state"])
            assert len(seen) < 60

        done, told = await mine.read(transfer_id), Counter(await time.texts())

        assert [step["state"] for step in done["timeline"]] == WHOLE
        begun = [state for state in seen if state != "submitted"]  # the new place begins in the morning
        assert sorted(set(begun), key=begun.index) == WHOLE[1:]
        assert [step["code"] for step in done["timeline"]] == [None, "11", "12", "21", "22", "31", "32", "33"]
        assert (done["is_overdue"], done["next"]) == (False, [])
        assert (set(told.values()), len(told)) == ({1}, len(WHOLE) - 1)

    async def test_each_leg_has_its_clock_in_working_days(self, mine: Filing, time: Time) -> None:
        transfer_id = await mine.file()
        await time.work()
        await time.pass_by(days=4)

        step = (await mine.read(transfer_id))["timeline"][1]

        assert (step["state"], step["working_days"], step["is_overdue"]) == ("reviewing_at_new_place", 15, False)
        assert step["due_on"] > step["at"][:10]
        assert step["text"] == "The new place is looking at the application."

    async def test_a_place_that_takes_longer_than_it_may_is_overdue_and_the_leg_stays_marked(
        self, mine: Filing, time: Time
    ) -> None:
        transfer_id = await mine.file(to_region="100500")
        await time.work()
        for _ in range(5):
            await time.pass_by(days=7)
        late = await mine.read(transfer_id)
        for _ in range(3):
            await time.pass_by(days=7)
        later = await mine.read(transfer_id)

        assert (late["state"], late["is_overdue"]) == ("reviewing_at_new_place", True)
        assert later["state"] != "reviewing_at_new_place"
        assert [step["is_overdue"] for step in later["timeline"]][1] is True

    async def test_a_rejection_says_why_and_what_to_do(self, mine: Filing, time: Time) -> None:
        transfer_id = await mine.file(from_region="100400")
        await time.work()
        for _ in range(5):
            await time.pass_by(days=7)

        step = (await mine.read(transfer_id))["timeline"][-1]

        assert (step["state"], step["reason"], step["code"]) == ("rejected", "no_record", "91/R02")
        assert "apply again" in step["reason_text"]

    async def test_lists_are_paged_the_newest_first(self, mine: Filing) -> None:
        made = [(await mine.draft())["id"] for _ in range(3)]

        first = await mine.who.read(f"{mine.path}?limit=2")
        second = await mine.who.read(f"{mine.path}?limit=2&cursor={first['next_cursor']}")

        assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]
        assert second["next_cursor"] is None


class TestOneUnderWay:
    """Of each insurance, at most one transfer is under way: a key of the database."""

    async def test_a_second_of_the_same_insurance_is_refused_and_leads_to_the_first(self, mine: Filing) -> None:
        other = await mine.draft()
        first = await mine.file()

        refused = await mine.submit(other["id"])
        third = await mine.draft()

        assert (refused.status_code, refused.json()["code"]) == (409, "transfer-under-way")
        assert refused.json()["next"]["href"] == f"/v1/holders/me/transfers/{first}"
        assert failing(third) == {"none_under_way": "transfer-under-way"}
        assert failing(await mine.draft(insurance="medical")) == {}

    async def test_of_many_handed_in_at_once_by_several_people_one_leaves(
        self, make: Make, me: Holder, db: Database, time: Time
    ) -> None:
        member = await make.member(me)
        father = Filing(await make.signed_in(member.person))
        other_owner = await make.owner(name="林若溪")
        second = await make.member(other_owner, "56", person=member.person)
        filings = [Filing(me, str(member.link_id)), Filing(other_owner, str(second.link_id)), father] * 2
        drafts = [(await each.draft())["id"] for each in filings]

        answers = await asyncio.gather(*(each.submit(draft) for each, draft in zip(filings, drafts, strict=True)))
        await time.work()

        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"transfer-under-way"}
        assert await count(db, FiledTransfer) == 1

    async def test_one_draft_handed_in_many_times_at_once_leaves_once(
        self, mine: Filing, db: Database, time: Time
    ) -> None:
        draft = (await mine.draft())["id"]

        answers = await asyncio.gather(*(mine.submit(draft) for _ in range(6)))
        await asyncio.gather(time.work(), time.work())

        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
        assert await count(db, FiledTransfer) == 1
        assert await mine.states(draft) == ["submitted"]


class TestWithdrawing:
    """Taking back."""

    async def test_what_has_not_left_is_taken_back_at_once_and_never_leaves(
        self, mine: Filing, db: Database, time: Time
    ) -> None:
        transfer_id = await mine.file()

        answer = await mine.withdraw(transfer_id)
        await time.work()

        assert answer.json()["state"] == "withdrawn"
        assert await count(db, FiledTransfer) == 0

    async def test_what_has_left_is_asked_back(self, mine: Filing, time: Time) -> None:
        transfer_id = await mine.file()
        await time.work()
        await time.pass_by(days=4)

        asked = (await mine.withdraw(transfer_id)).json()
        await time.work()
        done = await mine.read(transfer_id)

        assert (asked["state"], asked["withdrawal"]) == ("reviewing_at_new_place", "asked")
        assert [each["state"] for each in done["timeline"]] == ["submitted", "reviewing_at_new_place", "withdrawn"]
        assert done["withdrawal"] is None

    async def test_once_the_old_place_is_at_it_it_is_too_late(self, mine: Filing, time: Time) -> None:
        transfer_id = await mine.file()
        await time.work()
        for _ in range(3):
            await time.pass_by(days=7)

        answer = await mine.withdraw(transfer_id)

        assert (answer.status_code, answer.json()["code"]) == (409, "transfer-too-late")

    async def test_a_wish_that_comes_too_late_at_the_place_is_refused_there_and_it_goes_on(
        self, mine: Filing, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        await time.pass_by(days=4)
        await mine.withdraw(transfer_id)

        await time.pass_by(days=20)
        read = await mine.read(transfer_id)

        assert read["withdrawal"] == "refused"
        assert read["state"] not in ("withdrawn", "reviewing_at_new_place")
        assert any("来不及撤回" in text for text in await time.texts())

    async def test_withdrawing_while_it_leaves_has_one_outcome(self, mine: Filing, db: Database, time: Time) -> None:
        transfer_id = await mine.file()

        await asyncio.gather(time.work(), mine.withdraw(transfer_id))
        await time.work()

        states = await mine.states(transfer_id)
        assert states == ["submitted", "withdrawn"]
        assert await left(db) in ([], ["withdrawn"])


class TestForAMember:
    """What an owner files, and what the member sees and hears of it."""

    async def test_an_owner_files_for_a_member_who_is_told_and_sees_it(
        self, make: Make, me: Holder, time: Time
    ) -> None:
        member = await make.member(me, name="王建国")
        father = Filing(await make.signed_in(member.person))

        transfer_id = await Filing(me, str(member.link_id)).file()
        await time.work()
        seen = await father.read(transfer_id)

        assert (seen["state"], seen["filed_by"]) == ("submitted", "family")
        assert any("社保关系转移申请" in text for text in await time.texts())
        audited = [(action, actor) for action, _, actor in await make.audited(member.person)]
        assert ("transfer.submitted", me.id) in audited

    async def test_an_owner_who_may_not_file_may_look_all_the_same(self, make: Make, me: Holder) -> None:
        member = await make.member(me, services=Services(file=False))
        filing = Filing(me, str(member.link_id))

        answer = await filing.post(filing.path, PENSION)

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-shared")
        assert (await me.read(filing.path))["items"] == []

    async def test_it_is_not_there_for_anybody_else(self, make: Make, me: Holder, mine: Filing) -> None:
        member = await make.member(me)
        stranger = Filing(await make.owner(name="刘雅文"))
        transfer_id = await mine.file()

        answers = [
            await stranger.who.call("GET", f"{stranger.path}/{transfer_id}"),
            await stranger.who.call("GET", f"/v1/holders/{member.link_id}/transfers"),
            await stranger.submit(transfer_id),
            await stranger.withdraw(transfer_id),
            await me.call("GET", f"/v1/holders/{member.link_id}/transfers/{transfer_id}"),
        ]

        assert {answer.status_code for answer in answers} == {404}
