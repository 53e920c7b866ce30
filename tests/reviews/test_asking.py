"""People ask for more: the owner is told what is missing and goes on at the step where it is."""

from typing import Any

import pytest

from app.adapters.demo_pictures import document_photo, portrait_photo
from app.core.settings import Settings
from app.routers.deps import House
from app.services import files
from app.texts import message, review_finding
from tests.factories.adding import Kin, later, ok, refused, steps, stored_files
from tests.factories.callers import SOMEBODY
from tests.factories.phone import Phone
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, Asked, decided, the_newest
from tests.reviews.test_reading import own_card_in_review
from tests.worker.test_telling import LANGUAGE, told

ANOTHER_PAPER, ANOTHER_FACE = document_photo(77, "another"), portrait_photo(77)


async def unmet(ask: Ask, asked: Asked) -> list[str]:
    read = await ask.owner.read(asked.enrolment)
    return [need["kind"] for need in read["requirements"] if not need["met"]]


@pytest.mark.parametrize("reason", ["papers-unreadable", "papers-of-somebody-else"])
async def test_papers_are_sent_anew_and_the_face_is_shown_again(ask: Ask, li: Worker, reason: str) -> None:
    asked = await ask.child()

    done = await decided(li, asked, "ask_for_more", reason)
    back = ok(await ask.owner.call("GET", asked.enrolment, Accept_Language="en"))
    missing = await unmet(ask, asked)
    sent = await ask.owner.put(asked.enrolment, "birth_certificate", ANOTHER_PAPER)
    await ask.owner.face_check(asked.enrolment)
    again = await ask.owner.read(asked.enrolment)

    assert done["state"] == "asked_for_more"
    assert (back["state"], back["asked_for"], back["review"]) == ("documents_pending", reason, None)
    assert back["asked_for_text"] == review_finding(reason, "en")
    assert missing == ["identity_document", "guardianship"]
    assert (sent["state"], sent["asked_for"]) == ("face_pending", reason)
    assert (again["state"], again["asked_for"], again["asked_for_text"]) == ("in_review", None, None)


async def test_guardianship_papers_alone_can_be_asked_for(ask: Ask, li: Worker) -> None:
    asked = await ask.child()
    await decided(li, asked, "ask_for_more", "guardianship-papers-needed")

    back = await ask.owner.read(asked.enrolment)
    sent = await ask.owner.put(asked.enrolment, "household_register", ANOTHER_PAPER)

    assert (back["state"], back["face"]["last_reason"], sent["state"]) == ("documents_pending", None, "face_pending")


async def test_another_photo_can_be_asked_for_and_has_all_its_tries(
    ask: Ask, li: Worker, house: House, settings: Settings
) -> None:
    child = await ask.kin(age=9, parents=[ask.owner.person.number])
    enrolment = await ask.owner.to_face(child, "20", age=9)
    for n in range(3):
        await ask.owner.face_check(enrolment, "face_mismatch")
        if n < 2:
            version = (await ask.owner.read(enrolment))["version"]
            ok(
                await ask.owner.call(
                    "PUT", f"{enrolment}/documents/facial_photo", portrait_photo(50 + n), If_Match=f'"{version}"'
                )
            )
    asked = Asked(enrolment, f"/v1/reviews/{(await the_newest(ask.owner)).id}", child)
    before = len(stored_files(settings))

    await decided(li, asked, "ask_for_more", "photo-unsuitable")
    await files.sweep(house.db, house.ports.store)
    left = len(stored_files(settings))
    back = await ask.owner.read(enrolment)
    await ask.owner.put(enrolment, "facial_photo", ANOTHER_FACE)
    await ask.owner.face_check(enrolment)

    assert (back["state"], back["face"]["tries_left"], steps(back)) == ("documents_pending", 3, ["documents", "review"])
    assert left == 1 < before
    assert (await ask.owner.read(enrolment))["state"] == "active"


async def test_another_live_face_can_be_asked_for_and_has_all_its_tries(ask: Ask, li: Worker) -> None:
    father = await ask.kin(age=68)
    enrolment = await ask.owner.to_face(father, "51", age=68)
    for _ in range(3):
        await ask.owner.face_check(enrolment, "liveness_failed")
    asked = Asked(enrolment, f"/v1/reviews/{(await the_newest(ask.owner)).id}", father)

    await decided(li, asked, "ask_for_more", "face-again")
    back = await ask.owner.read(enrolment)
    await ask.owner.face_check(enrolment)

    assert (back["state"], back["face"]["tries_left"]) == ("face_pending", 3)
    assert steps(back) == ["face-check", "hand-over", "review"]
    assert (await ask.owner.read(enrolment))["state"] == "active"


async def test_asking_for_papers_gives_no_tries(ask: Ask, li: Worker) -> None:
    father = await ask.kin(age=68)
    enrolment = await ask.owner.to_face(father, "51", age=68)
    for _ in range(3):
        await ask.owner.face_check(enrolment, "liveness_failed")
    asked = Asked(enrolment, f"/v1/reviews/{(await the_newest(ask.owner)).id}", father)

    await decided(li, asked, "ask_for_more", "papers-unreadable")
    sent = await ask.owner.put(enrolment, "id_card_front", ANOTHER_PAPER)

    assert (sent["state"], sent["face"]["tries_left"], steps(sent)) == ("face_pending", 0, ["review"])


async def test_the_owner_is_told_and_has_three_days_however_little_was_left(
    ask: Ask, hire: Hire, house: House, owner: Any
) -> None:
    father = await ask.kin(age=68)
    enrolment = await owner.to_face(father, "51", age=68)
    await later(house, hours=71, minutes=55)
    ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
    asked = Asked(enrolment, f"/v1/reviews/{(await the_newest(owner)).id}", father)
    li = await hire("li")

    await decided(li, asked, "ask_for_more", "face-again")
    messages = (await told(house))["10000009999"]
    await later(house, hours=71)
    still = await owner.read(enrolment)
    await later(house, hours=2)

    assert message("enrolment_more_asked_for", LANGUAGE, name="王**") in messages
    assert still["state"] == "face_pending"
    assert (await owner.read(enrolment))["state"] == "expired"


async def test_a_new_case_starts_without_the_yes_of_the_old(ask: Ask, li: Worker, wang: Worker) -> None:
    asked = await ask.newborn()
    await decided(li, asked, "approve", "papers-fit")
    await decided(wang, asked, "ask_for_more", "papers-unreadable")
    await ask.owner.put(asked.enrolment, "birth_certificate", ANOTHER_PAPER)
    await ask.owner.face_check(asked.enrolment)
    anew = Asked(asked.enrolment, f"/v1/reviews/{(await the_newest(ask.owner)).id}", asked.member)

    closed = await wang.call("POST", f"{asked.review}/claims")
    first = await decided(wang, anew, "approve", "papers-fit")
    second = await decided(li, anew, "approve", "papers-fit")

    assert anew.review != asked.review
    refused(closed, 409, "case-already-decided")
    assert (first["state"], second["state"]) == ("open", "approved")


async def test_what_was_asked_for_is_forgotten_with_whom_it_was_about(ask: Ask, li: Worker) -> None:
    asked = await ask.father()
    await decided(li, asked, "ask_for_more", "papers-unreadable")
    mother = await ask.kin(age=66, sex="2")

    body = {"name": mother.name, "social_security_number": mother.number, "relationship": "52"}
    version = (await ask.owner.read(asked.enrolment))["version"]
    changed = ok(await ask.owner.call("PUT", f"{asked.enrolment}/details", body, If_Match=f'"{version}"'))

    assert (changed["state"], changed["asked_for"]) == ("documents_pending", None)


async def test_of_an_own_card_only_the_face_can_be_asked_for(phone: Any, kin: Kin, li: Worker) -> None:
    me: Phone = phone(SOMEBODY)
    asked = await own_card_in_review(lambda _: me, kin)

    await decided(li, asked, "ask_for_more", "face-again")
    back = await me.read(asked.enrolment)
    await me.consent(asked.enrolment, "face-check")
    await me.face_check(asked.enrolment)

    assert (back["state"], steps(back)) == ("face_pending", ["consent", "review"])
    assert (await me.read(asked.enrolment))["state"] == "password_pending"


async def test_who_waits_hears_of_it_at_once(ask: Ask, li: Worker) -> None:
    asked = await ask.father()
    version = (await ask.owner.read(asked.enrolment))["version"]

    await decided(li, asked, "ask_for_more", "face-again")
    polled = await ask.owner.call("GET", asked.enrolment, If_None_Match=f'"{version}"', Prefer="wait=5")

    assert (polled.status_code, polled.json()["asked_for"]) == (200, "face-again")
