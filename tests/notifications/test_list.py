"""The list that everybody can read: what they were told, in the language they ask for, theirs alone."""

import asyncio
from uuid import UUID

import pytest

from app import texts
from app.core.db import Database, Session, bucket_of
from app.routers.deps import House
from app.services import outbox
from app.services.outbox import Kind
from app.worker.relay import tell_due
from tests.factories.adding import refused
from tests.factories.make import JSON, Holder, Make


async def tell(house: House, home_id: UUID, *messages: str) -> None:
    """Let somebody be told something, one after the other."""
    for message in messages:

        async def put(session: Session, message: str = message) -> None:
            outbox.tell(session, Kind.TELL_PERSON, home_id, message=message)

        await house.db.run(put)
        await tell_due(house.db, house.ports)


async def listed(holder: Holder, query: str = "", **headers: str) -> JSON:
    return await holder.read(f"/v1/notifications{query}", **headers)


def codes(page: JSON) -> list[str]:
    return [each["code"] for each in page["items"]]


class TestTheList:
    async def test_says_what_happened_in_the_language_asked_for(self, house: House, make: Make, me: Holder) -> None:
        await make.member(me, name="王建国")
        await tell_due(house.db, house.ports)

        for language in texts.LANGUAGES:
            [only] = (await listed(me, **{"Accept-Language": language}))["items"]

            assert only["text"] == texts.message("link_started_owner", language, member="王**")
            assert (only["code"], only["topic"], only["read_at"]) == ("link_started_owner", "security", None)

    async def test_is_paged_the_newest_first(self, house: House, me: Holder) -> None:
        await tell(house, me.id, "card_issued", "card_password_changed", "card_password_locked")

        first = await listed(me, "?limit=2")
        second = await listed(me, f"?limit=2&cursor={first['next_cursor']}")

        assert codes(first) == ["card_password_locked", "card_password_changed"]
        assert codes(second) == ["card_issued"]
        assert second["next_cursor"] is None
        assert first["unread"] == second["unread"] == 3

    async def test_holds_what_the_account_was_told_before_its_person_was_known(self, house: House, me: Holder) -> None:
        await tell(house, me.claims.account_id, "session_new_device")
        await tell(house, me.id, "card_issued")

        assert sorted(codes(await listed(me))) == ["card_issued", "session_new_device"]

    async def test_is_empty_for_whoever_was_told_nothing(self, make: Make, me: Holder, house: House) -> None:
        await tell(house, me.id, "card_issued")

        assert await listed(await make.owner()) == {"items": [], "next_cursor": None, "unread": 0}

    async def test_shows_nothing_of_the_person_to_an_account_that_holds_them_no_longer(
        self, house: House, make: Make, me: Holder
    ) -> None:
        await tell(house, me.id, "card_issued")

        heir = await make.signed_in(me)

        assert codes(await listed(heir)) == ["card_issued"]
        assert (await me.call("GET", "/v1/notifications")).status_code == 401

    async def test_names_nobody_at_rest(self, house: House, make: Make, me: Holder, db: Database) -> None:
        await make.member(me, name="欧阳建国")
        await tell_due(house.db, house.ports)

        rows = await db.fetch("SELECT * FROM notification WHERE bucket = $1", bucket_of(me.id))

        assert [row["message"] for row in rows] == ["link_started_owner"]
        assert "欧".encode() not in b"".join(
            value for row in rows for value in row.values() if isinstance(value, bytes)
        )


class TestReading:
    async def test_one_is_remembered_once(self, house: House, me: Holder) -> None:
        await tell(house, me.id, "card_issued", "card_password_changed")
        [newest, _] = (await listed(me))["items"]

        first = (await me.call("PUT", f"/v1/notifications/{newest['id']}/read")).json()
        again = (await me.call("PUT", f"/v1/notifications/{newest['id']}/read")).json()

        assert first == again
        assert first["read_at"] is not None
        page = await listed(me, "?unread=true")
        assert (codes(page), page["unread"]) == (["card_issued"], 1)

    async def test_all_leaves_what_came_after(self, house: House, me: Holder) -> None:
        await tell(house, me.id, "card_issued", "card_password_changed")
        [seen, _] = (await listed(me))["items"]
        await tell(house, me.id, "card_password_locked")

        answer = await me.call("PUT", "/v1/notifications/read", {"until": seen["id"]})

        assert answer.json() == {"marked": 2}
        assert codes(await listed(me, "?unread=true")) == ["card_password_locked"]

    @pytest.mark.parametrize("everything", [False, True])
    async def test_somebody_elses_is_not_there(self, house: House, make: Make, me: Holder, *, everything: bool) -> None:
        await tell(house, me.id, "card_issued")
        [only] = (await listed(me))["items"]
        stranger = await make.owner()

        if everything:
            answer = await stranger.call("PUT", "/v1/notifications/read", {"until": only["id"]})
        else:
            answer = await stranger.call("PUT", f"/v1/notifications/{only['id']}/read")

        refused(answer, 404, "not-found")
        assert (await listed(me))["unread"] == 1


async def test_told_by_many_at_once_it_is_in_the_list_once(house: House, make: Make, me: Holder) -> None:
    await make.member(me, name="王建国")

    await asyncio.gather(*(tell_due(house.db, house.ports) for _ in range(6)))

    assert (await listed(me))["unread"] == 1
