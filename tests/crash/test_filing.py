"""The server is killed while a transfer is handed in: the places have one order, and the timeline says so once."""

import asyncio

from app.models.transfers import TransferState
from tests.crash.test_kill import JSON, Story, _own_card
from tests.crash.test_kill import story as story


class Calm(Story):
    """The same story while nobody dies: what is told there is not what the test is about."""

    def __init__(self, story: Story) -> None:
        self.__dict__ = story.__dict__  # one phone, one token

    async def tell_dying(self, method: str, path: str, body: JSON | bytes | None = None) -> JSON:
        return await self.tell(method, path, body)


async def test_a_server_killed_while_a_transfer_leaves_has_one_order_in_the_end(story: Story) -> None:
    people = {person["label"]: person for person in (await story.tell("GET", "/dev/people"))["items"]}
    await _own_card(Calm(story), people["owner"])
    wanted = {"insurance": "pension", "from_region": "100101", "to_region": "100200"}
    draft = await story.tell("POST", "/v1/holders/me/transfers", wanted)
    here = f"/v1/holders/me/transfers/{draft['id']}"

    submitted = await story.tell_dying("POST", f"{here}/submission")
    left = await _once_heard(story, here)
    await story.tell("POST", "/dev/clock", {"advance_seconds": 4 * 86400})
    device = {"id": "phone-1", "name": "Phone", "platform": "android"}
    account = {"phone": people["owner"]["phone"], "password": "correct horse", "device": device}
    await story.tell("POST", "/v1/sessions", account)
    moved = await _once_heard(story, here, steps=2)
    listed = await story.tell("GET", "/v1/holders/me/transfers")

    assert submitted["state"] == TransferState.SUBMITTED
    assert [step["state"] for step in left["timeline"]] == ["submitted"]
    assert [step["state"] for step in moved["timeline"]] == ["submitted", "reviewing_at_new_place"]
    assert [each["id"] for each in listed["items"]] == [draft["id"]]


async def _once_heard(story: Story, here: str, *, steps: int = 1) -> JSON:
    """Read the transfer once the places were heard and it has so many steps; the worker dies and comes again."""
    async with asyncio.timeout(60):
        while True:
            read = await story.tell("GET", here)
            if read["as_of"] is not None and len(read["timeline"]) >= steps:
                return read
            await asyncio.sleep(0.5)
