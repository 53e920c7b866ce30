"""A look says little, for a purpose, and is written down in the home of whose data it is."""

from dataclasses import replace
from datetime import date

from app.routers.deps import House
from tests.factories.adding import ok, refused
from tests.factories.counters import Counter, Open
from tests.factories.make import Make
from tests.factories.sharing import shared
from tests.factories.terminals import Install

LOOK_UPS = "/v1/counter/look-ups"


async def test_a_look_is_masked_and_says_how_somebody_stands(hospital: Counter, make: Make, house: House) -> None:
    wang = await make.owner(name="王小明")
    father, son = await make.person(birth_date=date(1957, 3, 8)), await make.person(birth_date=date(2012, 3, 8))
    await shared(house.db, wang, father, "51")
    await shared(house.db, father, wang, "20")
    await shared(house.db, son, wang, "51")
    token = await hospital.token(wang, "treatment")

    looked = ok(await hospital.post(LOOK_UPS, {"card_read": token}))

    assert looked == {
        "purpose": "treatment",
        "person": {
            "name": "王**",
            "has_e_card": True,
            "is_suspended": False,
            "sharing": {"shares_with": 1, "shared_by": 2},
        },
    }


async def test_each_look_is_written_down_with_its_purpose_and_seen_by_whom_it_is_about(
    hospital: Counter, make: Make
) -> None:
    wang = await make.owner()
    token = await hospital.token(wang, "treatment")

    for _ in range(2):
        ok(await hospital.post(LOOK_UPS, {"card_read": token}))

    looks = [facts for action, facts, actor in await make.audited(wang) if action == "counter.looked"]
    assert [(facts["purpose"], facts["office"]) for facts in looks] == [("treatment", "east-hospital")] * 2
    activity = (await wang.read("/v1/holders/me/activity", **{"Accept-Language": "en"}))["items"]
    assert [entry["actor"]["text"] for entry in activity[:2]] == ["Staff of 服务窗口"] * 2


async def test_a_look_takes_a_card_that_was_read_by_who_looks_and_lately(
    hospital: Counter, open_counter: Open, make: Make
) -> None:
    token = await hospital.token(await make.person(), "treatment")
    colleague = await open_counter("colleague")

    refused(await colleague.post(LOOK_UPS, {"card_read": token}), 403, "card-read-of-another")
    refused(await hospital.post(LOOK_UPS, {"card_read": token[::-1]}), 403, "card-read-not-valid")


async def test_a_stolen_session_and_a_card_that_was_read_look_at_nobody_without_the_terminal_that_read_it(
    hospital: Counter, install: Install, make: Make
) -> None:
    wang = await make.person()
    token = await hospital.token(wang, "treatment")
    beside = replace(hospital, terminal=await install("beside", office="east-hospital"))

    refused(await hospital.clerk.call("POST", LOOK_UPS, {"card_read": token}), 401, "terminal-not-known")
    refused(await hospital.post(LOOK_UPS, {"card_read": token}, session=None), 401, "not-signed-in")
    refused(await beside.post(LOOK_UPS, {"card_read": token}), 403, "card-read-of-another")
    assert "counter.looked" not in [action for action, _, _ in await make.audited(wang)]
