"""Relatives are bound in five ways, and whichever it was, the rows are the same: nothing downstream asks by which door.

The family service by an app and by a mini program; medical account sharing by the web page, a branch and a hospital.
"""

from collections.abc import Mapping
from typing import Any

from app.core.db import Database
from app.models.channels import ChannelKind
from app.ports.register import TestPerson
from app.routers.deps import House
from app.worker import relay
from tests.channels.test_entering import Visitor
from tests.factories.adding import ok
from tests.factories.counters import Counter
from tests.factories.make import Make
from tests.factories.phone import Phone

FATHER, WIFE, SON = ("parent-68", "51"), ("spouse", "12"), ("child-9", "20")
People = dict[str, TestPerson]


async def rows(db: Database, table: str) -> list[dict[str, Any]]:
    """Return all of a table."""
    return [dict(row) for row in await db.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - ours


def filled(row: Mapping[str, Any]) -> set[str]:
    """Which columns hold something."""
    return {name for name, value in row.items() if value is not None}


async def entered(owner: Phone, make: Make, kind: ChannelKind) -> Phone:
    """Come in by another channel for the first time, with the account that there is, and give the card password."""
    await make.channel("other", kind=kind, identity="demo")
    visitor = Visitor(owner.client, "owner", channel="other")
    there = visitor.phone(owner, ok(await visitor.sign_in(owner)))
    await there.step_up()
    return there


async def on_web_page(owner: Phone, person: TestPerson, relationship: str) -> None:
    """Share with a relative, who agrees by the code to the phone that the register holds."""
    asked = {"computer_number": person.computer_number, "id_number": person.number, "relationship": relationship}
    body = {"notice": await owner.shown("account-sharing"), "bindings": [asked]}
    [outcome] = ok(await owner.call("POST", "/v1/sharing/bindings", body))["items"]
    assert outcome["status"] == "pending", outcome
    address = f"/v1/sharing/bindings/{outcome['binding']['id']}/confirmation"
    code = await newest_code(owner.house, str(person.phone))
    assert (await owner.call("PUT", address, {"sms_code": code})).status_code == 204


async def newest_code(house: House, phone: str) -> str:
    """Let the worker send what there is; return the code that a phone has got."""
    while await relay.tell_due(house.db, house.ports):
        pass
    assert house.sandbox is not None
    return next(each.code for each in await house.sandbox.inbox.received(phone) if each.code is not None)


async def at_counter(at: Counter, owner: TestPerson, person: TestPerson, relationship: str) -> None:
    """Lay both cards on the counter."""
    reads = [ok(await at.read(str(each.card_number), "sharing"))["card_read"] for each in (owner, person)]
    said = {"relationship": relationship, "notice": await at.notice("account-sharing")}
    body = said | {"owner_card_read": reads[0], "member_card_read": reads[1]}
    assert ok(await at.post("/v1/counter/sharing-bindings", body))["state"] == "active"


async def test_the_family_service_by_an_app_and_by_a_mini_program(
    owner: Phone, people: People, make: Make, db: Database
) -> None:
    await owner.step_up()
    await owner.add(people[FATHER[0]], FATHER[1], age=68)
    there = await entered(owner, make, ChannelKind.MINI_PROGRAM)
    await there.add(people[WIFE[0]], WIFE[1], age=32)

    first, second = await rows(db, "family_link")
    slots = await rows(db, "member_slot")

    assert filled(first) == filled(second)
    assert (first["state"], first["owner_id"]) == (second["state"], second["owner_id"])
    assert {(slot["owner_id"], slot["member_id"]) for slot in slots} == {
        (link["owner_id"], link["member_id"]) for link in (first, second)
    }
    assert {each["channel"] for each in await rows(db, "enrolment")} >= {"app", "other"}


async def test_sharing_by_the_web_page_a_branch_and_a_hospital(
    owner: Phone, people: People, make: Make, window: Counter, hospital: Counter, db: Database
) -> None:
    me = people["owner"]
    await on_web_page(await entered(owner, make, ChannelKind.WEB_PAGE), people[FATHER[0]], FATHER[1])
    await at_counter(window, me, people[WIFE[0]], WIFE[1])
    await at_counter(hospital, me, people[SON[0]], SON[1])

    bindings, slots = await rows(db, "sharing_binding"), await rows(db, "sharer_slot")

    assert {each["way"] for each in bindings} == {"web_page", "branch_window", "hospital"}
    assert len({frozenset(filled(each)) for each in bindings}) == 1
    assert len({frozenset(filled(each)) for each in slots}) == 1
    assert {(each["owner_id"], each["member_id"]) for each in slots} == {
        (each["owner_id"], each["member_id"]) for each in bindings
    }
    seen = ok(await owner.call("GET", "/v1/sharing/bindings"))
    assert {(each["relationship"], each["state"]) for each in seen["bindings"]} == {
        (relationship, "active") for _, relationship in (FATHER, WIFE, SON)
    }
