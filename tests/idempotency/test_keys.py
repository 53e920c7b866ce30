"""Under one key a request is done once and answered the same; what each answer is worth when it is repeated."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Session, bucket_of
from app.models.accounts import Account
from app.models.enrolments import Enrolment
from app.routers.deps import House
from app.services import throttles
from app.services.throttles import Counter, Limit
from tests.factories.callers import SOMEBODY_ELSE, pass_time, refresh
from tests.factories.phone import Phone
from tests.factories.rows import count
from tests.idempotency.conftest import post_account

KEY = "5b9c2a0e-1f"


async def open_enrolment(phone: Phone, key: str | None = KEY, kind: str = "own_card") -> httpx.Response:
    headers = phone.headers if key is None else phone.headers | {"Idempotency-Key": key}
    return await phone.client.post("/v1/enrolments", json={"kind": kind}, headers=headers)


async def use_up_face_starts(session: Session) -> None:
    person_id = (await session.execute(text("SELECT id FROM person WHERE account_id IS NOT NULL"))).scalar_one()
    limit = Limit("face_starts", 20, timedelta(days=1))
    while (await throttles.use(session, Counter(limit, bucket_of(person_id), person_id.bytes))).is_allowed:
        pass


@pytest.fixture
async def holder(somebody: Phone) -> Phone:
    await somebody.register()
    return somebody


async def test_a_creating_post_without_a_key_is_refused(somebody: Phone, holder: Phone) -> None:
    answers = [await post_account(somebody, None, sms_code="123456"), await open_enrolment(holder, None)]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "idempotency-key-missing")] * 2


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "eight ch", "schlüssel", "line\tline", '"quoted-key"'])
async def test_a_key_of_another_form_is_refused(holder: Phone, key: str) -> None:
    headers = [(b"authorization", holder.headers["Authorization"].encode()), (b"idempotency-key", key.encode())]

    answer = await holder.client.post("/v1/enrolments", json={"kind": "own_card"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-invalid")
    assert key not in answer.text or not key


async def test_the_same_again_gets_the_first_answer_and_does_nothing(holder: Phone) -> None:
    first, second = await open_enrolment(holder), await open_enrolment(holder)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (None, "true")
    assert await count(holder.house.db, Enrolment) == 1


async def test_the_same_key_with_another_request_is_refused(holder: Phone) -> None:
    await open_enrolment(holder)

    body = await open_enrolment(holder, kind="family_member")
    path = await holder.call("POST", "/v1/card/password-resets", {"sms_code": "123456"}, Idempotency_Key=KEY)

    assert [(each.status_code, each.json()["code"]) for each in (body, path)] == [(422, "idempotency-key-reused")] * 2


async def test_a_key_belongs_to_its_caller(client: httpx.AsyncClient, house: House, holder: Phone) -> None:
    other = Phone(client, house, SOMEBODY_ELSE)
    await other.register()

    mine, theirs = await open_enrolment(holder), await open_enrolment(other)

    assert mine.json()["id"] != theirs.json()["id"]
    assert "idempotency-replayed" not in theirs.headers


async def test_before_sign_in_a_key_belongs_to_the_phone(client: httpx.AsyncClient, somebody: Phone) -> None:
    other = Phone(client, somebody.house, SOMEBODY_ELSE)

    mine = await post_account(somebody, KEY, sms_code=await somebody.sms_code("register"))
    theirs = await post_account(other, KEY, sms_code=await other.sms_code("register"))

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["account"]["id"] != theirs.json()["account"]["id"]


async def test_the_answer_is_kept_for_a_day(holder: Phone) -> None:
    first = (await open_enrolment(holder)).json()["id"]
    await pass_time(holder.house, hours=23, minutes=59)
    holder.tokens = (await refresh(holder.client, holder.tokens["refresh_token"])).json()
    within = (await open_enrolment(holder)).json()["id"]
    await pass_time(holder.house, minutes=1)

    after = await open_enrolment(holder)

    assert within == first
    assert "idempotency-replayed" not in after.headers


class TestRegistration:
    async def test_a_lost_answer_can_be_had_again_with_tokens_that_work(self, somebody: Phone) -> None:
        code = await somebody.sms_code("register")

        first = (await post_account(somebody, KEY, sms_code=code)).json()
        again = await post_account(somebody, KEY, sms_code=code)

        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.json()["account"] == first["account"]
        assert again.json()["tokens"]["access_token"] != first["tokens"]["access_token"]
        assert again.json()["tokens"]["session_id"] == first["tokens"]["session_id"]
        somebody.tokens = again.json()["tokens"]
        assert (await somebody.call("GET", "/v1/me")).status_code == 200
        assert (await refresh(somebody.client, somebody.tokens["refresh_token"])).status_code == 200
        assert await count(somebody.house.db, Account) == 1

    async def test_no_token_is_kept_not_even_sealed(self, somebody: Phone) -> None:
        opened = await post_account(somebody, KEY, sms_code=await somebody.sms_code("register"))
        somebody.tokens = opened.json()["tokens"]

        rows = await somebody.house.db.fetch("SELECT unit_id, body, kept_answer::text AS row FROM kept_answer")

        kept = somebody.house.db.vault.system.open_bytes("kept_answer.body", rows[0]["unit_id"], rows[0]["body"])
        assert len(rows) == 1
        for secret in (somebody.tokens["access_token"], somebody.tokens["refresh_token"]):
            assert secret.encode() not in kept
            assert secret not in rows[0]["row"]
            assert secret.encode().hex() not in rows[0]["row"]

    async def test_what_is_kept_is_sealed(self, somebody: Phone) -> None:
        opened = await post_account(somebody, KEY, sms_code=await somebody.sms_code("register"))

        rows = await somebody.house.db.fetch("SELECT kept_answer::text AS row FROM kept_answer")

        assert opened.json()["account"]["id"].encode().hex() not in rows[0]["row"]
        assert KEY not in rows[0]["row"]

    async def test_repeated_after_signing_out_it_signs_nobody_in(self, somebody: Phone) -> None:
        code = await somebody.sms_code("register")
        somebody.tokens = (await post_account(somebody, KEY, sms_code=code)).json()["tokens"]
        await somebody.call("DELETE", "/v1/sessions/current")

        again = await post_account(somebody, KEY, sms_code=code)

        assert (again.status_code, again.json()["code"]) == (401, "session-ended")


class TestRefusals:
    """A refusal that would come again is kept (403, 404, 409, 422); what may pass is not (401, 429, 503)."""

    async def replay(self, first: httpx.Response, second: httpx.Response) -> None:
        assert second.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert second.status_code == first.status_code
        same = {key: value for key, value in first.json().items() if key != "request_id"}
        assert same == {key: value for key, value in second.json().items() if key != "request_id"}
        assert second.headers["content-type"] == "application/problem+json"

    async def test_403_is_kept(self, somebody: Phone) -> None:
        code = await somebody.sms_code("register")
        wrong = f"{(int(code) + 1) % 1_000_000:06}"

        first = await post_account(somebody, KEY, sms_code=wrong)
        second = await post_account(somebody, KEY, sms_code=wrong)

        assert (first.status_code, first.json()["tries_left"]) == (403, 4)
        await self.replay(first, second)

    async def test_404_is_kept(self, holder: Phone) -> None:
        path = f"/v1/enrolments/{holder.tokens['session_id']}/face-checks"

        first = await holder.call("POST", path, {}, Idempotency_Key=KEY)
        second = await holder.call("POST", path, {}, Idempotency_Key=KEY)

        assert first.status_code == 404
        await self.replay(first, second)

    async def test_409_is_kept(self, holder: Phone) -> None:
        path = (await open_enrolment(holder)).json()["id"]

        first = await holder.call("POST", f"/v1/enrolments/{path}/face-checks", {}, Idempotency_Key="key-for-409")
        second = await holder.call("POST", f"/v1/enrolments/{path}/face-checks", {}, Idempotency_Key="key-for-409")

        assert (first.status_code, first.json()["code"]) == (409, "step-not-allowed")
        assert first.json()["next"]
        await self.replay(first, second)

    async def test_422_is_kept(self, somebody: Phone) -> None:
        code = await somebody.sms_code("register")

        first = await post_account(somebody, KEY, sms_code=code, password="aaaaaaaa")
        second = await post_account(somebody, KEY, sms_code=code, password="aaaaaaaa")

        assert first.json()["code"] == "account-password-too-weak"
        await self.replay(first, second)

    async def test_a_body_that_cannot_be_read_takes_no_key(self, somebody: Phone) -> None:
        malformed = await post_account(somebody, KEY, sms_code="12")

        answer = await post_account(somebody, KEY, sms_code=await somebody.sms_code("register"))

        assert (malformed.status_code, answer.status_code) == (422, 201)

    async def test_401_is_not_kept(self, holder: Phone) -> None:
        access = holder.tokens["access_token"]
        holder.tokens["access_token"] = access[:-6] + "AAAAAA"
        refused = await open_enrolment(holder)
        holder.tokens["access_token"] = access

        answer = await open_enrolment(holder)

        assert (refused.status_code, answer.status_code) == (401, 201)
        assert "idempotency-replayed" not in answer.headers

    async def test_429_is_not_kept(self, owner: Phone) -> None:
        body = {"sms_code": await owner.sms_code("card_password_reset")}
        await owner.house.db.run(use_up_face_starts)

        first = await owner.call("POST", "/v1/card/password-resets", body, Idempotency_Key=KEY)
        await pass_time(owner.house, minutes=3)
        second = await owner.call("POST", "/v1/card/password-resets", body, Idempotency_Key=KEY)

        assert (first.status_code, second.status_code) == (429, 429)
        assert "idempotency-replayed" not in second.headers
        assert second.json()["retry_after_seconds"] < first.json()["retry_after_seconds"]

    async def test_503_is_not_kept(self, owner: Phone) -> None:
        body = {
            "sms_code": await owner.sms_code("card_password_reset"),
            "device_meta": {"sandbox_scenario": "provider_down"},
        }

        answers = [await owner.call("POST", "/v1/card/password-resets", body, Idempotency_Key=KEY) for _ in range(2)]

        assert [(each.status_code, each.json()["code"]) for each in answers] == [(503, "face-service-unavailable")] * 2
        assert "idempotency-replayed" not in answers[1].headers
