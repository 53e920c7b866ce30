"""At 16 a member confirms a link by their own live face and chooses what the owner may do; once, whoever is faster."""

import asyncio
import secrets
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.clock import SHANGHAI
from app.core.db import Database, bucket_of
from app.models.cases import Finding, Verdict
from app.models.links import LinkEnd
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services import outcomes
from app.services.audit import Action
from app.services.cases import Decision
from app.services.family import passing
from tests.factories.adding import PORTRAIT, Kin, Owner, later, ok, refused
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.deciding import people_decide, the_case
from tests.factories.make import Holder, Make, Member

WAITING = ["view", "certify"]


@pytest.fixture
async def me(make: Make) -> Holder:
    """A parent."""
    return await make.owner(name="王志远")


@pytest.fixture
async def child(make: Make, house: House, me: Holder) -> Member:
    """Somebody who was added by a photo and has turned 16 since."""
    day = house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=1)
    link = await make.member(me, "20", name="王子墨", birth_date=date(day.year - 16, day.month, day.day))
    await EmbeddedRegister(house.db).put([Entry(link.person.registered, portrait=PORTRAIT)])
    await later(house, days=2)
    return link


async def begin(who: Holder, link: Member | UUID, *services: str, side: str = "members", **more: Any) -> httpx.Response:
    link_id = link if isinstance(link, UUID) else link.link_id
    key = {"Idempotency-Key": more.pop("key", secrets.token_hex(8))}
    notice = (await who.client.get("/v1/notices/face-check")).json()
    shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
    body = shown | {"services": list(services)} | more
    return await who.call("POST", f"/v1/family/{side}/{link_id}/reconfirmations", body, **key)


async def complete(who: Holder, begun: dict[str, Any]) -> dict[str, Any]:
    return ok(await who.call("POST", f"/v1/face-checks/{begun['face_check']['id']}/completion"))


async def services(me: Holder, link: Member) -> list[str]:
    found: list[str] = (await me.read(f"/v1/family/members/{link.link_id}"))["services"]
    return found


async def state(who: Holder, begun: dict[str, Any], side: str = "members") -> str:
    found: str = (await who.read(f"/v1/family/{side}/{begun['link_id']}/reconfirmations/{begun['id']}"))["state"]
    return found


def failing(scenario: str = "face_mismatch") -> dict[str, Any]:
    return {"device_meta": {"sandbox_scenario": scenario}}


async def times(make: Make, link: Member, action: Action) -> int:
    return [each for each, _, _ in await make.audited(link.person)].count(action)


class TestByFace:
    async def test_the_link_allows_what_the_member_has_agreed_to_from_that_moment(
        self, make: Make, me: Holder, child: Member
    ) -> None:
        assert await services(me, child) == WAITING

        begun = ok(await begin(me, child, "view", "show_code", "pay"))
        assert (begun["state"], begun["services"]) == ("face_pending", ["view", "show_code", "pay"])
        assert await services(me, child) == WAITING
        await complete(me, begun)

        assert await services(me, child) == ["view", "show_code", "pay"]
        assert await state(me, begun) == "passed"
        [event] = [each for each in await make.audited(child.person) if each[0] == Action.LINK_RECONFIRMED]
        assert event[1]["services"] == "view show_code pay"
        kinds = [change["kind"] for change in (await me.read(f"/v1/family/members/{child.link_id}"))["changes"]]
        assert "live_face" not in kinds

    async def test_the_member_does_it_on_their_own_phone(self, make: Make, me: Holder, child: Member) -> None:
        them = await make.signed_in(child.person)

        begun = ok(await begin(them, child, "view", "file", side="owners"))
        await complete(them, begun)

        assert await state(them, begun, "owners") == "passed"
        assert await services(me, child) == ["view", "file"]

    async def test_a_grown_member_agrees_to_more_by_their_own_face_at_any_time(
        self, make: Make, house: House, me: Holder
    ) -> None:
        link = await make.member(me)
        await EmbeddedRegister(house.db).put([Entry(link.person.registered, portrait=PORTRAIT)])
        father = await make.signed_in(link.person)
        refused(await begin(me, link, "view", "pay"), 409, "reconfirmation-not-needed")

        begun = ok(await begin(father, link, "view", "pay", side="owners"))
        assert "pay" not in await services(me, link)
        await complete(father, begun)

        assert await services(me, link) == ["view", "pay"]

    async def test_nothing_is_a_choice_too(self, me: Holder, child: Member) -> None:
        await complete(me, ok(await begin(me, child)))

        assert await services(me, child) == []

    async def test_a_failed_face_leaves_things_as_they_are_and_may_be_tried_again(
        self, me: Holder, child: Member
    ) -> None:
        begun = ok(await begin(me, child, "view", "show_code", **failing()))
        assert (await complete(me, begun))["state"] == "failed"
        assert await services(me, child) == WAITING

        await complete(me, ok(await begin(me, child, "view", "show_code")))

        assert await services(me, child) == ["view", "show_code"]

    async def test_the_third_failure_goes_to_people(self, house: House, me: Holder, child: Member) -> None:
        for _ in range(2):
            await complete(me, ok(await begin(me, child, "view", "show_code", **failing())))
        last = ok(await begin(me, child, "view", "show_code", **failing()))
        await complete(me, last)

        assert await state(me, last) == "in_review"
        refused(await begin(me, child, "view"), 409, "reconfirmation-in-review")
        await people_decide(house, Decision(Verdict.APPROVE, Finding.FACE_FITS))
        assert await services(me, child) == ["view", "show_code"]

    async def test_when_no_provider_answers_nothing_has_happened(self, me: Holder, child: Member) -> None:
        answer = await begin(me, child, "view", **failing("provider_down"))

        assert answer.status_code == 503
        assert ok(await begin(me, child, "view"))["state"] == "face_pending"


class TestByPeople:
    async def test_without_a_face_people_look_and_decide(self, house: House, me: Holder, child: Member) -> None:
        begun = ok(await begin(me, child, "view", "show_code", way="people"))

        assert (begun["state"], begun["face_check"]) == ("in_review", None)
        assert (await the_case(house)).purpose == "reconfirmation"
        await people_decide(house, Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN))
        assert await services(me, child) == ["view", "show_code"]

    async def test_their_no_leaves_it_limited_and_it_may_be_tried_again(
        self, house: House, me: Holder, child: Member
    ) -> None:
        begun = ok(await begin(me, child, "view", "show_code", way="people"))

        await people_decide(house, Decision(Verdict.REJECT, Finding.IDENTITY_NOT_SHOWN))

        assert await state(me, begun) == "rejected"
        assert await services(me, child) == WAITING
        assert (await begin(me, child, "view")).status_code == 201


class TestRefusals:
    async def test_before_the_birthday_and_after_it_is_confirmed_there_is_nothing_to_do(
        self, make: Make, me: Holder, child: Member
    ) -> None:
        young = await make.member(me, "20", birth_date=date(2018, 5, 5))
        refused(await begin(me, young, "view"), 409, "reconfirmation-not-needed")
        await complete(me, ok(await begin(me, child, "view")))

        refused(await begin(me, child, "view"), 409, "reconfirmation-not-needed")

    async def test_it_is_for_owner_and_member_alone(self, make: Make, me: Holder, child: Member) -> None:
        stranger = await make.owner()
        begun = ok(await begin(me, child, "view"))
        path = f"/v1/family/members/{child.link_id}/reconfirmations/{begun['id']}"

        for side in ("members", "owners"):
            refused(await begin(stranger, child, "view", side=side), 404, "not-found")
        refused(await begin(me, child, "view", side="owners"), 404, "not-found")
        refused(await stranger.call("GET", path), 404, "not-found")
        other = await make.member(me, "21", birth_date=date(2018, 5, 5))
        swapped = f"/v1/family/members/{other.link_id}/reconfirmations/{begun['id']}"
        refused(await me.call("GET", swapped), 404, "not-found")

    async def test_the_notice_has_to_be_the_one_in_force(self, me: Holder, child: Member) -> None:
        refused(await begin(me, child, "view", sha256="0" * 64), 409, "notice-outdated")

    async def test_a_disputed_link_is_not_confirmed_and_a_dispute_meanwhile_wins(
        self, make: Make, me: Holder, child: Member
    ) -> None:
        begun = ok(await begin(me, child, "view", "show_code"))
        them = await make.signed_in(child.person)
        key = {"Idempotency-Key": secrets.token_hex(8)}
        ok(await them.call("POST", f"/v1/family/owners/{child.link_id}/disputes", {"reason": "pressed"}, **key))

        assert (await complete(me, begun))["state"] == "cancelled"

        assert await state(me, begun) == "cancelled"
        refused(await begin(me, child, "view"), 409, "link-frozen")


class TestAtOnce:
    async def test_of_many_begun_at_once_one_goes_on(self, db: Database, me: Holder, child: Member) -> None:
        answers = await asyncio.gather(*(begin(me, child, "view", "show_code") for _ in range(5)))

        assert {answer.status_code for answer in answers} == {201}
        rows = await db.fetch("SELECT state FROM reconfirmation WHERE bucket = $1", bucket_of(child.link_id))
        assert sorted(row["state"] for row in rows) == ["cancelled"] * 4 + ["face_pending"]

    async def test_owner_and_member_at_once_confirm_it_once(self, make: Make, me: Holder, child: Member) -> None:
        them = await make.signed_in(child.person)

        mine, theirs = await asyncio.gather(begin(me, child, "view"), begin(them, child, "file", side="owners"))
        await asyncio.gather(complete(me, ok(mine)), complete(them, ok(theirs)))

        assert await times(make, child, Action.LINK_RECONFIRMED) == 1
        assert await services(me, child) in (["view"], ["file"])

    async def test_the_same_key_again_is_the_same_check(self, me: Holder, child: Member) -> None:
        first = await begin(me, child, "view", key="a" * 16)

        again = await begin(me, child, "view", key="a" * 16)

        assert again.json() == first.json()
        assert again.headers["Idempotency-Replayed"] == "true"

    async def test_completed_many_times_it_is_confirmed_once(
        self, make: Make, house: House, me: Holder, child: Member
    ) -> None:
        begun = ok(await begin(me, child, "view"))

        await asyncio.gather(*(complete(me, begun) for _ in range(4)), outcomes.settle_due(house.db, house.ports))

        assert await times(make, child, Action.LINK_RECONFIRMED) == 1

    async def test_an_end_or_a_death_meanwhile_wins(
        self, db: Database, make: Make, house: House, me: Holder, child: Member
    ) -> None:
        begun = ok(await begin(me, child, "view", way="people"))

        await asyncio.gather(
            me.call("DELETE", f"/v1/family/members/{child.link_id}"),
            passing.end_all(db, child.person.id, LinkEnd.BY_DEATH),
        )

        assert await db.fetch("SELECT 1 FROM review_case WHERE state = 'open'") == []
        rows = await db.fetch("SELECT state FROM reconfirmation WHERE bucket = $1", bucket_of(child.link_id))
        assert [row["state"] for row in rows] == ["cancelled"]
        refused(
            await me.call("GET", f"/v1/family/members/{child.link_id}/reconfirmations/{begun['id']}"), 404, "not-found"
        )


class TestAfterTheAddFlow:
    async def test_a_link_begun_by_a_photo_is_confirmed_with_the_consent_in_the_list(
        self, owner: Owner, kin: Kin, house: House
    ) -> None:
        """From the add flow at 15 over the birthday to the member's own consent in place of the guardian's."""
        assert owner.holder is not None
        await self._teen(owner, kin)
        link = (await owner.read("/v1/family"))["members"][0]
        await later(house, days=30)
        assert (await owner.read("/v1/family"))["members"][0]["services"] == WAITING

        begun = ok(await begin(owner.holder, UUID(link["link_id"]), "view", "show_code"))
        await complete(owner.holder, begun)

        assert (await owner.read("/v1/family"))["members"][0]["services"] == ["view", "show_code"]
        given = [each for each in (await owner.read("/v1/consents"))["items"] if each["purpose"] == "face-check"]
        assert [each["withdrawn_at"] is None for each in given] == [True, False]

    async def _teen(self, owner: Owner, kin: Kin) -> TestPerson:
        day = owner.house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=20)
        teen = await kin(born=date(day.year - 16, day.month, day.day), parents=[owner.person.number])
        enrolment = await owner.to_face(teen, "20", age=15)
        await owner.face_check(enrolment)
        assert (await owner.read(enrolment))["state"] == "active"
        return teen
