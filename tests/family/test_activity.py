"""Who did what for somebody, when and how, in plain words: for oneself and for a member."""

import asyncio
import secrets
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Session
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit
from app.services.audit import Action
from app.services.family import passing
from app.services.links import Services
from tests.factories.adding import ok, refused
from tests.factories.deciding import the_case
from tests.factories.make import Holder, Make, Member
from tests.factories.staff import Hire
from tests.factories.staff import hire as hire


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def link(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


@pytest.fixture
async def father(make: Make, link: Member) -> Holder:
    """The same, with a phone of his own."""
    return await make.signed_in(link.person)


async def activity(who: Holder, holder: object = "me", **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return await who.read(f"/v1/holders/{holder}/activity?{asked}", **{"Accept-Language": "en"})


async def done(who: Holder, holder: object = "me") -> list[tuple[str, str]]:
    """What was done and by whom, the newest first."""
    return [(each["action"], each["actor"]["by"]) for each in (await activity(who, holder))["items"]]


async def test_the_member_reads_who_looked_at_their_card(me: Holder, father: Holder, link: Member) -> None:
    await me.call("GET", f"/v1/holders/{link.link_id}/card")

    deed = next(each for each in (await activity(father))["items"] if each["action"] == "card.seen")

    assert deed["text"] == "The e-card was looked at."
    assert deed["actor"] == {
        "by": "owner",
        "text": "王**",
        "name": "王**",
        "relationship": "51",
        "relationship_text": "王**'s father",
        "office": None,
    }
    assert (deed["channel"], deed["platform"], deed["for_member"]) == ("app", "ios", None)


async def test_the_owner_reads_the_same_of_the_member_and_that_is_written_down(
    me: Holder, father: Holder, link: Member
) -> None:
    await me.call("GET", f"/v1/holders/{link.link_id}/card")

    assert ("card.seen", "me") in await done(me, link.link_id)
    assert ("person.activity_seen", "owner") in await done(father)


async def test_what_the_holder_does_is_mine_for_them_and_the_holders_for_an_owner(
    me: Holder, father: Holder, link: Member
) -> None:
    ok(await father.call("PUT", f"/v1/family/owners/{link.link_id}/services", {"services": ["view"]}))

    assert ("link.services_changed", "me") in await done(father)
    assert ("link.services_changed", "holder") in await done(me, link.link_id)


async def test_an_owner_does_not_read_how_the_member_signs_in_nor_whom_they_act_for(
    make: Make, me: Holder, father: Holder, link: Member
) -> None:
    await make.member(father, "10", sex="2", name="李静姝")

    own, seen = await activity(father), await activity(me, link.link_id)

    assert {"李**"} == {each["for_member"] for each in own["items"]} - {None}
    assert "session.started" in {each["action"] for each in own["items"]}
    assert {each["for_member"] for each in seen["items"]} == {None}
    assert [
        each for each in seen["items"] if each["action"].startswith(("session.", "account.", "card.password"))
    ] == []
    assert len([each for each in seen["items"] if each["action"] == "link.started"]) == 1


async def test_staff_are_named_by_their_office(
    make: Make, hire: Hire, house: House, father: Holder, link: Member
) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    ok(await father.call("POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": "other"}, **key))
    li = await hire("li")
    ok(await li.call("POST", f"/v1/reviews/{(await the_case(house)).id}/claims"))

    deed = next(each for each in (await activity(father))["items"] if each["action"] == "review.claimed")

    assert (deed["actor"]["by"], deed["actor"]["text"]) == ("staff", "Staff of 服务窗口")


async def test_what_the_system_does_is_said_so(house: House, me: Holder, father: Holder, link: Member) -> None:
    await passing.end_all(house.db, me.id, LinkEnd.BY_CARD_CANCELLED)

    [deed] = [each for each in (await activity(father))["items"] if each["action"] == "link.ended"]

    assert (deed["actor"]["by"], deed["actor"]["text"]) == ("system", "The system")


async def test_it_is_read_page_by_page_to_the_end(me: Holder, link: Member) -> None:
    whole = [each["action"] for each in (await activity(me))["items"]]
    found, cursor = [], None
    while True:
        page = await activity(me, limit=1, **({} if cursor is None else {"cursor": cursor}))
        found += [each["action"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == whole
    assert len(whole) > 2
    for wrong in ("x", "-1", "f" * 16, "1.5"):
        refused(await me.call("GET", f"/v1/holders/me/activity?cursor={wrong}"), 422, "invalid-request")


@pytest.mark.parametrize("language", ["zh-CN", "en", "es"])
async def test_it_is_said_in_the_language_asked_for(me: Holder, link: Member, language: str) -> None:
    page = await me.read("/v1/holders/me/activity", **{"Accept-Language": language})

    [deed] = [each for each in page["items"] if each["action"] == "link.started"]
    assert (
        deed["text"]
        == {
            "zh-CN": "建立了亲情关系。",
            "en": "A family link started.",
            "es": "Comenzó un vínculo familiar.",
        }[language]
    )


async def test_it_takes_the_members_view_and_a_living_link(make: Make, me: Holder, link: Member) -> None:
    blind = await make.member(me, "52", sex="2", services=Services(view=False))
    stranger = await make.owner()

    refused(await me.call("GET", f"/v1/holders/{blind.link_id}/activity"), 403, "service-not-shared")
    refused(await stranger.call("GET", f"/v1/holders/{link.link_id}/activity"), 404, "not-found")
    await me.call("DELETE", f"/v1/family/members/{link.link_id}")
    refused(await me.call("GET", f"/v1/holders/{link.link_id}/activity"), 404, "not-found")


async def test_channel_and_device_are_part_of_the_chain(house: House, make: Make, me: Holder, link: Member) -> None:
    await asyncio.gather(*(me.call("GET", f"/v1/holders/{link.link_id}/card") for _ in range(3)))

    async def verified(session: Session, home_id: UUID) -> audit.Break | None:
        return await audit.verify(session, home_id)

    assert await house.db.run(lambda session: verified(session, link.person.id)) is None
    rows = await house.db.fetch("SELECT channel, platform FROM audit_event WHERE action = $1", Action.CARD_SEEN.value)
    assert [(row["channel"], row["platform"]) for row in rows] == [("app", "ios")]
