"""Those who wait for a change cost little, and hear nothing once they are signed out."""

import asyncio
from typing import Any

from sqlalchemy import event

from app import main
from app.routers.deps import House
from tests.factories.callers import on_new_device, sign_in
from tests.factories.phone import PASSWORD, Phone


async def test_who_is_signed_out_while_waiting_hears_nothing_more(owner: Phone) -> None:
    other = on_new_device(owner)
    await sign_in(other, password=PASSWORD)
    enrolment = await owner.open("own_card")
    tag = (await other.call("GET", enrolment)).headers["etag"]

    waiting = asyncio.create_task(other.call("GET", enrolment, Prefer="wait=20", If_None_Match=tag))
    await asyncio.sleep(0.2)
    await owner.call("DELETE", f"/v1/sessions/{other.tokens['session_id']}")
    await owner.call("DELETE", enrolment)
    answer = await asyncio.wait_for(waiting, 60)

    assert (answer.status_code, answer.json()["code"]) == (401, "session-ended")


async def test_waiting_locks_nothing_each_second(owner: Phone, house: House) -> None:
    enrolment = await owner.open("own_card")
    tag = (await owner.call("GET", enrolment)).headers["etag"]
    locks: list[str] = []

    def note(*said: Any) -> None:
        if "FROM enrolment" in said[2] and "FOR UPDATE" in said[2]:
            locks.append(said[2])

    event.listen(house.db.engine.sync_engine, "before_cursor_execute", note)

    answer = await owner.call("GET", enrolment, Prefer="wait=4", If_None_Match=tag)

    assert answer.status_code == 304
    assert len(locks) == 2  # at the beginning and in the end


async def test_a_phone_that_goes_while_it_sends_a_file_is_no_fault_of_ours(owner: Phone, house: House) -> None:
    enrolment = await owner.open("own_card")
    path = f"{enrolment}/documents/id_card_front"
    coming: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"\xff\xd8\xff", "more_body": True},
        {"type": "http.disconnect"},
    ]
    statuses = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", owner.headers["Authorization"].encode())],
        "client": ("127.0.0.1", 40000),
    }
    await main.create_app(house)(scope, receive, send)

    assert statuses[0] == 400
