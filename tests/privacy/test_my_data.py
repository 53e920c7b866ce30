"""The download: all that is held, one's own whole, other people masked, for nobody else."""

import json
import re

import httpx
import pytest

from app.core.clock import SHANGHAI
from app.core.db import Session
from app.routers.deps import House
from app.services import outbox
from app.services.outbox import Kind
from app.worker.relay import tell_due
from tests.factories.adding import refused
from tests.factories.make import JSON, Holder, Make
from tests.factories.papers import text_of

URL = "/v1/me/data"


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody who has just given their card password."""
    return await make.card_password(await make.owner(name="王志远"))


async def held(holder: Holder) -> JSON:
    said = await holder.read(URL)
    found: JSON = said["held"]
    return found


class TestAsJson:
    async def test_ones_own_is_whole(self, me: Holder) -> None:
        said = await held(me)

        [person], [account], [card] = said["person"], said["account"], said["card"]
        assert (person["name"], person["number"]) == ("王志远", me.registered.number)
        assert person["birth_date"] == "1985-06-15"
        assert account["phone"] == "10000009999"
        assert me.registered.card is not None
        assert card["card_number"] == me.registered.card.number
        assert [device["name"] for device in said["device"]] == ["Test phone"]
        assert [session["device_name"] for session in said["session"]] == ["Test phone"]
        assert len(said["card_issue"][0]["issue_number"]) > 8

    async def test_other_people_are_masked(self, house: House, make: Make, me: Holder) -> None:
        member = await make.member(me, name="欧阳守田")
        owner = await make.owner(name="林若溪")
        await make.member(owner, "12", person=me)
        await tell_due(house.db, house.ports)

        answer = await me.call("GET", URL)

        said = answer.json()["held"]
        assert [link["member_name"] for link in said["family_link"]] == ["欧***"]
        assert [link["owner_name"] for link in said["member_slot"]] == ["林**"]
        told = {each["message"]: each["parameters"] for each in said["notification"]}
        assert told == {"link_started_owner": {"member": "欧***"}, "link_started_member": {"owner": "林**"}}
        others = (member.person.registered, owner.registered)
        assert [each.name for each in others if each.name in answer.text] == []
        assert [each.number for each in others if each.number in answer.text] == []
        assert [str(each) for each in (member.person.id, owner.id) if str(each) in answer.text] == []

    async def test_it_tells_who_acted(self, house: House, make: Make, me: Holder) -> None:
        owner = await make.card_password(await make.owner(name="林若溪"))
        link = await make.member(owner, "12", person=me)
        await owner.read(f"/v1/holders/{link.link_id}/card")

        events = (await held(me))["audit_event"]

        seen = [event for event in events if event["action"] == "card.seen"]
        assert [(event["actor"], event["on_behalf_of"]) for event in seen] == [("林**", "me")]
        assert events[-1]["action"] == "person.data_told"
        assert events[-1]["actor"] == "me"

    async def test_it_says_what_is_not_in_it(self, me: Holder) -> None:
        said = await me.read(URL)

        assert "keyed digest" in said["not_told"]["login"]
        assert not said["not_told"].keys() & said["held"].keys()

    async def test_no_secret_is_in_it(self, me: Holder) -> None:
        said = json.dumps(await held(me))

        assert not any(kind in said for kind in ("argon2", "pbkdf2"))
        assert [word for word in ("hash", "hmac", "seed", "wrapped_key", '"mac"') if f'"{word}"' in said] == []


class TestWhoIsAsked:
    async def test_the_card_password_is(self, make: Make) -> None:
        owner = await make.owner()
        with_card = await make.card_password(owner)
        unasked = Holder(owner.id, owner.registered, owner.client, owner.mint, owner.claims)

        refused(await unasked.call("GET", URL), 401, "card-password-required")
        assert (await with_card.call("GET", URL)).status_code == 200

    async def test_whoever_has_none_reads_what_the_account_holds(self, make: Make) -> None:
        newcomer = await make.owner(has_password=False, card=None)

        said = await held(newcomer)

        assert said["card_password"] == []
        assert len(said["account"]) == 1

    async def test_an_account_that_holds_the_person_no_longer_reads_nothing_of_them(
        self, make: Make, me: Holder
    ) -> None:
        await make.signed_in(me)

        assert (await me.call("GET", URL)).status_code == 401


class TestAsPdf:
    @pytest.mark.parametrize("by_header", [False, True])
    async def test_people_can_read_it(self, house: House, me: Holder, *, by_header: bool) -> None:
        async def put(session: Session) -> None:
            outbox.tell(session, Kind.TELL_PERSON, me.id, message="card_password_changed")

        await house.db.run(put)
        await tell_due(house.db, house.ports)

        answer = await _pdf(me, by_header=by_header)

        words = text_of(answer.content)
        assert answer.headers["content-type"] == "application/pdf"
        assert me.registered.number in words
        assert "What is held on me" in words
        assert "Your e-card password has just been changed" in words
        assert "All data held was downloaded." in words
        assert "Orders of physical cards" in words
        assert f"{house.db.clock.now().astimezone(SHANGHAI):%Y-%m-%d %H:}" in words
        assert not re.search(r"\d\d:\d\dZ|T\d\d:", words)

    async def test_relationships_and_states_are_said_in_words(self, make: Make, me: Holder) -> None:
        await make.member(me)
        order = {"reason": "damaged", "address": "北京路 1 号"}
        drafted = await me.call("POST", "/v1/holders/me/card-orders", order, **{"Idempotency-Key": "an-order"})
        assert drafted.status_code == 201

        words = text_of((await _pdf(me, by_header=False)).content)

        assert "father" in words
        assert "This is a draft" in words

    async def test_anybody_sees_that_it_is_ours_and_not_whose(self, me: Holder) -> None:
        paper = (await _pdf(me, by_header=False)).content

        printed = text_of(paper)
        number = next(word for word in printed.split() if word.count("-") == 7)
        answer = await me.client.get(f"/v1/statements/{number}")

        assert answer.json()["valid"] is True
        assert me.registered.name not in answer.text


async def _pdf(holder: Holder, *, by_header: bool) -> httpx.Response:
    if by_header:
        return await holder.call("GET", URL, **{"Accept": "application/pdf", "Accept-Language": "en"})
    return await holder.call("GET", f"{URL}?format=pdf", **{"Accept-Language": "en"})
