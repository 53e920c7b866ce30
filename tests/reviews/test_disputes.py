"""What reviewers see of a disputed link, and who may not decide on it."""

import secrets

import pytest

from tests.factories.adding import ok, refused
from tests.factories.deciding import the_case
from tests.factories.make import Holder, Make, Member
from tests.factories.staff import Hire, Worker


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def disputed(make: Make, me: Holder) -> Member:
    """Their father, who objects."""
    link = await make.member(me, name="王建国")
    father = await make.signed_in(link.person)
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    ok(await father.call("POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": "pressed"}, **headers))
    return link


async def test_the_reviewer_sees_who_objects_to_whom_and_why(disputed: Member, li: Worker, me: Holder) -> None:
    review = f"/v1/reviews/{(await the_case(li.house)).id}"
    ok(await li.call("POST", f"{review}/claims"))

    view = ok(await li.call("GET", review, Accept_Language="en"))

    assert (view["purpose"], view["reason"], view["application"]) == ("link_dispute", "link_disputed", None)
    dispute = view["dispute"]
    assert (dispute["reason"], dispute["relationship_name"]) == ("pressed", "father")
    assert dispute["owner"]["name"] == "王**"
    assert view["register_says"]["owner_is_parent_or_guardian"] is False
    assert [(each["decision"], each["reason"]) for each in view["choices"]] == [
        ("approve", "link-not-wanted"),
        ("approve", "relationship-not-shown"),
        ("reject", "link-agreed"),
    ]


async def test_a_reviewer_upholds_it_at_their_screen(disputed: Member, li: Worker, me: Holder) -> None:
    review = f"/v1/reviews/{(await the_case(li.house)).id}"
    ok(await li.call("POST", f"{review}/claims"))

    ok(await li.call("POST", f"{review}/decisions", {"decision": "approve", "reason": "link-not-wanted"}))

    assert (await me.read("/v1/family"))["members"] == []


async def test_the_owner_does_not_decide_on_it_themselves(disputed: Member, hire: Hire, me: Holder) -> None:
    them = await hire("them", who=me)
    review = f"/v1/reviews/{(await the_case(them.house)).id}"

    refused(await them.call("POST", f"{review}/claims"), 403, "review-of-own-family")
