"""A card is read by a terminal of the office for whoever is signed in there, and good for one thing, soon, once."""

import asyncio
import secrets

import pytest

from app.core.db import Session
from app.core.errors import AppError
from app.models.counter import Purpose
from app.models.operators import OfficeKind, OperatorRole
from app.models.terminals import TerminalPurpose
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.counter import deeds, serving, using
from app.services.counter.serving import Serving
from app.services.operators import registering, sessions
from app.services.operators.duties import DUTIES, Duty
from app.services.people import homes
from app.services.terminals import requests
from app.services.terminals.requests import HttpRequest
from tests import cluster
from tests.factories.adding import later, ok, refused, set_policy
from tests.factories.counters import CARD_READS, Counter, Open, card_of
from tests.factories.make import Make
from tests.factories.staff import Hire
from tests.factories.terminals import Install


async def opened(house: House, counter: Counter, token: str, *purposes: Purpose) -> Serving | str:
    """Open a card that was read as a counter's services do; return whom it lets serve, or why not."""
    try:
        caller = await house.db.run(lambda session: sessions.caller(session, counter.clerk.token))
        signed = counter.signed("T00000000")
        asked = HttpRequest(signed.method, signed.url.path, signed.headers, signed.content)
        hand = deeds.hand_at(serving.together(caller, await requests.caller(house.db, asked)))
        return await house.db.run(lambda session: using.open_read(session, hand, token, *purposes))
    except AppError as error:
        return error.code


async def spent(house: House, counter: Counter, token: str) -> str:
    """Open and spend a card that was read; return how it went."""
    served = await opened(house, counter, token)
    if isinstance(served, str):
        return served

    async def spend(session: Session) -> None:
        await homes.lock(session, {served.person_id})
        await using.use_once(session, served)

    try:
        await house.db.run(spend)
    except AppError as error:
        return error.code
    return "spent"


class TestReading:
    async def test_a_card_is_read_and_says_little_of_whose_it_is(
        self, window: Counter, make: Make, house: House
    ) -> None:
        wang = await make.person(name="王小明")

        read = ok(await window.read(card_of(wang), "sharing"))

        assert (read["name"], read["purpose"], read["expires_in"]) == ("王**", "sharing", 120)
        served = await opened(house, window, read["card_read"], Purpose.SHARING)
        assert isinstance(served, Serving)
        assert (served.person_id, served.purpose) == (wang.id, Purpose.SHARING)

    async def test_it_is_written_down_in_the_home_of_whose_it_is(self, window: Counter, make: Make) -> None:
        wang = await make.person()

        ok(await window.read(card_of(wang), "enquiry"))

        action, facts, actor = (await make.audited(wang))[-1]
        assert (action, actor) == ("counter.card_read", window.clerk.id)
        assert (facts["purpose"], facts["office"]) == ("enquiry", "west-window")

    async def test_the_very_same_request_is_answered_the_same_and_a_later_one_is_not(
        self, window: Counter, make: Make, house: House
    ) -> None:
        wang = await make.person()
        request = window.signed(card_of(wang))

        first, again = await asyncio.gather(window.terminal.send(request), window.terminal.send(request))
        await later(house, seconds=31)
        replayed = await window.terminal.send(request)

        assert ok(first) == ok(again)
        refused(replayed, 401, "request-replayed")
        assert [action for action, _, _ in await make.audited(wang)].count("counter.card_read") == 1

    async def test_a_nonce_is_not_taken_for_another_card(self, window: Counter, make: Make) -> None:
        nonce = secrets.token_urlsafe(18)
        ok(await window.read(card_of(await make.person()), nonce=nonce))

        second = await window.read(card_of(await make.person()), nonce=nonce)

        refused(second, 401, "request-replayed")

    async def test_a_stale_signature_is_refused(self, window: Counter, make: Make, house: House) -> None:
        request = window.signed(card_of(await make.person()))
        await later(house, seconds=301)

        refused(await window.terminal.send(request), 401, "request-not-timely")

    async def test_a_session_that_the_terminal_has_not_signed_is_refused(self, window: Counter, make: Make) -> None:
        body = {"card_number": card_of(await make.person()), "purpose": "enquiry"}
        unsigned = window.terminal.signed(body, path=CARD_READS, Authorization=f"Bearer {window.clerk.token}")

        refused(await window.terminal.send(unsigned), 401, "session-not-signed")

    async def test_a_request_is_good_with_nobody_elses_session(
        self, window: Counter, open_counter: Open, make: Make
    ) -> None:
        colleague = await open_counter("colleague")
        request = window.signed(card_of(await make.person()))
        request.headers["Authorization"] = f"Bearer {colleague.clerk.token}"

        refused(await window.terminal.send(request), 401, "terminal-not-known")

    async def test_a_terminal_of_another_office_is_refused(
        self, window: Counter, hospital: Counter, make: Make
    ) -> None:
        crossed = Counter(window.clerk, hospital.terminal, window.clerk_is)

        refused(await crossed.read(card_of(await make.person())), 403, "terminal-elsewhere")

    async def test_a_terminal_that_is_not_for_it_is_refused(
        self, window: Counter, install: Install, make: Make
    ) -> None:
        kiosk = await install("kiosk", office="west-window", purposes=frozenset({TerminalPurpose.PAY}))
        other = Counter(window.clerk, kiosk, window.clerk_is)

        refused(await other.read(card_of(await make.person())), 403, "terminal-not-at-counter")

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (PhysicalCardStatus.LOST, "card-lost"),
            (PhysicalCardStatus.LOST_TEMPORARILY, "card-lost"),
            (PhysicalCardStatus.APPLICATION_LOCKED, "card-locked"),
            (PhysicalCardStatus.NOT_ACTIVATED, "card-not-activated"),
            (PhysicalCardStatus.CANCELLED, "card-cancelled"),
        ],
    )
    async def test_a_card_out_of_order_is_refused_with_its_reason_and_that_is_written_down(
        self, window: Counter, make: Make, status: PhysicalCardStatus, code: str
    ) -> None:
        wang = await make.person(card=status)

        answer = await window.read(card_of(wang))

        assert refused(answer, 409, code)["next"]["href"] == "/v1/offices?region=100101"
        action, facts, _ = (await make.audited(wang))[-1]
        assert (action, facts["reason"]) == ("counter.refused", code)

    async def test_nobodys_card_and_a_dead_persons_are_answered_alike_and_counted(
        self, window: Counter, make: Make
    ) -> None:
        dead = await make.person(is_alive=False)
        answers = [await window.read("T00000000"), await window.read(card_of(dead))]
        answers += [await window.read(f"U0000000{n % 10}") for n in range(19)]

        first, second = (refused(answer, 409, "card-not-known") for answer in answers[:2])
        assert {**first, "request_id": ""} == {**second, "request_id": ""}
        refused(answers[-1], 429, "card-reads-used-up")
        assert "counter.refused" not in [action for action, _, _ in await make.audited(dead)]

    async def test_an_operator_reads_so_many_an_hour(
        self, database: cluster.Database, open_counter: Open, make: Make
    ) -> None:
        await set_policy(database, "counters", reads_an_hour=2)
        window, wang = await open_counter(), await make.person()

        answers = [await window.read(card_of(wang)) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [201, 201, 429]


class TestWhoServesWhom:
    async def test_nobody_serves_themselves_or_their_family(self, window: Counter, make: Make, house: House) -> None:
        me = window.clerk_is
        child = await make.person(parents=frozenset({me.registered.number}))
        spouse = (await make.member(me, "12", sex="2")).person

        for person in (me, child, spouse):
            refused(await window.read(card_of(person)), 403, "service-of-own-family")
            action, facts, actor = (await make.audited(person))[-1]
            assert (action, facts["reason"], actor) == ("counter.refused", "service-of-own-family", window.clerk.id)

    async def test_a_clerk_of_whom_nobody_knows_who_they_are_serves_nobody(
        self, window: Counter, hire: Hire, make: Make
    ) -> None:
        stranger = await hire("stranger", role=OperatorRole.CLERK, office="west-window")
        answer = await Counter(stranger, window.terminal, window.clerk_is).read(card_of(await make.person()))

        refused(answer, 403, "own-number-needed")

    async def test_a_hospital_reads_cards_for_what_hospitals_do_alone(self, hospital: Counter, make: Make) -> None:
        wang = await make.person()

        answers = {purpose: await hospital.read(card_of(wang), purpose) for purpose in Purpose}

        may = {Purpose.ENQUIRY, Purpose.TREATMENT, Purpose.SHARING}
        assert {purpose for purpose, answer in answers.items() if answer.status_code == 201} == may
        for purpose in set(Purpose) - may:
            refused(answers[purpose], 403, "not-at-this-office")

    async def test_a_reviewer_serves_nobody(self, window: Counter, hire: Hire, make: Make) -> None:
        reviewer = await hire("li", office="west-window")
        answer = await Counter(reviewer, window.terminal, window.clerk_is).read(card_of(await make.person()))

        refused(answer, 403, "role-needed")

    def test_no_duty_is_for_both_who_decides_and_who_serves(self) -> None:
        reviewers = [DUTIES[OperatorRole.REVIEWER, kind] for kind in OfficeKind]
        clerks = [DUTIES[OperatorRole.CLERK, kind] for kind in OfficeKind]

        assert not frozenset().union(*reviewers) & frozenset().union(*clerks)
        assert frozenset().union(*reviewers, *clerks) == frozenset(Duty)
        assert DUTIES.keys() == {(role, kind) for role in OperatorRole for kind in OfficeKind}


class TestUsing:
    async def test_of_two_uses_at_once_one_counts(self, window: Counter, make: Make, house: House) -> None:
        token = await window.token(await make.person())

        outcomes = await asyncio.gather(*(spent(house, window, token) for _ in range(6)))

        assert sorted(outcomes) == ["card-read-used"] * 5 + ["spent"]
        assert await spent(house, window, token) == "card-read-used"

    async def test_it_is_over_after_two_minutes(self, window: Counter, make: Make, house: House) -> None:
        token = await window.token(await make.person())
        await later(house, seconds=120)

        assert await opened(house, window, token) == "card-read-over"

    async def test_it_is_good_for_the_purpose_it_was_read_for(self, window: Counter, make: Make, house: House) -> None:
        token = await window.token(await make.person(), "enquiry")

        assert await opened(house, window, token, Purpose.SHARING) == "card-read-for-another-purpose"

    async def test_it_is_good_in_the_session_it_was_read_in_alone(
        self, window: Counter, open_counter: Open, hospital: Counter, make: Make, house: House
    ) -> None:
        token = await window.token(await make.person())
        colleague = await open_counter("colleague")

        assert await opened(house, colleague, token) == "card-read-of-another"
        assert await opened(house, hospital, token) == "card-read-of-another"

    async def test_a_forged_one_is_refused(self, window: Counter, make: Make, house: House) -> None:
        token = await window.token(await make.person())
        other = await window.token(await make.person())

        forged = [token[:20] + other[20:], token[:-4] + "AAA=", "nothing", "", token[:22]]
        assert {await opened(house, window, each) for each in forged} == {"card-read-not-valid"}

    async def test_what_is_done_for_a_session_that_was_ended_meanwhile_is_not_done(
        self, window: Counter, make: Make, house: House
    ) -> None:
        token = await window.token(await make.person())
        served = await opened(house, window, token)
        assert isinstance(served, Serving)

        await house.db.run(lambda session: registering.remove(session, window.clerk.login))

        with pytest.raises(sessions.StaffSessionEnded):
            await house.db.run(lambda session: using.use_once(session, served))
        assert await opened(house, window, token) == "staff-session-ended"
