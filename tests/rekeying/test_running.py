"""Re-keying runs while people are served: all of it ends under the new keys, and nobody notices."""

import asyncio
import shutil
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import delete

from app.adapters.keys import versions
from app.adapters.medical_funds.embedded import EmbeddedMedicalFunds
from app.core.suites import MARKS, Suite
from app.models.base import Sealed
from app.models.rekeying import RekeyJob
from app.models.stand_ins import RegisterPerson
from app.ports.keys import KeyKind
from app.routers.deps import House
from app.services import files, housekeeping, rekeying
from app.services.people import homes
from app.services.people.identifiers import Population, parse_number
from app.services.rekeying import NotYet, Tools, columns, parts, proving, working
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, pass_time, sign_in
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone, settle_people
from tests.rekeying.conftest import KINDS, Serve, Server, Stages, of_suite

QUICKLY = 100_000
EVERYTHING = list(RekeyJob)


def tools(house: House) -> Tools:
    return Tools(house.db, house.ports.keys, house.ports.store)


async def rekeyed(house: House, *jobs: RekeyJob, workers: int = 1) -> None:
    """Do these jobs, or all, by so many workers at once."""
    await rekeying.begin(tools(house), jobs or EVERYTHING)

    async def work() -> None:
        while True:
            if not await rekeying.step(tools(house), rows_a_second=QUICKLY):
                if await rekeying.is_finished(tools(house)):
                    break
                await asyncio.sleep(0.05)

    async with asyncio.timeout(120):
        await asyncio.gather(*(work() for _ in range(workers)))


async def needed(house: House) -> Mapping[str, int]:
    """Count what needs the first pepper or the first wrapping key."""
    found: dict[str, int] = {}
    for kind in KINDS:
        found |= await proving.uses(tools(house), kind, 1)
    return found


async def suites(house: House) -> set[bytes]:
    """Return the marks of everything that is sealed, in the database and in the store."""
    marks: set[bytes] = set()
    for table in columns.tables(Sealed):
        for name in columns.holding(table, Sealed):
            question = f"SELECT {name} AS sealed FROM {table.name} WHERE {name} IS NOT NULL"  # noqa: S608 - our own names
            marks |= {row["sealed"][:1] for row in await house.db.fetch(question)}
    for evidence in files.TABLES:
        for row in await house.db.fetch(f"SELECT object_key FROM {evidence.__tablename__}"):  # noqa: S608 - our own names
            marks.add((await house.ports.store.get(row["object_key"]))[:1])
    return marks


async def somebody(server: Server) -> Phone:
    """A holder with a card and a password, and an application with a paper."""
    await settle_people(server.house)
    assert server.house.sandbox is not None
    people = {person.label: person for person in await server.house.sandbox.people()}
    number = people["owner"].phone
    assert number is not None
    phone = Phone(server.client, server.house, number)
    await phone.register()
    await phone.own_card(people["owner"])
    child = people["child-9"]
    await phone.to_face(child, "20" if int(child.number[16]) % 2 else "30", age=9)
    return phone


async def as_ever(server: Server, phone: Phone) -> list[object]:
    """Return what somebody reads and does, which no key changes."""
    phone.client, phone.house = server.client, server.house
    signed_in = await sign_in(phone, password=PASSWORD)
    card = (await phone.call("GET", "/v1/holders/me/card")).json()
    me = (await phone.call("GET", "/v1/me")).json()
    checked = await phone.call("POST", "/v1/card/password-checks", {"password": CARD_PASSWORD})
    devices = (await phone.call("GET", "/v1/devices")).json()["items"]
    open_ones = (await phone.call("GET", "/v1/enrolments?state=open")).json()["items"]
    return [
        signed_in.status_code,
        card.get("card_number"),
        card.get("name"),
        me["phone"],
        checked.status_code,
        [device["name"] for device in devices],
        [each["id"] for each in open_ones],
    ]


async def test_everything_comes_under_the_new_keys_and_the_old_ones_go(serve: Serve, stages: Stages) -> None:
    async with serve(stages.before) as server:
        phone = await somebody(server)
        before = await as_ever(server, phone)
    async with serve(stages.written) as server:
        needed_before = await needed(server.house)
        await rekeyed(server.house)
        left = await needed(server.house)
        during = await as_ever(server, phone)
        await pass_time(server.house, days=200)
        await rekeyed(server.house, RekeyJob.PEPPER)
        await pass_time(server.house, days=2)
        await housekeeping.put_away(server.house.db)
        for kind in KINDS:
            await rekeying.require_unused(tools(server.house), kind, 1)

    async with serve(stages.dropped()) as server:
        after = await as_ever(server, phone)

    assert {"home.wrapped_key", "identifier.number_hmac", "login.phone_hmac"} <= needed_before.keys()
    assert not {"home.wrapped_key", "document.wrapped_key", "identifier.number_hmac", "login.phone_hmac"} & left.keys()
    assert before[0] == 201
    assert before == during
    assert [after[place] for place in (0, 1, 2, 3, 4)] == [before[place] for place in (0, 1, 2, 3, 4)]


async def test_medical_accounts_come_under_the_new_key_where_another_register_knows_whose_they_are(
    serve: Serve, stages: Stages
) -> None:
    async with serve(stages.before) as server:
        await settle_people(server.house)
        assert server.house.sandbox is not None
        owner = (await server.house.sandbox.people())[0]
        registered = await server.house.ports.register.find(owner.number)
        assert registered is not None
        number = parse_number(owner.number, population=Population.WITH_TEST_PEOPLE)
        await server.house.db.run(lambda session: homes.find_or_create(session, number, registered))
        await EmbeddedMedicalFunds(server.house.db).credit(owner.number, Decimal("9.90"), "a/1")
        await server.house.db.run(lambda session: session.execute(delete(RegisterPerson)))
    async with serve(stages.written) as server:
        needed_before = await needed(server.house)
        await rekeyed(server.house, RekeyJob.PEPPER)
        left = await needed(server.house)

        assert await server.house.ports.medical_funds.balances([owner.number]) == {owner.number: Decimal("9.90")}
    assert needed_before["funds_account.number_hmac"] == 1
    assert "funds_account.number_hmac" not in left


async def test_who_is_found_by_a_key_alone_that_was_taken_out_by_hand_is_found_when_it_is_put_back(
    serve: Serve, stages: Stages
) -> None:
    async with serve(stages.before) as server:
        phone = Phone(server.client, server.house, SOMEBODY)
        await phone.register()
    too_early = stages.written.with_name("too-early.json")
    shutil.copy2(stages.written, too_early)
    versions.drop(too_early, KeyKind.PEPPER, 1)
    async with serve(too_early) as server:
        await rekeyed(server.house, RekeyJob.PEPPER)

    async with serve(stages.written) as server:
        phone.client, phone.house = server.client, server.house
        assert (await sign_in(phone, password=PASSWORD)).status_code == 201


async def test_an_old_key_is_not_dropped_before_nothing_needs_it(serve: Serve, stages: Stages) -> None:
    async with serve(stages.before) as server:
        await Phone(server.client, server.house, SOMEBODY).register()
    async with serve(stages.written) as server:
        refusals = []
        for kind in (*KINDS, KeyKind.SIGNING):
            with pytest.raises(NotYet) as refusal:
                await rekeying.require_unused(tools(server.house), kind, 1)
            refusals.append(str(refusal.value))
        await rekeyed(server.house, RekeyJob.WRAPPING)
        with pytest.raises(NotYet) as at_once:
            await rekeying.require_unused(tools(server.house), KeyKind.WRAPPING, 1)
        async with serve(stages.added) as slow:  # it writes under the old keys still
            await Phone(slow.client, slow.house, SOMEBODY_ELSE).register()
        await pass_time(server.house, days=3)
        with pytest.raises(NotYet) as written_late:
            await rekeying.require_unused(tools(server.house), KeyKind.WRAPPING, 1)
        await rekeyed(server.house, RekeyJob.WRAPPING)
        await pass_time(server.house, days=3)

        await rekeying.require_unused(tools(server.house), KeyKind.WRAPPING, 1)

    assert ["comes first" in each for each in refusals] == [True, True, False]
    assert "less than a day ago" in str(at_once.value)
    assert "home.wrapped_key" in str(written_late.value)


@pytest.mark.parametrize("way", [(Suite.INTERNATIONAL, Suite.SM), (Suite.SM, Suite.INTERNATIONAL)], ids="-".join)
async def test_all_that_is_sealed_changes_its_suite(serve: Serve, stages: Stages, way: tuple[Suite, Suite]) -> None:
    first, second = way
    one = of_suite(stages.before, first, "first.json")
    other = of_suite(one, second, "second.json")
    async with serve(one, first) as server:
        phone = await somebody(server)
        before, marks_before = await as_ever(server, phone), await suites(server.house)
        objects_before = await stored(server.house)

    async with serve(other, second) as server:
        await rekeyed(server.house)
        after, marks_after = await as_ever(server, phone), await suites(server.house)
        objects_after = await stored(server.house)
        progress = await server.house.db.run(rekeying.progress)

    assert (marks_before, marks_after) == ({MARKS[first]}, {MARKS[second]})
    assert after == before
    assert len(objects_after) == len(objects_before)
    assert not objects_after & objects_before
    assert all(each.finished_at is not None and each.left == 0 for each in progress if each.job is RekeyJob.SUITE)


async def stored(house: House) -> set[str]:
    return {entry.key async for entry in house.ports.store.list("evidence")}


async def test_people_are_served_and_sign_up_while_several_workers_run(serve: Serve, stages: Stages) -> None:
    async with serve(stages.before) as server:
        phone = await somebody(server)
        before = await as_ever(server, phone)
    sm = of_suite(stages.before, Suite.SM, "sm.json")

    async with serve(sm, Suite.SM) as server:
        running = asyncio.create_task(rekeyed(server.house, workers=3))
        seen = [await as_ever(server, phone)]
        newcomers = [Phone(server.client, server.house, number) for number in (SOMEBODY, SOMEBODY_ELSE)]
        await asyncio.gather(*(newcomer.register() for newcomer in newcomers))
        seen.append(await as_ever(server, phone))
        await running
        signed_in = [await sign_in(newcomer, password=PASSWORD) for newcomer in newcomers]
        left = await needed(server.house)

    assert seen == [before, before]
    assert [answer.status_code for answer in signed_in] == [201, 201]
    assert "home.wrapped_key" not in left


async def test_a_phone_that_changes_meanwhile_leads_to_its_account_and_the_old_one_to_nobody(
    serve: Serve, stages: Stages
) -> None:
    numbers = [(f"1000000910{each}", f"1000000920{each}") for each in range(4)]
    async with serve(stages.before) as server:
        phones = [Phone(server.client, server.house, old) for old, _ in numbers]
        for phone in phones:
            await phone.register()
    async with serve(stages.written) as server:
        changes = []
        for phone, (_, number) in zip(phones, numbers, strict=True):
            phone.client, phone.house = server.client, server.house
            elsewhere = Phone(server.client, server.house, number)
            codes = await phone.sms_code("change_phone"), await elsewhere.sms_code("change_phone")
            changes.append({"phone": number, "sms_code": codes[0], "new_phone_sms_code": codes[1]})

        asked = [phone.call("PUT", "/v1/me/phone", change) for phone, change in zip(phones, changes, strict=True)]
        running = asyncio.create_task(rekeyed(server.house, RekeyJob.PEPPER, workers=2))
        answers = await asyncio.gather(*asked)
        await running
        gone = [await sign_in(Phone(server.client, server.house, old), password=PASSWORD) for old, _ in numbers]
        there = [await sign_in(Phone(server.client, server.house, new), password=PASSWORD) for _, new in numbers]
        left = await needed(server.house)

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.status_code for answer in gone] == [403] * 4
    assert [answer.status_code for answer in there] == [201] * 4
    assert "login.phone_hmac" not in left


async def test_a_server_with_the_file_of_before_leaves_the_work_to_others(serve: Serve, stages: Stages) -> None:
    async with serve(stages.added) as old, serve(stages.written) as new:
        await Phone(old.client, old.house, SOMEBODY).register()
        await rekeying.begin(tools(new.house), [RekeyJob.WRAPPING])

        by_the_old = await rekeying.step(tools(old.house), rows_a_second=QUICKLY)
        by_the_new = await rekeying.step(tools(new.house), rows_a_second=QUICKLY)

    assert (by_the_old, by_the_new) == (0, 1)


async def test_who_comes_too_late_moves_nothing(serve: Serve, stages: Stages) -> None:
    async with serve(stages.written) as server:
        db, ours = server.house.db, tools(server.house)
        await rekeying.begin(ours, [RekeyJob.WRAPPING])
        first = await db.run(partial(parts.take, targets=ours.targets()))
        assert first is not None
        await pass_time(server.house, seconds=61)
        taken = [await db.run(partial(parts.take, targets=ours.targets())) for _ in working.parts_of(RekeyJob.WRAPPING)]

        with pytest.raises(parts.Overtaken):
            await db.run(partial(parts.move, taken=first, moved=parts.Moved(None, 1)))

    assert first.part in [each.part for each in taken if each is not None]


async def test_who_closes_their_account_meanwhile_is_found_no_more_and_comes_back_as_somebody_new(
    serve: Serve, stages: Stages
) -> None:
    numbers = [f"1000000930{each}" for each in range(4)]
    async with serve(stages.before) as server:
        phones = [Phone(server.client, server.house, number) for number in numbers]
        for phone in phones:
            await phone.register()
    async with serve(stages.written) as server:
        asked = []
        for phone in phones:
            phone.client, phone.house = server.client, server.house
            seen = (await phone.call("GET", "/v1/me/closing")).json()["version"]
            asked.append(phone.call("DELETE", "/v1/me", **{"If-Match": f'"{seen}"'}))
        running = asyncio.create_task(rekeyed(server.house, RekeyJob.PEPPER, RekeyJob.WRAPPING, workers=2))
        closed = await asyncio.gather(*asked)
        await running
        left = await server.house.db.fetch("SELECT count(*) AS n FROM login")
        homes = await server.house.db.fetch("SELECT wrapped_key FROM home WHERE kind = 'account'")
        await pass_time(server.house, minutes=2)
        for number in numbers:
            await Phone(server.client, server.house, number).register()

    assert [answer.status_code for answer in closed] == [200] * 4
    assert left[0]["n"] == 0
    assert [home["wrapped_key"] for home in homes] == [b""] * 4
