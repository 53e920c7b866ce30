"""An application is begun at a window, for an owner whose card lies there, and somebody who has no phone."""

import asyncio

from app.core.db import Database
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.factories.adding import Kin, Owner, ok, refused
from tests.factories.counters import Open
from tests.factories.make import Make
from tests.factories.passing import Time
from tests.factories.phone import JSON
from tests.window.conftest import ALL, ENROLMENTS, Window

OWN_FAMILY = "service-of-own-family"


async def begun(window: Window, owner: TestPerson) -> tuple[str, str]:
    """Begin one with the owner's card; return its address, and the token of the card."""
    token = await window.card(owner)
    body = {"owner_card_read": token, "notice": await window.notice("family-account")}
    return f"{ENROLMENTS}/{ok(await window.post(ENROLMENTS, body))['id']}", token


def named(token: str, person: TestPerson, relationship: str) -> JSON:
    said = {"name": person.name, "social_security_number": person.number, "relationship": relationship}
    return {"owner_card_read": token} | said


async def test_somebody_without_a_phone_is_added_at_the_window_alone(
    window: Window, owner: Owner, kin: Kin, house: House, db: Database
) -> None:
    mother = await kin(age=82, sex="2", portrait=None)

    address, token = await begun(window, owner.person)
    details = ok(await window.post(f"{address}/details", named(token, mother, "52"), method="PUT"))
    done = ok(await window.attest(address, await window.shown("id_card", services=ALL)))
    await Time(house).work()
    (member,) = ok(await owner.call("GET", "/v1/family"))["members"]

    assert (details["state"], details["member"]["age"], details["owner_name"]) == ("documents_pending", 82, "王**")
    assert (done["state"], done["proof"]) == ("active", "in_person")
    assert member["relationship"] == "52"
    consents = await db.fetch("SELECT purpose, channel FROM consent ORDER BY purpose")
    assert [tuple(row) for row in consents] == [("counter-check", "counter"), ("notice", "counter")]
    told = {row["message"] for row in await db.fetch("SELECT message FROM notification")}
    assert {"enrolment_at_counter", "link_started_owner"} <= told
    events = await db.fetch("SELECT actor_kind FROM audit_event WHERE action = 'enrolment.opened'")
    assert [row["actor_kind"] for row in events] == ["operator"]


async def test_it_is_the_same_application_in_the_app(window: Window, owner: Owner, kin: Kin) -> None:
    father = await kin(age=68)
    address, token = await begun(window, owner.person)
    ok(await window.post(f"{address}/details", named(token, father, "51"), method="PUT"))

    (mine,) = ok(await owner.call("GET", "/v1/enrolments"))["items"]
    cancelled = await owner.call("DELETE", f"/v1/enrolments/{mine['id']}")

    assert address.endswith(mine["id"])
    assert cancelled.status_code == 204


async def test_an_owner_without_an_e_card_adds_nobody(window: Window, make: Make) -> None:
    somebody = Kin.known(await make.person(name="无卡人"))
    body = {"owner_card_read": await window.card(somebody), "notice": await window.notice("family-account")}

    refused(await window.post(ENROLMENTS, body), 409, "own-card-needed")


async def test_the_rules_of_the_app_hold(window: Window, owner: Owner, kin: Kin, make: Make) -> None:
    address, token = await begun(window, owner.person)
    child = await kin(age=9)
    other = await make.owner(name="别人")
    path = f"{address}/details"

    refused(await window.post(path, named(token, owner.person, "51"), method="PUT"), 409, "self-not-allowed")
    refused(await window.post(path, named(token, child, "51"), method="PUT"), 409, "relationship-implausible")
    unknown = named(token, child, "20") | {"name": "另一人"}
    refused(await window.post(path, unknown, method="PUT"), 409, "person-not-verified")
    theirs = named(await window.card(Kin.known(other)), child, "20")
    refused(await window.post(path, theirs, method="PUT"), 404, "not-found")
    old = {"owner_card_read": token, "notice": await window.notice("family-account") | {"version": "2020-01-01"}}
    refused(await window.post(ENROLMENTS, old), 409, "notice-outdated")


async def test_a_relative_of_the_clerk_is_not_added(open_counter: Open, owner: Owner, kin: Kin, db: Database) -> None:
    counter = await open_counter()
    window = Window(counter)
    mother = await kin(age=66, sex="2", parents=[counter.clerk_is.registered.number])
    address, token = await begun(window, owner.person)

    refused(await window.post(f"{address}/details", named(token, mother, "52"), method="PUT"), 403, OWN_FAMILY)

    (row,) = await db.fetch("SELECT member_id, state FROM enrolment")
    assert row["member_id"] is None
    assert len(await db.fetch("SELECT 1 FROM audit_event WHERE action = 'counter.refused'")) == 1


async def test_places_are_not_taken_twice_at_once(window: Window, owner: Owner, kin: Kin, db: Database) -> None:
    father = await kin(age=68)
    both = [await begun(window, owner.person) for _ in range(2)]

    answers = await asyncio.gather(
        *(window.post(f"{address}/details", named(token, father, "51"), method="PUT") for address, token in both)
    )

    assert sorted(each.status_code for each in answers) == [200, 409]
    assert len(await db.fetch("SELECT 1 FROM family_link WHERE state = 'reserved'")) == 1
