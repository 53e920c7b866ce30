"""The owner hands the face step over, once at a time, takes it back, and makes a new one."""

import re

import httpx
import pytest

from app.ports.register import TestPerson
from app.routers.deps import House
from app.services.enrolments.expiring import expire_due, expire_handovers
from tests import cluster
from tests.factories.adding import Kin, Owner, app_of, later, ok, refused, set_policy, steps, tag
from tests.factories.handing import MemberPhone, at_face, hand_over
from tests.factories.make import Make
from tests.factories.phone import Phone


class TestOffering:
    async def test_it_gives_a_link_with_its_secret_behind_the_hash_and_a_code_to_be_told(
        self, owner: Owner, enrolment: str
    ) -> None:
        offer = await hand_over(owner, enrolment)

        assert offer.keys() == {"url", "spoken_code", "expires_in"}
        assert re.fullmatch(r"http://127\.0\.0\.1:8000/handover#[A-Za-z0-9_-]{43}", offer["url"])
        assert re.fullmatch(r"[0-9]{6}", offer["spoken_code"])
        assert offer["expires_in"] == 900

    async def test_the_enrolment_says_that_it_can_be_and_that_it_was(self, owner: Owner, enrolment: str) -> None:
        before = await owner.read(enrolment)
        await hand_over(owner, enrolment)
        after = await owner.read(enrolment)

        assert steps(before) == ["consent", "hand-over", "review"]
        assert before["next"][1] == {"step": "hand-over", "method": "POST", "href": f"{enrolment}/handovers"}
        assert before["handover"] is None
        assert (after["handover"]["state"], after["handover"]["device"]) == ("waiting", None)
        assert after["id"] == before["id"]
        assert after["version"] > before["version"]

    async def test_sent_again_it_is_the_same_link_and_the_same_code(self, owner: Owner, enrolment: str) -> None:
        first = await owner.call("POST", f"{enrolment}/handovers", None, Idempotency_Key="the-same-key")
        version = (await owner.read(enrolment))["version"]
        await later(owner.house, minutes=5)

        again = await owner.call("POST", f"{enrolment}/handovers", None, Idempotency_Key="the-same-key")

        assert ok(again) | {"expires_in": 0} == ok(first) | {"expires_in": 0}
        assert 540 < ok(again)["expires_in"] <= 600  # of fifteen minutes, five are over
        assert again.headers["idempotency-replayed"] == "true"
        assert (await owner.read(enrolment))["version"] == version

    async def test_no_secret_is_kept(self, owner: Owner, enrolment: str, house: House) -> None:
        offer = await hand_over(owner, enrolment)
        secret = httpx.URL(offer["url"]).fragment

        rows = await house.db.fetch("SELECT handover::text AS whole FROM handover")
        rows += await house.db.fetch("SELECT outbox_event::text AS whole FROM outbox_event")
        rows += await house.db.fetch("SELECT kept_answer::text AS whole FROM kept_answer")
        rows += await house.db.fetch("SELECT audit_event::text AS whole FROM audit_event")

        whole = "\n".join(row["whole"] for row in rows)
        assert secret not in whole
        assert offer["spoken_code"] not in whole

    async def test_a_new_one_ends_the_older_and_what_was_begun_by_it(
        self, member: MemberPhone, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        check = await member.start()

        offer = await hand_over(owner, enrolment)

        refused(await member.call("GET"), 401, "handover-ended")
        refused(await member.call("GET", check), 401, "handover-ended")
        again = MemberPhone(client)
        assert (await again.open(offer)).status_code == 201
        read = await again.read()
        assert (read["agreed"], read["face_check"]) == (None, None)

    async def test_the_code_of_an_older_link_opens_nothing(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        older = await hand_over(owner, enrolment)
        newer = await hand_over(owner, enrolment)

        refused(await MemberPhone(client).open(older), 404, "handover-link-over")
        assert older["url"] != newer["url"]

    async def test_a_day_has_so_many(self, database: cluster.Database, make: Make, house: House, kin: Kin) -> None:
        await set_policy(database, "handovers", a_day=2)
        owner = await app_of(await make.owner(), house)
        enrolment = await at_face(owner, await kin(age=68))
        for _ in range(2):
            await hand_over(owner, enrolment)

        answer = await owner.call("POST", f"{enrolment}/handovers")

        refused(answer, 429, "handovers-used-up")
        assert int(answer.headers["retry-after"]) > 0


class TestWhereItIsNotPossible:
    async def test_under_16_the_face_step_is_by_photo(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=9, parents=[owner.person.number]), "20", age=9)

        problem = refused(await owner.call("POST", f"{enrolment}/handovers"), 409, "handover-not-possible")

        assert problem["next"]["href"] == f"{enrolment}/face-checks"
        assert "hand-over" not in steps(await owner.read(enrolment))

    async def test_from_the_16th_birthday_on_it_is_live(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=15, parents=[owner.person.number]), "20", age=15)
        await later(owner.house, days=2)
        refused(await owner.call("POST", f"{enrolment}/handovers"), 409, "handover-not-possible")

    async def test_for_oneself_there_is_nobody_to_hand_it_to(
        self, kin: Kin, client: httpx.AsyncClient, house: House
    ) -> None:
        me = Phone(client, house, "10000008001")
        await me.register()
        enrolment = await me.open("own_card")
        await me.acknowledge(enrolment, "own-card")
        await me.details(enrolment, await kin(age=40))

        problem = refused(await me.call("POST", f"{enrolment}/handovers"), 409, "handover-not-possible")

        assert problem["next"]["href"] == f"{enrolment}/face-checks"
        assert steps(await me.read(enrolment)) == ["consent", "review"]

    async def test_before_the_papers_are_there_it_is_too_early(self, owner: Owner, father: TestPerson) -> None:
        enrolment = await owner.to_documents(father, "51")

        problem = refused(await owner.call("POST", f"{enrolment}/handovers"), 409, "step-not-allowed")

        assert problem["next"]["action"] == "documents"

    async def test_when_a_slot_is_awaited_the_face_has_passed(
        self, owner: Owner, make: Make, house: House, kin: Kin
    ) -> None:
        mother = await kin(age=68, sex="2", name="陈淑华")
        for name in ("刘雅文", "刘思远"):
            await (await app_of(await make.owner(name=name), house)).add(mother, "52", age=68)
        enrolment = await owner.to_face(mother, "52", age=68)
        await owner.face_check(enrolment)

        problem = refused(await owner.call("POST", f"{enrolment}/handovers"), 409, "step-not-allowed")

        assert problem["next"]["action"] == "wait-for-slot"

    async def test_without_tries_people_look(self, owner: Owner, enrolment: str, father: TestPerson) -> None:
        await owner.consent(enrolment, "face-check")
        for _ in range(3):
            await owner.face_check(enrolment, "face_mismatch")
        await owner.call("DELETE", enrolment)
        second = await at_face(owner, father)

        problem = refused(await owner.call("POST", f"{second}/handovers"), 409, "face-tries-used")

        assert problem["next"]["href"] == f"{second}/review-requests"

    async def test_others_find_nothing(self, enrolment: str, make: Make, house: House) -> None:
        stranger = await app_of(await make.owner(name="李雷"), house)

        for method, path in (("POST", "/handovers"), ("DELETE", "/handovers/current")):
            refused(await stranger.call(method, enrolment + path), 404, "not-found")

    @pytest.mark.parametrize("path", ["/v1/enrolments/no-id/handovers", "/v1/enrolments/{}/handovers"])
    async def test_what_is_no_enrolment_is_not_there(self, owner: Owner, path: str) -> None:
        refused(await owner.call("POST", path.format("adee" * 8)), 404, "not-found")

    async def test_without_a_key_it_is_not_done(self, owner: Owner, enrolment: str) -> None:
        answer = await owner.client.post(f"{enrolment}/handovers", headers=owner.headers)

        refused(answer, 400, "idempotency-key-missing")
        assert (await owner.read(enrolment))["handover"] is None


class TestTakingBack:
    async def test_link_and_token_are_worth_nothing_any_more(
        self, member: MemberPhone, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        check = await member.start()

        taken = await owner.call("DELETE", f"{enrolment}/handovers/current")
        read = await owner.read(enrolment)

        assert (taken.status_code, taken.content) == (204, b"")
        assert (read["state"], read["handover"]["state"]) == ("face_pending", "ended")
        assert (read["handover"]["ended_because"], read["handover"]["face_check"]) == ("taken_back", "cancelled")
        assert read["handover"]["device"] is None
        for method, path in (("GET", ""), ("POST", "/refusals"), ("GET", check)):
            refused(await member.call(method, path), 401, "handover-ended")

    async def test_a_link_that_was_not_opened_yet(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        offer = await hand_over(owner, enrolment)

        await owner.call("DELETE", f"{enrolment}/handovers/current")

        refused(await MemberPhone(client).open(offer), 404, "handover-link-over")

    async def test_twice_is_once_and_none_is_as_good(self, owner: Owner, enrolment: str) -> None:
        none = await owner.call("DELETE", f"{enrolment}/handovers/current")
        await hand_over(owner, enrolment)
        for _ in range(2):
            assert (await owner.call("DELETE", f"{enrolment}/handovers/current")).status_code == 204

        assert none.status_code == 204
        assert (await owner.read(enrolment))["handover"]["ended_because"] == "taken_back"


class TestWhatEndsIt:
    async def ended(self, owner: Owner, enrolment: str, member: MemberPhone) -> str | None:
        """Return why the handover ended; the token is worth nothing."""
        refused(await member.call("GET"), 401, "handover-ended")
        because: str | None = (await owner.read(enrolment))["handover"]["ended_because"]
        return because

    async def test_cancelling(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        await owner.call("DELETE", enrolment)

        assert await self.ended(owner, enrolment, member) == "enrolment_changed"

    async def test_going_back_which_asks_for_the_version_seen(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        member = MemberPhone(client)
        offer = await hand_over(owner, enrolment)
        await member.open(offer)
        read = await owner.read(enrolment)

        unseen = await owner.call("DELETE", f"{enrolment}/documents/id_card_front")
        seen = await owner.call("DELETE", f"{enrolment}/documents/id_card_front", None, If_Match=tag(read))

        refused(unseen, 428, "version-required")
        assert seen.status_code == 204
        refused(await member.call("GET"), 401, "handover-ended")

    async def test_going_back_and_forth_revives_nothing(
        self, member: MemberPhone, owner: Owner, enrolment: str, father: TestPerson
    ) -> None:
        read = await owner.read(enrolment)
        notice = await owner.client.get("/v1/notices/family-account", headers={"Accept-Language": "en"})
        shown = {name: notice.json()[name] for name in ("code", "version", "language", "sha256")}

        ok(await owner.call("PUT", f"{enrolment}/notice-acknowledgement", shown, If_Match=tag(read)))
        await owner.details(enrolment, father, "51")

        refused(await member.call("GET"), 401, "handover-ended")
        refused(await member.agree("view"), 401, "handover-ended")

    async def test_withdrawing_a_consent(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        await member.agree("view")
        items = ok(await owner.call("GET", "/v1/consents?limit=100"))["items"]
        given = next(item for item in items if item["purpose"] == "face-check" and not item["withdrawn_at"])

        await owner.call("DELETE", f"/v1/consents/{given['id']}")

        assert await self.ended(owner, enrolment, member) == "enrolment_changed"

    async def test_asking_for_people(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))

        read = await member.read()

        assert (read["state"], read["enrolment_state"]) == ("done", "in_review")
        refused(await member.call("POST", "/refusals"), 409, "handover-finished")

    async def test_asking_for_people_ends_a_link_that_was_not_opened(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        offer = await hand_over(owner, enrolment)

        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))

        refused(await MemberPhone(client).open(offer), 404, "handover-link-over")
        assert (await owner.read(enrolment))["handover"]["ended_because"] == "enrolment_changed"

    async def test_the_links_time(self, client: httpx.AsyncClient, owner: Owner, enrolment: str) -> None:
        offer = await hand_over(owner, enrolment)
        await later(owner.house, minutes=15)

        refused(await MemberPhone(client).open(offer), 404, "handover-link-over")
        read = await owner.read(enrolment)
        assert (read["handover"]["state"], read["handover"]["ended_because"]) == ("ended", "expired")

    async def test_the_steps_time(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        await later(owner.house, minutes=15)

        assert await self.ended(owner, enrolment, member) == "expired"

    async def test_the_enrolments_time(self, client: httpx.AsyncClient, owner: Owner, enrolment: str) -> None:
        await later(owner.house, hours=71, minutes=55)
        offer, member = await hand_over(owner, enrolment), MemberPhone(client)
        await member.open(offer)
        await later(owner.house, minutes=6)
        await expire_due(owner.house.db)

        assert offer["expires_in"] <= 300
        assert (await owner.read(enrolment))["state"] == "expired"
        refused(await member.call("GET"), 401, "handover-ended")

    async def test_who_waits_hears_that_the_time_is_over(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        before = await owner.read(enrolment)
        await later(owner.house, minutes=16)

        ended = [await expire_handovers(owner.house.db) for _ in range(2)]
        after = await owner.read(enrolment)

        assert ended == [1, 0]
        assert after["version"] > before["version"]
        assert (after["state"], after["handover"]["ended_because"]) == ("face_pending", "expired")

    async def test_a_check_under_way_when_the_time_is_over_comes_to_its_own_end(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await later(owner.house, minutes=14)
        await member.agree("view")
        await member.start("late_callback")
        await later(owner.house, minutes=2)
        await expire_handovers(owner.house.db)

        assert (await owner.read(enrolment))["handover"]["face_check"] == "started"


async def test_everything_is_written_down_in_the_owners_home(
    member: MemberPhone, owner: Owner, enrolment: str, make: Make
) -> None:
    await owner.call("DELETE", f"{enrolment}/handovers/current")
    assert owner.holder is not None

    found = [(action, facts) for action, facts, _ in await make.audited(owner.holder) if "handover" in action]

    assert [action for action, _ in found] == ["handover.offered", "handover.opened", "handover.ended"]
    assert found[-1][1]["because"] == "taken_back"
    assert len({facts["handover_id"] for _, facts in found}) == 1
