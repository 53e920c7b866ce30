"""What a guardian agreed to for a child is the person's own later: seen, and taken back."""

import asyncio
from datetime import date, timedelta

import httpx
import pytest

from app.core.clock import SHANGHAI
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services.people import homes
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.make import Holder, Make, Someone
from tests.factories.phone import JSON


@pytest.fixture
async def teen(owner: Owner, kin: Kin, house: House) -> TestPerson:
    """Somebody who was added at 13 by their father, and is 16 by now."""
    day = house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=20)
    teen = await kin(born=date(day.year - 14, day.month, day.day), parents=[owner.person.number])
    enrolment = await owner.to_face(teen, "20", age=13)
    await owner.face_check(enrolment)
    assert (await owner.read(enrolment))["state"] == "active"
    await later(house, days=2 * 366 + 30)
    return teen


@pytest.fixture
async def them(make: Make, house: House, teen: TestPerson) -> Holder:
    """The same, with a phone and a card of their own."""
    found = await house.db.run(lambda session: homes.find(session, teen.number))
    registered = await house.ports.register.find(teen.number)
    assert found is not None
    assert registered is not None
    return await make.signed_in(Someone(found, registered))


async def link_of(them: Holder) -> str:
    [owner] = (await them.read("/v1/family"))["owners"]
    return f"/v1/family/owners/{owner['link_id']}"


async def consents(them: Holder) -> dict[str, JSON]:
    return {each["purpose"]: each for each in (await them.read(f"{await link_of(them)}/consents"))["items"]}


async def withdraw(them: Holder, purpose: str) -> httpx.Response:
    return await them.call("DELETE", f"{await link_of(them)}/consents/{(await consents(them))[purpose]['id']}")


async def test_they_see_what_was_agreed_to_for_them(them: Holder) -> None:
    found = await consents(them)

    assert set(found) == {"identity-document", "face-check", "minor-data"}
    assert {(each["withdrawn_at"], each["device"]) for each in found.values()} == {(None, None)}
    assert {purpose: each["withdrawal"]["what"] for purpose, each in found.items()} == {
        "identity-document": "deletes_files",
        "face-check": "deletes_files",
        "minor-data": "ends_link",
    }


async def test_a_consent_to_papers_goes_and_the_link_stays(owner: Owner, them: Holder) -> None:
    answers = await asyncio.gather(*(withdraw(them, "identity-document") for _ in range(3)))

    assert {answer.status_code for answer in answers} == {204}
    assert (await consents(them))["identity-document"]["withdrawn_at"] is not None
    assert len((await owner.read("/v1/family"))["members"]) == 1
    given = (await owner.read("/v1/consents"))["items"]
    assert next(each for each in given if each["purpose"] == "identity-document")["withdrawn_at"] is not None


async def test_without_the_guardians_consent_the_link_ends(owner: Owner, them: Holder) -> None:
    assert (await withdraw(them, "minor-data")).status_code == 204

    assert (await owner.read("/v1/family"))["members"] == []


async def test_what_they_have_confirmed_themselves_rests_on_their_own_consent(owner: Owner, them: Holder) -> None:
    notice = (await them.client.get("/v1/notices/face-check")).json()
    shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
    key = {"Idempotency-Key": "a" * 16}
    path = f"{await link_of(them)}/reconfirmations"
    begun = ok(await them.call("POST", path, shown | {"services": ["view"]}, **key))
    ok(await them.call("POST", f"/v1/face-checks/{begun['face_check']['id']}/completion"))

    assert (await withdraw(them, "minor-data")).status_code == 204

    [member] = (await owner.read("/v1/family"))["members"]
    assert member["services"] == ["view"]


async def test_it_is_nobody_elses(make: Make, owner: Owner, them: Holder) -> None:
    stranger = await make.owner()
    link = await link_of(them)
    consent = (await consents(them))["minor-data"]["id"]
    notice = next(each for each in (await owner.read("/v1/consents"))["items"] if each["purpose"] == "notice")

    assert owner.holder is not None
    for who in (stranger, owner.holder):
        refused(await who.call("GET", f"{link}/consents"), 404, "not-found")
        refused(await who.call("DELETE", f"{link}/consents/{consent}"), 404, "not-found")
    refused(await them.call("DELETE", f"{link}/consents/{notice['id']}"), 404, "not-found")
