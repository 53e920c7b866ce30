"""A statement is its holder's to read, for a while; anybody may ask about its number, and is told no more than that."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select

from app.core.clock import today
from app.core.errors import NotFound
from app.core.settings import Settings
from app.models.statements import StatementFile, StatementKind, StatementNumber
from app.ports.papers import Facts, Mark, Paper, Section
from app.ports.storage import StorageUnavailable
from app.routers.deps import House
from app.services import files, housekeeping, retention, statements
from app.services.statements import Statement
from tests.factories.adding import later, stored_files
from tests.factories.make import Make
from tests.factories.papers import shows_code, text_of

URL = "/v1/statements/"


async def prepared(house: House, home_id: UUID, number: str) -> UUID:
    mark = Mark(statements.printed(number), statements.address_of("https://card.example", number), "words")
    return await statements.prepare(
        house.db,
        house.ports.papers,
        house.ports.store,
        home_id=home_id,
        kind=StatementKind.MY_DATA,
        number=number,
        compose=lambda: Paper("记录", (Section("", (Facts((("姓名", "王小明"),)),)),), mark=mark),
    )


async def issued(house: House, home_id: UUID) -> Statement:
    file_id = await prepared(house, home_id, statements.new_number())
    return await house.db.run(lambda session: statements.issue(session, file_id))


async def content_of(house: House, home_id: UUID, statement_id: UUID) -> bytes:
    row = await house.db.run(lambda session: statements.find(session, home_id, StatementKind.MY_DATA, statement_id))
    return await files.read(house.db, house.ports.store, row)


class TestTheFile:
    async def test_it_is_the_one_that_the_number_vouches_for(self, make: Make, house: House) -> None:
        me = await make.owner()

        statement = await issued(house, me.id)

        content = await content_of(house, me.id, statement.id)
        assert statements.Pdf.of(content).sha256 == statement.sha256
        assert statements.printed(statement.number) in text_of(content)
        assert shows_code(content, f"https://card.example/v1/statements/{statement.number}")

    async def test_nobody_elses_home_has_it(self, make: Make, house: House) -> None:
        statement, other = await issued(house, (await make.owner()).id), await make.owner()

        for home_id, wanted in ((other.id, statement.id), (other.id, uuid4())):
            with pytest.raises(NotFound):
                await content_of(house, home_id, wanted)

    async def test_it_lies_sealed_and_goes_with_its_deadline(
        self, make: Make, house: House, settings: Settings
    ) -> None:
        me = await make.owner()
        statement = await issued(house, me.id)
        (file,) = stored_files(settings)
        assert b"%PDF" not in file.read_bytes()

        await later(house, days=30)

        with pytest.raises(NotFound):
            await content_of(house, me.id, statement.id)
        assert [(kept.kind, kept.overdue) for kept in (await retention.report(house.db, house.ports.store)).kept] == [
            ("statement", 0)
        ]
        await files.sweep(house.db, house.ports.store)
        assert stored_files(settings) == []

    async def test_what_was_prepared_and_not_issued_is_nothing_and_is_swept(
        self, make: Make, house: House, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        me, number = await make.owner(), statements.new_number()

        file_id = await prepared(house, me.id, number)

        with pytest.raises(NotFound):
            await content_of(house, me.id, file_id)
        assert (await client.get(URL + number)).json()["valid"] is False
        await later(house, minutes=16)
        with pytest.raises(StorageUnavailable):
            await house.db.run(lambda session: statements.issue(session, file_id))
        await files.sweep(house.db, house.ports.store)
        assert stored_files(settings) == []

    async def test_issued_twice_it_is_one(self, make: Make, house: House) -> None:
        me = await make.owner()
        file_id = await prepared(house, me.id, statements.new_number())

        async def issue() -> Statement:
            return await house.db.run(lambda session: statements.issue(session, file_id))

        first, second = await asyncio.gather(issue(), issue())

        assert first == second
        numbers = await house.db.run(lambda session: session.scalar(select(func.count()).select_from(StatementNumber)))
        assert numbers == 1


class TestTheNumber:
    async def test_whoever_has_it_is_told_day_and_digest_and_no_more(
        self, make: Make, house: House, client: httpx.AsyncClient
    ) -> None:
        statement = await issued(house, (await make.owner()).id)

        answer = await client.get(URL + statement.number)

        assert answer.status_code == 200
        assert answer.json() == {
            "valid": True,
            "issued_on": today(statement.issued_at).isoformat(),
            "sha256": statement.sha256,
        }
        assert answer.headers["cache-control"] == "no-store"

    async def test_it_is_read_as_it_is_printed(self, make: Make, house: House, client: httpx.AsyncClient) -> None:
        statement = await issued(house, (await make.owner()).id)
        printed = statements.printed(statement.number)

        for written in (printed, printed.lower(), printed.replace("-", "%20"), statement.number.upper()):
            assert (await client.get(URL + written)).json()["valid"] is True, written

    async def test_an_altered_or_invented_one_is_not_ours(
        self, make: Make, house: House, client: httpx.AsyncClient
    ) -> None:
        number = (await issued(house, (await make.owner()).id)).number
        altered = [
            number[:place] + format(int(number[place], 16) ^ 1, "x") + number[place + 1 :]
            for place in (0, 3, 15, 16, 31)
        ]

        for wrong in (
            *altered,
            number[:-1],
            number + "0",
            "0" * 32,
            "x",
            "１" * 32,
            statements.new_number(),
        ):
            answer = await client.get(URL + wrong)
            assert (answer.status_code, answer.json()) == (200, {"valid": False, "issued_on": None, "sha256": None})

    async def test_a_browser_is_shown_a_page_in_the_readers_language(
        self, make: Make, house: House, client: httpx.AsyncClient
    ) -> None:
        statement = await issued(house, (await make.owner()).id)
        browser = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "es"}

        known = await client.get(URL + statement.number, headers=browser)
        unknown = await client.get(URL + "<script>", headers=browser)

        assert known.headers["content-type"].startswith("text/html")
        assert known.headers["content-language"] == "es"
        assert statement.sha256 in known.text
        assert "Hemos emitido" in known.text
        assert "No conocemos" in unknown.text
        assert "<script>" not in unknown.text
        assert unknown.headers["content-security-policy"].startswith("default-src 'none'")

    async def test_it_outlives_the_file_and_not_its_own_time(
        self, make: Make, house: House, client: httpx.AsyncClient
    ) -> None:
        statement = await issued(house, (await make.owner()).id)

        await later(house, days=1000)
        still = await client.get(URL + statement.number)
        await later(house, days=96)
        over = await client.get(URL + statement.number)

        assert (still.json()["valid"], over.json()["valid"]) == (True, False)
        assert await housekeeping.put_away(house.db) >= 1
        assert await house.db.run(lambda session: session.scalar(select(StatementNumber))) is None

    async def test_an_address_that_asks_too_often_is_slowed_down(self, client: httpx.AsyncClient) -> None:
        answers = [await client.get(URL + "0" * 32) for _ in range(61)]

        assert {answer.status_code for answer in answers[:60]} == {200}
        assert (answers[60].status_code, answers[60].json()["code"]) == (429, "too-many-requests")
        assert 1 <= int(answers[60].headers["retry-after"]) <= 60

    async def test_the_database_cannot_tell_whose_it_is(self, make: Make, house: House) -> None:
        me = await make.owner()
        statement = await issued(house, me.id)

        (row,) = (await house.db.run(lambda session: session.scalars(select(StatementNumber)))).all()
        (file,) = (await house.db.run(lambda session: session.scalars(select(StatementFile)))).all()

        raw = bytes.fromhex(statement.number)
        assert not any(
            value in held for value in (raw, statement.number.encode()) for held in (row.number_hmac, file.number)
        )
        assert set(StatementNumber.__table__.columns.keys()) == {
            "bucket",
            "number_hmac",
            "sha256",
            "issued_at",
            "valid_until",
        }

    async def test_a_paper_of_no_home_is_vouched_for_too(self, house: House, client: httpx.AsyncClient) -> None:
        number, sha256 = statements.new_number(), "ab" * 32

        until = await house.db.run(
            lambda session: statements.vouch(session, number, bytes.fromhex(sha256), session.now)
        )

        assert until - house.db.clock.now() > timedelta(days=1095)
        assert (await client.get(URL + number)).json()["sha256"] == sha256
