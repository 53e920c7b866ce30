"""What a channel did not hear is told again by hand, under the same id; and it changes its secrets itself."""

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.db import Session, new_id
from app.models.channels import CardEvent
from app.models.outbox import OutboxEvent
from app.services import outbox
from app.services.channel_registry import keys
from app.services.channels import replaying
from tests.channels.test_hearing import Scene, suspend
from tests.channels.test_hearing import me as me
from tests.channels.test_hearing import scene as scene
from tests.factories.adding import later, ok, refused
from tests.factories.channel_clients import ChannelClient
from tests.factories.make import Holder


@pytest.fixture
async def app_itself(scene: Scene, client: httpx.AsyncClient) -> ChannelClient:
    """The channel `app`, which hears, and signs with a key."""
    await scene.add()
    key = ec.generate_private_key(ec.SECP256R1())
    [jwk] = keys.read(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    await scene.house.db.run(lambda session: keys.add(session, "app", [jwk]))
    return ChannelClient(client, scene.house, "app", key, jwk["kid"])


async def give_up(scene: Scene, me: Holder) -> None:
    """Let an event fail for three days."""
    scene.bank.statuses = [500, 500]
    await suspend(me)
    await scene.tell()
    await later(scene.house, days=3)
    await scene.tell()


async def delivered(session: Session, count: int) -> None:
    """Write down that a channel has taken so many events, all of one moment."""
    for _ in range(count):
        home_id, facts = new_id(0), {"channel": "app", "event": "card.changed", "issue_number": "1"}
        event = OutboxEvent(bucket=0, id=new_id(0), home_id=home_id, kind=outbox.Kind.TELL_CHANNEL.value, facts=facts)
        event.created_at = event.due_at = event.done_at = session.now
        event.attempts = 1
        session.add(event)


async def lift(me: Holder) -> None:
    """Take a suspension back."""
    assert (await me.call("DELETE", "/v1/holders/me/card/suspension")).status_code == 204


class TestAgain:
    async def test_one_that_was_given_up_is_listed_and_told_again_under_its_id(
        self, scene: Scene, me: Holder, app_itself: ChannelClient
    ) -> None:
        await give_up(scene, me)
        [event] = ok(await app_itself.call("GET", "/events?state=given_up"))["items"]

        put = ok(await app_itself.call("PUT", f"/events/{event['id']}/delivery"))
        await scene.tell()

        assert (event["state"], event["attempts"], event["type"]) == ("given_up", 2, "card.changed")
        assert (put["state"], put["attempts"]) == ("waiting", 0)
        assert [event_id for event_id, _ in scene.bank.heard] == [event["id"]] * 3
        [told] = ok(await app_itself.call("GET", "/events"))["items"]
        assert (told["state"], told["attempts"], told["next_try_at"]) == ("delivered", 1, None)

    async def test_it_has_three_days_again(self, scene: Scene, me: Holder, app_itself: ChannelClient) -> None:
        await give_up(scene, me)
        [event] = ok(await app_itself.call("GET", "/events"))["items"]
        scene.bank.statuses = [500]

        ok(await app_itself.call("PUT", f"/events/{event['id']}/delivery"))
        await scene.tell()

        [waiting] = ok(await app_itself.call("GET", "/events?state=waiting"))["items"]
        assert waiting["next_try_at"] > event["settled_at"]

    async def test_all_that_was_given_up_since_a_moment_is_told_again(
        self, scene: Scene, me: Holder, app_itself: ChannelClient
    ) -> None:
        await give_up(scene, me)
        [event] = ok(await app_itself.call("GET", "/events"))["items"]
        after = scene.house.db.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

        counts = [
            ok(await app_itself.call("PUT", "/deliveries", json={"since": since}))["count"]
            for since in (after, event["created_at"], event["created_at"])
        ]
        await scene.tell()

        assert counts == [0, 1, 0]
        assert len(scene.bank.heard) == 3

    async def test_of_what_it_has_taken_it_can_have_all_again(
        self, scene: Scene, me: Holder, app_itself: ChannelClient
    ) -> None:
        await suspend(me)
        await scene.tell()
        asked = {"since": "2026-01-01T00:00:00Z", "state": "delivered"}

        told = ok(await app_itself.call("PUT", "/deliveries", json=asked))
        assert told == {"count": 1, "remaining": 0, "next_cursor": None}
        await scene.tell()

        (first, _), (second, _) = scene.bank.heard
        assert first == second

    async def test_of_many_it_has_five_hundred_again_and_is_told_what_remains(
        self, scene: Scene, app_itself: ChannelClient
    ) -> None:
        await scene.house.db.run(lambda session: delivered(session, replaying.MOST_AT_ONCE + 2))
        asked = {"since": "2026-01-01T00:00:00Z", "state": "delivered"}

        first = ok(await app_itself.call("PUT", "/deliveries", json=asked))
        asked["cursor"] = first.pop("next_cursor")
        second = ok(await app_itself.call("PUT", "/deliveries", json=asked))

        assert first == {"count": replaying.MOST_AT_ONCE, "remaining": 2}
        assert second == {"count": 2, "remaining": 0, "next_cursor": None}
        left = ok(await app_itself.call("GET", "/events?state=delivered"))["items"]
        assert left == []

    async def test_a_cursor_that_is_none_of_ours_is_named(self, app_itself: ChannelClient) -> None:
        answer = await app_itself.call("PUT", "/deliveries", json={"since": "2026-01-01T00:00:00Z", "cursor": "next"})

        refused(answer, 422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == "/cursor"

    @pytest.mark.parametrize(
        "since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-01T00:00:00", 5]
    )
    async def test_since_is_a_moment_with_its_zone(self, app_itself: ChannelClient, since: object) -> None:
        answer = await app_itself.call("PUT", "/deliveries", json={"since": since})

        refused(answer, 422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == "/since"

    async def test_others_events_are_not_there(
        self, scene: Scene, me: Holder, app_itself: ChannelClient, client: httpx.AsyncClient
    ) -> None:
        await suspend(me)
        [event] = ok(await app_itself.call("GET", "/events"))["items"]
        other = await ChannelClient.register(client, scene.house)

        assert ok(await other.call("GET", "/events"))["items"] == []
        refused(await other.call("PUT", f"/events/{event['id']}/delivery"), 404, "channel-event-not-found")
        refused(await app_itself.call("PUT", "/events/evt_1/delivery"), 404, "channel-event-not-found")

    async def test_pages_follow_each_other(self, scene: Scene, me: Holder, app_itself: ChannelClient) -> None:
        for _ in range(3):
            await suspend(me)
            await lift(me)
            await later(scene.house, seconds=1)

        first = ok(await app_itself.call("GET", "/events?limit=4"))
        second = ok(await app_itself.call("GET", f"/events?limit=4&cursor={first['next_cursor']}"))

        seen = [event["id"] for event in first["items"] + second["items"]]
        assert (len(seen), len(set(seen)), second["next_cursor"]) == (6, 6, None)


class TestSecrets:
    async def test_a_channel_changes_its_secret_without_an_event_lost(
        self, scene: Scene, me: Holder, app_itself: ChannelClient
    ) -> None:
        lost = ok(await app_itself.call("PUT", "/secrets/newest"))["secret"]
        new = ok(await app_itself.call("PUT", "/secrets/newest"))["secret"]
        await suspend(me)
        await scene.tell()
        scene.bank.secret = new
        await lift(me)
        await scene.tell()

        assert (await app_itself.call("DELETE", "/secrets/others")).status_code == 204
        await suspend(me)
        await scene.tell()

        assert lost != new
        assert (scene.bank.types, scene.bank.refused) == ([CardEvent.CHANGED] * 3, 0)

    async def test_one_that_hears_nothing_has_none(self, scene: Scene, client: httpx.AsyncClient) -> None:
        deaf = await ChannelClient.register(client, scene.house)

        refused(await deaf.call("PUT", "/secrets/newest"), 404, "channel-hears-nothing")

    async def test_a_token_for_events_changes_none(self, app_itself: ChannelClient) -> None:
        token = await app_itself.token(scope="events")

        refused(await app_itself.call("PUT", "/secrets/newest", token), 403, "scope-needed")
