"""In development an authority can be told to be silent; the demo's people have records."""

import httpx

from app.cli.demo import load
from app.core.clock import today
from app.routers.deps import House
from app.services.people.ages import age_on
from tests.factories.adding import refused
from tests.factories.make import Make


async def test_an_authority_can_be_told_to_be_down_and_to_answer_again(
    client: httpx.AsyncClient, make: Make, house: House
) -> None:
    me = await make.owner()

    for behaviour, status in (("down", 503), ("answers", 200), ("nonsense", 200)):
        told = await client.post("/dev/insurance", json={"authority": "human_resources", "behaviour": behaviour})
        assert told.status_code == 204
        answer = await me.call("GET", "/v1/holders/me/rights/pension")
        assert answer.status_code == status, behaviour
    wrong = await client.post("/dev/insurance", json={"authority": "human_resources", "behaviour": "sings"})
    refused(wrong, 422, "invalid-request")


async def test_the_demos_people_have_records_that_fit_their_age(house: House) -> None:
    await load(house)
    assert house.sandbox is not None
    counts: dict[str, int] = {}

    for person in await house.sandbox.people():
        told = [await each.participations(person.number) for each in house.ports.insurance.values()]
        counts[person.label] = len([item for each in told for item in each.items])
        if age_on(person.birth_date, today(house.db.clock.now())) < 16:
            assert {item.scheme for each in told for item in each.items} == {"390"}, person.label

    assert counts["owner"] == 6
    assert counts["newborn"] == 1
    assert min(counts.values()) >= 1
