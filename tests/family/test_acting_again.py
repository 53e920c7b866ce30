"""An answer that was kept for a repetition says nothing more of a member once the link is over or disputed."""

import secrets

import httpx
import pytest

from tests.factories.make import Holder, Make, Member
from tests.transfers.playing import PENSION


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def father(make: Make) -> Holder:
    """Their father, at his own phone."""
    return await make.owner(name="王建国")


@pytest.fixture
async def link(make: Make, me: Holder, father: Holder) -> Member:
    """The link between them."""
    return await make.member(me, person=father)


async def file(me: Holder, link: Member, key: str) -> httpx.Response:
    return await me.call("POST", f"/v1/holders/{link.link_id}/transfers", PENSION, **{"Idempotency-Key": key})


async def test_as_long_as_the_link_is_there_a_repetition_is_answered_the_same(me: Holder, link: Member) -> None:
    key = secrets.token_hex(8)
    first = await file(me, link, key)

    again = await file(me, link, key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_once_it_has_ended_nothing_is_there(me: Holder, father: Holder, link: Member) -> None:
    key = secrets.token_hex(8)
    assert (await file(me, link, key)).status_code == 201
    assert (await father.call("DELETE", f"/v1/family/owners/{link.link_id}")).status_code == 204

    again = await file(me, link, key)

    assert (again.status_code, again.json()["code"]) == (404, "not-found")


async def test_while_it_is_disputed_it_is_refused(me: Holder, father: Holder, link: Member) -> None:
    key, disputed = secrets.token_hex(8), f"/v1/family/owners/{link.link_id}/disputes"
    assert (await file(me, link, key)).status_code == 201
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    dispute = await father.call("POST", disputed, {"reason": "not_agreed"}, **headers)
    assert dispute.status_code == 201, dispute.text

    again = await file(me, link, key)

    assert (again.status_code, again.json()["code"]) == (409, "link-frozen")
