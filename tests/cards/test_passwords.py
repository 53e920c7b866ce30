"""The card password: how often it may be guessed, one guess at a time, and how it is changed."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from app import main
from app.adapters.keys.file import FileKeys
from app.core.passwords import Passwords
from app.core.settings import Settings
from app.core.suites import Suite
from app.models.cards import CardPassword, CardPasswordWrong
from app.ports.keys import Purpose
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.callers import on_new_device, pass_time, refresh, sign_in, sign_in_by_code
from tests.factories.gates import GatedPasswords
from tests.factories.houses import QUICK
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone
from tests.factories.rows import count

WRONG = [f"9{number:05}" for number in range(17, 99999, 499)]
NEW_PASSWORD = "274916"
Said = tuple[int, str | None, int | None]


@pytest.fixture
async def house(database: Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A house with gates before its password work."""
    built = main.build(settings, database.app_url, keys=keys)
    gated = dataclasses.replace(
        built, passwords=GatedPasswords(keys.secret(Purpose.PASSWORD_PEPPER), settings.cipher_suite, cost=QUICK)
    )
    async with main.opened(gated) as house:
        yield house


@pytest.fixture
def gates(house: House) -> GatedPasswords:
    assert isinstance(house.passwords, GatedPasswords)
    return house.passwords


async def guess(phone: Phone, password: str) -> httpx.Response:
    """Check the card password without taking over the token; the session stays fresh however time passes."""
    answer = await phone.call("POST", "/v1/card/password-checks", {"password": password})
    if answer.status_code == 401:
        phone.tokens = (await refresh(phone.client, phone.tokens["refresh_token"])).json()
        answer = await phone.call("POST", "/v1/card/password-checks", {"password": password})
    return answer


async def guess_all(phone: Phone, passwords: Sequence[str]) -> list[Said]:
    return [said(await guess(phone, password)) for password in passwords]


def said(answer: httpx.Response) -> Said:
    body = answer.json()
    return answer.status_code, body.get("code"), body.get("tries_left")


def wrong(tries_left: int) -> Said:
    return 403, "card-password-wrong", tries_left


LOCKED = (423, "card-password-locked", 0)
RESET_NEEDED = (423, "card-password-reset-needed", 0)
BUSY = (409, "check-in-progress", None)
RIGHT = (200, None, None)


async def counters(house: House) -> tuple[int, int]:
    """Return the streak and the wrong ones since the last right one."""
    row = await house.db.run(lambda session: session.scalar(select(CardPassword)))
    assert row is not None
    return row.streak, row.wrong_since_right


class TestLimits:
    async def test_each_wrong_one_says_the_tries_left_and_the_fifth_locks_for_a_quarter_of_an_hour(
        self, owner: Phone
    ) -> None:
        four = await guess_all(owner, WRONG[:4])
        fifth = await guess(owner, WRONG[4])
        locked = await guess(owner, CARD_PASSWORD)

        assert [*four, said(fifth)] == [wrong(4), wrong(3), wrong(2), wrong(1), wrong(0)]
        assert fifth.json()["retry_after_seconds"] == 900
        assert said(locked) == LOCKED
        assert 890 <= locked.json()["retry_after_seconds"] <= 900
        assert locked.headers["retry-after"] == str(locked.json()["retry_after_seconds"])

    async def test_while_locked_no_guess_is_looked_at(self, owner: Phone) -> None:
        await guess_all(owner, WRONG[:5])

        during = await guess_all(owner, [*WRONG[5:9], CARD_PASSWORD])
        await pass_time(owner.house, minutes=15)
        after = await guess_all(owner, [WRONG[9], CARD_PASSWORD])

        assert during == [LOCKED] * 5
        assert after == [wrong(4), RIGHT]

    async def test_a_right_one_starts_the_streak_again(self, owner: Phone) -> None:
        got = await guess_all(owner, [*WRONG[:4], CARD_PASSWORD, *WRONG[4:7]])

        assert got[4:] == [RIGHT, wrong(4), wrong(3), wrong(2)]

    async def test_ten_within_a_day_lock_for_a_day_whatever_was_right_between(self, owner: Phone) -> None:
        before = await guess_all(owner, [*WRONG[:4], CARD_PASSWORD, *WRONG[4:8], CARD_PASSWORD])
        ninth, tenth = await guess(owner, WRONG[8]), await guess(owner, WRONG[9])
        await pass_time(owner.house, hours=23, minutes=59)
        locked = await guess(owner, CARD_PASSWORD)
        await pass_time(owner.house, minutes=1)
        open_again = await guess(owner, CARD_PASSWORD)

        assert before[5:9] == [wrong(4), wrong(3), wrong(2), wrong(1)]
        assert (said(ninth), said(tenth)) == (wrong(1), wrong(0))
        assert tenth.json()["retry_after_seconds"] == 86400
        assert (said(locked), said(open_again)) == (LOCKED, RIGHT)

    async def test_the_day_rolls(self, owner: Phone) -> None:
        await guess_all(owner, [*WRONG[:4], CARD_PASSWORD])
        await pass_time(owner.house, hours=12)
        await guess_all(owner, [*WRONG[4:8], CARD_PASSWORD])
        await pass_time(owner.house, hours=12)

        got = await guess_all(owner, WRONG[8:12])

        assert got == [wrong(4), wrong(3), wrong(2), wrong(1)]

    async def test_twenty_since_the_last_right_one_need_a_reset(self, owner: Phone) -> None:
        for start, pause in ((0, timedelta(minutes=15)), (5, timedelta(days=1)), (10, timedelta(minutes=15))):
            assert (await guess_all(owner, WRONG[start : start + 5]))[-1] == wrong(0)
            await pass_time(owner.house, seconds=pause.total_seconds())
        await guess_all(owner, WRONG[15:19])
        twentieth = await guess(owner, WRONG[19])
        await pass_time(owner.house, days=2)
        shut = await guess(owner, CARD_PASSWORD)

        assert said(twentieth) == wrong(0)
        assert "retry_after_seconds" not in twentieth.json()
        assert said(shut) == RESET_NEEDED
        for answer in (twentieth, shut):
            assert answer.json()["next"]["href"] == "/v1/card/password-resets"

    async def test_the_same_wrong_value_counts_once(self, owner: Phone) -> None:
        got = await guess_all(owner, [WRONG[0]] * 6 + [WRONG[1]] + [WRONG[0]] * 3)

        assert got == [wrong(4)] * 6 + [wrong(3)] * 4

    async def test_the_same_wrong_value_counts_again_after_a_day(self, owner: Phone) -> None:
        await guess(owner, WRONG[0])
        await pass_time(owner.house, days=1)

        assert said(await guess(owner, WRONG[0])) == wrong(3)

    async def test_it_is_one_persons_lock(self, owner: Phone, people: dict[str, TestPerson]) -> None:
        other = Phone(owner.client, owner.house, str(people["spouse"].phone))
        await other.register()
        await other.own_card(people["spouse"])
        await guess_all(owner, WRONG[:5])

        assert said(await guess(other, CARD_PASSWORD)) == RIGHT

    async def test_a_lock_holds_on_every_device_and_is_told_to_the_holder(self, owner: Phone) -> None:
        other = on_new_device(owner)
        await sign_in(other, password=PASSWORD)

        await guess_all(other, WRONG[:5])

        assert said(await guess(owner, CARD_PASSWORD)) == LOCKED
        told = await owner.house.db.fetch(
            "SELECT count(*) FROM outbox_event WHERE facts ->> 'message' = 'card_password_locked'"
        )
        assert told[0][0] == 1

    async def test_every_check_is_written_down(self, owner: Phone) -> None:
        await guess_all(owner, [WRONG[0], CARD_PASSWORD])

        events = await owner.house.db.fetch(
            "SELECT facts ->> 'is_right' AS is_right, actor_kind FROM audit_event "
            "WHERE action = 'card.password_checked' ORDER BY seq"
        )

        assert [tuple(event) for event in events] == [("false", "person"), ("true", "person")]


@pytest.mark.parametrize("password", ["12345", "1234567", "abcdef", "１２３４５６", "", "12 456"])
async def test_what_cannot_be_a_card_password_costs_no_try(owner: Phone, password: str) -> None:
    malformed = await guess(owner, password)

    assert malformed.status_code == 422
    assert await counters(owner.house) == (0, 0)


class TestAtOnce:
    async def test_of_fifty_guesses_at_once_no_more_than_the_limit_are_looked_at(self, owner: Phone) -> None:
        got: list[Said] = []
        for start in range(0, 200, 50):
            guesses = [guess(owner, each) for each in WRONG[start : start + 50]]
            got += [said(each) for each in await asyncio.gather(*guesses)]

        looked_at = [each for each in got if each[:2] == (403, "card-password-wrong")]
        assert len(looked_at) <= 5
        assert set(got) - set(looked_at) <= {BUSY, LOCKED}
        assert (await counters(owner.house))[1] <= 5
        assert await count(owner.house.db, CardPasswordWrong) <= 5

    async def test_one_is_looked_at_at_a_time(self, owner: Phone, gates: GatedPasswords) -> None:
        gates.verifying.shut()
        first = asyncio.create_task(guess(owner, WRONG[0]))
        await gates.verifying.arrival()

        others = await asyncio.gather(*[guess(owner, each) for each in WRONG[1:20]])
        gates.verifying.open()

        assert {said(each) for each in others} == {BUSY}
        assert {each.headers["retry-after"] for each in others} == {"1"}
        assert said(await first) == wrong(4)
        assert await counters(owner.house) == (1, 1)

    async def test_a_right_guess_among_wrong_ones_never_becomes_a_lock(self, owner: Phone) -> None:
        async def until_looked_at(password: str) -> Said:
            answer = said(await guess(owner, password))
            return answer if answer != BUSY else await until_looked_at(password)

        got = await asyncio.gather(*[until_looked_at(each) for each in [*WRONG[:4], CARD_PASSWORD]])

        assert got[-1] == RIGHT
        assert {each[0] for each in got[:4]} == {403}
        assert said(await guess(owner, CARD_PASSWORD)) == RIGHT

    async def test_the_same_right_guess_many_times_locks_nothing(self, owner: Phone) -> None:
        got = await asyncio.gather(*[guess(owner, CARD_PASSWORD) for _ in range(30)])

        assert {said(each) for each in got} <= {RIGHT, BUSY}
        assert RIGHT in {said(each) for each in got}
        assert await counters(owner.house) == (0, 0)


class TestBooking:
    async def book(self, house: House, *, seconds: float) -> None:
        """Leave a booked check behind as a server does that dies."""
        until = house.db.clock.now() + timedelta(seconds=seconds)
        booked = update(CardPassword).values(checking_id=CardPassword.person_id, checking_until=until)
        await house.db.run(lambda session: session.execute(booked))

    async def test_a_booked_check_that_nobody_settles_lapses(self, owner: Phone) -> None:
        await self.book(owner.house, seconds=10)
        during = await guess(owner, CARD_PASSWORD)
        await pass_time(owner.house, seconds=10)
        after = await guess(owner, CARD_PASSWORD)

        assert (said(during), said(after)) == (BUSY, RIGHT)

    @pytest.mark.parametrize("late", [WRONG[0], CARD_PASSWORD])
    async def test_a_check_that_comes_after_its_time_says_and_counts_nothing(
        self, owner: Phone, gates: GatedPasswords, late: str
    ) -> None:
        gates.verifying.shut()
        first = asyncio.create_task(guess(owner, late))
        await gates.verifying.arrival()
        await pass_time(owner.house, seconds=10)
        second = asyncio.create_task(guess(owner, WRONG[1]))
        await gates.verifying.arrival()

        gates.verifying.open()

        assert (said(await first), said(await second)) == (BUSY, wrong(4))
        assert await counters(owner.house) == (1, 1)

    async def test_a_check_that_ends_after_a_lock_opens_nothing(self, owner: Phone, gates: GatedPasswords) -> None:
        gates.verifying.shut()
        late = asyncio.create_task(guess(owner, CARD_PASSWORD))
        await gates.verifying.arrival()
        await pass_time(owner.house, seconds=10)
        locked = owner.house.db.clock.now() + timedelta(minutes=15)
        shut = update(CardPassword).values(locked_until=locked, checking_id=None, checking_until=None)
        await owner.house.db.run(lambda session: session.execute(shut))

        gates.verifying.open()

        assert said(await late) == BUSY
        assert said(await guess(owner, CARD_PASSWORD)) == LOCKED

    async def test_when_too_many_wait_the_guess_counts_for_nothing(self, owner: Phone, keys: FileKeys) -> None:
        suite = owner.house.settings.cipher_suite
        full = Passwords(keys.secret(Purpose.PASSWORD_PEPPER), suite, threads=1, waiting=-1)
        crowded = main.create_app(dataclasses.replace(owner.house, passwords=full))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(crowded), base_url="http://escard.test") as client:
            there = Phone(client, owner.house, owner.number, owner.device, owner.tokens)
            busy = [await guess(there, WRONG[0]), await sign_in(there, password="wrong password")]
        full.close()

        assert [(each.status_code, each.json()["code"]) for each in busy] == [(503, "busy-try-again")] * 2
        assert {each.headers["retry-after"] for each in busy} == {"2"}
        assert said(await guess(owner, WRONG[0])) == wrong(4)
        assert said(await sign_in(owner, password="wrong password")) == (403, "credentials-wrong", 9)


class TestFewConnections:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"database_connections": 2})

    async def test_while_passwords_are_checked_no_connection_is_held(self, owner: Phone, gates: GatedPasswords) -> None:
        gates.verifying.shut()
        checks = [asyncio.create_task(guess(owner, CARD_PASSWORD))]
        others = [on_new_device(owner) for _ in range(9)]
        checks += [asyncio.create_task(sign_in(other, password=PASSWORD)) for other in others]
        for _ in checks:
            await gates.verifying.arrival()

        reads = await asyncio.gather(
            *[owner.call("GET", path) for path in ("/v1/me", "/v1/sessions", "/v1/holders/me/card") for _ in range(5)]
        )
        has_any_ended = any(check.done() for check in checks)
        gates.verifying.open()

        assert {read.status_code for read in reads} == {200}
        assert not has_any_ended
        assert [(await check).status_code for check in checks] == [200] + [201] * 9


class TestChange:
    async def change(self, phone: Phone, current: str, new: str) -> httpx.Response:
        return await phone.call("PUT", "/v1/card/password", {"current": current, "new": new})

    async def test_old_and_new_change_it(self, owner: Phone) -> None:
        changed = await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        assert changed.status_code == 204
        assert await guess_all(owner, [CARD_PASSWORD, NEW_PASSWORD]) == [wrong(4), RIGHT]

    async def test_a_wrong_current_one_is_a_wrong_guess(self, owner: Phone) -> None:
        refused = await self.change(owner, WRONG[0], NEW_PASSWORD)

        assert said(refused) == wrong(4)
        assert said(await guess(owner, WRONG[1])) == wrong(3)

    async def test_while_locked_it_cannot_be_changed(self, owner: Phone) -> None:
        await guess_all(owner, WRONG[:5])

        assert said(await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)) == LOCKED

    @pytest.mark.parametrize(
        ("new", "code"),
        [
            ("123456", "sequential"),
            ("111111", "repeated"),
            ("112233", "repeated"),
            ("number", "in_number"),
            ("birth", "in_birth_date"),
            ("phone", "in_phone"),
        ],
    )
    async def test_the_new_one_must_not_be_easily_guessed(
        self, owner: Phone, people: dict[str, TestPerson], new: str, code: str
    ) -> None:
        person = people["owner"]
        born = person.birth_date
        digits = {"number": person.number[11:17], "birth": f"{born:%m%d%y}", "phone": owner.number[-6:]}

        refused = await self.change(owner, CARD_PASSWORD, digits.get(new, new))

        assert (refused.status_code, refused.json()["code"]) == (422, "card-password-too-simple")
        assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [("/new", code)]
        assert digits.get(new, new) not in refused.text.replace(refused.json()["request_id"], "")
        assert said(await guess(owner, CARD_PASSWORD)) == RIGHT

    async def test_it_is_written_down_and_told(self, owner: Phone) -> None:
        await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        events = await owner.house.db.fetch("SELECT count(*) FROM audit_event WHERE action = 'card.password_set'")
        told = await owner.house.db.fetch(
            "SELECT count(*) FROM outbox_event WHERE facts ->> 'message' = 'card_password_changed'"
        )
        assert (events[0][0], told[0][0]) == (2, 1)

    async def test_of_two_changes_at_once_the_later_one_does_not_undo_the_first(
        self, owner: Phone, gates: GatedPasswords
    ) -> None:
        gates.hashing.shut()
        late = asyncio.create_task(self.change(owner, CARD_PASSWORD, "385207"))
        await gates.hashing.arrival()
        first = asyncio.create_task(self.change(owner, CARD_PASSWORD, NEW_PASSWORD))
        await gates.hashing.arrival()
        gates.hashing.open()

        statuses = sorted([(await late).status_code, (await first).status_code])

        assert statuses == [204, 409]
        assert sorted(each[0] for each in await guess_all(owner, ["385207", NEW_PASSWORD])) == [200, 403]

    async def test_sent_again_it_is_done_already(self, owner: Phone) -> None:
        answers = [await self.change(owner, CARD_PASSWORD, NEW_PASSWORD) for _ in range(3)]

        told = await owner.house.db.fetch(
            "SELECT count(*) FROM outbox_event WHERE facts ->> 'message' = 'card_password_changed'"
        )
        assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3
        assert told[0][0] == 1
        assert said(await guess(owner, WRONG[0])) == wrong(4)

    async def test_sent_again_it_lets_nobody_guess_the_new_one(self, owner: Phone) -> None:
        await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        guessed = [said(await self.change(owner, CARD_PASSWORD, new)) for new in WRONG[:5]]
        locked = await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        assert guessed[:4] == [wrong(4), wrong(3), wrong(2), wrong(1)]
        assert guessed[4][0] == 403
        assert said(locked) == LOCKED

    async def test_sent_again_who_does_not_know_the_old_one_learns_nothing(self, owner: Phone) -> None:
        await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        assert said(await self.change(owner, WRONG[0], NEW_PASSWORD)) == wrong(4)

    async def test_sent_again_after_a_day_or_another_change_it_is_a_wrong_guess(self, owner: Phone) -> None:
        await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)
        await pass_time(owner.house, hours=24)
        owner.tokens = (await refresh(owner.client, owner.tokens["refresh_token"])).json()
        late = await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)
        await self.change(owner, NEW_PASSWORD, "385207")
        overtaken = await self.change(owner, CARD_PASSWORD, NEW_PASSWORD)

        assert (said(late), said(overtaken)) == (wrong(4), wrong(4))

    async def test_who_has_shown_a_code_alone_cannot_change_it(self, owner: Phone) -> None:
        other = on_new_device(owner)
        await sign_in_by_code(other)

        refused = await self.change(other, CARD_PASSWORD, NEW_PASSWORD)

        assert (refused.status_code, refused.json()["code"]) == (401, "more-proof-needed")


class TestAtRest:
    @pytest.fixture
    async def house(self, database: Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
        """A house in which a password costs what it costs in earnest."""
        async with main.opened(main.build(settings, database.app_url, keys=keys)) as house:
            yield house

    async def test_it_is_hashed_slowly_and_with_a_pepper(self, owner: Phone) -> None:
        changed = await owner.call("PUT", "/v1/card/password", {"current": CARD_PASSWORD, "new": NEW_PASSWORD})
        row = await owner.house.db.run(lambda session: session.scalar(select(CardPassword)))

        assert changed.status_code == 204
        assert row is not None
        suite = owner.house.settings.cipher_suite
        kinds = {Suite.INTERNATIONAL: "$argon2id$v=19$m=19456,t=2,p=1$", Suite.SM: "$pbkdf2-sm3$i=600000$"}
        assert row.hash.startswith(kinds[suite])
        other = Passwords(bytes(32), suite)
        assert not await other.verify(row.hash, NEW_PASSWORD)
        other.close()

    async def test_wrong_ones_are_kept_as_digests(self, owner: Phone) -> None:
        await guess(owner, WRONG[0])

        rows = await owner.house.db.fetch("SELECT card_password_wrong::text AS row FROM card_password_wrong")

        assert len(rows) == 1
        assert WRONG[0].encode().hex() not in rows[0]["row"]


class TestNoDefault:
    async def test_an_issued_card_has_no_password_until_its_holder_sets_one(
        self, people: dict[str, TestPerson], client: httpx.AsyncClient, house: House
    ) -> None:
        phone = Phone(client, house, str(people["owner"].phone))
        await phone.register()
        enrolment = await phone.open("own_card")
        await phone.acknowledge(enrolment, "own-card")
        await phone.details(enrolment, people["owner"])
        await phone.consent(enrolment, "face-check")
        await phone.face_check(enrolment)

        checked = await guess(phone, "123456")

        assert said(checked) == (409, "card-password-not-set", None)
        assert await count(house.db, CardPassword) == 0

    async def test_a_relatives_card_has_none(self, owner: Phone, people: dict[str, TestPerson]) -> None:
        child = people["child-9"]
        added = await owner.add(child, "20" if int(child.number[16]) % 2 else "30", age=9)

        assert added["state"] == "active"
        assert await count(owner.house.db, CardPassword) == 1

    async def test_without_a_card_there_is_nothing_to_guess(self, client: httpx.AsyncClient, house: House) -> None:
        phone = Phone(client, house, "10000009001")
        await phone.register()

        assert said(await guess(phone, CARD_PASSWORD)) == (409, "card-password-not-set", None)
