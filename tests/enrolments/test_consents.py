"""What was agreed to can be seen and taken back, as easily as it was given; what rested on it is undone at once."""

from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.routers.deps import House
from app.services import cases, files
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import PORTRAIT, Kin, Owner, app_of, later, ok, refused, steps, stored_files
from tests.factories.make import Make
from tests.factories.phone import CARD_PASSWORD, JSON, Phone


async def listed(phone: Phone) -> list[JSON]:
    items: list[JSON] = ok(await phone.call("GET", "/v1/consents?limit=100"))["items"]
    return items


async def withdraw(phone: Phone, purpose: str) -> JSON:
    """Take the newest consent of a purpose back; return it as it is listed then."""
    wanted = next(item for item in await listed(phone) if item["purpose"] == purpose and not item["withdrawn_at"])
    answer = await phone.call("DELETE", f"/v1/consents/{wanted['id']}")
    assert answer.status_code == 204, answer.text
    return next(item for item in await listed(phone) if item["id"] == wanted["id"])


async def child_at_face(owner: Owner, kin: Kin) -> str:
    return await owner.to_face(await kin(age=9, parents=[owner.person.number]), "20", age=9)


class TestNotNeeded:
    @pytest.mark.parametrize("purpose", ["minor-data", "identity-document"])
    async def test_a_card_of_ones_own_takes_no_consents_for_papers_or_for_the_young(
        self, client: httpx.AsyncClient, house: House, kin: Kin, purpose: str
    ) -> None:
        phone = Phone(client, house, "10000009001")
        await phone.register()
        enrolment = await phone.open("own_card")
        await phone.acknowledge(enrolment, "own-card")
        await phone.details(enrolment, await kin(age=40))

        answer = await phone.call("PUT", f"{enrolment}/consents/{purpose}", await phone.shown(purpose))

        problem = refused(answer, 409, "consent-not-needed")
        assert problem["next"]["text"]
        assert [item["purpose"] for item in await listed(phone)] == ["notice"]

    @pytest.mark.parametrize(("age", "status"), [(13, 200), (14, 409)])
    async def test_a_guardians_is_for_those_under_fourteen(self, owner: Owner, kin: Kin, age: int, status: int) -> None:
        child = await kin(age=age, parents=[owner.person.number])
        enrolment = await owner.to_documents(child, "20")

        answer = await owner.call("PUT", f"{enrolment}/consents/minor-data", await owner.shown("minor-data"))

        assert answer.status_code == status, answer.text


class TestSeeing:
    async def test_each_says_what_was_shown_and_for_whom(self, owner: Owner, kin: Kin) -> None:
        father = await kin(age=68)
        enrolment = await owner.to_face(father, "51", age=68)
        await owner.consent(enrolment, "face-check", services=["view", "certify"])
        link_id = (await owner.read(enrolment))["link_id"]

        first, *others = await listed(owner)

        assert first["given_at"] is not None
        assert {name: value for name, value in first.items() if name not in ("id", "given_at", "withdrawal")} == {
            **await owner.shown("face-check"),
            "purpose": "face-check",
            "services": ["certify", "view"],
            "withdrawn_at": None,
            "enrolment_id": enrolment[-36:],
            "kind": "family_member",
            "state": "face_pending",
            "member_name": "王**",
            "link_id": link_id,
            "channel": "app",
            "office": None,
            "device": "Test phone",
        }
        assert [(item["purpose"], item["withdrawn_at"] is None) for item in others] == [
            ("face-check", False),
            ("identity-document", True),
            ("notice", True),
        ]

    async def test_they_come_in_pages(self, owner: Owner, kin: Kin) -> None:
        await child_at_face(owner, kin)
        whole = await listed(owner)

        pages, cursor = [], ""
        while cursor is not None:
            page = ok(await owner.call("GET", f"/v1/consents?limit=3{cursor and '&cursor='}{cursor}"))
            pages.append([item["id"] for item in page["items"]])
            cursor = page["next_cursor"]

        assert [len(page) for page in pages] == [3, 1]
        assert [consent_id for page in pages for consent_id in page] == [item["id"] for item in whole]

    @pytest.mark.parametrize("wrong", ["cursor=x", "cursor=fffffffffffffff-" + "0" * 32, "limit=0", "limit=101"])
    async def test_what_is_no_page_is_refused(self, owner: Owner, wrong: str) -> None:
        refused(await owner.call("GET", f"/v1/consents?{wrong}"), 422, "invalid-request")

    async def test_others_see_and_withdraw_none_of_mine(self, owner: Owner, kin: Kin, make: Make, house: House) -> None:
        await child_at_face(owner, kin)
        mine = await listed(owner)
        stranger = await app_of(await make.owner(name="李雷"), house)

        answers = [await stranger.call("DELETE", f"/v1/consents/{item['id']}") for item in mine]
        answers.append(await stranger.call("DELETE", "/v1/consents/no-id"))

        assert await listed(stranger) == []
        for answer in answers:
            refused(answer, 404, "not-found")
        assert await listed(owner) == mine


class TestBefore:
    async def test_it_is_said_what_taking_each_back_would_do(self, owner: Owner, kin: Kin) -> None:
        await owner.to_face(await kin(age=9), "20", age=9)

        said = {item["purpose"]: item["withdrawal"]["what"] for item in await listed(owner)}

        assert said == {
            "notice": "cancels_application",
            "identity-document": "goes_back",
            "minor-data": "goes_back",
            "face-check": "ends_face_step",
        }

    async def test_of_a_link_too_and_of_nothing_once_it_is_done(self, owner: Owner, kin: Kin) -> None:
        await owner.add(await kin(age=68), "51", age=68)
        before = {item["purpose"]: item["withdrawal"]["what"] for item in await listed(owner)}

        await withdraw(owner, "notice")

        after = {item["purpose"]: item["withdrawal"] for item in await listed(owner)}
        assert before["notice"] == "ends_link"
        assert before["face-check"] == "deletes_files"
        assert after["notice"] is None
        assert after["face-check"]["what"] == "deletes_files"

    async def test_it_is_said_where_each_was_given(self, owner: Owner, kin: Kin) -> None:
        await owner.to_documents(await kin(age=9), "20")

        [notice] = await listed(owner)

        assert (notice["channel"], notice["device"]) == ("app", "Test phone")


class TestWhileOpen:
    async def test_the_face_check_takes_the_pictures_of_the_face_at_once(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        enrolment = await child_at_face(owner, kin)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))

        withdrawn = await withdraw(owner, "face-check")
        read = await owner.read(enrolment)
        swept = await files.sweep(db, owner.house.ports.store)

        assert withdrawn["withdrawn_at"] is not None
        assert (read["state"], steps(read)) == ("documents_pending", ["consent", "documents", "review"])
        assert "face-check" not in read["consents"]
        assert ok(await owner.call("GET", f"/v1/face-checks/{check['id']}"))["state"] == "cancelled"
        assert (swept, len(stored_files(settings))) == (1, 1)
        refused(await owner.call("POST", f"{enrolment}/face-checks", {}), 409, "step-not-allowed")

    async def test_a_grown_persons_face_check_needs_a_new_consent(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        await withdraw(owner, "face-check")
        read = await owner.read(enrolment)

        assert (read["state"], steps(read)) == ("face_pending", ["consent", "hand-over", "review"])
        refused(await owner.call("POST", f"{enrolment}/face-checks", {}), 409, "face-consent-needed")

    @pytest.mark.parametrize(("purpose", "left"), [("identity-document", 1), ("minor-data", 0)])
    async def test_papers_go_without_the_consent_for_them(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings, purpose: str, left: int
    ) -> None:
        enrolment = await child_at_face(owner, kin)

        await withdraw(owner, purpose)
        read = await owner.read(enrolment)
        await files.sweep(db, owner.house.ports.store)

        met = {need["any_of"][0] for need in read["requirements"] if need["met"]}
        assert (read["state"], len(stored_files(settings))) == ("documents_pending", left)
        assert purpose not in met
        assert "social_security_card" not in met, "the identity document"
        assert ("facial_photo" in met) == bool(left)

    async def test_without_the_notice_it_is_cancelled(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        enrolment = await child_at_face(owner, kin)

        await withdraw(owner, "notice")
        await files.sweep(db, owner.house.ports.store)

        assert (await owner.read(enrolment))["state"] == "cancelled"
        assert stored_files(settings) == []
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["total"]["used"] == 0

    @pytest.mark.parametrize("purpose", ["face-check", "identity-document", "minor-data"])
    async def test_in_review_it_goes_back_to_its_owner(
        self, owner: Owner, kin: Kin, db: Database, purpose: str
    ) -> None:
        enrolment = await child_at_face(owner, kin)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
        await later(owner.house, days=3)

        await withdraw(owner, purpose)
        read = await owner.read(enrolment)

        assert (read["state"], read["review"]) == ("documents_pending", None)
        assert await db.run(cases.waiting) == []
        assert await expire_due(db) == 0, "the clock stood still"

    async def test_given_again_it_goes_on(self, owner: Owner, kin: Kin) -> None:
        enrolment = await child_at_face(owner, kin)
        await withdraw(owner, "face-check")

        await owner.consent(enrolment, "face-check")
        await owner.put(enrolment, "facial_photo", PORTRAIT)
        await owner.face_check(enrolment)

        assert (await owner.read(enrolment))["state"] == "active"

    async def test_a_passed_face_that_waits_for_a_slot_rested_on_it(
        self, owner: Owner, kin: Kin, make: Make, house: House, db: Database
    ) -> None:
        mother = await kin(age=68, sex="2", name="陈淑华")
        for name in ("刘雅文", "刘思远"):
            await (await app_of(await make.owner(name=name), house)).add(mother, "52", age=68)
        assert (await owner.add(mother, "52", age=68))["waiting_for"] == "owners-at-limit"

        await withdraw(owner, "face-check")
        (enrolment,) = ok(await owner.call("GET", "/v1/enrolments"))["items"]

        assert (enrolment["state"], enrolment["waiting_for"]) == ("face_pending", None)
        assert await db.fetch("SELECT 1 FROM slot_wait") == []

    async def test_twice_is_once(self, owner: Owner, kin: Kin) -> None:
        enrolment = await child_at_face(owner, kin)
        withdrawn = await withdraw(owner, "minor-data")
        before = await owner.read(enrolment)

        again = await owner.call("DELETE", f"/v1/consents/{withdrawn['id']}")

        assert again.status_code == 204
        assert await owner.read(enrolment) == before
        assert withdrawn in await listed(owner)

    async def test_it_ends_what_was_overdue(self, owner: Owner, kin: Kin, db: Database, settings: Settings) -> None:
        enrolment = await child_at_face(owner, kin)
        await later(owner.house, hours=73)

        await withdraw(owner, "identity-document")
        await files.sweep(db, owner.house.ports.store)

        assert (await owner.read(enrolment))["state"] == "expired"
        assert stored_files(settings) == []


class TestAfterwards:
    async def test_without_the_notice_the_link_ends(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        done = await owner.add(await kin(age=68), "51", age=68)

        await withdraw(owner, "notice")
        await files.sweep(db, owner.house.ports.store)

        assert ok(await owner.call("GET", "/v1/family"))["members"] == []
        refused(await owner.call("GET", f"/v1/holders/{done['link_id']}/card"), 404, "not-found")
        assert stored_files(settings) == []

    @pytest.mark.parametrize("purpose", ["face-check", "identity-document"])
    async def test_without_the_others_it_stays_and_the_files_go(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings, make: Make, purpose: str
    ) -> None:
        done = await owner.add(await kin(age=68), "51", age=68)

        await withdraw(owner, purpose)
        await files.sweep(db, owner.house.ports.store)

        assert len(ok(await owner.call("GET", "/v1/family"))["members"]) == 1
        assert len(stored_files(settings)) == (1 if purpose == "face-check" else 0)
        assert owner.holder is not None
        action, facts, _ = (await make.audited(owner.holder))[-1]
        assert (action, facts["purpose"], facts["enrolment_id"]) == ("consent.withdrawn", purpose, done["id"])

    async def test_without_a_guardians_consent_a_childs_link_ends(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        await owner.add(await kin(age=9, parents=[owner.person.number]), "20", age=9)

        await withdraw(owner, "minor-data")
        await files.sweep(db, owner.house.ports.store)

        assert ok(await owner.call("GET", "/v1/family"))["members"] == []
        assert stored_files(settings) == []

    async def test_once_grown_the_guardians_consent_carries_nothing_any_more(self, owner: Owner, kin: Kin) -> None:
        await owner.add(await kin(age=13, parents=[owner.person.number]), "20", age=13)
        await later(owner.house, days=366)

        await withdraw(owner, "minor-data")

        assert len(ok(await owner.call("GET", "/v1/family"))["members"]) == 1

    async def test_a_rejected_ones_papers_go_at_once(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        enrolment = await child_at_face(owner, kin)
        await owner.call("DELETE", enrolment)

        await withdraw(owner, "identity-document")
        await files.sweep(db, owner.house.ports.store)

        assert (await owner.read(enrolment))["state"] == "cancelled"
        assert stored_files(settings) == []


class TestOwnCards:
    async def test_a_face_that_was_shown_stays_shown(self, kin: Kin, phone: Any) -> None:
        me: Phone = phone("10000008001")
        person = await kin(age=40)
        await me.register()
        enrolment = await me.open("own_card")
        await me.acknowledge(enrolment, "own-card")
        await me.details(enrolment, person)
        await me.consent(enrolment, "face-check")
        await me.face_check(enrolment)

        await withdraw(me, "face-check")
        done = await me.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD})

        assert ok(done)["state"] == "active"

    async def test_a_card_without_its_notice_is_no_longer_in_use(self, kin: Kin, phone: Any) -> None:
        me: Phone = phone("10000008001")
        person = await kin(age=40)
        await me.register()
        await me.own_card(person)

        await withdraw(me, "notice")
        card = ok(await me.call("GET", "/v1/holders/me/card"))
        await me.step_up()
        adding = await me.call("POST", "/v1/enrolments", {"kind": "family_member"})
        await me.own_card(person)

        assert card["status"] == "issued"
        refused(adding, 409, "own-card-needed")
        assert ok(await me.call("GET", "/v1/holders/me/card"))["status"] == "active"

    async def test_one_under_way_is_cancelled(self, kin: Kin, phone: Any) -> None:
        me: Phone = phone("10000008001")
        await me.register()
        enrolment = await me.open("own_card")
        await me.acknowledge(enrolment, "own-card")

        await withdraw(me, "notice")

        assert (await me.read(enrolment))["state"] == "cancelled"
        assert [item["state"] for item in await listed(me)] == ["cancelled"]
