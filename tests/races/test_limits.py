"""Eight at once: places, owners of one member, spouses who add each other; exactly the allowed number succeeds."""

import asyncio
from collections import Counter
from functools import partial

import httpx

from app.ports.register import TestPerson
from app.routers.deps import House
from tests.factories.adding import Kin, Owner, app_of
from tests.factories.make import Make

CROWD = 8


async def test_of_eight_adds_for_the_last_place_one_succeeds(owner: Owner, make: Make, kin: Kin) -> None:
    assert owner.holder is not None
    for _ in range(2):
        await make.member(owner.holder, "20")
    children = [await kin(age=9, parents=[owner.person.number]) for _ in range(CROWD)]
    enrolments = [await owner.open("family_member") for _ in children]
    for enrolment in enrolments:
        await owner.acknowledge(enrolment, "family-account")

    answers = await asyncio.gather(*map(partial(_insist, owner), enrolments, children))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CROWD - 1}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"quota-reached"}
    family = await owner.holder.read("/v1/family")
    assert family["quota"]["child"] | {"rule": None} == family["quota"]["child"] | {"rule": None, "used": 3, "limit": 3}


async def test_of_eight_owners_of_one_member_as_many_as_may_are_active(make: Make, kin: Kin, house: House) -> None:
    member = await kin(age=68)
    apps = [await app_of(await make.owner(), house) for _ in range(CROWD)]
    enrolments = [await app.to_face(member, "51", age=68) for app in apps]

    await asyncio.gather(*(app.face_check(enrolment) for app, enrolment in zip(apps, enrolments, strict=True)))

    read = [await app.read(enrolment) for app, enrolment in zip(apps, enrolments, strict=True)]
    assert Counter((each["state"], each["waiting_for"]) for each in read) == {
        ("active", None): 2,
        ("face_pending", "owners-at-limit"): CROWD - 2,
    }
    assert {step["step"] for each in read if each["waiting_for"] for step in each["next"]} == {"wait-for-slot"}


async def test_spouses_who_add_each_other_at_the_same_moment_both_succeed(make: Make, house: House) -> None:
    husband = await app_of(await make.owner(sex="1"), house)
    wife = await app_of(await make.owner(sex="2"), house)
    pairs = (
        (husband, await husband.to_face(wife.person, "12", age=40)),
        (wife, await wife.to_face(husband.person, "11", age=40)),
    )

    await asyncio.gather(*(app.face_check(enrolment) for app, enrolment in pairs))

    assert [(await app.read(enrolment))["state"] for app, enrolment in pairs] == ["active", "active"]
    family = await husband.call("GET", "/v1/family")
    assert (len(family.json()["members"]), len(family.json()["owners"])) == (1, 1)


async def _insist(owner: Owner, enrolment: str, child: TestPerson) -> httpx.Response:
    """Give the details; when too much is under way, a moment later again."""
    body = {"name": child.name, "social_security_number": child.number, "relationship": "20"}
    while True:
        answer = await owner.call("PUT", f"{enrolment}/details", body)
        if answer.json().get("code") != "lookup-in-progress":
            return answer
        await asyncio.sleep(0.2)
