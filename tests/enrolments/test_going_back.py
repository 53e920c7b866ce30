"""Going back to a step undoes the later ones; saying the same again undoes nothing, however late it comes."""

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.services import files
from tests.factories.adding import PORTRAIT, Kin, Owner, later, ok, refused, steps, stored_files, tag
from tests.factories.images import document_photo, portrait_photo
from tests.factories.phone import JSON


async def body_of(owner: Owner, kin: Kin, *, age: int = 9) -> JSON:
    """Make a child and return the details of one."""
    child = await kin(age=age, parents=[owner.person.number], name="王一诺")
    return {"name": child.name, "social_security_number": child.number, "relationship": "20"}


async def in_spanish(owner: Owner, code: str) -> JSON:
    notice = (await owner.client.get(f"/v1/notices/{code}", headers={"Accept-Language": "es"})).json()
    return {name: notice[name] for name in ("code", "version", "language", "sha256")}


class TestChangedDetails:
    async def test_they_undo_papers_face_and_consents(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        started = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        before = await owner.read(enrolment)

        after = ok(await owner.call("PUT", f"{enrolment}/details", await body_of(owner, kin), If_Match=tag(before)))

        assert (after["state"], after["consents"], after["member"]["name"]) == ("documents_pending", ["notice"], "王**")
        assert not any(need["met"] for need in after["requirements"])
        assert ok(await owner.call("GET", f"/v1/face-checks/{started['id']}"))["state"] == "cancelled"
        assert len(stored_files(settings)) == 2
        assert await files.sweep(db, owner.house.ports.store) == 1, "the face is due at once"
        assert len(stored_files(settings)) == 1, "the paper stays sealed until its deadline"
        await later(owner.house, days=31)
        assert await files.sweep(db, owner.house.ports.store) == 1
        assert stored_files(settings) == []

    async def test_the_first_place_is_free_again(self, owner: Owner, kin: Kin) -> None:
        wife, husband = await kin(age=38, sex="2", name="李静"), await kin(age=40, sex="2", name="王芳")
        enrolment = await owner.to_documents(wife, "12")

        await owner.details(enrolment, husband, "12")
        family = ok(await owner.call("GET", "/v1/family"))
        other = await owner.to_documents(wife, "99")

        assert (family["quota"]["spouse"]["used"], len(family["adding"])) == (1, 1)
        assert (await owner.read(other))["state"] == "documents_pending"

    async def test_tries_and_failed_pictures_stay(self, owner: Owner, kin: Kin) -> None:
        child, other = [await kin(age=9, parents=[owner.person.number]) for _ in range(2)]
        failing = portrait_photo(5, comment="sandbox:face_mismatch")
        enrolment = await owner.to_face(child, "20", age=9, photo=failing)
        await owner.face_check(enrolment)

        for person in (other, child):
            body = {"name": person.name, "social_security_number": person.number, "relationship": "20"}
            ok(await owner.call("PUT", f"{enrolment}/details", body, If_Match=tag(await owner.read(enrolment))))
        read = await owner.read(enrolment)
        for purpose in ("identity-document", "minor-data", "face-check"):
            await owner.consent(enrolment, purpose)

        assert (read["face"]["tries_left"], read["face"]["last_reason"]) == (2, None)
        refused(await owner.call("PUT", f"{enrolment}/documents/facial_photo", failing), 422, "image-already-failed")
        await owner.put(enrolment, "facial_photo", PORTRAIT)

    async def test_a_name_alone_is_changed_too(self, owner: Owner, kin: Kin) -> None:
        father = await kin(age=68, name="王建国")
        enrolment = await owner.to_documents(father, "51")
        asked = {"name": "王建国", "social_security_number": father.number, "relationship": "57"}

        other = ok(await owner.call("PUT", f"{enrolment}/details", asked))
        wrong = await owner.call("PUT", f"{enrolment}/details", asked | {"name": "王建"})

        assert other["member"]["relationship"] == "57"
        refused(wrong, 409, "person-not-verified")
        assert await owner.read(enrolment) == other


class TestChangedNotice:
    async def test_it_undoes_everything(self, owner: Owner, kin: Kin, db: Database, settings: Settings) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        before = await owner.read(enrolment)
        shown = await in_spanish(owner, "family-account")

        after = ok(await owner.call("PUT", f"{enrolment}/notice-acknowledgement", shown, If_Match=tag(before)))
        family = ok(await owner.call("GET", "/v1/family"))
        await files.sweep(db, owner.house.ports.store)

        assert (after["state"], after["member"], after["consents"]) == ("details_pending", None, ["notice"])
        assert (after["requirements"], after["face"], steps(after)) == ([], None, ["details"])
        assert (family["adding"], family["quota"]["total"]["used"]) == ([], 0)
        assert len(stored_files(settings)) == 1

    async def test_an_old_text_is_refused(self, owner: Owner) -> None:
        enrolment = await owner.open("family_member")
        shown = await owner.shown("family-account")

        for wrong in (
            {"sha256": "0" * 64},
            {"version": "2020-01-01"},
            {"language": "fr"},
            {"code": "own-card", **{k: v for k, v in (await owner.shown("own-card")).items() if k != "code"}},
        ):
            answer = await owner.call("PUT", f"{enrolment}/notice-acknowledgement", shown | wrong)
            assert refused(answer, 409, "notice-outdated")["next"]["href"] == "/v1/notices/family-account"

        assert (await owner.read(enrolment))["state"] == "notice_pending"


class TestChangedDocuments:
    async def test_a_removed_one_asks_for_it_again_and_ends_the_check(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        started = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        seen = tag(await owner.read(enrolment))

        removed = await owner.call("DELETE", f"{enrolment}/documents/facial_photo", If_Match=seen)
        again = await owner.call("DELETE", f"{enrolment}/documents/facial_photo")
        read = await owner.read(enrolment)

        assert (removed.status_code, again.status_code) == (204, 204)
        assert (read["state"], steps(read)) == ("documents_pending", ["documents", "review"])
        assert read["next"][0]["href"] == f"{enrolment}/documents/facial_photo"
        assert ok(await owner.call("GET", f"/v1/face-checks/{started['id']}"))["state"] == "cancelled"
        assert set(read["consents"]) == {"notice", "identity-document", "minor-data", "face-check"}

    async def test_another_photo_after_a_failed_one_starts_the_face_step_anew(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9, photo=portrait_photo(5, comment="sandbox:capture_quality"))
        await owner.face_check(enrolment)
        failed = await owner.read(enrolment)

        answer = await owner.call(failed["next"][0]["method"], failed["next"][0]["href"], PORTRAIT)
        await owner.face_check(enrolment)

        assert failed["face"]["last_reason"] == "capture_quality"
        assert failed["next"][0] == {
            "step": "documents",
            "method": "PUT",
            "href": f"{enrolment}/documents/facial_photo",
        }
        assert ok(answer)["face"]["last_reason"] is None
        assert (await owner.read(enrolment))["state"] == "active"


class TestVersions:
    async def test_what_is_asked_for_needs_none_and_one_that_is_given_must_be_the_present_one(
        self, owner: Owner, kin: Kin
    ) -> None:
        enrolment = await owner.to_face(await kin(age=9, parents=[owner.person.number]), "20", age=9)
        photo = f"{enrolment}/documents/facial_photo"
        before_a_check = await owner.read(enrolment)
        ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        not_asked_for = await owner.call("PUT", photo, PORTRAIT)
        await owner.face_check(enrolment, "capture_quality")

        stale = await owner.call("PUT", photo, PORTRAIT, If_Match=tag(before_a_check))
        removed = await owner.call("DELETE", photo)
        put = await owner.call("PUT", photo, PORTRAIT)

        refused(not_asked_for, 428, "version-required")
        refused(stale, 412, "version-stale")
        refused(removed, 428, "version-required")
        assert ok(put)["face"]["last_reason"] is None

    @pytest.mark.parametrize("step", ["notice", "details", "document", "no document"])
    async def test_what_undoes_later_steps_names_the_version_seen(self, owner: Owner, kin: Kin, step: str) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        await owner.face_check(enrolment, "capture_quality")
        before = await owner.read(enrolment)
        requests: dict[str, tuple[str, str, object]] = {
            "notice": ("PUT", f"{enrolment}/notice-acknowledgement", await in_spanish(owner, "family-account")),
            "details": ("PUT", f"{enrolment}/details", await body_of(owner, kin)),
            "document": ("PUT", f"{enrolment}/documents/household_register", document_photo(77, "document")),
            "no document": ("DELETE", f"{enrolment}/documents/facial_photo", None),
        }

        missing = await owner.call(*requests[step])
        stale = await owner.call(*requests[step], If_Match=f'"{before["version"] - 1}"')
        no_tag = await owner.call(*requests[step], If_Match="*")
        unchanged = await owner.read(enrolment)
        fresh = await owner.call(*requests[step], If_Match=tag(before))

        assert refused(missing, 428, "version-required")["next"]["href"] == enrolment
        refused(stale, 412, "version-stale")
        refused(no_tag, 412, "version-stale")
        assert unchanged == before
        assert fresh.status_code in (200, 204), fresh.text
        assert (await owner.read(enrolment))["version"] > before["version"]

    async def test_before_later_steps_no_version_is_needed(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_documents(child, "20")

        ok(await owner.call("PUT", f"{enrolment}/details", await body_of(owner, kin)))
        await owner.consent(enrolment, "identity-document")

        refused(await owner.call("PUT", f"{enrolment}/details", await body_of(owner, kin)), 428, "version-required")

    async def test_going_back_and_forth_asks_for_no_version_of_what_was_undone(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        await owner.face_check(enrolment, "capture_quality")
        body = await body_of(owner, kin)
        ok(await owner.call("PUT", f"{enrolment}/details", body, If_Match=tag(await owner.read(enrolment))))

        for purpose in ("identity-document", "minor-data", "face-check"):
            await owner.consent(enrolment, purpose)
        await owner.put(enrolment, "household_register", document_photo(1, "register"))
        await owner.put(enrolment, "facial_photo", PORTRAIT)
        await owner.face_check(enrolment)

        assert (await owner.read(enrolment))["state"] == "active"

    async def test_every_answer_carries_the_version_as_its_tag(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.open("family_member")

        acknowledged = await owner.call(
            "PUT", f"{enrolment}/notice-acknowledgement", await owner.shown("family-account")
        )
        read = await owner.call("GET", enrolment)

        assert acknowledged.headers["etag"] == read.headers["etag"] == tag(read.json()) == '"2"'


@pytest.mark.parametrize("state", ["face_pending", "in_review", "active", "cancelled", "expired"])
async def test_the_same_again_is_harmless_in_every_state(owner: Owner, kin: Kin, state: str) -> None:
    father = await kin(age=68)
    register = document_photo(2, "register")
    enrolment = await owner.to_documents(father, "51")
    await owner.consent(enrolment, "identity-document")
    await owner.put(enrolment, "household_register", register)
    await owner.consent(enrolment, "face-check", services=["view", "certify"])
    if state == "in_review":
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
    elif state == "active":
        await owner.face_check(enrolment)
    elif state == "cancelled":
        await owner.call("DELETE", enrolment)
    elif state == "expired":
        await later(owner.house, hours=73)
    before = await owner.read(enrolment)
    assert before["state"] == state
    body = {"name": f" {father.name} ", "social_security_number": father.number.lower(), "relationship": "51"}
    consent = await owner.shown("face-check") | {"services": ["certify", "view"]}

    answers = [
        await owner.call("PUT", f"{enrolment}/notice-acknowledgement", await owner.shown("family-account")),
        await owner.call("PUT", f"{enrolment}/details", body),
        await owner.call("PUT", f"{enrolment}/documents/household_register", register),
        await owner.call("PUT", f"{enrolment}/documents/household_register/1", register, If_Match='"1"'),
        await owner.call("PUT", f"{enrolment}/consents/face-check", consent),
    ]

    assert [ok(answer) for answer in answers] == [before] * 5
