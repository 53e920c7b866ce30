"""What is asked for by age: papers, a photo, consents; and what a birthday changes at midnight in China."""

from datetime import datetime, timedelta

import pytest

from app.core.clock import SHANGHAI, today
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services.people.ages import birthday
from tests.factories.adding import PORTRAIT, Kin, Owner, later, ok, refused, steps, tag
from tests.factories.images import document_photo
from tests.factories.phone import JSON

ALWAYS = {"social_security_card", "household_register", "id_card_front", "residence_permit_front"}
GUARDIANSHIP = {"household_register", "birth_certificate", "guardianship_proof"}


async def over_midnight(house: House) -> None:
    """Go on a minute after the next midnight in China."""
    now = house.db.clock.now().astimezone(SHANGHAI)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), SHANGHAI)
    await later(house, seconds=(midnight - now).total_seconds() + 60)


async def turning(owner: Owner, kin: Kin, years: int) -> TestPerson:
    """Make a child of the owner whose birthday is tomorrow."""
    tomorrow = today(owner.house.db.clock.now()) + timedelta(days=1)
    return await kin(born=birthday(tomorrow, -years), parents=[owner.person.number])


def asked(enrolment: JSON) -> dict[str, set[str]]:
    """What is asked for, by kind; consents apart."""
    return {need["kind"]: set(need["any_of"]) for need in enrolment["requirements"] if need["kind"] != "consent"}


def consents(enrolment: JSON) -> list[str]:
    return [need["any_of"][0] for need in enrolment["requirements"] if need["kind"] == "consent"]


class TestWhatIsAskedFor:
    async def test_of_a_child_of_the_owner_by_the_register(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])

        read = await owner.read(await owner.to_documents(child, "20"))

        assert asked(read) == {"identity_document": ALWAYS | {"birth_certificate"}, "facial_photo": {"facial_photo"}}
        assert consents(read) == ["identity-document", "minor-data", "face-check"]
        assert (read["face"]["mode"], read["member"]["age"]) == ("photo", 9)

    async def test_of_a_child_the_register_does_not_tie_to_the_owner(self, owner: Owner, kin: Kin) -> None:
        read = await owner.read(await owner.to_documents(await kin(age=9), "20"))

        assert asked(read)["guardianship"] == GUARDIANSHIP

    async def test_from_fourteen_the_young_consent_themselves(self, owner: Owner, kin: Kin) -> None:
        read = await owner.read(await owner.to_documents(await kin(age=14), "20"))

        assert set(asked(read)) == {"identity_document", "facial_photo"}
        assert consents(read) == ["identity-document", "face-check"]

    async def test_from_sixteen_no_photo_but_a_living_face(self, owner: Owner, kin: Kin) -> None:
        read = await owner.read(await owner.to_documents(await kin(age=16), "20"))

        assert asked(read) == {"identity_document": ALWAYS}
        assert consents(read) == ["identity-document"]
        assert read["face"]["mode"] == "live"

    @pytest.mark.parametrize(
        ("age", "kind"),
        [
            (16, "facial_photo"),
            (16, "birth_certificate"),
            (68, "facial_photo"),
            (9, "guardianship_proof"),
            (68, "guardianship_proof"),
        ],
    )
    async def test_what_is_not_needed_is_not_kept(self, owner: Owner, kin: Kin, age: int, kind: str) -> None:
        member = await kin(age=age, parents=[owner.person.number])
        enrolment = await owner.to_documents(member, "20" if age < 20 else "51")
        for purpose in ("identity-document", "face-check"):
            await owner.consent(enrolment, purpose)

        answer = await owner.call("PUT", f"{enrolment}/documents/{kind}", PORTRAIT)

        refused(answer, 409, "document-kind-not-needed")

    async def test_the_backs_of_cards_are_taken_but_do_not_suffice(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await owner.consent(enrolment, "identity-document")

        back = await owner.put(enrolment, "id_card_back", document_photo(1, "back"))
        front = await owner.put(enrolment, "id_card_front", document_photo(1, "front"))

        assert (back["state"], front["state"]) == ("documents_pending", "face_pending")


class TestConsents:
    @pytest.mark.parametrize(
        ("given", "kind", "missing"),
        [
            (["face-check", "minor-data"], "household_register", "identity-document"),
            (["identity-document", "face-check"], "household_register", "minor-data"),
            (["identity-document", "minor-data"], "facial_photo", "face-check"),
            (["identity-document", "face-check"], "facial_photo", "minor-data"),
        ],
    )
    async def test_a_file_is_taken_after_the_consent_for_what_it_holds(
        self, owner: Owner, kin: Kin, given: list[str], kind: str, missing: str
    ) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_documents(child, "20")
        for purpose in given:
            await owner.consent(enrolment, purpose)

        problem = refused(await owner.call("PUT", f"{enrolment}/documents/{kind}", PORTRAIT), 409, "consent-needed")

        assert problem["next"]["href"] == f"{enrolment}/consents/{missing}"
        assert problem["next"]["notice"] == f"/v1/notices/{missing}"

    async def test_no_face_check_without_its_own_consent(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await owner.consent(enrolment, "identity-document")
        read = await owner.put(enrolment, "id_card_front", document_photo(1, "card"))

        problem = refused(await owner.call("POST", f"{enrolment}/face-checks", {}), 409, "face-consent-needed")

        assert steps(read) == ["consent", "hand-over", "review"]
        assert problem["next"]["href"] == read["next"][0]["href"] == f"{enrolment}/consents/face-check"

    async def test_each_is_for_its_own_text(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        other = await owner.shown("face-check")

        answer = await owner.call("PUT", f"{enrolment}/consents/identity-document", other)
        unknown = await owner.call("PUT", f"{enrolment}/consents/everything", other)
        notice = await owner.call("PUT", f"{enrolment}/consents/notice", await owner.shown("family-account"))

        refused(answer, 409, "notice-outdated")
        assert (unknown.status_code, notice.status_code) == (422, 404)

    async def test_without_a_face_people_decide(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_documents(child, "20")
        too_early = await owner.call("POST", f"{enrolment}/review-requests", {"reason": "face_not_possible"})
        for purpose in ("identity-document", "minor-data"):
            await owner.consent(enrolment, purpose)
        read = await owner.put(enrolment, "household_register", document_photo(1, "register"))

        asked_for = await owner.call("POST", f"{enrolment}/review-requests", {"reason": "face_not_possible"})

        refused(too_early, 409, "step-not-allowed")
        assert (read["state"], steps(read)) == ("documents_pending", ["consent", "documents", "review"])
        assert (ok(asked_for)["state"], ok(asked_for)["review"]["reason"]) == ("in_review", "asked_for")


class TestMidnight:
    async def test_who_turns_sixteen_needs_no_photo_any_more(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await turning(owner, kin, 16), "20")
        for purpose in ("identity-document", "face-check"):
            await owner.consent(enrolment, purpose)
        before = await owner.put(enrolment, "id_card_front", document_photo(1, "card"))

        await over_midnight(owner.house)
        after = await owner.read(enrolment)
        photo = await owner.call("PUT", f"{enrolment}/documents/facial_photo", PORTRAIT)

        assert (before["state"], before["face"]["mode"]) == ("documents_pending", "photo")
        assert (after["state"], after["face"]["mode"], after["member"]["age"]) == ("face_pending", "live", 16)
        assert steps(after) == ["face-check", "hand-over", "review"]
        refused(photo, 409, "document-kind-not-needed")

    async def test_a_check_can_be_started_without_having_read(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await turning(owner, kin, 16), "20")
        for purpose in ("identity-document", "face-check"):
            await owner.consent(enrolment, purpose)
        await owner.put(enrolment, "id_card_front", document_photo(1, "card"))
        await over_midnight(owner.house)

        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))

        assert check["mode"] == "live"

    async def test_a_started_check_keeps_its_mode(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await turning(owner, kin, 16), "20", age=15)
        now = owner.house.db.clock.now().astimezone(SHANGHAI)
        to_midnight = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
        await later(owner.house, seconds=max(0, to_midnight - 240))
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))

        await later(owner.house, minutes=5)
        done = ok(await owner.call("POST", f"/v1/face-checks/{check['id']}/completion"))
        read = await owner.read(enrolment)

        assert (check["mode"], done["mode"], done["state"]) == ("photo", "photo", "passed")
        assert (read["state"], read["member"]["age"]) == ("active", 16)

    async def test_the_next_check_is_in_the_mode_of_the_day(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await turning(owner, kin, 16), "20", age=15)
        await owner.face_check(enrolment, "face_mismatch")

        await over_midnight(owner.house)
        check = await owner.face_check(enrolment)

        assert (check["mode"], check["state"]) == ("live", "passed")
        assert (await owner.read(enrolment))["state"] == "active"

    async def test_who_turns_fourteen_consents_themselves(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await turning(owner, kin, 14), "20")
        for purpose in ("identity-document", "face-check"):
            await owner.consent(enrolment, purpose)
        guarded = await owner.call("PUT", f"{enrolment}/documents/facial_photo", PORTRAIT)

        await over_midnight(owner.house)
        await owner.put(enrolment, "facial_photo", PORTRAIT)

        refused(guarded, 409, "consent-needed")
        assert "minor-data" not in consents(await owner.read(enrolment))

    async def test_choosing_services_begins_on_the_birthday(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await turning(owner, kin, 16), "20", age=15)
        choice = await owner.shown("face-check") | {"services": ["view"]}

        early = await owner.call("PUT", f"{enrolment}/consents/face-check", choice)
        await over_midnight(owner.house)
        chosen = ok(await owner.call("PUT", f"{enrolment}/consents/face-check", choice))

        refused(early, 409, "services-not-allowed")
        assert chosen["version"] > 0
        assert tag(await owner.read(enrolment)) == tag(chosen)
