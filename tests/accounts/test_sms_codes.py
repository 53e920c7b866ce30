"""SMS codes: six digits, five minutes, five tries, one use, one purpose; and how many anybody gets."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.ports.messages import Message, Messages, MessagesUnavailable
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, on_new_device, pass_time, sign_in, sign_in_by_code
from tests.factories.houses import build
from tests.factories.phone import Phone


async def ask(
    client: httpx.AsyncClient, number: str = SOMEBODY, purpose: str = "sign_in", **more: str
) -> httpx.Response:
    return await client.post("/v1/sms-codes", json={"phone": number, "purpose": purpose} | more)


async def newest(holder: Phone) -> str:
    inbox = await holder.client.get("/dev/messages", params={"phone": holder.number})
    return str(inbox.json()["items"][0]["code"])


def not_the(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_is_six_digits_in_a_message_of_its_language(client: httpx.AsyncClient) -> None:
    await client.post(
        "/v1/sms-codes", json={"phone": SOMEBODY, "purpose": "sign_in"}, headers={"Accept-Language": "es"}
    )

    message = (await client.get("/dev/messages", params={"phone": SOMEBODY})).json()["items"][0]

    assert len(message["code"]) == 6
    assert message["code"].isdecimal()
    assert message["text"].startswith(f"Código {message['code']} para entrar, válido 5 minutos")
    assert (message["to"], message["kind"]) == (SOMEBODY, "sms_code")


async def test_a_code_serves_once(holder: Phone) -> None:
    code = await holder.sms_code("sign_in")

    first, second = await sign_in(holder, sms_code=code), await sign_in(holder, sms_code=code)

    assert (first.status_code, second.status_code) == (201, 403)
    assert (second.json()["code"], second.json().get("tries_left")) == ("sms-code-wrong", None)


async def test_a_code_given_many_times_at_once_serves_once(holder: Phone) -> None:
    code = await holder.sms_code("sign_in")

    answers = await asyncio.gather(*[sign_in(holder, sms_code=code) for _ in range(5)])

    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403]


@pytest.mark.parametrize(("seconds", "status"), [(290, 201), (300, 403)])
async def test_a_code_lives_five_minutes(holder: Phone, seconds: int, status: int) -> None:
    code = await holder.sms_code("sign_in")
    await pass_time(holder.house, seconds=seconds)

    answer = await sign_in(holder, sms_code=code)

    assert answer.status_code == status


async def test_the_fifth_try_may_be_the_right_one_and_a_sixth_may_not(holder: Phone) -> None:
    code = await holder.sms_code("sign_in")
    four = [await sign_in(holder, sms_code=not_the(code)) for _ in range(4)]
    fifth = await sign_in(holder, sms_code=code)
    await pass_time(holder.house, seconds=60)
    code = await holder.sms_code("sign_in")
    five = [await sign_in(holder, sms_code=not_the(code)) for _ in range(5)]
    sixth = await sign_in(holder, sms_code=code)

    assert [answer.json()["tries_left"] for answer in four] == [4, 3, 2, 1]
    assert fifth.status_code == 201
    assert five[-1].json()["tries_left"] == 0
    assert sixth.status_code == 403


@pytest.mark.parametrize("purpose", ["register", "card_password_reset", "new_device", "end_link", "change_phone"])
async def test_a_code_serves_no_other_purpose(holder: Phone, purpose: str) -> None:
    await pass_time(holder.house, seconds=60)

    answer = await sign_in(holder, sms_code=await holder.sms_code(purpose))

    assert (answer.status_code, answer.json()["code"]) == (403, "sms-code-wrong")


async def test_a_code_serves_no_other_phone(client: httpx.AsyncClient, holder: Phone) -> None:
    code = await Phone(client, holder.house, SOMEBODY_ELSE).sms_code("sign_in")

    answer = await sign_in(holder, sms_code=code)

    assert answer.status_code == 403


class TestStranger:
    """Who asks for codes for somebody's phone, or guesses at them, does not keep its holder out."""

    async def test_guesses_on_other_devices_spend_no_try_of_a_code(self, holder: Phone) -> None:
        code = await holder.sms_code("sign_in")

        guesses = await asyncio.gather(*[sign_in(on_new_device(holder), sms_code=not_the(code)) for _ in range(12)])
        mistaken = await sign_in(holder, sms_code=not_the(code))
        right = await sign_in(holder, sms_code=code)

        assert {answer.status_code for answer in guesses} == {403}
        assert (mistaken.json()["tries_left"], right.status_code) == (4, 201)

    async def test_a_holder_signs_in_by_code_though_the_password_is_paused(self, holder: Phone) -> None:
        stranger = on_new_device(holder)
        for _ in range(10):
            await sign_in(stranger, password="not the password")
        paused = await sign_in(stranger, password="not the password")
        await ask(holder.client, device_id=stranger.device)
        code = await holder.sms_code("sign_in")
        for _ in range(6):
            await sign_in(stranger, sms_code=not_the(code))

        assert paused.json()["code"] == "sign-in-paused"
        assert (await sign_in(holder, sms_code=code)).status_code == 201

    async def test_a_guess_does_not_tell_whether_a_code_is_out(self, holder: Phone) -> None:
        stranger = on_new_device(holder)
        before = await sign_in(stranger, sms_code="000000")
        code = await holder.sms_code("sign_in")
        during = await sign_in(stranger, sms_code=not_the(code))
        await sign_in(holder, sms_code=code)
        after = await sign_in(stranger, sms_code=not_the(code))

        told = [answer.json() | {"request_id": ""} for answer in (before, during, after)]
        assert told[0] == told[1] == told[2]
        assert "tries_left" not in told[0]

    async def test_a_code_that_was_asked_for_on_a_device_is_good_there_alone(self, holder: Phone) -> None:
        code = await holder.sms_code("sign_in")

        elsewhere = await sign_in(on_new_device(holder), sms_code=code)
        here = await sign_in(holder, sms_code=code)

        assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "sms-code-wrong")
        assert here.status_code == 201

    async def test_a_code_that_was_asked_for_on_no_device_is_good_on_any_and_spent_by_all(self, holder: Phone) -> None:
        await ask(holder.client)
        good = await newest(holder)
        on_any = await sign_in(on_new_device(holder), sms_code=good)
        await pass_time(holder.house, seconds=60)
        await ask(holder.client)
        spent = await newest(holder)
        guesses = [await sign_in(on_new_device(holder), sms_code=not_the(spent)) for _ in range(5)]
        late = await sign_in(holder, sms_code=spent)

        assert (on_any.status_code, late.status_code) == (201, 403)
        assert not any("tries_left" in answer.json() for answer in guesses)

    async def test_a_code_that_somebody_uses_uses_up_none_of_another_device(self, holder: Phone) -> None:
        code = await holder.sms_code("sign_in")
        other = on_new_device(holder)

        elsewhere = await sign_in(other, sms_code=await other.sms_code("sign_in"))
        here = await sign_in(holder, sms_code=code)

        assert (elsewhere.status_code, here.status_code) == (201, 201)

    async def test_a_strangers_ask_makes_no_known_device_wait(self, holder: Phone) -> None:
        strange = await ask(holder.client, device_id="strange")

        known = await ask(holder.client, device_id=holder.device)
        too_soon = await ask(holder.client, device_id=holder.device)

        assert (strange.status_code, known.status_code) == (202, 202)
        assert too_soon.json()["code"] == "sms-resend-too-soon"

    async def test_a_code_stays_good_when_another_is_asked_for(self, holder: Phone) -> None:
        code = await holder.sms_code("sign_in")
        await pass_time(holder.house, seconds=60)
        await ask(holder.client)

        assert (await sign_in(holder, sms_code=code)).status_code == 201

    async def test_each_code_has_five_tries_whatever_others_there_are(self, holder: Phone) -> None:
        first = await holder.sms_code("sign_in")
        early = [await sign_in(holder, sms_code=not_the(first)) for _ in range(2)]
        await pass_time(holder.house, seconds=60)
        second = await holder.sms_code("sign_in")
        other = next(f"{n:06}" for n in range(9) if f"{n:06}" not in (first, second))
        late = [await sign_in(holder, sms_code=other) for _ in range(3)]
        used_up = await sign_in(holder, sms_code=first)
        right = await sign_in(holder, sms_code=second)

        assert [answer.json()["tries_left"] for answer in early + late] == [4, 3, 4, 3, 2]
        assert (used_up.status_code, right.status_code) == (403, 201)

    async def test_a_code_that_is_used_uses_up_the_others(self, holder: Phone) -> None:
        old = await holder.sms_code("sign_in")
        await pass_time(holder.house, seconds=60)
        new = await holder.sms_code("sign_in")

        answers = [await sign_in(holder, sms_code=code) for code in (new, old)]

        assert [answer.status_code for answer in answers] == [201, 403]

    async def test_what_a_stranger_uses_up_is_there_on_a_known_device(self, holder: Phone) -> None:
        for purpose in ("register", "new_device", "end_link", "change_phone"):
            await ask(holder.client, purpose=purpose)
        strange = [await ask(holder.client, purpose="sign_in", device_id="strange") for _ in range(2)]
        await pass_time(holder.house, seconds=60)

        shut = await ask(holder.client, device_id="strange")
        known = await ask(holder.client, device_id=holder.device)

        assert strange[-1].status_code == 429
        assert (shut.status_code, shut.json()["code"]) == (429, "sms-limit-reached")
        assert known.status_code == 202

    async def test_a_known_device_has_its_five_an_hour(self, holder: Phone) -> None:
        answers = []
        for _ in range(6):
            await pass_time(holder.house, seconds=60)
            answers.append(await ask(holder.client, device_id=holder.device))
        others = await ask(holder.client, purpose="new_device")

        assert [answer.status_code for answer in answers] == [202] * 5 + [429]
        assert answers[-1].json()["code"] == "sms-limit-reached"
        assert others.status_code == 202

    async def test_a_device_that_only_a_code_was_shown_on_is_not_known(self, holder: Phone) -> None:
        new = on_new_device(holder)
        await sign_in_by_code(new)
        for purpose in ("register", "new_device", "end_link", "change_phone"):
            await ask(holder.client, purpose=purpose)

        answer = await ask(holder.client, purpose="card_password_reset", device_id=new.device)

        assert (answer.status_code, answer.json()["code"]) == (429, "sms-limit-reached")


async def test_another_may_be_asked_for_after_a_minute(house: House, client: httpx.AsyncClient) -> None:
    first = await ask(client)
    soon = await ask(client)
    other_purpose = await ask(client, purpose="register")
    await pass_time(house, seconds=60)
    later = await ask(client)

    assert (first.status_code, soon.status_code, other_purpose.status_code, later.status_code) == (202, 429, 202, 202)
    assert soon.json()["code"] == "sms-resend-too-soon"
    assert 55 <= soon.json()["retry_after_seconds"] <= 60
    wait = soon.headers["retry-after"]
    assert wait == str(soon.json()["retry_after_seconds"])
    assert soon.headers["ratelimit"] == f'"sms-resend-too-soon";r=0;t={wait}'
    assert soon.headers["ratelimit-policy"] == '"sms-resend-too-soon";q=1;w=60'


async def test_a_phone_gets_five_an_hour_whatever_they_are_for(house: House, client: httpx.AsyncClient) -> None:
    purposes = ["register", "sign_in", "card_password_reset", "new_device", "end_link", "change_phone"]

    answers = [await ask(client, purpose=purpose) for purpose in purposes]
    other_phone = await ask(client, SOMEBODY_ELSE)
    await pass_time(house, hours=1)
    later = await ask(client)

    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert answers[-1].json()["code"] == "sms-limit-reached"
    assert answers[-1].headers["ratelimit-policy"] == '"sms-limit-reached";q=5;w=3600'
    assert (other_phone.status_code, later.status_code) == (202, 202)


async def test_a_phone_gets_fifteen_a_day(house: House, client: httpx.AsyncClient) -> None:
    answers = []
    for _ in range(4):
        answers += [await ask(client, purpose=p) for p in ("register", "sign_in", "new_device", "end_link")]
        await pass_time(house, hours=1)

    assert [answer.status_code for answer in answers] == [202] * 15 + [429]
    assert answers[-1].headers["ratelimit-policy"] == '"sms-limit-reached";q=15;w=86400'


async def test_what_is_refused_is_not_counted(house: House, client: httpx.AsyncClient) -> None:
    await ask(client)
    for _ in range(10):
        assert (await ask(client)).json()["code"] == "sms-resend-too-soon"
    await pass_time(house, seconds=60)

    answer = await ask(client)

    assert answer.status_code == 202


class TestAddress:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sms_codes_per_hour_and_address": 3})

    async def test_an_address_asks_for_so_many_an_hour(self, client: httpx.AsyncClient) -> None:
        answers = [await ask(client, f"1000000910{n}") for n in range(4)]

        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        refused = answers[-1]
        assert refused.json()["code"] == "too-many-requests"
        assert refused.headers["ratelimit-policy"] == '"too-many-requests";q=3;w=3600'
        assert 3500 < int(refused.headers["retry-after"]) <= 3600


async def test_a_code_is_not_kept_as_it_is(house: House, client: httpx.AsyncClient) -> None:
    phone = Phone(client, house, SOMEBODY)
    code = await phone.sms_code("sign_in")

    rows = await house.db.fetch("SELECT sms_code::text AS row FROM sms_code")

    assert len(rows) == 1
    assert code not in rows[0]["row"].replace("\\x", "")
    assert code.encode().hex() not in rows[0]["row"]


class Carrier(Messages):
    """A carrier whose line can be down; what it takes over goes to the inbox."""

    def __init__(self, inbox: Messages) -> None:
        self._inbox = inbox
        self.is_up = False

    async def send(self, message: Message) -> None:
        if not self.is_up:
            raise MessagesUnavailable
        await self._inbox.send(message)


class TestCarrierDown:
    @pytest.fixture
    async def house(self, database: Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
        built = build(settings, database.app_url, keys)
        ports = dataclasses.replace(built.ports, messages=Carrier(built.ports.messages))
        async with main.opened(dataclasses.replace(built, ports=ports)) as house:
            yield house

    async def test_what_was_not_sent_can_be_asked_for_again_at_once(
        self, house: House, client: httpx.AsyncClient
    ) -> None:
        failed = [await ask(client) for _ in range(6)]
        assert isinstance(house.ports.messages, Carrier)
        house.ports.messages.is_up = True
        sent = await ask(client)

        assert {(answer.status_code, answer.json()["code"]) for answer in failed} == {(503, "messages-unavailable")}
        assert sent.status_code == 202
