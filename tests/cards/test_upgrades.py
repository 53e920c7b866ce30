"""Payment as a step of its own: agreed to, with a physical card in order and a live face or people."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database, DatabaseUnavailable, Session, bucket_of, new_id
from app.core.tokens.access import auth_seconds
from app.models.cards import NEXT_OF_UPGRADE, CardUpgrade, UpgradeState
from app.models.cases import Finding, Verdict
from app.models.people import Person
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.accounts import sessions
from app.services.audit import Action
from app.services.cards import upgrading
from app.services.cards.upgrades import UpgradeView
from app.services.cards.upgrading import Remember, Wish
from app.services.cases import Decision
from app.services.notices import Shown
from tests.cards.test_following import MINE, say, told
from tests.factories.deciding import people_decide, the_case
from tests.factories.make import Holder, Make
from tests.factories.phone import JSON

UPGRADES = f"{MINE}/level-upgrades"
PAYMENT = f"{MINE}/payment"
YES, NO = Decision(Verdict.APPROVE, Finding.FACE_FITS), Decision(Verdict.REJECT, Finding.NOT_THE_SAME_PERSON)


@pytest.fixture
async def me(make: Make, house: House) -> Holder:
    """Somebody whose portrait the register holds."""
    me = await make.card_password(await make.owner())
    await EmbeddedRegister(house.db).put([Entry(me.registered, portrait=b"a portrait")])
    return me


async def shown(who: Holder, code: str) -> JSON:
    notice = await who.read(f"/v1/notices/{code}")
    return {name: notice[name] for name in ("code", "version", "language", "sha256")}


async def add(who: Holder, *, scenario: str | None = None, key: str | None = None, **more: Any) -> httpx.Response:
    body = {"consent": await shown(who, "card-payment"), "face_consent": await shown(who, "face-check")} | more
    if scenario is not None:
        body["device_meta"] = {"sandbox_scenario": scenario}
    return await who.call("POST", UPGRADES, body, **{"Idempotency-Key": key or str(uuid4())})


async def begin(who: Holder, **more: Any) -> JSON:
    answer = await add(who, **more)
    assert answer.status_code == 201, answer.text
    body: JSON = answer.json()
    return body


async def show_face(who: Holder, upgrade: JSON) -> JSON:
    answer = await who.call("POST", f"/v1/face-checks/{upgrade['face_check']['id']}/completion")
    assert answer.status_code == 200, answer.text
    return await who.read(f"{UPGRADES}/newest")


async def pays(who: Holder) -> bool:
    card = await who.read(MINE)
    assert (card["level"] == 2) is card["allows"]["pay"]
    return bool(card["allows"]["pay"])


def later(who: Holder, house: House) -> Holder:
    """The same holder after another check of the card password."""
    return replace(who, claims=replace(who.claims, auth_time=auth_seconds(house.db.clock.now())))


class TestGoodWay:
    async def test_agreement_and_face_add_payment(self, me: Holder, make: Make, house: House) -> None:
        begun = await begin(me)
        before = await pays(me)

        done = await show_face(me, begun)

        assert (begun["state"], begun["face_check"]["mode"], before) == ("face_pending", "live", False)
        assert (done["id"], done["state"], done["rejection"]) == (begun["id"], "done", None)
        assert await pays(me)
        assert await told(house.db, me) == ["card_payment_added"]
        written = [(action, facts) for action, facts, _ in await make.audited(me)]
        assert (Action.CONSENT_GIVEN, {"upgrade_id": begun["id"], "purpose": "card-payment"}) in written
        assert (Action.CARD_PAYMENT_ADDED, {"upgrade_id": begun["id"]}) in written

    async def test_a_face_of_the_last_day_is_not_asked_for_again(self, me: Holder, house: House) -> None:
        assert house.sandbox is not None
        await show_face(me, await begin(me))
        await me.call("DELETE", PAYMENT)

        await house.sandbox.move_clock(timedelta(hours=23))
        again = await begin(later(me, house), face_consent=None)

        assert (again["state"], again["face_check"]) == ("done", None)
        await me.call("DELETE", PAYMENT)
        await house.sandbox.move_clock(timedelta(hours=2))
        assert (await begin(later(me, house)))["state"] == "face_pending"

    async def test_a_face_that_passed_for_somebody_elses_wish_adds_nothing(self, me: Holder, make: Make) -> None:
        await show_face(me, await begin(me))
        await me.call("DELETE", PAYMENT)

        other = await make.card_password(await make.signed_in(me))

        assert (await begin(replace(other, claims=replace(other.claims, card_password_version=2))))["state"] == (
            "face_pending"
        )

    async def test_who_would_rather_not_use_their_face_is_seen_by_people(self, me: Holder, house: House) -> None:
        begun = await begin(me, way="counter", face_consent=None)

        assert (begun["state"], begun["face_check"]) == ("in_review", None)
        again = await add(me)
        assert (again.status_code, again.json()["code"]) == (409, "card-payment-in-review")
        await people_decide(house, YES)
        assert await pays(me)

    async def test_people_can_say_no(self, me: Holder, house: House) -> None:
        await begin(me, way="counter")

        await people_decide(house, NO)

        read = await me.read(f"{UPGRADES}/newest")
        assert (read["state"], read["rejection"]) == ("rejected", "not-the-same-person")
        assert await told(house.db, me) == ["card_payment_declined"]
        assert not await pays(me)


class TestRefusals:
    async def test_it_takes_a_step_up(self, make: Make) -> None:
        answer = await add(await make.owner())

        assert (answer.status_code, answer.json()["code"]) == (401, "card-password-required")

    async def test_another_text_than_the_one_in_force_is_no_agreement(self, me: Holder) -> None:
        for consent in (await shown(me, "own-card"), await shown(me, "card-payment") | {"sha256": "0" * 64}):
            answer = await add(me, consent=consent)
            assert (answer.status_code, answer.json()["code"]) == (409, "notice-outdated")
            assert answer.json()["next"]["href"] == "/v1/notices/card-payment"

    async def test_no_face_is_looked_at_without_consent_to_that(self, me: Holder) -> None:
        answer = await add(me, face_consent=None)

        assert (answer.status_code, answer.json()["code"]) == (409, "face-consent-needed")
        assert (await me.call("GET", f"{UPGRADES}/newest")).status_code == 404

    async def test_the_register_is_asked_whether_the_card_is_in_order_now(self, me: Holder, house: House) -> None:
        await say(house, me, status=PhysicalCardStatus.LOST)

        answer = await add(me)

        assert (answer.status_code, answer.json()["code"]) == (409, "card-lost")

    async def test_payment_is_added_once(self, me: Holder) -> None:
        await show_face(me, await begin(me))

        answer = await add(me)

        assert (answer.status_code, answer.json()["code"]) == (409, "card-payment-added")

    async def test_a_card_that_is_lost_before_the_face_has_passed_pays_nothing(self, me: Holder, house: House) -> None:
        begun = await begin(me)
        await me.call("PUT", f"{MINE}/suspension")

        done = await show_face(me, begun)

        assert (done["state"], done["rejection"]) == ("rejected", "card-suspended")

    async def test_a_lost_card_keeps_its_level_and_pays_nothing(self, me: Holder, house: House) -> None:
        await show_face(me, await begin(me))
        await say(house, me, status=PhysicalCardStatus.LOST)
        await add(me)

        card = await me.read(MINE)

        assert (card["level"], card["allows"]["pay"]) == (2, False)

    async def test_who_is_no_longer_shown_to_be_the_holder_reads_and_takes_off_nothing(
        self, me: Holder, db: Database
    ) -> None:
        await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

        for method, path in (("GET", f"{UPGRADES}/newest"), ("DELETE", PAYMENT)):
            assert (await me.call(method, path)).json()["code"] == "own-card-needed"

    async def test_who_has_no_card_adds_nothing(self, make: Make) -> None:
        me = await make.signed_in(await make.person(card=None))

        assert (await me.call("GET", f"{UPGRADES}/newest")).status_code == 404
        assert (await me.call("DELETE", PAYMENT)).json()["code"] == "own-card-needed"


class TestFaces:
    async def test_without_a_portrait_people_look(self, me: Holder, house: House) -> None:
        await EmbeddedRegister(house.db).put([Entry(me.registered)])

        assert (await show_face(me, await begin(me)))["state"] == "in_review"

    async def test_a_face_that_fails_may_be_shown_again(self, me: Holder) -> None:
        failed = await show_face(me, await begin(me, scenario="face_mismatch"))

        again = await begin(me)
        done = await show_face(me, again)

        assert (failed["state"], failed["face_check"]["reason"]) == ("face_pending", "face_mismatch")
        assert (again["id"], done["state"]) == (failed["id"], "done")

    async def test_the_third_goes_to_people(self, me: Holder, house: House) -> None:
        states = [(await show_face(me, await begin(me, scenario="face_mismatch")))["state"] for _ in range(3)]

        assert states == ["face_pending", "face_pending", "in_review"]
        await people_decide(house, YES, case=await the_case(house))
        assert await pays(me)

    async def test_without_a_try_left_it_leads_to_people(self, me: Holder, house: House) -> None:
        for _ in range(3):
            await show_face(me, await begin(me, scenario="face_mismatch"))
        await people_decide(house, NO)

        answer = await add(me)

        assert (answer.status_code, answer.json()["code"]) == (409, "face-tries-used")
        assert answer.json()["next"]["action"] == "add-payment-with-people"
        assert (await begin(me, way="counter"))["state"] == "in_review"

    async def test_cut_off_after_the_start_it_goes_on_where_it_was(self, me: Holder, house: House) -> None:
        unit_id, kept = new_id(0), list[UpgradeView]()
        wish = Wish(
            Shown(**await shown(me, "card-payment")),
            Shown(**await shown(me, "face-check")),
            with_people=False,
            device_meta={},
        )

        async def begin_so(remember: Remember) -> None:
            caller = await sessions.caller(house.db, me.claims)
            await upgrading.begin(
                house.db, house.ports, caller, wish, unit_id=unit_id, callback_url="http://x", remember=remember
            )

        async def lose(_: Session, view: UpgradeView) -> None:
            raise ConnectionError(view.state)

        async def keep(_: Session, view: UpgradeView) -> None:
            kept.append(view)

        with pytest.raises(DatabaseUnavailable):
            await begin_so(lose)
        await begin_so(keep)
        await show_face(me, await me.read(f"{UPGRADES}/newest"))
        await begin_so(keep)

        assert [view.state for view in kept] == [UpgradeState.FACE_PENDING, UpgradeState.DONE]
        assert len(await house.db.fetch("SELECT 1 FROM face_check")) == 1

    async def test_no_provider_no_harm(self, me: Holder) -> None:
        answer = await add(me, scenario="provider_down")

        assert answer.status_code == 503
        await show_face(me, await begin(me))
        assert await pays(me)

    async def test_two_at_once_are_one(self, me: Holder, db: Database) -> None:
        answers = await asyncio.gather(*(add(me) for _ in range(4)))

        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        rows = await db.fetch("SELECT state FROM card_upgrade WHERE bucket = $1", bucket_of(me.id))
        assert len(rows) == 1

    async def test_the_same_key_begins_one(self, me: Holder) -> None:
        one, two = await begin(me, key="the-same-key"), await begin(me, key="the-same-key")

        assert one == two


class TestTakingOff:
    async def test_it_is_at_once_and_needs_no_password(self, me: Holder, make: Make, house: House) -> None:
        await show_face(me, await begin(me))
        plain = replace(me, claims=replace(me.claims, acr=None, auth_time=None))

        for _ in range(2):
            assert (await plain.call("DELETE", PAYMENT)).status_code == 204

        assert not await pays(me)
        assert (await me.read(f"{UPGRADES}/newest"))["state"] == "withdrawn"
        assert await told(house.db, me) == ["card_payment_added", "card_payment_removed"]
        assert [action for action, _, _ in await make.audited(me)].count(Action.CONSENT_WITHDRAWN) == 1

    async def test_a_wish_under_way_ends_with_its_face_check(self, me: Holder) -> None:
        begun = await begin(me)
        await me.call("DELETE", PAYMENT)

        done = await show_face(me, begun)

        assert (done["state"], done["face_check"]["state"]) == ("withdrawn", "cancelled")
        assert not await pays(me)

    async def test_taken_off_while_the_face_passes_it_stays_off(self, me: Holder) -> None:
        begun = await begin(me)

        await asyncio.gather(show_face(me, begun), me.call("DELETE", PAYMENT))

        assert not await pays(me)
        assert (await me.read(f"{UPGRADES}/newest"))["state"] == "withdrawn"

    async def test_what_people_look_at_is_withdrawn(self, me: Holder, house: House) -> None:
        await begin(me, way="counter")

        await me.call("DELETE", PAYMENT)

        with pytest.raises(ValueError, match="unpack"):
            await the_case(house)


@pytest.mark.parametrize("to", UpgradeState)
@pytest.mark.parametrize("state", UpgradeState)
def test_an_upgrade_only_moves_on(state: UpgradeState, to: UpgradeState) -> None:
    upgrade = CardUpgrade(state=state)

    moved = upgrade.advance(to, datetime(2026, 11, 22, tzinfo=UTC))

    assert moved is (to in NEXT_OF_UPGRADE[state])
    assert upgrade.state is (to if moved else state)
