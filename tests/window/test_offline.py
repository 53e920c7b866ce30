"""What was done at a window without a connection is replayed: each order number once, and only what may be late."""

import asyncio
import itertools
import json
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.routers.deps import House
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.counters import Counter, Open
from tests.factories.make import Holder, Make, Member
from tests.factories.phone import JSON
from tests.window.conftest import ALL, Window, father_at_face

PATH = "/v1/counter/offline-deeds"


class Queue:
    """What a terminal has signed while there was no connection."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self._numbers = itertools.count(1)

    def sign(self, said: JSON, **signing: Any) -> JSON:
        """Sign a deed, under the next number unless it says one."""
        session_id = self.counter.clerk.session_id
        body = {"number": next(self._numbers), "session_id": session_id} | said
        request = self.counter.terminal.signed(body, path=PATH, **signing)
        return {
            "body": request.content.decode(),
            "content_digest": request.headers["content-digest"],
            "signature_input": request.headers["signature-input"],
            "signature": request.headers["signature"],
        }

    async def replay(self, *deeds: JSON) -> list[JSON]:
        """Send them when there is a connection again; return what became of each."""
        items: list[JSON] = ok(await self.send(*deeds))["items"]
        return items

    async def send(self, *deeds: JSON) -> httpx.Response:
        return await self.counter.clerk.call("POST", PATH, {"deeds": list(deeds)})


@pytest.fixture
def queue(counter_window: Counter) -> Queue:
    """The queue of a window's terminal."""
    return Queue(counter_window)


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def mother(make: Make, me: Holder) -> Member:
    """The owner's mother, who has no account."""
    return await make.member(me, "52", sex="2", name="李秀英")


def ending(member: Member, **more: object) -> JSON:
    return {"kind": "link_ending", "person": person(member)} | more


def person(member: Member) -> JSON:
    said = member.person.registered
    return {"name": said.name, "social_security_number": said.number, "documents_seen": ["id_card"]}


def outcomes(items: list[JSON]) -> list[tuple[str, str | None, bool]]:
    return [(each["status"], each["code"], each["is_repeated"]) for each in items]


async def test_deeds_are_done_later_each_once(
    queue: Queue, window: Window, owner: Owner, kin: Kin, me: Holder, mother: Member, db: Database
) -> None:
    _, enrolment = await father_at_face(owner, kin)
    shown = await window.shown("id_card", services=ALL)
    attested = {"kind": "attestation", "enrolment_id": enrolment.rpartition("/")[2], **shown}
    deeds = [queue.sign(attested), queue.sign(ending(mother))]

    first = await queue.replay(*deeds)
    again = await queue.replay(*reversed(deeds))

    assert outcomes(first) == [("done", None, False), ("done", None, False)]
    assert [(each["index"], each["number"]) for each in again] == [(0, 2), (1, 1)]
    assert outcomes(again) == [("done", None, True), ("done", None, True)]
    mine = await owner.read(enrolment)
    assert (mine["state"], mine["proof"]) == ("active", "in_person")
    assert (await me.read("/v1/family"))["members"] == []
    assert len(await db.fetch("SELECT 1 FROM attestation")) == 1
    rows = await db.fetch("SELECT number, kind, refusal FROM offline_deed ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, "attest", None), (2, "end", None)]


async def test_they_are_their_operators_even_if_the_session_has_ended_since(
    queue: Queue, open_counter: Open, mother: Member, db: Database
) -> None:
    deed = queue.sign({"kind": "link_dispute", "person": person(mother), "reason": "pressed"})
    await queue.counter.clerk.call("DELETE", "/v1/staff/sessions/current")
    another = await open_counter("colleague")

    items = ok(await another.clerk.call("POST", PATH, {"deeds": [deed]}))["items"]

    assert outcomes(items) == [("done", None, False)]
    events = await db.fetch("SELECT actor_id FROM audit_event WHERE action = 'link.disputed_at_counter'")
    assert [row["actor_id"] for row in events] == [queue.counter.clerk.id]


async def test_what_is_not_right_is_told_apart_and_changes_nothing(
    queue: Queue, me: Holder, mother: Member, house: House
) -> None:
    now = int(house.db.clock.now().timestamp())
    good = queue.sign(ending(mother, number=50))
    forged = good | {"body": good["body"].replace("50", "51")}
    stale = queue.sign(ending(mother), created=now - 25 * 3600)
    early = queue.sign(ending(mother), created=now + 3600)
    nonsense = queue.sign({"kind": "password_unlock"})
    nobodys = queue.sign(ending(mother, session_id=str(me.id)))
    before = queue.sign(ending(mother), created=now - 3600)
    unknown = queue.sign({"kind": "link_ending", "person": person(mother) | {"name": "另一人"}})

    items = await queue.replay(forged, stale, early, nonsense, nobodys, before, unknown)

    assert [each["code"] for each in items] == [
        "terminal-not-known",
        "deed-not-timely",
        "deed-not-timely",
        "deed-not-valid",
        "deed-session-not-valid",
        "deed-session-not-valid",
        "person-not-verified",
    ]
    assert {each["status"] for each in items} == {"refused"}
    assert all(each["text"] for each in items)
    assert len((await me.read("/v1/family"))["members"]) == 1


async def test_a_refusal_stays_one_and_a_number_is_one_deeds(
    queue: Queue, make: Make, me: Holder, mother: Member
) -> None:
    first = queue.sign(ending(mother, number=7))
    other = queue.sign(ending(mother, number=7, link_ids=[str(me.id)]))
    gone = queue.sign(ending(mother, number=8, link_ids=[str(me.id)]))

    items = await queue.replay(first, other, gone)
    again = await queue.replay(gone, other)

    assert outcomes(items) == [
        ("done", None, False),
        ("refused", "order-number-used", False),
        ("refused", "not-found", False),
    ]
    assert outcomes(again) == [("refused", "not-found", True), ("refused", "order-number-used", False)]


async def test_what_the_app_did_meanwhile_stands(queue: Queue, window: Window, owner: Owner, kin: Kin) -> None:
    _, enrolment = await father_at_face(owner, kin)
    shown = await window.shown("id_card", services=ALL)
    deed = queue.sign({"kind": "attestation", "enrolment_id": enrolment.rpartition("/")[2], **shown})
    await owner.face_check(enrolment)

    (item,) = await queue.replay(deed)

    assert (item["status"], item["code"]) == ("refused", "attestation-not-possible")
    assert (await owner.read(enrolment))["proof"] == "live"


async def test_nothing_is_dated_back_behind_what_the_terminal_has_done(
    queue: Queue, me: Holder, mother: Member, house: House
) -> None:
    await later(house, minutes=10)
    now = int(house.db.clock.now().timestamp())
    first = queue.sign(ending(mother, number=5, link_ids=[str(mother.link_id)]), created=now - 120)
    back = queue.sign(ending(mother, number=6), created=now - 180)
    ahead = queue.sign(ending(mother, number=4), created=now - 60)
    later_on = queue.sign(ending(mother, number=7), created=now - 120)

    items = [(await queue.replay(deed))[0] for deed in (first, back, ahead, later_on)]

    assert [(each["status"], each["code"]) for each in items] == [
        ("done", None),
        ("refused", "deed-out-of-order"),
        ("refused", "deed-out-of-order"),
        ("done", None),
    ]
    assert items[1]["text"]


async def test_of_two_deeds_at_once_whose_times_cross_one_is_done(queue: Queue, mother: Member, house: House) -> None:
    await later(house, minutes=10)
    now = int(house.db.clock.now().timestamp())
    crossed = [queue.sign(ending(mother, number=n), created=now - seconds) for n, seconds in ((5, 60), (6, 120))]

    batches = await asyncio.gather(*(queue.replay(deed) for deed in crossed))

    assert sorted((each["status"], each["code"] or "") for (each,) in batches) == [
        ("done", ""),
        ("refused", "deed-out-of-order"),
    ]


async def test_another_office_replays_nothing_and_nothing_is_lost_by_that(
    queue: Queue, open_counter: Open, mother: Member
) -> None:
    deed = queue.sign(ending(mother))
    elsewhere = await open_counter("east", office="east-window")

    (there,) = ok(await elsewhere.clerk.call("POST", PATH, {"deeds": [deed]}))["items"]
    (here,) = await queue.replay(deed)

    assert (there["status"], there["code"]) == ("refused", "terminal-elsewhere")
    assert (here["status"], here["is_repeated"]) == ("done", False)


async def test_the_same_deed_many_times_at_once_is_done_once(
    queue: Queue, make: Make, me: Holder, mother: Member, db: Database
) -> None:
    deed = queue.sign(ending(mother))

    batches = await asyncio.gather(*(queue.replay(deed) for _ in range(5)))

    assert {status for items in batches for status, _, _ in outcomes(items)} == {"done"}
    assert len(await db.fetch("SELECT 1 FROM offline_deed")) == 1
    written = [action for action, _, _ in await make.audited(mother.person)]
    assert written.count("links.ended_at_counter") == 1


async def test_what_no_clock_shows_and_no_text_holds_is_refused_alone(queue: Queue, mother: Member) -> None:
    never = queue.sign(ending(mother), created=10**14)
    torn = queue.sign(ending(mother)) | {"body": "\ud800" * 2}

    (item, good) = await queue.replay(never, queue.sign(ending(mother)))
    answer = await queue.counter.clerk.client.post(
        PATH,
        content=json.dumps({"deeds": [torn]}),
        headers={"Authorization": f"Bearer {queue.counter.clerk.token}", "Content-Type": "application/json"},
    )

    assert (item["status"], item["code"]) == ("refused", "deed-not-timely")
    assert good["status"] == "done"
    assert answer.status_code in (400, 422)


async def test_a_batch_is_bounded_and_a_hospital_has_none(queue: Queue, hospital: Counter, mother: Member) -> None:
    deed = queue.sign(ending(mother))

    refused(await queue.send(*[deed] * 101), 422, "invalid-request")
    refused(await Queue(hospital).send(deed), 403, "not-at-this-office")


def test_a_hundred_deeds_are_within_a_body(queue: Queue, mother: Member) -> None:
    shown = {"code": "counter-check", "version": "2026-11-01", "language": "zh-CN", "sha256": "0" * 64}
    consents = [shown | {"services": ALL}, shown]
    longest = {"kind": "attestation", "enrolment_id": "x" * 36, "documents_seen": ["id_card"] * 6, "consents": consents}

    assert len(json.dumps({"deeds": [queue.sign(longest)] * 100})) < 1024 * 1024
