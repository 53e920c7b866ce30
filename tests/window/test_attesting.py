"""An application begun in the app is finished at a window, with the same number: a clerk sees who the member is."""

import asyncio
import secrets

from app.core.db import Database
from app.models.operators import OperatorRole
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.operators import registering
from tests.factories.adding import Kin, Owner, ok, refused
from tests.factories.counters import Counter, Open
from tests.factories.make import Make
from tests.factories.passing import Time
from tests.factories.phone import CARD_PASSWORD, Phone
from tests.factories.staff import Hire
from tests.reviews.conftest import Asked, decided, the_newest
from tests.window.conftest import ALL, ENROLMENTS, Window, father_at_face

PAPER = ("id_card",)


async def proofs(db: Database) -> dict[str, str | None]:
    """Return how it was seen who people are, by table, of the newest row of each."""
    found = {}
    for table, column in (("enrolment", "created_at"), ("family_link", "reserved_at"), ("card", "issued_at")):
        rows = await db.fetch(f"SELECT proof FROM {table} ORDER BY {column} DESC LIMIT 1")  # noqa: S608 - ours
        found[table] = rows[0]["proof"] if rows else None
    return found


class TestAnAdult:
    async def test_is_attested_instead_of_showing_a_face(
        self, window: Window, owner: Owner, kin: Kin, db: Database
    ) -> None:
        _, enrolment = await father_at_face(owner, kin)
        number = enrolment.rpartition("/")[2]

        read = ok(await window.get(f"{ENROLMENTS}/{number}"))
        done = ok(await window.attest(enrolment, await window.shown(*PAPER, services=["view", "certify"])))
        mine = await owner.read(enrolment)
        member = ok(await owner.call("GET", f"/v1/family/members/{mine['link_id']}"))

        assert (read["id"], read["state"], read["proof"]) == (number, "face_pending", None)
        assert [need["kind"] for need in read["attestation"]["documents"]] == ["identity_document"]
        assert [each["code"] for each in read["attestation"]["consents"]] == ["counter-check"]
        assert (done["id"], done["state"], done["proof"], done["attestation"]) == (number, "active", "in_person", None)
        assert (mine["state"], mine["proof"], mine["next"][0]["step"]) == ("active", "in_person", "see-card")
        assert member["services"] == ["view", "certify"]
        assert await proofs(db) == dict.fromkeys(("enrolment", "family_link", "card"), "in_person")

    async def test_needs_no_copies_of_papers(self, window: Window, owner: Owner, kin: Kin) -> None:
        mother = await kin(age=66, sex="2")
        enrolment = await owner.to_documents(mother, "52")

        done = ok(await window.attest(enrolment, await window.shown("residence_permit", "id_card", services=ALL)))

        assert done["state"] == "active"

    async def test_leaves_a_trace_with_both_and_is_told_to_both(
        self, window: Window, owner: Owner, kin: Kin, make: Make, house: House, db: Database
    ) -> None:
        father, enrolment = await father_at_face(owner, kin)
        await window.attest(enrolment, await window.shown(*PAPER, services=ALL))
        await Time(house).work()

        (row,) = await db.fetch("SELECT * FROM attestation")
        consents = await db.fetch("SELECT purpose, channel, services FROM consent WHERE purpose = 'counter-check'")
        events = await db.fetch("SELECT home_id, facts FROM audit_event WHERE action = 'identity.attested'")
        activity = await owner.call("GET", "/v1/holders/me/activity", Accept_Language="en")

        assert (row["operator_id"], row["office_id"], row["documents"]) == (
            window.counter.clerk.id,
            "west-window",
            "id_card",
        )
        assert [tuple(each) for each in consents] == [("counter-check", "counter", "certify file show_code view")]
        assert len({each["home_id"] for each in events}) == 2
        assert all(father.number not in str(each["facts"]) for each in events)
        assert activity.status_code == 200
        told = await db.fetch("SELECT message FROM notification")
        assert {"enrolment_attested", "link_started_owner", "identity_attested_member"} <= {
            each["message"] for each in told
        }

    async def test_in_review_is_taken_from_the_reviewers(self, window: Window, owner: Owner, kin: Kin) -> None:
        _, enrolment = await father_at_face(owner, kin)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))
        case = await the_newest(owner)

        done = ok(await window.attest(enrolment, await window.shown("social_security_card", services=ALL)))

        assert done["state"] == "active"
        states = await owner.house.db.fetch("SELECT state FROM review_case WHERE id = $1", case.id)
        assert [row["state"] for row in states] == ["withdrawn"]

    async def test_whose_card_was_read_shows_nothing_else(self, window: Window, owner: Owner, kin: Kin) -> None:
        father, enrolment = await father_at_face(owner, kin)
        body = await window.shown(services=ALL)

        missing = refused(await window.attest(enrolment, body), 422, "documents-not-shown")
        wrong = await window.attest(enrolment, body | {"card_read": await window.card(owner.person)})
        done = ok(await window.attest(enrolment, body | {"card_read": await window.card(father)}))

        assert missing["errors"][0]["pointer"] == "/documents_seen"
        assert set(missing["errors"][0]["allowed"]) >= {"id_card", "social_security_card"}
        refused(wrong, 409, "card-read-for-another-purpose")
        assert done["state"] == "active"

    async def test_has_to_agree_and_to_choose(self, window: Window, owner: Owner, kin: Kin, db: Database) -> None:
        _, enrolment = await father_at_face(owner, kin)
        chosen = await window.shown(*PAPER, services=ALL)
        old = chosen["consents"][0] | {"sha256": "0" * 64}

        silent = refused(await window.attest(enrolment, chosen | {"consents": []}), 409, "counter-consent-needed")
        refused(await window.attest(enrolment, chosen | {"consents": [old]}), 409, "notice-outdated")
        unasked = refused(await window.attest(enrolment, await window.shown(*PAPER)), 422, "invalid-request")

        assert silent["next"]["href"] == "/v1/notices/counter-check"
        assert [(each["pointer"], each["code"]) for each in unasked["errors"]] == [("/services", "missing")]
        assert await db.fetch("SELECT 1 FROM attestation") == []

    async def test_at_the_cap_waits_and_is_added_without_coming_again(
        self, window: Window, owner: Owner, kin: Kin, make: Make, house: House
    ) -> None:
        father = await make.person(birth_date=(await kin(age=68)).birth_date)
        others = [await make.owner(name=name) for name in ("甲", "乙")]
        links = [await make.member(other, "51", person=father) for other in others]
        enrolment = await owner.to_face(Kin.known(father), "51", age=68)

        done = ok(await window.attest(enrolment, await window.shown(*PAPER, services=ALL)))
        again = await window.attest(enrolment, await window.shown(*PAPER, services=ALL))
        await others[0].call("DELETE", f"/v1/family/members/{links[0].link_id}")
        await Time(house).work()

        assert (done["state"], done["waiting_for"], done["attestation"]) == ("face_pending", "owners-at-limit", None)
        refused(again, 409, "attestation-not-possible")
        assert (await owner.read(enrolment))["state"] == "active"

    async def test_who_has_died_is_declined(self, window: Window, owner: Owner, kin: Kin) -> None:
        father, enrolment = await father_at_face(owner, kin)
        await kin.change(father, is_alive=False)

        done = ok(await window.attest(enrolment, await window.shown(*PAPER, services=ALL)))

        assert (done["state"], done["rejection"]) == ("rejected", "person-not-verified")


class TestAChild:
    async def test_without_a_portrait_comes_to_the_window(self, window: Window, owner: Owner, kin: Kin) -> None:
        child = await kin(age=2, parents=[owner.person.number], portrait=None)
        enrolment = await owner.to_face(child, "20", age=2)
        await owner.face_check(enrolment)
        before = await owner.read(enrolment)

        done = ok(await window.attest(enrolment, await window.shown("household_register")))

        assert (before["state"], before["review"]["reason"]) == ("in_review", "no_reference_portrait")
        assert (done["state"], done["proof"]) == ("active", "in_person")

    async def test_needs_the_guardians_consent_if_it_was_not_given(
        self, window: Window, owner: Owner, kin: Kin, db: Database
    ) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_documents(child, "20")

        alone = await window.attest(enrolment, await window.shown("birth_certificate"))
        done = ok(await window.attest(enrolment, await window.shown("birth_certificate", minor=True)))

        refused(alone, 409, "counter-consent-needed")
        assert done["state"] == "active"
        given = await db.fetch("SELECT purpose FROM consent WHERE channel = 'counter' ORDER BY purpose")
        assert [row["purpose"] for row in given] == ["counter-check", "minor-data"]

    async def test_whose_guardian_papers_show_is_looked_at_by_one_more(
        self, window: Window, owner: Owner, kin: Kin, hire: Hire
    ) -> None:
        child = await kin(age=9)
        enrolment = await owner.to_documents(child, "20")
        shown = await window.shown("household_register", minor=True)

        first = ok(await window.attest(enrolment, shown))
        asked = Asked(enrolment, f"/v1/reviews/{(await the_newest(owner)).id}", child)
        reviewer = await hire("li")
        await decided(reviewer, asked, "approve", "identity-shown")
        mine = await owner.read(enrolment)

        assert (first["state"], first["review"]["reason"]) == ("in_review", "guardianship")
        assert (mine["state"], mine["proof"]) == ("active", "in_person")

    async def test_is_not_looked_at_again_by_whoever_saw_them_at_the_window(
        self, window: Window, owner: Owner, kin: Kin, hire: Hire, house: House
    ) -> None:
        child = await kin(age=9)
        enrolment = await owner.to_documents(child, "20")
        await window.attest(enrolment, await window.shown("household_register", minor=True))
        review = f"/v1/reviews/{(await the_newest(owner)).id}"
        await house.db.run(lambda session: registering.remove(session, window.counter.clerk.login))
        herself = await hire("the-same", who=window.counter.clerk_is)
        another = await hire("li")

        refused(await herself.call("POST", f"{review}/claims"), 409, "other-reviewer-needed")
        ok(await another.call("POST", f"{review}/claims"))
        seen = ok(await another.call("GET", review))["application"]["seen_in_person"]

        assert (seen["documents"], seen["office_id"]) == (["household_register"], "west-window")


class TestAnOwnCard:
    async def test_is_finished_by_a_password_that_no_clerk_sees(
        self, window: Window, house: House, kin: Kin, client: object, db: Database
    ) -> None:
        person = await kin(age=40, portrait=None)
        phone = Phone(window.counter.clerk.client, house, "10000000042")
        await phone.register()
        enrolment = await phone.open("own_card")
        await phone.acknowledge(enrolment, "own-card")
        await phone.details(enrolment, person)

        read = ok(await window.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}"))
        done = ok(await window.attest(enrolment, await window.shown(*PAPER)))
        mine = ok(await phone.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD}))

        assert (read["phone"], read["owner_name"]) == ("100****0042", None)
        assert (done["state"], done["attestation"]) == ("password_pending", None)
        assert (mine["state"], mine["proof"]) == ("active", "in_person")
        assert (await proofs(db))["card"] == "in_person"

    async def test_whose_physical_card_is_locked_is_declined(self, window: Window, house: House, kin: Kin) -> None:
        person = await kin(age=40)
        phone = Phone(window.counter.clerk.client, house, "10000000043")
        await phone.register()
        enrolment = await phone.open("own_card")
        await phone.acknowledge(enrolment, "own-card")
        await phone.details(enrolment, person)
        found = await house.ports.register.find(person.number)
        assert found is not None
        assert found.card is not None
        await kin.change(person, card=type(found.card)(found.card.number, PhysicalCardStatus.APPLICATION_LOCKED))

        done = ok(await window.attest(enrolment, await window.shown(*PAPER)))

        assert (done["state"], done["rejection"]) == ("rejected", "card-locked")


class TestWhoMay:
    async def test_nobody_serves_their_own_family(self, open_counter: Open, make: Make, owner: Owner, kin: Kin) -> None:
        counter = await open_counter()
        window = Window(counter)
        mother = await kin(age=66, sex="2", parents=[counter.clerk_is.registered.number])
        enrolment = await owner.to_documents(mother, "52")

        read = await window.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}")
        done = await window.attest(enrolment, await window.shown(*PAPER, services=ALL))

        refused(read, 403, "service-of-own-family")
        refused(done, 403, "service-of-own-family")

    async def test_a_hospital_attests_nobody(self, hospital: Counter, owner: Owner, kin: Kin) -> None:
        _, enrolment = await father_at_face(owner, kin)
        office = Window(hospital)

        refused(await office.get(f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}"), 403, "not-at-this-office")
        refused(await office.attest(enrolment, await office.shown(*PAPER, services=ALL)), 403, "not-at-this-office")

    async def test_a_reviewer_attests_nobody_and_a_session_alone_does_nothing(
        self, window: Window, owner: Owner, kin: Kin, hire: Hire
    ) -> None:
        _, enrolment = await father_at_face(owner, kin)
        body = await window.shown(*PAPER, services=ALL)
        reviewer = await hire("li", role=OperatorRole.REVIEWER, office="west-window")
        path = f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}/attestations"

        refused(await window.attest(enrolment, body, session=reviewer.token), 403, "role-needed")
        refused(await window.counter.clerk.call("POST", path, body), 401, "terminal-not-known")

    async def test_whoever_does_not_say_what_they_have_read_attests_nobody(
        self, window: Window, owner: Owner, kin: Kin
    ) -> None:
        _, enrolment = await father_at_face(owner, kin)
        here = f"{ENROLMENTS}/{enrolment.rpartition('/')[2]}"

        blind = await window.post(f"{here}/attestations", await window.shown(*PAPER, services=ALL))

        assert refused(blind, 428, "version-required")["next"]["href"] == here

    async def test_what_is_not_there_is_not_found(self, window: Window, owner: Owner, kin: Kin) -> None:
        nowhere = f"/v1/enrolments/{owner.holder.id if owner.holder else ''}"
        too_early = await owner.open("family_member")

        missing = await window.attest(nowhere, await window.shown(*PAPER, services=ALL))
        early = await window.attest(too_early, await window.shown(*PAPER, services=ALL))

        refused(missing, 404, "not-found")
        answer = refused(early, 409, "attestation-not-possible")
        assert answer["next"]["href"] == f"{ENROLMENTS}/{too_early.rpartition('/')[2]}"


class TestTheOwnersCard:
    async def test_finds_what_is_open_of_theirs(self, window: Window, owner: Owner, kin: Kin, make: Make) -> None:
        _, enrolment = await father_at_face(owner, kin)
        stranger = await make.person()
        token = await window.card(owner.person)

        found = ok(await window.of_card(token))
        none = ok(await window.of_card(await window.card(Kin.known(stranger))))

        assert [each["id"] for each in found["items"]] == [enrolment.rpartition("/")[2]]
        assert none["items"] == []
        refused(await window.of_card("x"), 403, "card-read-not-valid")
        refused(await window.get(ENROLMENTS, Card_Read=token), 401, "terminal-not-known")


class TestRaces:
    async def test_the_apps_face_and_the_window_at_once_are_one_end(
        self, window: Window, owner: Owner, kin: Kin, db: Database
    ) -> None:
        for _ in range(3):
            _, enrolment = await father_at_face(owner, kin)
            body = await window.shown(*PAPER, services=ALL)

            answers = await asyncio.gather(
                window.attest(enrolment, body),
                owner.call("POST", f"{enrolment}/face-checks", {"device_meta": {}}),
                window.attest(enrolment, body),
                return_exceptions=False,
            )
            started = answers[1]
            if started.status_code == 201:
                await owner.call("POST", f"/v1/face-checks/{started.json()['id']}/completion")
            mine = await owner.read(enrolment)

            assert sorted(each.status_code for each in (answers[0], answers[2])) == [201, 409]
            assert (mine["state"], mine["proof"]) == ("active", "in_person")
            await owner.call("DELETE", f"/v1/family/members/{mine['link_id']}")
        assert await db.fetch("SELECT 1 FROM face_check WHERE state IN ('starting', 'started', 'processing')") == []

    async def test_a_face_that_passes_at_the_same_moment_ends_it_once(
        self, window: Window, owner: Owner, kin: Kin, db: Database
    ) -> None:
        for _ in range(3):
            _, enrolment = await father_at_face(owner, kin)
            body = await window.shown(*PAPER, services=ALL)
            check = ok(await owner.call("POST", f"{enrolment}/face-checks", {"device_meta": {}}))["id"]

            attested, _ = await asyncio.gather(
                window.attest(enrolment, body), owner.call("POST", f"/v1/face-checks/{check}/completion")
            )
            mine = await owner.read(enrolment)

            assert (mine["state"], mine["proof"]) == (
                "active",
                "in_person" if attested.status_code == 201 else "live",
            )
            await owner.call("DELETE", f"/v1/family/members/{mine['link_id']}")

    async def test_a_cancellation_at_the_same_moment_comes_before_or_after(
        self, window: Window, owner: Owner, kin: Kin
    ) -> None:
        for _ in range(3):
            _, enrolment = await father_at_face(owner, kin)
            body = await window.shown(*PAPER, services=ALL)

            attested, cancelled = await asyncio.gather(window.attest(enrolment, body), owner.call("DELETE", enrolment))
            mine = await owner.read(enrolment)

            outcome = (attested.status_code, cancelled.status_code, mine["state"])
            assert outcome in [(201, 409, "active"), (409, 204, "cancelled")]
            if mine["link_id"]:
                await owner.call("DELETE", f"/v1/family/members/{mine['link_id']}")

    async def test_the_same_request_is_answered_the_same(
        self, window: Window, owner: Owner, kin: Kin, db: Database
    ) -> None:
        _, enrolment = await father_at_face(owner, kin)
        body, key = await window.shown(*PAPER, services=ALL), secrets.token_hex(8)

        first = await window.attest(enrolment, body, key=key)
        again = await window.attest(enrolment, body, key=key)

        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(await db.fetch("SELECT 1 FROM attestation")) == 1
