"""How people wish to be told: in their language, of what they want, of their security always."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from app import texts
from app.core.db import Session
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit, links, outbox
from app.services.outbox import Kind
from tests.factories.adding import ok, refused
from tests.factories.make import JSON, Holder, Make
from tests.notifications.conftest import PHONE

Look = Callable[[str], Awaitable[Sequence[str]]]
WHERE = "/v1/notifications/preferences"


async def wish(holder: Holder, **wishes: object) -> JSON:
    return ok(await holder.call("PUT", WHERE, wishes))


class TestWishes:
    async def test_are_everything_in_chinese_until_somebody_says_otherwise(self, me: Holder) -> None:
        said = await me.read(WHERE)

        assert said["language"] == "zh-CN"
        assert all(ways == {"sms": True, "push": True} for ways in said["topics"].values())
        assert said["always"] == ["security"]

    async def test_stay_as_they_are_where_nothing_is_said(self, me: Holder) -> None:
        await wish(me, topics={"family": {"sms": False}})
        await wish(me, language="es")

        said = await me.read(WHERE)

        assert said["language"] == "es"
        assert said["topics"]["family"] == {"sms": False, "push": True}
        assert said["topics"]["cards"] == {"sms": True, "push": True}

    async def test_of_one_are_nobody_elses(self, make: Make, me: Holder) -> None:
        other = await make.owner()
        await wish(me, language="en")

        assert (await other.read(WHERE))["language"] == "zh-CN"

    @pytest.mark.parametrize("way", ["sms", "push"])
    async def test_cannot_switch_security_off(self, way: str, me: Holder) -> None:
        before = await me.read(WHERE)

        answer = await me.call("PUT", WHERE, {"language": "en", "topics": {"security": {way: False}}})

        refused(answer, 409, "security-notices-stay")
        assert await me.read(WHERE) == before

    @pytest.mark.parametrize(
        "body", [{"language": "fr"}, {"topics": {"weather": {"sms": False}}}, {"topics": {"family": {"fax": True}}}]
    )
    async def test_are_of_what_there_is(self, body: JSON, me: Holder) -> None:
        assert (await me.call("PUT", WHERE, body)).status_code == 422

    async def test_said_at_once_of_different_topics_all_hold(self, me: Holder) -> None:
        topics = ("family", "enrolments", "cards", "filings", "certifications")

        await asyncio.gather(*(wish(me, topics={topic: {"sms": False}}) for topic in topics))

        said = (await me.read(WHERE))["topics"]
        assert {topic for topic in said if not said[topic]["sms"]} == set(topics)

    async def test_that_change_leave_a_trace(self, house: House, me: Holder) -> None:
        await wish(me, topics={"family": {"sms": False}})
        await wish(me, topics={"family": {"sms": False}})

        rows = await house.db.fetch(
            "SELECT facts::text FROM audit_event WHERE action = 'notifications.wishes_changed' AND home_id = $1",
            me.claims.account_id,
        )
        assert [row["facts"] for row in rows] == ['{"language": "zh-CN", "switched_off": "family.sms"}']


class TestTelling:
    async def test_is_in_the_language_of_the_person(self, make: Make, me: Holder, told: Look) -> None:
        await wish(me, language="es")
        await make.member(me, name="王建国")

        assert await told(PHONE) == [texts.message("link_started_owner", "es", member="王**")]

    async def test_what_was_switched_off_is_in_the_list_alone(
        self, house: House, make: Make, me: Holder, told: Look
    ) -> None:
        await wish(me, topics={"family": {"sms": False}})
        link = await make.member(me, name="王建国")
        await house.db.run(lambda session: links.end(session, link.link_id, LinkEnd.BY_OWNER, audit.SYSTEM))

        sent = await told(PHONE)

        assert sent == [texts.message("link_started_owner", "zh-CN", member="王**")]
        listed = (await me.read("/v1/notifications"))["items"]
        assert {each["code"] for each in listed} == {"link_started_owner", "link_ended_owner"}

    async def test_of_security_comes_whatever_was_switched_off(self, house: House, me: Holder, told: Look) -> None:
        topics = [topic for topic in (await me.read(WHERE))["topics"] if topic != "security"]
        await wish(me, topics={topic: {"sms": False, "push": False} for topic in topics})

        async def put(session: Session) -> None:
            outbox.tell(session, Kind.TELL_PERSON, me.id, message="card_password_changed")

        await house.db.run(put)

        assert await told(PHONE) == [texts.message("card_password_changed", "zh-CN")]
