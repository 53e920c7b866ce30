"""A clerk sees who somebody is, and what waits for their face goes on: certifications, resets, confirmations."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import httpx

from app.core.clock import SHANGHAI
from app.core.db import Database
from app.models.people import Proof
from app.routers.deps import House
from app.worker import relay
from tests.cards.test_resets import RESETS, begin, finish
from tests.factories.adding import Kin, later, ok, refused
from tests.factories.certifying import address, ask, pay
from tests.factories.counters import Counter, Open
from tests.factories.make import Make, Someone
from tests.factories.passing import Time
from tests.factories.phone import Phone
from tests.window.conftest import Window

PATH = "/v1/counter/attestations"


async def attest(at: Counter, person: Someone, purpose: str, *documents: str) -> httpx.Response:
    """Read somebody's card, and attest who they are."""
    body = {"card_read": await at.token(person, purpose), "documents_seen": list(documents)}
    return await at.post(PATH, body, Accept_Language="en")


class TestACertification:
    async def test_passes_by_the_counter_and_nobody_reviews_it_any_more(
        self, counter_window: Counter, make: Make, house: House, db: Database
    ) -> None:
        me = await make.owner()
        father = await make.member(me)
        await pay(house, father.person)
        asked = ok(await ask(me, father.link_id, way="counter"))

        done = ok(await attest(counter_window, father.person, "certification", "id_card"))
        again = await attest(counter_window, father.person, "certification")
        await relay.tell_due(house.db, house.ports)
        await Time(house).work()

        assert (done["purpose"], done["ids"]) == ("certification", [asked["id"]])
        refused(again, 409, "nothing-to-attest")
        read = await me.read(f"{address(father.link_id)}/{asked['id']}")
        assert (read["state"], read["way"]) == ("passed", "counter")
        assert [row["state"] for row in await db.fetch("SELECT state FROM review_case")] == ["withdrawn"]
        written = [facts for action, facts, _ in await make.audited(father.person) if action == "identity.attested"]
        assert [(facts["proof"], facts["documents"], facts["office"]) for facts in written] == [
            (Proof.IN_PERSON, "id_card social_security_card", "west-window")
        ]
        assert "identity_attested_here" in {
            row["message"] for row in await db.fetch("SELECT message FROM notification")
        }

    async def test_a_face_under_way_is_given_up(
        self, counter_window: Counter, make: Make, house: House, db: Database
    ) -> None:
        me = await make.owner()
        await pay(house, me)
        asked = ok(await ask(me))

        ok(await attest(counter_window, me, "certification"))
        await relay.tell_due(house.db, house.ports)

        read = await me.read(f"{address()}/{asked['id']}")
        assert (read["state"], read["way"]) == ("passed", "counter")
        assert [row["state"] for row in await db.fetch("SELECT state FROM face_check")] == ["cancelled"]


class TestAReset:
    async def test_is_ready_and_the_holder_alone_sets_the_password(
        self, window: Window, phone: Callable[[str], Phone], kin: Kin
    ) -> None:
        person, owner = await kin(age=40), phone("10000000044")
        await owner.register()
        await owner.own_card(person)
        begun = ok(await begin(owner))
        card = await window.card(person, "password_reset")
        reset = f"{RESETS}/{begun['id']}"

        early = await finish(owner, reset)
        done = ok(await window.post(PATH, {"card_read": card}))
        late = await finish(owner, reset)

        refused(early, 409, "reset-not-ready")
        assert done == {"purpose": "password_reset", "ids": [begun["id"]]}
        assert late.status_code == 204


class TestAConfirmation:
    async def test_of_a_link_at_16_gives_what_the_member_has_chosen(
        self, open_counter: Open, make: Make, house: House
    ) -> None:
        me = await make.owner()
        day = house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=1)
        son = await make.member(me, "20", birth_date=date(day.year - 16, day.month, day.day))
        await later(house, days=2)
        counter = await open_counter()
        here = f"/v1/family/members/{son.link_id}"
        wish = {**await counter.notice("face-check"), "services": ["view", "file"], "way": "people"}
        begun = ok(await me.call("POST", f"{here}/reconfirmations", wish, **{"Idempotency-Key": "x" * 8}))

        done = ok(await attest(counter, son.person, "reconfirmation"))

        assert done["ids"] == [begun["id"]]
        assert (await me.read(f"{here}/reconfirmations/{begun['id']}"))["state"] == "passed"
        assert (await me.read(here))["services"] == ["view", "file"]


class TestWhoMay:
    async def test_nobody_attests_their_family_and_a_hospital_nobody(
        self, open_counter: Open, hospital: Counter, make: Make, house: House
    ) -> None:
        counter = await open_counter("relative")
        me = await make.owner(parents=frozenset({counter.clerk_is.registered.number}))
        father = await make.member(me)
        await pay(house, father.person)
        ok(await ask(me, father.link_id, way="counter"))

        refused(await attest(counter, father.person, "certification"), 403, "service-of-own-family")
        card = father.person.registered.card
        assert card is not None
        refused(await hospital.read(card.number, "certification"), 403, "not-at-this-office")

    async def test_a_card_read_for_something_else_attests_nothing(self, window: Window, make: Make) -> None:
        me = await make.owner()

        refused(await attest(window.counter, me, "enrolment"), 409, "card-read-for-another-purpose")
        refused(await attest(window.counter, me, "password_reset"), 409, "nothing-to-attest")

    async def test_of_two_at_once_one_attests(
        self, counter_window: Counter, make: Make, house: House, db: Database
    ) -> None:
        me = await make.owner()
        await pay(house, me)
        ok(await ask(me, way="counter"))

        answers = await asyncio.gather(*(attest(counter_window, me, "certification") for _ in range(3)))

        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        assert len(await db.fetch("SELECT 1 FROM benefit_certification WHERE certified_on IS NOT NULL")) == 1
