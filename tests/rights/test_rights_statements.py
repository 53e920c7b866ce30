"""A statement of rights is printed whole or not at all, and anybody sees by its number that it is ours."""

import asyncio
import hashlib
import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from app.adapters.insurance.embedded import Behaviour
from app.adapters.insurance.plans import Plan, Spell
from app.core.clock import today
from app.core.db import bucket_of
from app.core.settings import Settings
from app.core.tokens.published import NotOurs
from app.models.links import FamilyLink, LinkState
from app.models.statements import StatementFile, StatementNumber
from app.ports.insurance import Authority, Month, Scheme
from app.routers.deps import House
from app.services import files
from app.services.audit import Action
from tests import cluster
from tests.factories.adding import later, refused, set_policy, stored_files
from tests.factories.insured import AT_WORK, FIRST, Insured
from tests.factories.make import Holder, Make, Member
from tests.factories.papers import shows_code, text_of
from tests.factories.phone import JSON

MINE = "/v1/holders/me/rights/statements"
WORK, CARE = Authority.HUMAN_RESOURCES, Authority.HEALTHCARE_SECURITY


def of(member: Member) -> str:
    return f"/v1/holders/{member.link_id}/rights/statements"


@pytest.fixture
async def me(make: Make, insured: Insured) -> Holder:
    holder = await make.owner(name="王小明")
    await insured.put(holder)
    return holder


async def post(holder: Holder, path: str = MINE, *, key: str | None = None, **body: object) -> httpx.Response:
    asked = {"insurances": ["pension", "medical"]} | body
    return await holder.call("POST", path, asked, **{"Idempotency-Key": key or secrets.token_hex(8)})


async def issued(holder: Holder, path: str = MINE, **body: Any) -> JSON:
    answer = await post(holder, path, **body)
    assert answer.status_code == 201, answer.text
    said: JSON = answer.json()
    return said


async def file_of(holder: Holder, statement: JSON) -> bytes:
    answer = await holder.call("GET", statement["href"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


async def statements_in(house: House) -> tuple[int, int]:
    async def count(session: object) -> tuple[int, int]:
        files_, numbers = [
            await session.scalar(select(func.count()).select_from(table))  # type: ignore[attr-defined]
            for table in (StatementFile, StatementNumber)
        ]
        return files_, numbers

    return await house.db.run(count)


class TestIssuing:
    async def test_it_is_a_file_that_says_what_the_authorities_say(self, me: Holder, house: House) -> None:
        statement = await issued(me, first_month="2025-01", last_month="2025-12", language="en")

        content = await file_of(me, statement)
        text = text_of(content)
        for words in (
            "Statement of social insurance rights",
            "王**",
            f"{me.registered.number[:6]}********{me.registered.number[-4:]}",
            "2025-01 – 2025-12",
            "Pension insurance · Contributions by month",
            "Basic medical insurance for employees",
            "2025-01",
            "2026-01-15",
            "12,000.00",
            "By the person 11,520.00, By the employer 23,040.00",
            "Medical reimbursement",
            "In total: 1,231.50",
            today(house.db.clock.now()).isoformat(),
        ):
            assert words in text, words
        for absent in ("2024-12", "2026-01 ", me.registered.number, "Unemployment"):
            assert absent not in text, absent
        assert statement["number"] in text
        assert hashlib.sha256(content).hexdigest() == statement["sha256"]

    async def test_its_code_leads_to_where_anybody_sees_that_it_is_ours(
        self, me: Holder, house: House, client: httpx.AsyncClient
    ) -> None:
        statement = await issued(me)

        assert statement["verification"].startswith(f"{house.settings.public_url}/v1/statements/")
        assert shows_code(await file_of(me, statement), statement["verification"])
        path = statement["verification"].removeprefix(house.settings.public_url)
        said = (await client.get(path)).json()
        assert said == {
            "valid": True,
            "issued_on": today(house.db.clock.now()).isoformat(),
            "sha256": statement["sha256"],
        }

    async def test_its_signature_is_verified_without_asking_and_no_other_passes(self, me: Holder, house: House) -> None:
        statement = await issued(me)

        claims = house.published.verify("statement+jwt", statement["signature"])

        number = statement["number"].replace("-", "").lower()
        assert (claims["jti"], claims["sha256"]) == (number, statement["sha256"])
        head, body, signature = statement["signature"].split(".")
        flipped = body[:-2] + ("A" if body[-2] != "A" else "B") + body[-1]
        for forged in (f"{head}.{flipped}.{signature}", f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"):
            with pytest.raises(NotOurs):
                house.published.verify("statement+jwt", forged)

    async def test_without_months_it_is_of_the_last_twelve_and_in_chinese(self, me: Holder, house: House) -> None:
        statement = await issued(me, insurances=["pension", "pension"])

        text = text_of(await file_of(me, statement))
        now = Month.of(today(house.db.clock.now()))
        assert f"{now.after(-11)} – {now}" in text
        assert text.count("养老保险 · 缴费明细") == 1
        assert "医疗保险" not in text

    async def test_rare_characters_and_long_names_are_printed(self, me: Holder, insured: Insured) -> None:
        employer = "阿卜杜热合曼江·艾合买提尼亚孜·䶮\U0002cc56有限公司"
        spell = Spell(Scheme.EMPLOYEE_PENSION, FIRST, None, "100101", employer, Decimal("9000.00"), 80, 160)
        await insured.put(me, Plan((spell,)))

        text = text_of(await file_of(me, await issued(me, insurances=["pension"])))

        assert "[U+2CC56]有限公司" in text.replace(" ", "")

    async def test_somebody_without_any_record_gets_one_that_says_so(self, make: Make, insured: Insured) -> None:
        nobody = await make.owner()

        text = text_of(await file_of(nobody, await issued(nobody, language="es")))

        assert text.count("No hay datos en este periodo.") == 4

    async def test_sent_twice_it_is_one(self, me: Holder, house: House) -> None:
        key = secrets.token_hex(8)

        first, second = await post(me, key=key), await post(me, key=key)

        assert (first.status_code, second.status_code) == (201, 201)
        assert (second.content, second.headers["idempotency-replayed"]) == (first.content, "true")
        assert await statements_in(house) == (1, 1)

    async def test_sent_twice_at_once_it_is_one(self, me: Holder, house: House) -> None:
        key = secrets.token_hex(8)

        answers = await asyncio.gather(*(post(me, key=key) for _ in range(4)))

        assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
        assert await statements_in(house) == (1, 1)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"insurances": []}, "/insurances"),
            ({"insurances": ["lottery"]}, "/insurances/0"),
            ({"first_month": "2025-13"}, "/first_month"),
            ({"first_month": "2025-06", "last_month": "2025-05"}, "/first_month"),
            ({"first_month": "2010-01", "last_month": "2025-05"}, "/first_month"),
            ({"last_month": "2199-01"}, "/last_month"),
            ({"language": "fr"}, "/language"),
            ({"more": 1}, "/more"),
        ],
    )
    async def test_what_cannot_be_printed_is_said_by_its_field(
        self, me: Holder, insured: Insured, body: JSON, pointer: str
    ) -> None:
        problem = refused(await post(me, **body), 422, "invalid-request")

        assert [error["pointer"] for error in problem["errors"]] == [pointer]
        assert insured.asked == 0

    @pytest.mark.usefixtures("two_a_day")
    async def test_no_more_are_made_a_day_than_the_policy_says(self, me: Holder, make: Make, house: House) -> None:
        for _ in range(2):
            await issued(me)

        assert refused(await post(me), 429, "statements-used-up")["next"]["href"] == MINE
        await later(house, days=1)
        await issued(me)

    @pytest.fixture
    async def two_a_day(self, database: cluster.Database) -> None:
        await set_policy(database, "rights", statements_a_day=2)


class TestSilence:
    async def test_where_one_authority_is_silent_none_is_made(
        self, me: Holder, insured: Insured, house: House, settings: Settings
    ) -> None:
        insured.let(CARE, Behaviour.DOWN)

        answer = await post(me)

        refused(answer, 503, "insurance-records-unavailable")
        assert int(answer.headers["retry-after"]) == 60
        assert await statements_in(house) == (0, 0)
        assert stored_files(settings) == []
        assert (await post(me, insurances=["pension"])).status_code == 201

    async def test_the_same_key_does_it_once_the_authority_is_back(self, me: Holder, insured: Insured) -> None:
        key = secrets.token_hex(8)
        insured.let(CARE, Behaviour.DOWN)
        refused(await post(me, key=key), 503, "insurance-records-unavailable")

        insured.let(CARE, Behaviour.ANSWERS)

        assert (await post(me, key=key)).status_code == 201

    async def test_what_was_known_before_is_printed_with_its_time(
        self, me: Holder, insured: Insured, house: House
    ) -> None:
        await issued(me)
        known = house.db.clock.now() + timedelta(hours=8)
        await later(house, hours=5)
        insured.let(CARE, Behaviour.DOWN)

        text = text_of(await file_of(me, await issued(me, language="en")))

        assert known.strftime("%Y-%m-%d %H:") in text
        assert (known + timedelta(hours=5)).strftime("%Y-%m-%d %H:") in text


class TestForMembers:
    @pytest.fixture
    async def father(self, me: Holder, make: Make, insured: Insured) -> Member:
        father = await make.member(me)
        await insured.put(father.person, AT_WORK)
        return father

    async def test_it_is_theirs_and_they_see_who_made_it(self, me: Holder, make: Make, father: Member) -> None:
        statement = await issued(me, of(father))
        await file_of(me, statement)

        written = [(action, facts, actor) for action, facts, actor in await make.audited(father.person)]
        made = [each for each in written if each[0] == Action.STATEMENT_ISSUED]
        assert made == [
            (Action.STATEMENT_ISSUED, {"statement_id": statement["id"], "insurances": "pension medical"}, me.id)
        ]
        assert Action.STATEMENT_SEEN in [action for action, _, _ in written]
        mine = f"{MINE}/{statement['id']}"
        refused(await me.call("GET", mine), 404, "not-found")

    async def test_nobody_else_fetches_it(self, me: Holder, make: Make, father: Member) -> None:
        statement, other = await issued(me, of(father)), await make.owner()
        mothers = await make.member(me, relationship="52", sex="2")

        for holder, path in (
            (other, statement["href"]),
            (other, f"{MINE}/{statement['id']}"),
            (me, f"{of(mothers)}/{statement['id']}"),
            (me, f"{of(father)}/{uuid4()}"),
        ):
            refused(await holder.call("GET", path), 404, "not-found")

    async def test_a_link_frozen_while_an_authority_thinks_makes_none(
        self, me: Holder, father: Member, insured: Insured, house: House
    ) -> None:
        insured.at[WORK].hold()
        posting = asyncio.create_task(post(me, of(father)))
        await asyncio.wait_for(insured.at[WORK].arrived.acquire(), 60)
        await house.db.run(
            lambda session: session.execute(
                update(FamilyLink)
                .where(FamilyLink.bucket == bucket_of(father.link_id), FamilyLink.id == father.link_id)
                .values(state=LinkState.FROZEN)
            )
        )
        insured.at[WORK].release()

        refused(await posting, 409, "link-frozen")
        assert await statements_in(house) == (0, 0)


class TestTheFile:
    async def test_who_has_lost_the_answer_finds_it_in_the_list(self, me: Holder, make: Make, insured: Insured) -> None:
        father = await make.member(me)
        await insured.put(father.person, AT_WORK)
        first, second = await issued(me), await issued(me)
        await issued(me, of(father))

        page = await me.read(f"{MINE}?limit=1")
        rest = await me.read(f"{MINE}?limit=1&cursor={page['next_cursor']}")

        assert [each | {"signature": ""} for each in page["items"]] == [second | {"signature": ""}]
        assert [each["id"] for each in rest["items"]] == [first["id"]]
        assert rest["next_cursor"] is None
        assert len((await me.read(of(father)))["items"]) == 1

    async def test_it_goes_after_thirty_days_and_its_number_is_answered_on(
        self, me: Holder, house: House, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        statement = await issued(me)
        await later(house, days=30)
        await files.sweep(house.db, house.ports.store)

        refused(await me.call("GET", statement["href"]), 404, "not-found")
        assert stored_files(settings) == []
        path = statement["verification"].removeprefix(house.settings.public_url)
        assert (await client.get(path)).json()["valid"] is True

    async def test_it_is_never_kept_by_those_between(self, me: Holder) -> None:
        statement = await issued(me)

        answer = await me.call("GET", statement["href"])

        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"] == f'attachment; filename="statement-{statement["id"]}.pdf"'
