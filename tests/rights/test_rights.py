"""What people have in the five insurances: of two authorities, each of which may be silent without hiding the other."""

import asyncio
import time
from datetime import date

import pytest
from sqlalchemy import select, update

from app.adapters.insurance.embedded import Behaviour
from app.adapters.insurance.plans import Plan
from app.core.clock import today
from app.core.db import bucket_of
from app.models.insurance import InsuranceCopy
from app.models.links import FamilyLink, LinkState
from app.models.stand_ins import InsurancePlan
from app.ports.insurance import Authority, Insurance, Month
from app.routers.deps import House
from app.services.audit import Action
from app.services.links import Services
from tests import cluster
from tests.factories.adding import later, refused, set_policy
from tests.factories.insured import EMPLOYER, FIRST, Insured, insurances_of
from tests.factories.make import Holder, Make, Member
from tests.factories.phone import JSON

MINE = "/v1/holders/me/rights"
WORK, CARE = Authority.HUMAN_RESOURCES, Authority.HEALTHCARE_SECURITY


def rights_of(member: Member) -> str:
    return f"/v1/holders/{member.link_id}/rights"


def by_insurance(summary: JSON) -> dict[str, JSON]:
    return {each["insurance"]: each for each in summary["insurances"]}


@pytest.fixture
async def me(make: Make, insured: Insured) -> Holder:
    """Somebody at work since January 2023."""
    holder = await make.owner(name="王小明")
    await insured.put(holder)
    return holder


@pytest.fixture
async def hasty(database: cluster.Database) -> None:
    """A deadline that a test can wait for."""
    await set_policy(database, "rights", deadline_milliseconds=300)


class TestSummary:
    async def test_it_says_how_one_stands_in_all_five(self, me: Holder, house: House) -> None:
        summary = await me.read(MINE, **{"Accept-Language": "en"})

        assert summary["holder"]["name"] == "王**"
        assert summary["holder"]["social_security_number"].count("*") == 8
        found = by_insurance(summary)
        assert list(found) == [each.value for each in Insurance]
        assert all(each["missing"] is None and each["as_of"] for each in found.values())
        assert found["maternity"]["schemes"] == []
        (scheme,) = found["pension"]["schemes"]
        months = Month.of(today(house.db.clock.now())).since(FIRST) + 1
        assert (scheme["scheme"], scheme["status"], scheme["status_name"]) == ("110", "paying", "Paying")
        assert (scheme["first_month"], scheme["months_paid"]) == ("2023-01", months)
        assert (scheme["base"], scheme["personal"], scheme["by_employer"]) == ("12000.00", "960.00", "1920.00")
        assert (scheme["balance"], scheme["employer"]) == (f"{960 * months}.00", EMPLOYER)

    async def test_one_insurance_is_the_same_by_itself(self, me: Holder) -> None:
        summary = by_insurance(await me.read(MINE))

        for insurance, entry in summary.items():
            one = await me.read(f"{MINE}/{insurance}")
            assert one.pop("holder")["name"] == "王**"
            assert one == entry

    async def test_somebody_whom_no_authority_knows_has_nothing(self, make: Make) -> None:
        stranger = await make.owner()

        summary = by_insurance(await stranger.read(MINE))

        assert {str(each["schemes"]) for each in summary.values()} == {"[]"}

    async def test_a_member_is_read_like_oneself_and_the_look_is_kept_with_them(
        self, me: Holder, make: Make, insured: Insured
    ) -> None:
        father = await make.member(me, person=await make.person(name="王建国", birth_date=date(1957, 3, 8)))
        await insured.put(father.person)

        for path in ("", "/pension/contributions", ""):
            await me.read(rights_of(father) + path)
        summary = await me.read(rights_of(father))

        assert summary["holder"]["name"] == "王**"
        looks = [row for row in await make.audited(father.person) if row[0] == Action.RIGHTS_SEEN]
        assert looks == [(Action.RIGHTS_SEEN, {"link_id": str(father.link_id)}, me.id)]

    async def test_an_unknown_insurance_is_none(self, me: Holder) -> None:
        refused(await me.call("GET", f"{MINE}/lottery"), 422, "invalid-request")

    async def test_nobody_elses_are_there(self, me: Holder, make: Make) -> None:
        father = await make.member(me)
        other = await make.owner()

        for path in ("", "/pension", "/pension/contributions", "/medical/benefits"):
            refused(await other.call("GET", rights_of(father) + path), 404, "not-found")

    async def test_what_the_member_does_not_share_is_not_shown_and_nobody_is_asked(
        self, me: Holder, make: Make, insured: Insured
    ) -> None:
        father = await make.member(me, services=Services(view=False))

        refused(await me.call("GET", rights_of(father)), 403, "service-not-shared")
        assert insured.asked == 0


class TestSilence:
    @pytest.mark.parametrize(
        ("behaviour", "reason"), [(Behaviour.DOWN, "no_answer"), (Behaviour.NONSENSE, "not_understood")]
    )
    @pytest.mark.parametrize(("silent", "heard"), [(WORK, CARE), (CARE, WORK)])
    async def test_one_that_is_silent_hides_nothing_of_the_other(
        self, me: Holder, insured: Insured, house: House, silent: Authority, heard: Authority, behaviour: Behaviour,
        reason: str,
    ) -> None:  # fmt: skip
        insured.let(silent, behaviour)

        summary = by_insurance(await me.read(MINE, **{"Accept-Language": "en"}))

        for insurance in insurances_of(heard):
            assert summary[insurance]["missing"] is None
            assert summary[insurance]["schemes"] is not None
        for insurance in insurances_of(silent):
            entry = summary[insurance]
            assert (entry["schemes"], entry["as_of"]) == (None, None)
            assert entry["missing"]["reason"] == reason
            assert entry["missing"]["next"]["action"] == "read-again"
            assert entry["missing"]["next"]["href"] == f"{MINE}/{insurance}"
            assert entry["missing"]["retry_at"] > house.db.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def test_both_silent_and_nothing_known_is_no_answer(self, me: Holder, insured: Insured) -> None:
        for authority in Authority:
            insured.let(authority, Behaviour.DOWN)

        for path in ("", "/pension", "/medical/contributions", "/medical/benefits"):
            answer = await me.call("GET", MINE + path)
            refused(answer, 503, "insurance-records-unavailable")
            assert int(answer.headers["retry-after"]) == 60

    @pytest.mark.usefixtures("hasty")
    async def test_a_slow_one_is_given_up_at_the_deadline(self, me: Holder, insured: Insured) -> None:
        insured.let(CARE, Behaviour.SLOW)

        began = time.monotonic()
        summary = by_insurance(await me.read(MINE))

        assert 0.3 <= time.monotonic() - began < 30  # it would take a minute
        assert summary["medical"]["missing"]["reason"] == "too_slow"
        while not by_insurance(await me.read(MINE))["pension"]["schemes"]:
            assert time.monotonic() - began < 60, "of the other there is never anything"

    async def test_both_are_asked_at_the_same_time(self, me: Holder, insured: Insured) -> None:
        for records in insured.at.values():
            records.hold()

        reading = asyncio.create_task(me.read(MINE))
        for records in insured.at.values():
            await asyncio.wait_for(records.arrived.acquire(), 60)
        for records in insured.at.values():
            records.release()

        assert len((await reading)["insurances"]) == 5

    async def test_no_connection_is_held_while_they_think(self, me: Holder, insured: Insured, house: House) -> None:
        for records in insured.at.values():  # both: what one says is kept at once
            records.hold()
        waiting = [asyncio.create_task(me.read(MINE)) for _ in range(30)]
        for records in insured.at.values():
            for _ in waiting:
                await asyncio.wait_for(records.arrived.acquire(), 60)

        pool = house.db.engine.pool
        assert pool.checkedout() == 0  # type: ignore[attr-defined] # of the pool that engines have

        for records in insured.at.values():
            records.release()
        await asyncio.gather(*waiting)

    @pytest.mark.parametrize("path", ["", "/pension", "/pension/contributions", "/medical/benefits"])
    async def test_a_link_frozen_while_they_think_shows_nothing(
        self, me: Holder, make: Make, insured: Insured, house: House, path: str
    ) -> None:
        father = await make.member(me)
        await insured.put(father.person)
        for records in insured.at.values():
            records.hold()

        reading = asyncio.create_task(me.call("GET", rights_of(father) + path))
        asked = CARE if path.startswith("/medical") else WORK
        await asyncio.wait_for(insured.at[asked].arrived.acquire(), 60)
        await house.db.run(
            lambda session: session.execute(
                update(FamilyLink)
                .where(FamilyLink.bucket == bucket_of(father.link_id), FamilyLink.id == father.link_id)
                .values(state=LinkState.FROZEN)
            )
        )
        for records in insured.at.values():
            records.release()

        refused(await reading, 409, "link-frozen")


class TestCopies:
    async def test_within_five_minutes_nobody_is_asked_again(self, me: Holder, insured: Insured, house: House) -> None:
        first = await me.read(MINE)
        asked = insured.asked

        again = await me.read(MINE)
        await me.read(f"{MINE}/pension")

        assert (again, insured.asked) == (first, asked)
        await later(house, minutes=5, seconds=1)
        await me.read(MINE)
        assert insured.asked == asked + 2

    async def test_what_was_known_is_shown_while_one_is_silent_with_its_time_and_why(
        self, me: Holder, insured: Insured, house: House
    ) -> None:
        before = by_insurance(await me.read(MINE))
        await later(house, hours=2)
        insured.let(CARE, Behaviour.DOWN)

        summary = by_insurance(await me.read(MINE))

        assert summary["medical"]["schemes"] == before["medical"]["schemes"]
        assert summary["medical"]["as_of"] == before["medical"]["as_of"]
        assert summary["medical"]["missing"]["reason"] == "no_answer"
        assert summary["pension"]["missing"] is None
        assert summary["pension"]["as_of"] > before["pension"]["as_of"]
        one = await me.read(f"{MINE}/medical")
        assert (one["as_of"], one["missing"]["reason"]) == (before["medical"]["as_of"], "no_answer")

    async def test_it_is_shown_for_three_days_and_deleted_after_a_week(
        self, me: Holder, insured: Insured, house: House
    ) -> None:
        await me.read(f"{MINE}/medical")
        insured.let(CARE, Behaviour.DOWN)

        await later(house, hours=71)
        assert (await me.read(f"{MINE}/medical"))["schemes"]
        await later(house, hours=2)
        refused(await me.call("GET", f"{MINE}/medical"), 503, "insurance-records-unavailable")

    async def test_the_same_person_is_one_whoever_asks_and_nobody_is_given_anothers(
        self, me: Holder, make: Make, insured: Insured
    ) -> None:
        other = await make.owner()
        await insured.put(other, Plan())
        await me.read(MINE)

        summary = by_insurance(await other.read(MINE))

        assert {str(each["schemes"]) for each in summary.values()} == {"[]"}

    async def test_copies_are_sealed_and_bound_to_their_person_and_question(self, me: Holder, house: House) -> None:
        await me.read(MINE)

        rows = (await house.db.run(lambda session: session.scalars(select(InsuranceCopy)))).all()

        assert {row.subject for row in rows} == {"participations/human_resources", "participations/healthcare_security"}
        assert not any(value in row.content for row in rows for value in (b"12000", EMPLOYER.encode(), b"110"))

    async def test_a_plan_that_was_tampered_with_is_not_believed(self, me: Holder, house: House) -> None:
        forged = update(InsurancePlan).where(InsurancePlan.authority == WORK).values(plan=b"\x01" * 80)
        await house.db.run(lambda session: session.execute(forged))

        summary = by_insurance(await me.read(MINE))

        assert summary["pension"]["missing"]["reason"] == "not_understood"
        assert summary["medical"]["schemes"]


class TestMonths:
    async def test_contributions_come_newest_first_page_by_page_without_a_gap(self, me: Holder, house: House) -> None:
        count = Month.of(today(house.db.clock.now())).since(FIRST) + 1
        months: list[str] = []
        cursor: str | None = ""

        while cursor is not None:
            page = await me.read(f"{MINE}/pension/contributions?limit=7" + (f"&cursor={cursor}" if cursor else ""))
            assert len(page["items"]) <= 7
            months += [each["month"] for each in page["items"]]
            cursor = page["next_cursor"]

        assert len(months) == count
        assert months == sorted(set(months), reverse=True)
        assert months[-1] == "2023-01"

    async def test_a_month_says_what_was_paid_and_when_it_arrived(self, me: Holder) -> None:
        page = await me.read(f"{MINE}/pension/contributions?year=2025&limit=1")

        (item,) = page["items"]
        assert item == {
            "month": "2025-12",
            "scheme": "110",
            "scheme_name": "企业职工基本养老保险",
            "region": "100101",
            "employer": EMPLOYER,
            "base": "12000.00",
            "personal": "960.00",
            "by_employer": "1920.00",
            "arrived_on": "2026-01-15",
        }

    async def test_a_year_has_its_twelve_months_and_no_other(self, me: Holder) -> None:
        page = await me.read(f"{MINE}/pension/contributions?year=2024&limit=100")

        assert [each["month"][:4] for each in page["items"]] == ["2024"] * 12
        assert page["next_cursor"] is None
        assert (await me.read(f"{MINE}/pension/contributions?year=2022"))["items"] == []

    async def test_a_page_that_ends_with_the_list_leads_nowhere(self, me: Holder) -> None:
        path = f"{MINE}/pension/contributions?year=2024&limit=6"

        first = await me.read(path)
        second = await me.read(f"{path}&cursor={first['next_cursor']}")

        assert [each["month"] for each in second["items"]] == [f"2024-{month:02}" for month in range(6, 0, -1)]
        assert second["next_cursor"] is None

    async def test_a_month_that_is_new_meanwhile_moves_no_page(self, me: Holder, house: House) -> None:
        first = await me.read(f"{MINE}/pension/contributions?limit=3")
        await later(house, days=40)

        second = await me.read(f"{MINE}/pension/contributions?limit=3&cursor={first['next_cursor']}")

        last = Month.parse(first["items"][-1]["month"])
        assert [each["month"] for each in second["items"]] == [str(last.after(-back)) for back in (1, 2, 3)]

    async def test_a_cursor_behind_everything_finds_nothing(self, me: Holder) -> None:
        page = await me.read(f"{MINE}/pension/contributions?cursor=195001-110-0")

        assert (page["items"], page["next_cursor"]) == ([], None)

    @pytest.mark.parametrize(
        "cursor",
        ["x", "202513-110-0", "202511-999-0", "202511-110", "202511-110-00000", "２０２５11-110-0", "202511-110--1"],
    )
    async def test_a_cursor_that_is_none_of_ours_is_refused(self, me: Holder, cursor: str) -> None:
        problem = refused(await me.call("GET", f"{MINE}/pension/contributions?cursor={cursor}"), 422, "invalid-request")

        assert problem["errors"][0]["pointer"] == "query:cursor"
        assert len(cursor) == 1 or cursor not in str(problem)

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "year=1949", "year=x"])
    async def test_limits_and_years_have_bounds(self, me: Holder, query: str) -> None:
        for list_ in ("contributions", "benefits"):
            refused(await me.call("GET", f"{MINE}/pension/{list_}?{query}"), 422, "invalid-request")

    async def test_benefits_are_listed_the_same_way(self, me: Holder) -> None:
        first = await me.read(f"{MINE}/medical/benefits?limit=2", **{"Accept-Language": "en"})
        second = await me.read(f"{MINE}/medical/benefits?limit=2&cursor={first['next_cursor']}")

        assert first["items"][0] == {
            "month": "2025-05",
            "scheme": "310",
            "kind": "medical_reimbursement",
            "kind_name": "Medical reimbursement",
            "amount": "410.50",
            "status": "paid",
            "status_name": "Paid",
        }
        assert [each["month"] for each in first["items"] + second["items"]] == ["2025-05", "2025-04", "2025-03"]
        assert second["next_cursor"] is None
        assert (await me.read(f"{MINE}/pension/benefits"))["items"] == []

    async def test_months_known_before_are_shown_while_the_authority_is_silent(
        self, me: Holder, insured: Insured, house: House
    ) -> None:
        before = await me.read(f"{MINE}/medical/benefits")
        await later(house, hours=1)
        insured.let(CARE, Behaviour.NONSENSE)

        page = await me.read(f"{MINE}/medical/benefits")

        assert (page["items"], page["as_of"]) == (before["items"], before["as_of"])
        assert page["missing"]["reason"] == "not_understood"
        assert page["missing"]["next"]["href"] == f"{MINE}/medical/benefits"


async def test_they_grow_with_the_clock_month_by_month(me: Holder, house: House) -> None:
    day = today(house.db.clock.now())
    in_two_months = Month.of(day).after(2)
    before = (await me.read(f"{MINE}/pension"))["schemes"][0]["months_paid"]
    await later(house, days=(date(in_two_months.year, in_two_months.month, 1) - day).days)

    after = (await me.read(f"{MINE}/pension"))["schemes"][0]["months_paid"]

    assert after - before == 2
