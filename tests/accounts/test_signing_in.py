"""Signing in: by password or by code, on devices seen before and not; and who can shut whom out."""

import asyncio

import httpx
import pytest
from jose import jwt
from sqlalchemy import func, select

from app.core.db import Session
from app.models.audit import AuditEvent, AuditHead
from app.routers.deps import House
from app.services import audit
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, on_new_device, pass_time, sign_in, sign_in_by_code
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone
from tests.factories.statements import statements


async def test_password_and_code_both_sign_in(house: House, holder: Phone) -> None:
    by_password = await sign_in(holder, password=PASSWORD)
    by_code = await sign_in_by_code(holder)

    assert (by_password.status_code, by_code.status_code) == (201, 201)
    assert by_password.json()["session_id"] != by_code.json()["session_id"]
    assert (await holder.call("GET", "/v1/me")).json()["assurance"] == "full"


@pytest.mark.parametrize("proof", [{}, {"password": PASSWORD, "sms_code": "123456"}])
async def test_exactly_one_proof_is_wanted(holder: Phone, proof: dict[str, str]) -> None:
    answer = await sign_in(holder, **proof)

    assert answer.status_code == 422


async def test_an_unknown_phone_and_a_wrong_password_are_told_the_same(
    client: httpx.AsyncClient, holder: Phone
) -> None:
    nobody = Phone(client, holder.house, SOMEBODY_ELSE)
    with statements(holder.house.db) as for_nobody:
        unknown = await sign_in(nobody, password="never the right one")
    with statements(holder.house.db) as for_holder:
        wrong = await sign_in(on_new_device(holder), password="never the right one")

    assert unknown.status_code == wrong.status_code == 403
    hidden = {"request_id"}
    assert {k: v for k, v in unknown.json().items() if k not in hidden} == {
        k: v for k, v in wrong.json().items() if k not in hidden
    }
    assert for_nobody == for_holder


async def test_a_code_for_an_unknown_phone_is_sent_and_answered_like_any_other(
    client: httpx.AsyncClient, holder: Phone
) -> None:
    known = await client.post("/v1/sms-codes", json={"phone": holder.number, "purpose": "sign_in"})
    unknown = await client.post("/v1/sms-codes", json={"phone": SOMEBODY_ELSE, "purpose": "sign_in"})

    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.json() == {"expires_in": 300, "resend_after": 60}


async def test_only_who_holds_the_phone_learns_that_it_has_no_account(client: httpx.AsyncClient, house: House) -> None:
    nobody = Phone(client, house, SOMEBODY)
    code = await nobody.sms_code("sign_in")

    guessed = await sign_in(nobody, sms_code=f"{(int(code) + 1) % 1_000_000:06}")
    proved = await sign_in(nobody, sms_code=code)

    assert guessed.json()["code"] == "sms-code-wrong"
    assert (proved.status_code, proved.json()["code"]) == (409, "no-account-for-phone")


class TestNewDevice:
    async def test_a_code_alone_reads_nothing_on_a_device_not_seen_before(self, owner: Phone) -> None:
        other = on_new_device(owner)

        signed_in = await sign_in_by_code(other)

        assert signed_in.status_code == 201
        assert jwt.get_unverified_claims(other.tokens["access_token"])["acr"] == "sms"
        for path in ("/v1/me", "/v1/sessions", "/v1/devices", "/v1/holders/me/card", "/v1/family", "/v1/enrolments"):
            answer = await other.call("GET", path)
            assert (answer.status_code, answer.json()["code"]) == (401, "more-proof-needed"), path
            assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_user_authentication"')

    async def test_the_card_password_opens_it(self, owner: Phone) -> None:
        other = on_new_device(owner)
        await sign_in_by_code(other)
        before = other.tokens["access_token"]

        checked = await other.step_up()

        assert checked.status_code == 200
        assert (await other.call("GET", "/v1/me")).json()["assurance"] == "full"
        other.tokens["access_token"] = before
        assert (await other.call("GET", "/v1/holders/me/card")).status_code == 200

    async def test_a_wrong_card_password_opens_nothing(self, owner: Phone) -> None:
        other = on_new_device(owner)
        await sign_in_by_code(other)

        checked = await other.step_up("927364")

        assert checked.status_code == 403
        assert (await other.call("GET", "/v1/me")).json()["code"] == "more-proof-needed"

    async def test_the_account_password_opens_the_device(self, holder: Phone) -> None:
        other = on_new_device(holder)
        await sign_in_by_code(other)
        await sign_in(other, password=PASSWORD)
        await pass_time(holder.house, seconds=60)

        again = await sign_in_by_code(other)

        assert again.status_code == 201
        assert "acr" not in jwt.get_unverified_claims(other.tokens["access_token"])
        assert (await other.call("GET", "/v1/me")).status_code == 200

    async def test_a_code_twice_is_no_more_proof_than_once(self, house: House, holder: Phone) -> None:
        other = on_new_device(holder)
        await sign_in_by_code(other)
        await pass_time(house, seconds=60)

        await sign_in_by_code(other)

        assert (await other.call("GET", "/v1/me")).json()["code"] == "more-proof-needed"

    async def test_refreshed_tokens_read_no_more_than_before(self, holder: Phone) -> None:
        other = on_new_device(holder)
        await sign_in_by_code(other)
        token = other.tokens["refresh_token"]

        other.tokens = (await other.client.post("/v1/sessions/refresh", json={"refresh_token": token})).json()

        assert (await other.call("GET", "/v1/me")).json()["code"] == "more-proof-needed"

    async def test_such_a_session_can_be_ended_by_itself_and_by_its_holder(self, holder: Phone) -> None:
        other, third = on_new_device(holder), on_new_device(holder)
        await sign_in_by_code(other)
        await pass_time(holder.house, seconds=60)
        await sign_in_by_code(third)

        holders = await other.call("DELETE", f"/v1/sessions/{holder.tokens['session_id']}")
        ended = await other.call("DELETE", "/v1/sessions/current")
        ended_by_holder = await holder.call("DELETE", f"/v1/sessions/{third.tokens['session_id']}")

        assert (holders.status_code, ended.status_code, ended_by_holder.status_code) == (404, 204, 204)
        assert (await other.call("POST", "/v1/card/password-checks", {"password": CARD_PASSWORD})).status_code == 401


class TestThrottle:
    """Ten wrong passwords in 15 minutes for a phone, and ten on each device its account knows."""

    async def wrongly(self, phone: Phone, times: int) -> list[httpx.Response]:
        return [await sign_in(phone, password=f"wrong password {n}") for n in range(times)]

    async def test_wrong_passwords_count_down_to_a_pause(self, holder: Phone) -> None:
        stranger = on_new_device(holder)

        answers = await self.wrongly(stranger, 11)

        assert [answer.json().get("tries_left") for answer in answers] == [*range(9, -1, -1), None]
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (423, "sign-in-paused")
        assert answers[-1].headers["retry-after"] == str(answers[-1].json()["retry_after_seconds"])
        assert 800 < answers[-1].json()["retry_after_seconds"] <= 900

    async def test_a_stranger_cannot_shut_the_holder_out_of_a_known_device(self, holder: Phone) -> None:
        await self.wrongly(on_new_device(holder), 11)

        answer = await sign_in(holder, password=PASSWORD)

        assert answer.status_code == 201

    async def test_while_paused_the_right_password_is_refused_too_and_later_taken(self, holder: Phone) -> None:
        stranger = on_new_device(holder)
        await self.wrongly(stranger, 10)

        paused = await sign_in(stranger, password=PASSWORD)
        await pass_time(holder.house, minutes=15)
        later = await sign_in(stranger, password=PASSWORD)

        assert (paused.status_code, later.status_code) == (423, 201)

    async def test_a_known_device_has_its_own_ten(self, holder: Phone) -> None:
        answers = await self.wrongly(holder, 11)

        assert answers[-1].status_code == 423
        assert (await sign_in(on_new_device(holder), password=PASSWORD)).status_code == 201

    async def test_a_right_password_takes_no_try_and_gives_none_back(self, holder: Phone) -> None:
        stranger = on_new_device(holder)
        await self.wrongly(stranger, 5)
        await sign_in(on_new_device(holder), password=PASSWORD)

        answer = (await self.wrongly(stranger, 1))[0]

        assert answer.json()["tries_left"] == 4

    async def test_a_device_known_by_a_code_alone_is_a_strangers(self, holder: Phone) -> None:
        other = on_new_device(holder)
        await sign_in_by_code(other)
        await self.wrongly(on_new_device(holder), 10)

        answer = await sign_in(other, password=PASSWORD)

        assert answer.status_code == 423

    async def test_guesses_at_once_cannot_outrun_it(self, holder: Phone) -> None:
        stranger = on_new_device(holder)

        answers = await asyncio.gather(*[sign_in(stranger, password=f"wrong password {n}") for n in range(30)])

        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(403), statuses.count(423)) == (10, 20)

    async def test_an_unknown_phone_is_paused_the_same(self, client: httpx.AsyncClient, house: House) -> None:
        answers = await self.wrongly(Phone(client, house, SOMEBODY_ELSE), 11)

        assert [answer.status_code for answer in answers] == [403] * 10 + [423]


async def test_a_password_typed_on_another_keyboard_is_the_same(client: httpx.AsyncClient, house: House) -> None:
    phone = Phone(client, house, SOMEBODY)
    device = {"id": phone.device, "name": "Phone", "platform": "ios"}
    code = await phone.sms_code("register")
    body = {"phone": phone.number, "sms_code": code, "password": "contrase\u00f1a larga", "device": device}
    await client.post("/v1/accounts", json=body, headers={"Idempotency-Key": "registration-1"})

    answer = await sign_in(phone, password="contrasen\u0303a larga")

    assert answer.status_code == 201


async def test_the_holder_is_told_of_a_new_device_and_not_of_an_old_one(holder: Phone) -> None:
    await sign_in(holder, password=PASSWORD)
    await sign_in_by_code(on_new_device(holder))

    told = await holder.house.db.fetch("SELECT facts FROM outbox_event WHERE facts ->> 'message' LIKE 'session%'")

    assert [row["facts"] for row in told] == ['{"message": "session_new_device"}']


async def test_many_who_sign_in_at_once_leave_one_unbroken_trail(holder: Phone) -> None:
    others = [on_new_device(holder) for _ in range(10)]
    await asyncio.gather(*[sign_in(other, password=PASSWORD) for other in others])

    async def first_break(session: Session) -> tuple[int, audit.Break | None]:
        home_id = (await session.scalars(select(AuditHead.home_id))).one()
        started = select(func.count()).where(AuditEvent.action == "session.started")
        return (await session.scalars(started)).one(), await audit.verify(session, home_id)

    assert await holder.house.db.run(first_break) == (11, None)
