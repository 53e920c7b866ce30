"""The server is killed while a payment is drawn, and while it is given back: the money moves once, or not at all."""

from tests.crash.test_filing import Calm
from tests.crash.test_kill import JSON, Story, _own_card
from tests.crash.test_kill import story as story


async def test_a_server_killed_while_it_draws_has_drawn_once_in_the_end(story: Story) -> None:
    people = {person["label"]: person for person in (await story.tell("GET", "/dev/people"))["items"]}
    await _own_card(Calm(story), people["owner"])
    there = await _own(story)
    code = await story.tell("POST", "/v1/holders/me/card/codes", {"purpose": "medical"})
    seen = await story.tell("POST", "/dev/scans", {"code": code["code"]})
    order = {"redemption_id": seen["redemption_id"], "order_number": "1", "amount": "2.05"}

    drawn = await story.tell_dying("POST", "/dev/draws", order)
    after = await _own(story)
    returned = await story.tell_dying("POST", f"/dev/draws/{drawn['id']}/reversals")

    assert (there, after, await _own(story)) == ("12.30", "10.25", "12.30")
    assert returned["reversed_at"] is not None
    listed = await story.tell("GET", "/v1/sharing/draws")
    assert [(item["id"], item["amount"]) for item in listed["items"]] == [(drawn["id"], "2.05")]


async def _own(story: Story) -> str:
    """Return what is in one's own account: all that a great payment would draw of it."""
    preview: JSON = await story.tell("POST", "/v1/sharing/previews", {"amount": "9999.00"})
    amount: str = preview["shares"][0]["amount"]
    return amount
