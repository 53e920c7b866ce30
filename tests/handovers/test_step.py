"""The face step in the member's own hands: who asks for what, each thing agreed to by itself, the check, the end."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.ports.register import TestPerson
from app.routers.deps import House
from tests.factories.adding import Kin, Owner, later, ok, refused, steps, tag
from tests.factories.handing import MemberPhone, at_face, hand_over
from tests.factories.make import Make
from tests.factories.phone import JSON

ALL = ("view", "show_code", "certify", "file")


async def services_of(owner: Owner, enrolment: str) -> list[str]:
    """Return what the link of a finished enrolment lets the owner do."""
    link_id = (await owner.read(enrolment))["link_id"]
    services: list[str] = ok(await owner.call("GET", f"/v1/family/members/{link_id}"))["services"]
    return services


class TestReading:
    async def test_the_member_sees_who_asks_for_what_and_no_more(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        read = ok(await member.call("GET", "", None, Accept_Language="en"))

        assert read["owner"] == {"name": "王**", "relationship": "51", "relationship_text": "王**'s father"}
        assert (read["member_name"], read["enrolment_id"]) == ("王**", enrolment[-36:])
        assert [service["service"] for service in read["services"]] == [*ALL, "pay"]
        assert {service["title"] for service in read["services"]} >= {"Show my e-card code"}
        assert (read["state"], read["enrolment_state"], read["agreed"]) == ("opened", "face_pending", None)
        assert (read["face_check"], read["tries_left"]) == (None, 3)
        assert steps(read) == ["consent", "refuse", "dispute"]
        assert owner.person.number not in str(read)

    async def test_words_are_in_the_language_asked_for(self, member: MemberPhone) -> None:
        said = {
            language: ok(await member.call("GET", "", None, Accept_Language=language))
            for language in ("zh-CN", "en", "es")
        }

        assert [read["owner"]["relationship_text"] for read in said.values()] == [
            "王**的父亲",
            "王**'s father",
            "padre de 王**",
        ]
        assert len({read["services"][0]["detail"] for read in said.values()}) == 3

    async def test_reading_spends_nothing(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        before = await owner.read(enrolment)

        reads = [await member.read() for _ in range(5)]

        assert all(read == reads[0] for read in reads)
        assert await owner.read(enrolment) == before


class TestAgreeing:
    async def test_what_was_chosen_is_what_the_link_allows(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        agreed = ok(await member.agree("certify", "view"))
        await member.face_check()

        assert agreed["agreed"] == ["view", "certify"]
        assert steps(agreed) == ["face-check", "refuse", "dispute"]
        assert (await owner.read(enrolment))["state"] == "active"
        assert await services_of(owner, enrolment) == ["view", "certify"]

    async def test_choosing_nothing_is_a_choice(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        assert ok(await member.agree())["agreed"] == []
        await member.face_check()

        assert await services_of(owner, enrolment) == []

    async def test_without_a_choice_it_is_no_consent(self, member: MemberPhone, owner: Owner) -> None:
        answer = await member.call("PUT", "/consents/face-check", await owner.shown("face-check"))

        problem = refused(answer, 422, "invalid-request")
        assert problem["errors"][0] | {"detail": ""} == {"pointer": "/services", "code": "missing", "detail": ""}

    async def test_another_text_than_the_one_in_force_is_no_consent(self, member: MemberPhone, owner: Owner) -> None:
        for wrong in (await owner.shown("own-card"), await owner.shown("face-check") | {"sha256": "0" * 64}):
            answer = await member.call("PUT", "/consents/face-check", wrong | {"services": []})

            refused(answer, 409, "notice-outdated")
        assert (await member.read())["agreed"] is None

    async def test_what_the_owner_agreed_to_is_not_the_members_consent(
        self, client: httpx.AsyncClient, owner: Owner, father: TestPerson
    ) -> None:
        enrolment = await owner.to_face(father, "51", age=68)
        member = MemberPhone(client)
        await member.open(await hand_over(owner, enrolment))

        problem = refused(await member.call("POST", "/face-checks", {}), 409, "face-consent-needed")
        before = await member.read()
        ok(await member.agree(*ALL))

        assert problem["next"]["href"] == "/v1/handovers/current/consents/face-check"
        assert problem["next"]["notice"] == "/v1/notices/face-check"
        assert before["agreed"] is None
        assert (await member.face_check())["state"] == "passed"

    async def test_agreeing_again_to_the_same_changes_nothing(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        ok(await member.agree("view"))
        version = (await owner.read(enrolment))["version"]

        again = await member.agree("view")

        assert ok(again)["agreed"] == ["view"]
        assert (await owner.read(enrolment))["version"] == version

    async def test_the_same_once_more_when_the_step_is_over_is_as_good_and_another_is_not(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        ok(await member.agree("view"))
        await member.face_check()
        before = await owner.read(enrolment)

        again = ok(await member.agree("view"))
        other = await member.agree("view", "file")

        assert (again["agreed"], again["state"]) == (["view"], (await member.read())["state"])
        refused(other, 409, "handover-finished")
        assert await owner.read(enrolment) == before
        assert await services_of(owner, enrolment) == ["view"]

    async def test_what_the_owner_had_agreed_to_may_come_late_when_the_step_is_over(
        self, client: httpx.AsyncClient, owner: Owner, father: TestPerson
    ) -> None:
        enrolment = await owner.to_face(father, "51", age=68)
        member = MemberPhone(client)
        await member.open(await hand_over(owner, enrolment))
        await member.agree("view")
        await member.face_check()
        before = await owner.read(enrolment)

        late = await owner.consent(enrolment, "face-check")
        other = await owner.call(
            "PUT", f"{enrolment}/consents/face-check", await owner.shown("face-check") | {"services": ["file"]}
        )

        assert (late, before["state"]) == (before, "active")
        refused(other, 409, "step-not-allowed")
        assert await services_of(owner, enrolment) == ["view"]

    async def test_the_choice_can_be_changed_before_the_check(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree(*ALL, "pay")
        assert ok(await member.agree("view"))["agreed"] == ["view"]

        await member.face_check()

        assert await services_of(owner, enrolment) == ["view"]

    async def test_it_is_written_down_as_the_members_own(
        self, member: MemberPhone, owner: Owner, enrolment: str, make: Make, house: House
    ) -> None:
        await member.agree("view")
        await member.face_check()
        assert owner.holder is not None
        (handover,) = await house.db.fetch("SELECT id, member_id, device_id FROM handover")

        by_member = [
            (action, facts.get("handover_id"))
            for action, facts, actor in await make.audited(owner.holder)
            if actor == handover["member_id"]
        ]

        mine = str(handover["id"])
        assert by_member[:3] == [("handover.opened", mine), ("consent.given", mine), ("face.started", mine)]
        rows = await house.db.fetch(
            "SELECT channel, device_id, handover_id FROM consent WHERE purpose = 'face-check' AND enrolment_id = $1",
            UUID(enrolment[-36:]),
        )
        assert [tuple(row) for row in rows] == [("handover", handover["device_id"], handover["id"])]


class TestOwnersHand:
    """What the owner does meanwhile never takes the place of what the member has said."""

    async def test_another_consent_ends_the_handover_and_its_check(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        check = await member.start()

        await owner.consent(enrolment, "face-check", services=[*ALL, "pay"])
        after = await member.call("POST", f"{check}/completion")

        refused(after, 401, "handover-ended")
        read = await owner.read(enrolment)
        assert (read["state"], read["handover"]["state"]) == ("face_pending", "ended")
        assert read["handover"]["face_check"] == "cancelled"

    async def test_also_when_the_time_of_the_handover_is_over_and_its_check_goes_on(
        self, member: MemberPhone, owner: Owner, enrolment: str, house: House
    ) -> None:
        await later(house, minutes=14)
        await member.agree("view")
        await member.start("not_finished")
        await later(house, minutes=2)

        await owner.consent(enrolment, "face-check", services=list(ALL))

        assert (await owner.read(enrolment))["handover"]["face_check"] == "cancelled"

    async def test_the_same_consent_again_disturbs_nobody(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")

        await owner.consent(enrolment, "face-check", services=["view"])

        assert (await member.read())["agreed"] == ["view"]

    async def test_the_owners_own_phone_can_do_the_check_instead(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        check = await member.start()

        await owner.face_check(enrolment)

        assert (await owner.read(enrolment))["state"] == "active"
        assert ok(await member.call("GET", check))["state"] == "cancelled"
        read = await member.read()
        assert (read["state"], read["enrolment_state"], read["next"]) == ("done", "active", [])
        assert await services_of(owner, enrolment) == ["view"]

    async def test_of_two_checks_the_newer_one_counts(self, member: MemberPhone, owner: Owner, enrolment: str) -> None:
        await member.agree("view")
        mine = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))["id"]

        await member.start()

        assert ok(await owner.call("GET", f"/v1/face-checks/{mine}"))["state"] == "cancelled"

    async def test_the_members_check_is_the_members_alone(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        mine = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))["id"]
        theirs = await member.start()

        refused(await owner.call("GET", theirs), 404, "not-found")
        refused(await owner.call("POST", f"{theirs}/completion"), 404, "not-found")
        refused(await member.call("GET", f"/v1/face-checks/{mine}"), 404, "not-found")


class TestProgress:
    async def test_both_read_how_far_it_is(self, client: httpx.AsyncClient, owner: Owner, enrolment: str) -> None:
        def seen(read: JSON) -> tuple[Any, ...]:
            handover = read["handover"]
            device = handover["device"] and handover["device"]["name"]
            return handover["state"], handover["face_check"], device, "face-check" in read["consents"]

        member = MemberPhone(client)
        offer = await hand_over(owner, enrolment)
        progress = [seen(await owner.read(enrolment))]
        await member.open(offer)
        progress.append(seen(await owner.read(enrolment)))
        await member.agree("view")
        progress.append(seen(await owner.read(enrolment)))
        check = await member.start()
        progress.append(seen(await owner.read(enrolment)))
        await member.call("POST", f"{check}/completion")
        progress.append(seen(await owner.read(enrolment)))

        assert progress == [
            ("waiting", None, None, False),
            ("opened", None, "Father's phone", False),
            ("opened", None, "Father's phone", True),
            ("opened", "started", "Father's phone", True),
            ("done", "passed", None, True),
        ]
        read = await member.read()
        assert (read["state"], read["enrolment_state"]) == ("done", "active")
        assert read["face_check"]["state"] == "passed"

    async def test_every_step_of_it_wakes_who_waits(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str
    ) -> None:
        member = MemberPhone(client)
        versions = [(await owner.read(enrolment))["version"]]
        offer = await hand_over(owner, enrolment)
        for step in (lambda: member.open(offer), lambda: member.agree("view"), member.start):
            versions.append((await owner.read(enrolment))["version"])
            await step()
        versions.append((await owner.read(enrolment))["version"])

        assert versions == sorted(set(versions))

    async def test_the_member_waits_for_a_slow_provider_too(self, member: MemberPhone) -> None:
        await member.agree("view")
        check = await member.start("not_finished")
        pending = await member.call("POST", f"{check}/completion")
        etag = (await member.call("GET", check)).headers["etag"]

        unchanged = await member.call("GET", check, None, Prefer="wait=1", If_None_Match=etag)
        changed = await member.call("GET", check, None, Prefer="wait=20", If_None_Match='"1"')

        assert ok(pending)["state"] == "processing"
        assert (unchanged.status_code, changed.status_code) == (304, 200)

    async def test_three_failed_tries_go_to_people_and_both_see_it(
        self, member: MemberPhone, owner: Owner, enrolment: str
    ) -> None:
        await member.agree("view")
        left = [(await member.face_check("face_mismatch"))["tries_left"] for _ in range(3)]

        read = await member.read()

        assert left == [2, 1, 0]
        assert (read["state"], read["enrolment_state"], read["next"]) == ("done", "in_review", [])
        assert (await owner.read(enrolment))["handover"]["state"] == "done"
        refused(await member.call("POST", "/face-checks", {}), 409, "handover-finished")
        refused(await member.agree(*ALL), 409, "handover-finished")

    async def test_tries_of_before_leave_the_member_a_no(
        self, client: httpx.AsyncClient, owner: Owner, enrolment: str, father: TestPerson
    ) -> None:
        member = MemberPhone(client)
        await member.open(await hand_over(owner, enrolment))
        await member.agree("view")
        for _ in range(2):
            await member.face_check("face_mismatch")
        await owner.call("DELETE", enrolment)
        second = await at_face(owner, father)
        again = MemberPhone(client)
        await again.open(await hand_over(owner, second))
        await again.agree("view")

        last = await again.face_check("face_mismatch")

        assert last["tries_left"] == 0
        assert (await owner.read(second))["state"] == "in_review"

    async def test_what_a_silent_provider_did_not_start_is_told_as_such(self, member: MemberPhone) -> None:
        await member.agree("view")

        answer = await member.call("POST", "/face-checks", {"device_meta": {"sandbox_scenario": "provider_down"}})

        refused(answer, 503, "face-service-unavailable")
        assert (await member.read())["tries_left"] == 3

    async def test_a_start_that_is_sent_again_is_one_check(self, member: MemberPhone) -> None:
        await member.agree("view")
        key = {"Idempotency_Key": "the-same-key"}

        first = await member.call("POST", "/face-checks", {}, **key)
        again = await member.call("POST", "/face-checks", {}, **key)

        assert ok(first)["id"] == ok(again)["id"]
        assert again.headers["idempotency-replayed"] == "true"


class TestDevices:
    async def test_starts_on_one_phone_are_counted_whoever_handed_over(
        self, client: httpx.AsyncClient, owner: Owner, kin: Kin, house: House
    ) -> None:
        phones: list[MemberPhone] = []
        for person in (await kin(age=68), await kin(age=66, sex="2", name="陈淑华")):
            enrolment = await at_face(owner, person, "51" if not phones else "52")
            phones.append(MemberPhone(client, device="the same phone"))
            await phones[-1].open(await hand_over(owner, enrolment))
            await phones[-1].agree()
            await phones[-1].start()

        (device,) = await house.db.fetch("SELECT DISTINCT device_id FROM handover")
        rows = await house.db.fetch(
            "SELECT used FROM throttle WHERE action = 'face_starts_on_device' AND subject = $1",
            device["device_id"].bytes,
        )
        assert [row["used"] for row in rows] == [2]

    @pytest.mark.parametrize("owned", ["id", "name"])
    async def test_nothing_of_the_phone_is_kept_readable(self, member: MemberPhone, house: House, owned: str) -> None:
        (row,) = await house.db.fetch("SELECT handover::text AS whole FROM handover")

        value = {"id": member.device, "name": "Father's phone"}[owned]
        assert value not in row["whole"]
        assert value.encode().hex() not in row["whole"]


async def test_a_handover_keeps_the_enrolment_and_its_tag(member: MemberPhone, owner: Owner, enrolment: str) -> None:
    read = await owner.read(enrolment)

    waited = await owner.call("GET", enrolment, None, Prefer="wait=1", If_None_Match=tag(read))

    assert (await member.read())["enrolment_id"] == read["id"]
    assert waited.status_code == 304
