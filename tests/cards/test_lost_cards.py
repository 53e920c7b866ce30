"""A lost card is looked at and asked with once its holder has agreed to that."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app.core.clock import today
from app.core.db import Database, bucket_of
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.audit import Action
from app.services.cards import following
from app.services.links import Services
from tests.cards.test_following import say
from tests.factories.make import Holder, Make, Someone

MINE = "/v1/holders/me/card"
CONSENT = f"{MINE}/lost-card-consent"
RIGHTS = "/v1/holders/me/rights"
CHILD = date(2017, 5, 20)


async def hear(house: House, person: Someone, status: PhysicalCardStatus, **card: Any) -> None:
    await say(house, person, status=status, **card)
    await following.refresh(house.db, house.ports.register, person.id)


async def agree(who: Holder, path: str = CONSENT) -> httpx.Response:
    notice = await who.read("/v1/notices/lost-card")
    shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
    return await who.call("PUT", path, shown)


def reasons(card: dict[str, Any]) -> dict[str, str]:
    return {each["use"]: each["reason"] for each in card["refusals"]}


def refused(answer: httpx.Response, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    return answer.json()["next"]


@pytest.fixture
async def me(make: Make) -> Holder:
    return await make.card_password(await make.owner())


class TestOnesOwn:
    async def test_without_a_consent_the_page_answers_and_leads_to_it(self, me: Holder, house: House) -> None:
        await hear(house, me, PhysicalCardStatus.LOST)

        card = await me.read(MINE)

        assert (card["physical_card"], card["next"]["action"]) == ("lost", "card-lost")
        assert "*" in card["social_security_number"]
        assert {use for use, code in reasons(card).items() if code == "lost-card-consent-needed"} == {"view", "query"}
        assert card["refusals"][0]["next"]["href"] == CONSENT
        for path in (RIGHTS, f"{MINE}?reveal=true"):
            step = refused(await me.call("GET", path), "lost-card-consent-needed")
            assert (step["action"], step["href"]) == ("consent-to-lost-card", CONSENT)
            assert step["notice"] == "/v1/notices/lost-card"

    @pytest.mark.parametrize("status", [PhysicalCardStatus.LOST, PhysicalCardStatus.LOST_TEMPORARILY])
    async def test_with_it_the_card_is_looked_at_and_asked_with_and_shows_no_code(
        self, me: Holder, house: House, make: Make, status: PhysicalCardStatus
    ) -> None:
        await hear(house, me, status)

        for _ in range(2):
            assert (await agree(me)).status_code == 204

        assert set(reasons(await me.read(MINE)).values()) == {"card-lost"}
        assert (await me.call("GET", RIGHTS)).status_code == 200
        assert (await me.call("GET", f"{MINE}?reveal=true")).status_code == 200
        refused(await me.call("POST", f"{MINE}/codes"), "card-lost")
        given = [facts for action, facts, _ in await make.audited(me) if action == Action.CONSENT_GIVEN]
        assert [facts["purpose"] for facts in given] == ["lost-card"]

    async def test_taken_back_it_is_as_before(self, me: Holder, house: House) -> None:
        await hear(house, me, PhysicalCardStatus.LOST)
        await agree(me)

        for _ in range(2):
            assert (await me.call("DELETE", CONSENT)).status_code == 204

        refused(await me.call("GET", RIGHTS), "lost-card-consent-needed")

    @pytest.mark.parametrize("card", [{}, {"number": "T99999999"}])
    async def test_found_or_replaced_the_consent_is_over_and_the_next_loss_takes_another(
        self, me: Holder, house: House, db: Database, card: dict[str, str]
    ) -> None:
        await hear(house, me, PhysicalCardStatus.LOST)
        await agree(me)

        await hear(house, me, PhysicalCardStatus.NORMAL, **card)
        await hear(house, me, PhysicalCardStatus.LOST, **card)

        refused(await me.call("GET", RIGHTS), "lost-card-consent-needed")
        rows = await db.fetch("SELECT ended_at FROM agreement WHERE bucket = $1", bucket_of(me.id))
        assert [row["ended_at"] is not None for row in rows] == [True]

    async def test_a_card_in_order_takes_no_consent(self, me: Holder) -> None:
        step = refused(await agree(me), "lost-card-consent-not-needed")

        assert step["href"] == MINE

    async def test_another_text_than_that_in_force_is_no_consent(self, me: Holder, house: House) -> None:
        await hear(house, me, PhysicalCardStatus.LOST)
        notice = await me.read("/v1/notices/face-check")
        shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}

        step = refused(await me.call("PUT", CONSENT, shown), "notice-outdated")

        assert step["href"] == "/v1/notices/lost-card"
        refused(await me.call("GET", RIGHTS), "lost-card-consent-needed")


class TestAMembers:
    async def test_a_parent_agrees_for_their_child_and_the_child_is_told(
        self, me: Holder, house: House, make: Make, db: Database
    ) -> None:
        child = await make.member(me, "20", birth_date=CHILD)
        here = f"/v1/holders/{child.link_id}"
        await hear(house, child.person, PhysicalCardStatus.LOST)
        for path in (f"{here}/card", f"{here}/rights"):
            step = refused(await me.call("GET", path), "lost-card-consent-needed")
            assert step["href"] == f"{here}/card/lost-card-consent"

        assert (await agree(me, f"{here}/card/lost-card-consent")).status_code == 204

        assert (await me.read(f"{here}/card"))["physical_card"] == "lost"
        assert (await me.call("GET", f"{here}/rights")).status_code == 200
        rows = await db.fetch(
            "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1", bucket_of(child.person.id)
        )
        assert "card_loss_agreed_member" in {row["message"] for row in rows}

    async def test_an_adults_consent_is_their_own(self, me: Holder, house: House, make: Make) -> None:
        mother = await make.signed_in(await make.person(birth_date=date(1960, 1, 1), sex="2"))
        link = (await make.member(me, "52", person=mother)).link_id
        await hear(house, mother, PhysicalCardStatus.LOST)

        assert "href" not in refused(await me.call("GET", f"/v1/holders/{link}/rights"), "lost-card-consent-needed")
        refused(await agree(me, f"/v1/holders/{link}/card/lost-card-consent"), "holder-agrees")
        assert (await agree(mother)).status_code == 204

        assert (await me.call("GET", f"/v1/holders/{link}/rights")).status_code == 200

    async def test_from_fourteen_on_no_parent_agrees(self, me: Holder, house: House, make: Make, db: Database) -> None:
        fourteen = today(db.clock.now()).replace(day=1) - timedelta(days=14 * 366)
        child = await make.member(me, "20", birth_date=fourteen)
        await hear(house, child.person, PhysicalCardStatus.LOST)

        for method in ("PUT", "DELETE"):
            path = f"/v1/holders/{child.link_id}/card/lost-card-consent"
            answer = await agree(me, path) if method == "PUT" else await me.call(method, path)
            refused(answer, "holder-agrees")

    async def test_who_does_not_file_for_a_child_does_not_agree_for_it(
        self, me: Holder, house: House, make: Make
    ) -> None:
        child = await make.member(me, "20", birth_date=CHILD, services=Services(file=False))
        await hear(house, child.person, PhysicalCardStatus.LOST)

        answer = await agree(me, f"/v1/holders/{child.link_id}/card/lost-card-consent")

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-shared")
