"""Transfers through a real HTTP gateway: down, slow, lying, answering twice; each time with the one right outcome."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from app.core.settings.groups import GatewaySettings
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit, links
from app.services.transfers import submitting, withdrawing
from app.worker import relay
from tests.factories.adding import later
from tests.factories.make import Holder, Make
from tests.factories.passing import Time
from tests.factories.servers import serving
from tests.transfers.places import SECRET_TEXT, PlacesGateway, Twist
from tests.transfers.playing import PENSION, Filing

JSON = dict[str, Any]


@pytest.fixture
async def places() -> AsyncIterator[PlacesGateway]:
    """The gateway, served on loopback."""
    gateway = PlacesGateway()
    async with serving(gateway.app) as address:
        gateway.address = f"{address}/gw"
        yield gateway


@pytest.fixture
def settings(tmp_path: Path, places: PlacesGateway) -> Settings:
    """A house that asks the gateway, for a second at most."""
    gateway = GatewaySettings(endpoint=places.address, secrets=SecretStr(SECRET_TEXT), timeout_seconds=30)
    return Settings(
        data_folder=tmp_path,
        database_connections=20,
        requests_per_minute=100_000,
        transfers_adapter="gateway",
        transfers_gateway=gateway,
    )


@pytest.fixture
def time(house: House, places: PlacesGateway) -> Time:
    """The worker and the clock, which the places look at too."""
    places.clock = house.ports.clock
    return Time(house)


def saying(kind: str, **more: Any) -> Twist:
    """Change what is answered to one kind of question."""
    return lambda asked, status, said: (status, said | more) if asked == kind else (status, said)


class TestHandingIn:
    """One order, whatever happens to the answers."""

    async def test_an_order_carries_who_what_and_where_under_our_number(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()

        assert places.orders == {
            transfer_id: {
                "order_no": transfer_id,
                "aac002": mine.who.registered.number,
                "aac003": "王志远",
                "aae140": "110",
                "aab301_out": "100101",
                "aab301_in": "100200",
            }
        }

    async def test_a_gateway_that_is_down_gets_the_order_once_it_is_up(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        places.is_down = True
        await time.work()
        down = await mine.read(transfer_id)
        places.is_down = False
        await time.pass_by(minutes=1)

        assert (down["state"], down["as_of"]) == ("submitted", None)
        assert places.submissions == {transfer_id: 1}
        assert (await mine.read(transfer_id))["as_of"] is not None

    async def test_an_answer_that_is_lost_makes_no_second_order(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        places.loses = 2
        transfer_id = await mine.file()

        await time.work()
        await time.pass_by(minutes=1)
        await time.pass_by(minutes=1)

        assert (len(places.orders), places.submissions) == (1, {transfer_id: 3})
        assert await mine.states(transfer_id) == ["submitted"]

    async def test_a_draft_needs_the_places_and_says_so_when_they_are_down(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        places.is_down = True

        answer = await mine.post(mine.path, PENSION)

        assert (answer.status_code, answer.json()["code"]) == (503, "transfers-unavailable")
        assert (await mine.who.read(mine.path))["items"] == []

    async def test_a_gateway_that_refuses_the_order_has_refused_the_transfer(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        def refuse(asked: str, status: int, said: JSON) -> tuple[int, JSON]:
            at = places.clock.now().isoformat()
            return (
                (422, said | {"status": "91", "at": at, "reason": "R05"}) if asked == "PUT transfers" else (200, said)
            )

        transfer_id = await mine.file()
        places.twist = refuse
        await time.work()

        step = (await mine.read(transfer_id))["timeline"][-1]
        assert (step["state"], step["reason"], step["code"]) == ("rejected", "benefits_drawn", "91/R05")

    async def test_no_connection_is_held_while_the_gateway_thinks(
        self, mine: Filing, house: House, places: PlacesGateway, time: Time
    ) -> None:
        await mine.file()
        places.go_on.clear()
        working = asyncio.create_task(relay.tell_due(house.db, house.ports))
        await asyncio.wait_for(places.reached.wait(), 60)

        held = house.db.engine.pool.checkedout()  # type: ignore[attr-defined] # of the pool that this engine has
        places.go_on.set()
        await working

        assert held == 0

    @pytest.mark.parametrize(
        "twist",
        [
            saying("PUT transfers", order_no="00008d11-0000-8000-8000-000000000000"),
            saying("PUT transfers", order_no=7),
            lambda asked, status, said: (409, said) if asked == "PUT transfers" else (status, said),
            lambda asked, status, said: (200, {}) if asked == "PUT transfers" else (status, said),
        ],
    )
    async def test_what_is_no_answer_to_the_order_is_not_believed(
        self, mine: Filing, places: PlacesGateway, time: Time, twist: Twist
    ) -> None:
        transfer_id = await mine.file()
        places.twist = twist
        await time.work()
        doubted = await mine.read(transfer_id)
        places.twist = None
        await time.pass_by(minutes=1)

        assert doubted["as_of"] is None
        assert (await mine.read(transfer_id))["as_of"] is not None
        assert len(places.orders) == 1


class TestFollowing:
    """What is believed of what the places say afterwards."""

    async def test_the_same_answer_again_is_no_second_step_and_tells_nobody_twice(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        places.says(transfer_id, "11")
        await time.pass_by(hours=2)
        before = await time.texts()
        await time.pass_by(hours=2)

        assert await mine.states(transfer_id) == ["submitted", "reviewing_at_new_place"]
        assert await time.texts() == before

    async def test_several_steps_at_once_are_all_in_the_timeline_and_the_last_is_told(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        for status in ("11", "12", "21"):
            places.says(transfer_id, status)
        await time.pass_by(hours=2)

        assert (await mine.states(transfer_id))[1:] == [
            "reviewing_at_new_place",
            "letter_sent",
            "reviewing_at_old_place",
        ]
        assert len(await time.texts()) == 1

    @pytest.mark.parametrize(
        ("lie", "why"),
        [
            (lambda said: said | {"steps": said["steps"][:1]}, "it goes back"),
            (lambda said: said | {"steps": []}, "it forgets everything"),
            (lambda said: said | {"steps": [said["steps"][1], said["steps"][0]]}, "it turns the order round"),
            (lambda said: said | {"steps": [*said["steps"], said["steps"][0]]}, "it begins anew"),
            (lambda said: said | {"steps": [*said["steps"], said["steps"][-1] | {"status": "31"}]}, "it skips"),
            (lambda said: said | {"steps": [*said["steps"], said["steps"][-1] | {"status": "77"}]}, "unknown"),
            (lambda said: said | {"steps": [*said["steps"], {"status": "21", "at": "2099-01-01T00:00:00Z"}]}, "future"),
            (lambda said: said | {"steps": [*said["steps"], {"status": "21", "at": "2020-01-01T00:00:00Z"}]}, "past"),
            (lambda said: said | {"order_no": "00008d11-0000-8000-8000-000000000000"}, "another order's"),
            (lambda said: {"steps": "all fine"}, "no answer"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_a_gateway_that_lies_changes_nothing_and_is_asked_again(
        self, mine: Filing, places: PlacesGateway, time: Time, lie: Any, why: str
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        places.says(transfer_id, "11")
        places.says(transfer_id, "12")
        await time.pass_by(hours=2)
        honest = await mine.read(transfer_id)
        places.twist = lambda asked, status, said: (status, lie(said)) if asked == "GET transfers" else (status, said)
        await time.pass_by(hours=2)
        lied = await mine.read(transfer_id)
        places.twist = None
        places.says(transfer_id, "21")
        await time.pass_by(hours=6)

        assert lied == honest, why
        assert (await mine.read(transfer_id))["state"] == "reviewing_at_old_place"

    async def test_a_silent_gateway_is_asked_less_and_less(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        places.is_down = True
        places.asked.clear()

        for _ in range(24):
            await time.pass_by(hours=1)

        assert 2 <= places.asked.count(f"GET /transfers/{transfer_id}") <= 6

    async def test_two_workers_at_once_ask_once_and_write_each_step_once(
        self, mine: Filing, house: House, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        places.says(transfer_id, "11")
        await later(house, hours=2)
        places.asked.clear()

        await asyncio.gather(*(time.work() for _ in range(4)))

        assert await mine.states(transfer_id) == ["submitted", "reviewing_at_new_place"]
        assert len(places.asked) == 1


class TestTakingBack:
    """Withdrawals that the places decide on."""

    async def test_an_order_in_doubt_is_handed_in_before_it_is_asked_back(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        places.is_down = True
        await time.work()
        asked = (await mine.withdraw(transfer_id)).json()
        places.is_down = False
        await time.pass_by(minutes=1)

        assert (asked["state"], asked["withdrawal"]) == ("submitted", "asked")
        assert (list(places.orders), places.withdrawn) == ([transfer_id], {transfer_id: True})
        assert await mine.states(transfer_id) == ["submitted", "withdrawn"]

    async def test_a_place_that_says_itself_that_all_is_taken_back_is_believed(
        self, mine: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await mine.file()
        await time.work()
        places.says(transfer_id, "11")
        places.says(transfer_id, "92")
        await time.pass_by(hours=2)

        assert (await mine.states(transfer_id))[-1] == "withdrawn"


class TestLinksThatEnd:
    """An end of the link before the order leaves, and one afterwards."""

    @pytest.fixture
    async def filing(self, make: Make, me: Holder) -> Filing:
        member = await make.member(me, name="王建国")
        self.father = Filing(await make.signed_in(member.person))
        self.link_id = member.link_id
        return Filing(me, str(member.link_id))

    async def end(self, db: Database) -> None:
        await db.run(lambda session: links.end(session, self.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))

    async def test_an_end_before_it_leaves_keeps_it_here_and_says_why(
        self, filing: Filing, db: Database, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await filing.file()
        await self.end(db)
        await time.work()
        read = await self.father.read(transfer_id)

        assert places.orders == {}
        assert (read["state"], read["not_submitted_because"]) == ("not_submitted", "link_ended")
        assert "had ended before" in read["not_submitted_text"]
        assert (await filing.withdraw(transfer_id)).status_code == 404

    async def test_a_dispute_before_it_leaves_keeps_it_here(
        self, filing: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await filing.file()
        disputed = await self.father.post(f"/v1/family/owners/{self.link_id}/disputes", {"reason": "not_agreed"})
        await time.work()
        read = await self.father.read(transfer_id)

        assert disputed.status_code == 201, disputed.text
        assert places.orders == {}
        assert (read["state"], read["not_submitted_because"]) == ("not_submitted", "link_frozen")

    async def test_a_member_who_takes_the_right_away_before_it_leaves_keeps_it_here(
        self, filing: Filing, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await filing.file()
        narrowed = await self.father.who.call(
            "PUT", f"/v1/family/owners/{self.link_id}/services", {"services": ["view"]}
        )
        await time.work()

        assert narrowed.status_code == 200, narrowed.text
        assert (await self.father.read(transfer_id))["not_submitted_because"] == "service_not_shared"

    async def test_an_end_while_the_order_is_on_its_way_lets_it_go_on_for_the_person_alone(
        self, filing: Filing, db: Database, house: House, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await filing.file()
        places.go_on.clear()
        working = asyncio.create_task(relay.tell_due(house.db, house.ports))
        await asyncio.wait_for(places.reached.wait(), 60)
        await self.end(db)
        places.go_on.set()
        await working
        places.says(transfer_id, "11")
        before = len(await time.texts())
        await time.pass_by(hours=2)

        assert (await self.father.read(transfer_id))["state"] == "reviewing_at_new_place"
        assert (await filing.who.call("GET", f"{filing.path}/{transfer_id}")).status_code == 404
        told = (await time.texts())[before:]
        assert sum("转入地正在审核" in text for text in told) == 1

    async def test_a_dispute_and_the_leaving_at_the_same_moment_have_one_outcome(
        self, filing: Filing, db: Database, places: PlacesGateway, time: Time
    ) -> None:
        transfer_id = await filing.file()

        await asyncio.gather(time.work(), self.end(db))
        await time.work()
        read = await self.father.read(transfer_id)

        has_left = bool(places.orders)
        assert read["state"] == ("submitted" if has_left else "not_submitted")
        assert (read["as_of"] is not None) is has_left


async def test_events_that_are_told_again_and_at_once_change_nothing_more(
    mine: Filing, db: Database, house: House, places: PlacesGateway, time: Time
) -> None:
    transfer_id = await mine.file()
    carried = UUID(transfer_id)

    await asyncio.gather(*(submitting.carry(db, house.ports, carried) for _ in range(3)))
    accepted = await mine.read(transfer_id)
    await submitting.carry(db, house.ports, carried)
    await mine.withdraw(transfer_id)
    await asyncio.gather(*(withdrawing.carry(db, house.ports, carried) for _ in range(3)))
    await time.work()

    assert (len(places.orders), accepted["state"]) == (1, "submitted")
    assert await mine.states(transfer_id) == ["submitted", "withdrawn"]
    assert sum("已经撤回" in text for text in await time.texts()) == 1


async def test_a_place_that_nobody_keeps_is_offline_and_one_of_elsewhere_is_not_believed(
    mine: Filing, places: PlacesGateway, time: Time
) -> None:
    places.twist = lambda asked, status, said: (404, {}) if asked == "GET places" else (status, said)
    nowhere = await mine.draft()
    places.twist = saying("GET places", aab301="440300")
    lied = await mine.post(mine.path, PENSION)
    places.twist = lambda asked, status, said: (403, said)
    refused = await mine.post(mine.path, PENSION)

    assert [each["check"] for each in nowhere["checks"] if not each["passed"]] == [
        "old_place_online",
        "new_place_online",
    ]
    assert (lied.status_code, refused.status_code) == (503, 503)


async def test_an_order_left_in_doubt_for_days_is_still_one(mine: Filing, places: PlacesGateway, time: Time) -> None:
    transfer_id = await mine.file()
    places.loses = 3
    for _ in range(5):
        await time.pass_by(hours=2)

    assert len(places.orders) == 1
    assert (await mine.read(transfer_id))["as_of"] is not None
