"""Staff sign in with two factors, each code once; who tries wrong learns nothing and shuts nobody out."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from app import main
from app.core.db import Database, bucket_of
from app.models.operators import OperatorRole
from app.routers.deps import House
from app.services.operators import registering
from tests import cluster
from tests.factories.adding import ok, refused
from tests.factories.callers import pass_time
from tests.factories.phone import Phone
from tests.factories.staff import Hire, Worker, code_at
from tests.factories.statements import statements

WRONG = ("staff-credentials-wrong", 403)


@pytest.fixture
async def li(hire: Hire) -> Worker:
    """A reviewer who has not signed in yet."""
    return await hire(signed_in=False)


async def elsewhere(worker: Worker, address: str = "203.0.113.9", **instead: str) -> httpx.Response:
    """Try to sign in as somebody from another network address."""
    transport = httpx.ASGITransport(main.create_app(worker.house), client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        return await Worker(client, worker.house, worker.id, worker.login, worker.factors).sign_in(**instead)


async def audited(db: Database, worker: Worker) -> list[str]:
    rows = await db.fetch(
        "SELECT action FROM audit_event WHERE bucket = $1 AND home_id = $2 ORDER BY seq",
        bucket_of(worker.id),
        worker.id,
    )
    return [row["action"] for row in rows]


def said(answer: httpx.Response) -> Mapping[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


async def wait_for_another_code(house: House) -> None:
    await pass_time(house, seconds=30)


class TestTwoFactors:
    async def test_both_right_begin_a_session_that_says_whose_it_is_and_is_written_down(
        self, li: Worker, db: Database
    ) -> None:
        begun = ok(await li.sign_in())

        assert (begun["expires_in"], begun["idle_seconds"], begun["token_type"]) == (8 * 3600, 900, "Bearer")
        assert begun["operator"] == {
            "id": str(li.id),
            "login": "li",
            "role": "reviewer",
            "office_id": "main-office",
        }
        assert await audited(db, li) == ["operator.added", "staff.signed_in"]

    @pytest.mark.parametrize("instead", [{"login": "wang"}, {"password": "guessed"}, {"totp": "000000"}])
    async def test_one_wrong_is_told_like_any_other(self, li: Worker, instead: dict[str, str]) -> None:
        li.factors = (
            registering.Factors(li.factors.password, bytes(19) + b"\x01", "") if "totp" in instead else li.factors
        )
        answer = await li.sign_in(**instead)

        refused(answer, 403, "staff-credentials-wrong")
        assert answer.json()["tries_left"] == 4

    async def test_unknown_login_wrong_password_and_wrong_code_are_one_answer_by_the_same_statements(
        self, hire: Hire
    ) -> None:
        staff = [await hire(login, signed_in=False) for login in ("li", "wang")]
        answers, sent = [], []
        for worker, instead in (
            (staff[0], {"login": "nobody"}),
            (staff[0], {"password": "guessed"}),
            (staff[1], {"totp": code_at(b"another secret, 20 b", 0)}),
        ):
            with statements(worker.house.db) as each:
                answers.append(await worker.sign_in(**instead))
            sent.append(each)

        assert {(answer.json()["code"], answer.status_code) for answer in answers} == {WRONG}
        assert said(answers[0]) == said(answers[1]) == said(answers[2])
        assert sent[0] == sent[1] == sent[2]
        assert len(sent[0]) > 2

    async def test_a_code_of_the_step_before_or_after_is_taken(self, li: Worker, house: House) -> None:
        now = house.db.clock.now().timestamp()
        late = await li.sign_in(totp=code_at(li.factors.totp_secret, now - 30))
        early = await li.sign_in(totp=code_at(li.factors.totp_secret, now + 30))
        too_early = await li.sign_in(totp=code_at(li.factors.totp_secret, now + 90))

        assert (late.status_code, early.status_code, too_early.status_code) == (201, 201, 403)

    @pytest.mark.parametrize(
        "body", [{}, {"login": "li", "password": "x", "totp": "12345"}, {"login": "li", "totp": "1"}]
    )
    async def test_a_factor_left_out_is_refused_before_anything_is_looked_up(
        self, client: httpx.AsyncClient, db: Database, body: dict[str, str]
    ) -> None:
        with statements(db) as sent:
            answer = await client.post("/v1/staff/sessions", json=body)

        refused(answer, 422, "invalid-request")
        assert sent == []


class TestOnce:
    async def test_a_code_is_good_once(self, li: Worker) -> None:
        code = li.code
        first = await li.sign_in(totp=code)
        again = await li.sign_in(totp=code)

        assert first.status_code == 201
        refused(again, 403, "staff-credentials-wrong")

    async def test_a_code_older_than_the_newest_taken_is_used_too(self, li: Worker, house: House) -> None:
        before = li.code
        await wait_for_another_code(house)
        ok(await li.sign_in())

        refused(await li.sign_in(totp=before), 403, "staff-credentials-wrong")

    async def test_of_ten_at_once_with_one_code_one_signs_in(self, li: Worker, db: Database) -> None:
        ok(await li.sign_in())  # known here, and with tries of its own
        await wait_for_another_code(li.house)
        code = li.code

        answers = await asyncio.gather(*(li.sign_in(totp=code) for _ in range(5)))

        assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403]
        assert (await audited(db, li)).count("staff.signed_in") == 2


class TestTries:
    async def test_wrong_ones_shut_the_login_for_a_while_even_for_the_right(self, li: Worker, house: House) -> None:
        wrong = [await li.sign_in(password="guessed") for _ in range(5)]
        shut = await li.sign_in()
        await pass_time(house, minutes=15)
        after = await li.sign_in()

        assert [answer.json()["tries_left"] for answer in wrong] == [4, 3, 2, 1, 0]
        assert 0 < refused(shut, 423, "staff-sign-in-paused")["retry_after_seconds"] <= 900
        assert after.status_code == 201

    async def test_guesses_at_once_are_no_more_than_the_limit(self, li: Worker) -> None:
        answers = await asyncio.gather(*(li.sign_in(password="guessed") for _ in range(20)))

        assert sorted(answer.status_code for answer in answers) == [403] * 5 + [423] * 15

    async def test_a_stranger_shuts_nobody_out_of_the_office_they_work_at(self, li: Worker, house: House) -> None:
        ok(await li.sign_in())
        for _ in range(5):
            refused(await elsewhere(li, password="guessed"), 403, "staff-credentials-wrong")
        stranger = await elsewhere(li)
        await wait_for_another_code(house)
        at_work = await li.sign_in()

        refused(stranger, 423, "staff-sign-in-paused")
        assert at_work.status_code == 201

    async def test_nor_out_of_one_that_they_have_not_signed_in_at_lately(self, li: Worker) -> None:
        for _ in range(5):
            refused(await elsewhere(li, password="guessed"), 403, "staff-credentials-wrong")

        refused(await elsewhere(li), 423, "staff-sign-in-paused")
        ok(await li.sign_in())

    async def test_a_stranger_of_many_addresses_shuts_only_places_that_are_not_known(
        self, li: Worker, house: House
    ) -> None:
        ok(await li.sign_in())
        await wait_for_another_code(house)
        for place in range(20):
            guesses = await asyncio.gather(*(elsewhere(li, f"192.0.2.{place}", password="guessed") for _ in range(5)))
            assert {answer.status_code for answer in guesses} == {403}

        refused(await elsewhere(li, "192.0.2.99"), 423, "staff-sign-in-paused")
        ok(await li.sign_in())

    async def test_the_addresses_of_an_ipv6_line_are_one_place(self, li: Worker) -> None:
        for number in range(1, 6):
            refused(await elsewhere(li, f"2001:db8::{number}", password="guessed"), 403, "staff-credentials-wrong")

        refused(await elsewhere(li, "2001:db8::6"), 423, "staff-sign-in-paused")
        ok(await elsewhere(li, "2001:db8:0:1::1"))

    async def test_nobodys_login_is_shut_like_anybodys(self, li: Worker) -> None:
        answers = [await li.sign_in(login="nobody") for _ in range(6)]

        assert [answer.status_code for answer in answers] == [403] * 5 + [423]

    async def test_a_right_one_takes_no_try(self, li: Worker, house: House) -> None:
        for _ in range(7):
            ok(await li.sign_in())
            await wait_for_another_code(house)

        assert (await li.sign_in(password="guessed")).json()["tries_left"] == 4

    async def test_the_log_names_no_login_and_no_secret(self, li: Worker) -> None:
        with capture_logs() as lines:
            await li.sign_in(password="a secret guess")
            await li.sign_in(login="somebody.unknown")

        refusals = [line for line in lines if line["event"] == "staff_sign_in_refused"]
        assert [line["operator_id"] for line in refusals] == [str(li.id), "None"]
        assert not {"a secret guess", "somebody.unknown"} & {word for line in lines for word in map(str, line.values())}


class TestSessions:
    async def test_an_unused_one_is_over_after_a_quarter_of_an_hour_and_a_used_one_goes_on(
        self, hire: Hire, house: House
    ) -> None:
        li, wang = await hire("li"), await hire("wang")
        for _ in range(3):
            await pass_time(house, minutes=10)
            assert (await li.call("DELETE", "/v1/staff/sessions/nonsense")).status_code == 404

        idle = await wang.call("DELETE", "/v1/staff/sessions/current")

        refused(idle, 401, "staff-session-ended")
        assert idle.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert idle.json()["next"]["href"] == "/v1/staff/sessions"

    async def test_after_eight_hours_it_is_over_however_busy(self, hire: Hire, house: House) -> None:
        li, answers = await hire(), []
        for _ in range(49):
            await pass_time(house, minutes=10)
            answers.append((await li.call("DELETE", "/v1/staff/sessions/nonsense")).status_code)

        assert answers == [404] * 47 + [401] * 2

    async def test_ended_it_reads_nothing_and_others_go_on(self, hire: Hire, house: House, db: Database) -> None:
        li = await hire()
        first = li.token
        await wait_for_another_code(house)
        await li.sign_in()

        ended = await li.call("DELETE", "/v1/staff/sessions/current")
        again = await li.call("DELETE", "/v1/staff/sessions/current")
        li.token = first
        other = await li.call("DELETE", "/v1/staff/sessions/nonsense")

        assert (ended.status_code, other.status_code) == (204, 404)
        refused(again, 401, "staff-session-ended")
        assert (await audited(db, li)).count("staff.signed_out") == 1

    async def test_by_its_id_only_the_one_in_use_ends(self, hire: Hire) -> None:
        li, wang = await hire("li"), await hire("wang", signed_in=False)
        theirs = ok(await wang.sign_in())["session_id"]

        assert (await li.call("DELETE", f"/v1/staff/sessions/{theirs}")).status_code == 404
        assert (await wang.call("DELETE", f"/v1/staff/sessions/{theirs}")).status_code == 204

    @pytest.mark.parametrize("spoil", ["one bit", "another's id", "cut", "longer", "empty", "no base64", "é"])
    async def test_a_token_that_is_not_ours_opens_nothing(self, hire: Hire, spoil: str) -> None:
        li, wang = await hire("li"), await hire("wang")
        raw, other = (base64.urlsafe_b64decode(each.token) for each in (li, wang))
        changed = {
            "one bit": raw[:-1] + bytes([raw[-1] ^ 1]),
            "another's id": other[:16] + raw[16:],
            "cut": raw[:-1],
            "longer": raw + b"\x00",
            "empty": b"",
        }
        token = {"no base64": "a", "é": "é" * 64}.get(spoil) or base64.urlsafe_b64encode(
            changed.get(spoil, b"")
        ).decode()
        headers = {b"Authorization": f"Bearer {token}".encode()}

        answer = await li.client.request("DELETE", "/v1/staff/sessions/current", headers=headers)

        refused(answer, 401, "not-signed-in")

    async def test_tokens_of_people_and_of_staff_open_nothing_of_the_others(self, hire: Hire, owner: Phone) -> None:
        li = await hire()
        token = li.token

        as_staff = await owner.call("DELETE", "/v1/staff/sessions/current")
        as_person = await li.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})

        refused(as_staff, 401, "not-signed-in")
        refused(as_person, 401, "not-signed-in")


class TestLeaving:
    async def test_who_is_removed_is_out_at_once_and_comes_in_no_more(self, hire: Hire, db: Database) -> None:
        li = await hire()

        await db.run(lambda session: registering.remove(session, "li"))
        out = await li.call("DELETE", "/v1/staff/sessions/current")
        await pass_time(li.house, seconds=30)
        back = await li.sign_in()

        refused(out, 401, "staff-session-ended")
        refused(back, 403, "staff-credentials-wrong")
        assert await audited(db, li) == ["operator.added", "staff.signed_in", "staff.signed_out", "operator.removed"]

    async def test_a_login_is_nobody_elses(self, hire: Hire, db: Database) -> None:
        await hire()
        await db.run(lambda session: registering.remove(session, "li"))

        with pytest.raises(registering.LoginTaken):
            await hire("li")

    async def test_new_factors_take_the_place_of_the_old(self, hire: Hire, db: Database, house: House) -> None:
        li = await hire()
        old, new = li.factors, await registering.new_factors(house.passwords)

        await db.run(lambda session: registering.renew(session, "li", new))
        out = await li.call("DELETE", "/v1/staff/sessions/current")
        await pass_time(house, seconds=60)
        refused_now = await li.sign_in()
        li.factors = new
        back = await li.sign_in()

        assert old.password != new.password
        refused(out, 401, "staff-session-ended")
        refused(refused_now, 403, "staff-credentials-wrong")
        assert back.status_code == 201


async def test_neither_password_nor_secret_nor_token_lies_open(
    hire: Hire, database: cluster.Database, db: Database
) -> None:
    li = await hire(role=OperatorRole.CLERK)
    connection = await asyncpg.connect(database.owner_url)
    try:
        rows = await connection.fetch("SELECT o::text AS o, s::text AS s FROM operator o, staff_session s")
    finally:
        await connection.close()

    stored = " ".join(row["o"] + row["s"] for row in rows)
    assert any(kind in stored for kind in ("$argon2id$", "$pbkdf2-sm3$"))
    secrets = (li.factors.password.encode(), li.factors.totp_secret, base64.urlsafe_b64decode(li.token)[16:])
    assert not any(secret.hex() in stored or repr(secret)[2:-1] in stored for secret in secrets)
