"""What a reviewer sees of a case they hold: enough to decide, masked, every look written down."""

import json

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.ports.register import PhysicalCard, PhysicalCardStatus
from app.routers.deps import House
from tests.factories.adding import Kin, later, ok, refused
from tests.factories.callers import SOMEBODY, pass_time
from tests.factories.deciding import the_case
from tests.factories.phone import Phone
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, Asked, claimed
from tests.reviews.test_claims import audited, holder, known


async def seen(worker: Worker, asked: Asked, language: str = "en") -> dict[str, object]:
    await claimed(worker, asked)
    return ok(await worker.call("GET", asked.review, Accept_Language=language))


async def test_a_relative_is_shown_masked_with_register_and_faces(ask: Ask, li: Worker) -> None:
    asked = await ask.child(name="王小梅")

    view = await seen(li, asked)

    assert view["member"] == {
        "name": "王**",
        "social_security_number": f"{asked.member.number[:6]}********{asked.member.number[-4:]}",
        "age": 9,
    }
    application = view["application"]
    assert isinstance(application, dict)
    assert {**application, "owner": application["owner"]["age"]} == {
        "kind": "family_member",
        "owner": 41,
        "relationship": "20",
        "relationship_name": "son",
        "guardianship": "by_documents",
        "seen_in_person": None,
    }
    assert view["register_says"] == {
        "is_known": True,
        "is_alive": True,
        "name_matches": True,
        "has_card_in_use": True,
        "owner_is_parent_or_guardian": False,
    }
    checks = view["face_checks"]
    assert isinstance(checks, list)
    (check,) = checks
    assert (check["mode"], check["state"], check["reason"], check["score_band"]) == ("photo", "passed", "ok", "high")
    assert (view["reason"], view["reviewers_needed"], view["approvals"]) == ("guardianship", 1, 0)
    for secret in (asked.member.name, asked.member.number[6:14], ask.owner.person.number[6:14]):
        assert secret not in json.dumps(view, ensure_ascii=False)


async def test_what_the_register_says_is_asked_now(ask: Ask, li: Worker, kin: Kin) -> None:
    asked = await ask.father()
    await kin.change(
        asked.member,
        is_alive=False,
        name="别的名字",
        card=PhysicalCard("T00000001", PhysicalCardStatus.CANCELLED),
        guardians=frozenset({ask.owner.person.number}),
    )

    view = await seen(li, asked)

    assert view["register_says"] == {
        "is_known": True,
        "is_alive": False,
        "name_matches": False,
        "has_card_in_use": False,
        "owner_is_parent_or_guardian": True,
    }


async def test_who_has_left_the_register_is_told_so(ask: Ask, li: Worker, db: Database, house: House) -> None:
    asked = await ask.father()
    await db.run(lambda session: session.execute(text("DELETE FROM register_person")))

    view = await seen(li, asked)

    assert view["register_says"] == {
        "is_known": False,
        "is_alive": False,
        "name_matches": False,
        "has_card_in_use": False,
        "owner_is_parent_or_guardian": False,
    }


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "儿子"), ("en", "son"), ("es", "hijo")])
async def test_it_speaks_the_language_asked_for(ask: Ask, li: Worker, language: str, words: str) -> None:
    view = await seen(li, await ask.child(), language)

    application, choices = view["application"], view["choices"]
    assert isinstance(application, dict)
    assert isinstance(choices, list)
    assert application["relationship_name"] == {"儿子": "子"}.get(words, words)
    assert len({choice["text"] for choice in choices}) == len(choices)


async def test_the_choices_are_those_that_fit(ask: Ask, li: Worker) -> None:
    by_photo = await seen(li, await ask.child())
    live = await seen(li, await ask.father())

    def more(view: dict[str, object]) -> list[str]:
        choices = view["choices"]
        assert isinstance(choices, list)
        return [choice["reason"] for choice in choices if choice["decision"] == "ask_for_more"]

    assert more(by_photo) == [
        "papers-unreadable",
        "papers-of-somebody-else",
        "guardianship-papers-needed",
        "photo-unsuitable",
    ]
    assert more(live) == ["papers-unreadable", "papers-of-somebody-else", "face-again"]


async def test_only_who_holds_it_may_look(ask: Ask, li: Worker, wang: Worker) -> None:
    asked = await ask.father()
    before = await li.call("GET", asked.review)
    await claimed(wang, asked)
    theirs = await li.call("GET", asked.review)

    refused(before, 409, "review-not-claimed")
    refused(theirs, 409, "review-not-claimed")


async def test_every_look_is_written_down_with_owner_and_member(
    ask: Ask, li: Worker, house: House, db: Database
) -> None:
    asked = await claimed(li, await ask.father())
    for _ in range(3):
        ok(await li.call("GET", asked.review))

    looks = ("review.seen", "operator", "review_of_enrolment")
    assert (await audited(db, await known(house, asked.member))).count(looks) == 3
    assert (await audited(db, holder(ask.owner))).count(looks) == 3


class TestOthers:
    async def test_an_own_card_has_no_owner_beside_its_member(self, phone: object, kin: Kin, li: Worker) -> None:
        me = await own_card_in_review(phone, kin)

        view = await seen(li, me)

        assert view["application"] == {
            "kind": "own_card",
            "owner": None,
            "relationship": None,
            "relationship_name": None,
            "guardianship": "not_needed",
            "seen_in_person": None,
        }
        assert isinstance(view["register_says"], dict)
        assert view["register_says"]["owner_is_parent_or_guardian"] is None
        assert isinstance(view["choices"], list)
        assert [each["reason"] for each in view["choices"] if each["decision"] == "ask_for_more"] == ["face-again"]

    async def test_a_reset_is_no_application(self, phone: object, kin: Kin, hire: Hire, house: House) -> None:
        assert callable(phone)
        me: Phone = phone(SOMEBODY)
        await me.register()
        person = await kin(age=40)
        await me.own_card(person)
        for _ in range(3):
            await later(house, minutes=2)
            meta = {"sandbox_scenario": "face_mismatch"}
            code = await me.sms_code("card_password_reset")
            reset = ok(await me.call("POST", "/v1/card/password-resets", {"sms_code": code, "device_meta": meta}))
            ok(await me.call("POST", f"/v1/face-checks/{reset['face_check']['id']}/completion"))
        await pass_time(house, seconds=1)
        case = await the_case(house)

        view = await seen(await hire("li"), Asked("", f"/v1/reviews/{case.id}", person))

        assert (view["purpose"], view["application"]) == ("card_password_reset", None)
        assert isinstance(view["choices"], list)
        assert {each["decision"] for each in view["choices"]} == {"approve", "reject"}
        assert isinstance(view["face_checks"], list)
        assert [each["reason"] for each in view["face_checks"]] == ["face_mismatch"]


async def own_card_in_review(phone: object, kin: Kin, number: str = SOMEBODY) -> Asked:
    """Somebody asks for a card of their own, and for people instead of a camera."""
    assert callable(phone)
    me: Phone = phone(number)
    person = await kin(age=40)
    await me.register()
    enrolment = await me.open("own_card")
    await me.acknowledge(enrolment, "own-card")
    await me.details(enrolment, person)
    ok(await me.call("POST", f"{enrolment}/review-requests", {"reason": "face_not_possible"}))
    return Asked(enrolment, f"/v1/reviews/{(await the_case(me.house)).id}", person)
