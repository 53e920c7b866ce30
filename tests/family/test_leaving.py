"""A member without an account ends links by a code to the phone that the register holds; nobody learns of anybody."""

import asyncio
import time
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database
from app.routers.deps import House
from app.services import audit
from app.services.audit import Action
from app.services.sharing import binding
from app.worker import relay
from tests import cluster
from tests.factories.adding import later, new_number, ok, refused, set_policy
from tests.factories.make import Holder, Make, Member, Someone
from tests.factories.sharing import shared, wanted
from tests.factories.statements import statements

ASK = "/v1/family/link-endings"
PHONE = "10000007777"


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def link(make: Make, me: Holder) -> Member:
    """Their father, whose phone the register holds."""
    return await make.member(me, name="王建国", phone=PHONE)


@pytest.fixture
async def strict(database: cluster.Database) -> None:
    """Rules that show: one code for an address, an answer after a third of a second."""
    await set_policy(database, "link_endings", per_address_a_day=1)
    await set_policy(database, "lookups", floor_milliseconds=300)


def named(person: Someone, **instead: str) -> dict[str, str]:
    return {"name": person.registered.name, "social_security_number": person.registered.number} | instead


async def ask(client: httpx.AsyncClient, body: dict[str, str]) -> httpx.Response:
    return await client.post(ASK, json=body, headers={"Accept-Language": "en"})


async def codes_sent(house: House, phone: str = PHONE) -> list[str]:
    """Let the worker tell what there is; return the codes that a phone has got, the newest first."""
    while await relay.tell_due(house.db, house.ports):
        pass
    assert house.sandbox is not None
    return [each.code for each in await house.sandbox.inbox.received(phone) if each.code is not None]


async def put(client: httpx.AsyncClient, ending: str, code: str, *links: str) -> httpx.Response:
    body: dict[str, Any] = {"sms_code": code} | ({"link_ids": list(links)} if links else {})
    return await client.put(f"{ASK}/{ending}", json=body, headers={"Accept-Language": "en"})


async def begun(client: httpx.AsyncClient, house: House, person: Someone) -> tuple[str, str]:
    """Ask for a code; return the request's id and the code."""
    answer = await ask(client, named(person))
    assert answer.status_code == 202, answer.text
    return answer.json()["id"], (await codes_sent(house))[0]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


class TestEnding:
    async def test_the_member_sees_who_acts_for_them_and_ends_it(
        self, client: httpx.AsyncClient, house: House, make: Make, me: Holder, link: Member
    ) -> None:
        ending, code = await begun(client, house, link.person)

        [seen] = ok(await put(client, ending, code))["items"]
        assert (seen["owner_name"], seen["relationship_text"], seen["state"]) == ("王**", "王**'s father", "active")
        assert (await me.read("/v1/family"))["members"] != []
        [ended] = ok(await put(client, ending, code, seen["link_id"]))["items"]

        assert ended["state"] == "ended"
        assert (await me.read("/v1/family"))["members"] == []
        [event] = [each for each in await make.audited(link.person) if each[0] == Action.LINK_ENDED]
        assert (event[1]["because"], event[2]) == ("by_member", link.person.id)

    async def test_of_two_the_chosen_one_ends_and_again_it_is_as_good(
        self, client: httpx.AsyncClient, house: House, make: Make, me: Holder, link: Member
    ) -> None:
        sister = await make.owner(name="王静", sex="2")
        await make.member(sister, person=link.person)
        ending, code = await begun(client, house, link.person)

        answers = await asyncio.gather(*(put(client, ending, code, str(link.link_id)) for _ in range(4)))

        assert {tuple(each["state"] for each in ok(answer)["items"]) for answer in answers} == {("ended", "active")}
        assert (await me.read("/v1/family"))["members"] == []
        assert len((await sister.read("/v1/family"))["members"]) == 1
        assert [each for each, _, _ in await make.audited(me)].count(Action.LINK_ENDED) == 1

    async def test_a_link_of_somebody_else_is_not_there_and_nothing_ends(
        self, client: httpx.AsyncClient, house: House, make: Make, me: Holder, link: Member
    ) -> None:
        foreign = await make.member(me, "52", sex="2")
        ending, code = await begun(client, house, link.person)

        refused(await put(client, ending, code, str(link.link_id), str(foreign.link_id)), 404, "not-found")

        assert len((await me.read("/v1/family"))["members"]) == 2


class TestSharing:
    async def test_who_shares_with_the_member_is_seen_too_and_what_waits_is_declined(
        self, client: httpx.AsyncClient, house: House, make: Make, me: Holder, link: Member
    ) -> None:
        sister = await make.owner(name="王静", sex="2")
        active = await shared(house.db, me, link.person)
        asked = wanted(sister, link.person, "51")
        waits = await house.db.run(lambda session: binding.bind(session, asked, audit.SYSTEM))
        assert len(await codes_sent(house)) == 1  # of the one that waits
        ending, code = await begun(client, house, link.person)
        body = {"sms_code": code, "binding_ids": [str(active.id), str(waits.id)]}

        seen = ok(await put(client, ending, code))["sharing"]
        answers = [await client.put(f"{ASK}/{ending}", json=body) for _ in range(2)]
        foreign = await client.put(f"{ASK}/{ending}", json=body | {"binding_ids": [str(link.link_id)]})

        assert [each["state"] for each in seen] == ["active", "pending"]
        assert [[each["state"] for each in ok(answer)["sharing"]] for answer in answers] == [["ended", "ended"], []]
        refused(foreign, 404, "not-found")
        assert (await me.read("/v1/sharing/bindings"))["bindings"] == []
        events = await make.audited(link.person)
        because = [facts["because"] for action, facts, _ in events if action == Action.SHARING_ENDED]
        assert sorted(because) == ["by_member", "declined"]
        assert len((await me.read("/v1/family"))["members"]) == 1


class TestCodes:
    async def test_a_wrong_code_spends_a_try_and_the_fifth_is_the_last(
        self, client: httpx.AsyncClient, house: House, link: Member
    ) -> None:
        ending, code = await begun(client, house, link.person)

        answers = await asyncio.gather(*(put(client, ending, other(code)) for _ in range(5)))

        assert sorted(refused(each, 403, "sms-code-wrong")["tries_left"] for each in answers) == [0, 1, 2, 3, 4]
        said = refused(await put(client, ending, code), 403, "sms-code-wrong")
        assert (said["tries_left"], said["next"]["href"]) == (0, ASK)

    async def test_a_code_is_over_after_ten_minutes_and_used_after_fifteen_more(
        self, client: httpx.AsyncClient, house: House, link: Member
    ) -> None:
        ending, code = await begun(client, house, link.person)
        await later(house, minutes=9)
        ok(await put(client, ending, code))
        await later(house, minutes=14)
        ok(await put(client, ending, code))
        await later(house, minutes=2)

        assert "tries_left" not in refused(await put(client, ending, code), 403, "sms-code-wrong")

    async def test_it_goes_to_the_registers_phone_of_now_and_once(
        self, client: httpx.AsyncClient, house: House, link: Member
    ) -> None:
        await EmbeddedRegister(house.db).put([Entry(replace(link.person.registered, phone="10000007778"))])

        await ask(client, named(link.person))
        await asyncio.gather(*(codes_sent(house) for _ in range(3)))

        assert await codes_sent(house) == []
        assert len(await codes_sent(house, "10000007778")) == 1

    async def test_a_request_that_there_is_not_is_not_found(self, client: httpx.AsyncClient, link: Member) -> None:
        refused(await put(client, str(link.link_id), "123456"), 404, "not-found")


class TestLimits:
    async def test_a_number_gets_five_codes_a_day(self, client: httpx.AsyncClient, house: House, link: Member) -> None:
        answers = await asyncio.gather(*(ask(client, named(link.person)) for _ in range(7)))

        assert sorted(answer.status_code for answer in answers) == [202] * 5 + [429] * 2
        await later(house, hours=25)
        assert (await ask(client, named(link.person))).status_code == 202

    async def test_and_as_many_when_nobody_has_it(self, client: httpx.AsyncClient) -> None:
        nobody = {"name": "没有人", "social_security_number": new_number(date(1950, 1, 1), "1")}

        answers = [await ask(client, nobody) for _ in range(6)]

        assert [answer.status_code for answer in answers] == [202] * 5 + [429]

    async def test_an_address_gets_so_many_for_all_numbers(
        self, strict: None, client: httpx.AsyncClient, link: Member
    ) -> None:
        assert (await ask(client, named(link.person))).status_code == 202
        nobody = {"name": "没有人", "social_security_number": new_number(date(1950, 1, 1), "1")}

        refused(await ask(client, nobody), 429, "link-endings-used-up")


class TestEqualAnswers:
    @pytest.fixture
    async def bodies(self, make: Make, link: Member) -> list[dict[str, str]]:
        """Named rightly, with another name, dead, unknown to the register, and never met by us."""
        dead = await make.person(name="李大山", is_alive=False, phone=PHONE)
        unknown = {"name": "没有人", "social_security_number": new_number(date(1950, 1, 1), "1")}
        return [named(link.person), named(link.person, name="王建军"), named(dead), unknown]

    async def test_everybody_reads_the_same_by_the_same_statements(
        self, db: Database, client: httpx.AsyncClient, bodies: list[dict[str, str]]
    ) -> None:
        await ask(client, bodies[0])  # policies are read
        shapes, heard = set(), set()
        for body in bodies:
            with statements(db) as sent:
                answer = await ask(client, body)
            shapes.add((answer.status_code, tuple(answer.json()), answer.json()["tries_left"]))
            heard.add(tuple(sent))

        assert shapes == {(202, ("id", "tries_left", "expires_at"), 5)}
        assert len(heard) == 1

    async def test_so_is_every_guess(
        self, db: Database, client: httpx.AsyncClient, house: House, bodies: list[dict[str, str]]
    ) -> None:
        endings = [(await ask(client, body)).json()["id"] for body in bodies]
        [code] = await codes_sent(house)

        said, heard = set(), set()
        for ending in endings:
            with statements(db) as sent:
                answer = await put(client, ending, other(code))
            said.add((answer.status_code, answer.json()["code"], answer.json()["tries_left"]))
            heard.add(tuple(sent))

        assert said == {(403, "sms-code-wrong", 4)}
        assert len(heard) == 1
        for ending in endings[1:]:  # the right code of another is nobody's here
            refused(await put(client, ending, code), 403, "sms-code-wrong")

    @pytest.mark.parametrize("is_known", [True, False])
    async def test_no_answer_comes_before_the_floor(
        self, strict: None, client: httpx.AsyncClient, link: Member, *, is_known: bool
    ) -> None:
        nobody = {"name": "没有人", "social_security_number": new_number(date(1950, 1, 1), "1")}
        started = time.monotonic()

        answer = await ask(client, named(link.person) if is_known else nobody)

        assert answer.status_code == 202
        assert time.monotonic() - started >= 0.3

    async def test_what_is_no_number_is_said_at_once(self, client: httpx.AsyncClient) -> None:
        said = refused(await ask(client, {"name": "1", "social_security_number": "12"}), 422, "invalid-request")

        assert {each["pointer"] for each in said["errors"]} == {"/name", "/social_security_number"}
