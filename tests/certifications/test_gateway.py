"""Certifications told through a real HTTP gateway: down, slow, lying, asked twice; each time one right outcome."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.settings import Settings
from app.core.settings.groups import GatewaySettings
from app.routers.deps import House
from app.worker import relay
from tests.certifications.authority import SECRET_TEXT, AuthorityGateway, Twist
from tests.factories.callers import pass_time
from tests.factories.certifying import JSON, address, ask, look_after, pay, show_face
from tests.factories.make import Holder, Make
from tests.factories.servers import serving


@pytest.fixture
async def authority() -> AsyncIterator[AuthorityGateway]:
    """The gateway, served on loopback."""
    gateway = AuthorityGateway()
    async with serving(gateway.app) as at:
        gateway.address = f"{at}/gw"
        yield gateway


@pytest.fixture
def settings(tmp_path: Path, authority: AuthorityGateway) -> Settings:
    """A house that asks the gateway."""
    gateway = GatewaySettings(endpoint=authority.address, secrets=SecretStr(SECRET_TEXT), timeout_seconds=30)
    return Settings(
        data_folder=tmp_path,
        database_connections=20,
        requests_per_minute=100_000,
        certifications_adapter="gateway",
        certifications_gateway=gateway,
    )


@pytest.fixture
async def me(make: Make, house: House, authority: AuthorityGateway) -> Holder:
    """Somebody with a pension, certified 320 days ago; the authority looks at the demo's clock too."""
    authority.clock = house.ports.clock
    owner = await make.owner()
    await pay(house, owner)  # for the portrait; what the embedded authority knows is not asked
    authority.pays(owner.registered.number)
    return owner


def saying(method: str, **more: Any) -> Twist:
    """Change what is answered to one kind of question."""
    return lambda asked, status, said: (status, said | more) if asked == method else (status, said)


async def tell(house: House, **later: float) -> None:
    """Let the worker tell what is due, after some time."""
    if later:
        await pass_time(house, **later)
    await relay.tell_due(house.db, house.ports)


async def shown(me: Holder) -> str:
    """Show one's face; return the address of the certification."""
    asked = await ask(me)
    await show_face(me, asked)
    return f"{address()}/{asked.json()['id']}"


class TestReporting:
    async def test_it_is_told_under_our_number_and_passes_with_the_answer(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        certification = await shown(me)
        await tell(house)

        read = await me.read(certification)
        (order,) = authority.orders.values()
        assert (order["order_no"], order["aac002"], order["way"]) == (read["id"], me.registered.number, "face")
        assert (read["state"], read["reported_at"] is not None) == ("passed", True)
        assert read["valid_until"] == authority.known[me.registered.number]["due_on"]

    async def test_while_it_is_down_nothing_has_passed_and_nothing_is_lost(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        certification = await shown(me)
        authority.is_down = True
        await tell(house)
        down = await me.read(certification)
        authority.is_down = False
        await tell(house, minutes=1)

        assert (down["state"], down["reported_at"]) == ("reporting", None)
        assert (await me.read(certification))["state"] == "passed"
        assert authority.told == {down["id"]: 1}

    async def test_an_answer_that_is_lost_makes_no_second_certification(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        authority.loses = 2
        certification = await shown(me)

        await tell(house)
        await tell(house, minutes=1)
        await tell(house, minutes=1)

        read = await me.read(certification)
        assert (read["state"], authority.told) == ("passed", {read["id"]: 3})
        assert len((await me.read(address()))["items"]) == 1

    async def test_no_connection_is_held_while_it_thinks(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        await shown(me)
        authority.go_on.clear()
        telling = asyncio.create_task(relay.tell_due(house.db, house.ports))
        await asyncio.wait_for(authority.reached.wait(), 60)

        idle = await house.db.fetch(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        )

        authority.go_on.set()
        await telling
        assert idle[0][0] == 0

    async def test_two_workers_at_once_count_one(self, house: House, me: Holder, authority: AuthorityGateway) -> None:
        certification = await shown(me)

        await asyncio.gather(*(relay.tell_due(house.db, house.ports) for _ in range(3)))

        told = await house.db.fetch("SELECT count(*) FROM audit_event WHERE action = 'certification.ended'")
        assert (await me.read(certification))["state"] == "passed"
        assert (sum(authority.told.values()), told[0][0]) == (1, 1)

    @pytest.mark.parametrize(
        "lie",
        [
            {"order_no": "0190c6a2-0000-8000-8000-000000000000"},
            {"aac002": "110105194912310021"},
            {"due_on": "2020-01-01"},
            {"due_on": "2099-01-01"},
            {"certified_on": "2099-01-01"},
            {"benefits": []},
            {"certified_on": None, "due_on": None},
            {"benefits": [{"benefit": "pension", "payment": "gift"}]},
            {"benefits": [{"benefit": "pension", "payment": "restored"}]},
            {"certified_on": "2026-02-30"},
        ],
        ids=lambda lie: "-".join(lie),
    )
    async def test_a_lie_certifies_nobody_until_it_is_taken_back(
        self, house: House, me: Holder, authority: AuthorityGateway, lie: JSON
    ) -> None:
        certification = await shown(me)
        authority.twist = saying("PUT", **lie)
        await tell(house)
        lied_to = await me.read(certification)
        authority.twist = None
        await tell(house, minutes=1)

        assert lied_to["state"] == "reporting"
        assert (await me.read(certification))["state"] == "passed"

    async def test_a_status_that_is_none_of_the_contract_says_nothing(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        certification = await shown(me)
        authority.twist = lambda method, status, said: (404, said)
        await tell(house)

        assert (await me.read(certification))["state"] == "reporting"

    async def test_what_it_has_heard_and_not_confirmed_is_no_second_certification(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        certification = await shown(me)
        authority.loses = 1
        await tell(house)
        await pass_time(house, minutes=11)
        between = await me.read(address())
        await tell(house)

        assert ([each["state"] for each in between["items"]], between["state"]) == (["reporting"], "passed")
        assert (await me.read(certification))["state"] == "passed"
        assert len((await me.read(address()))["items"]) == 1

    @pytest.mark.parametrize(("reason", "told"), [("N01", "not_entitled"), ("N02", "deceased"), ("X9", "other")])
    async def test_what_the_authority_does_not_accept_has_not_passed(
        self, house: House, me: Holder, authority: AuthorityGateway, reason: str, told: str
    ) -> None:
        authority.refuses = reason
        certification = await shown(me)
        await tell(house)

        read = await me.read(certification)
        assert (read["state"], read["reason"]) == ("rejected", told)
        assert read["reason_text"]
        assert (await ask(me, way="counter")).status_code == 201


class TestAsking:
    async def test_whoever_it_never_spoke_of_cannot_be_certified_while_it_is_down(
        self, me: Holder, authority: AuthorityGateway
    ) -> None:
        authority.is_down = True

        answers = [await me.call("GET", address()), await ask(me)]

        assert {(each.status_code, each.json()["code"]) for each in answers} == {(503, "certifications-unavailable")}

    async def test_what_it_said_last_counts_while_it_is_down(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        before = await me.read(address())
        authority.is_down = True
        await pass_time(house, minutes=11)

        read = await me.read(address())
        certification = await shown(me)

        assert (before["is_current"], read["is_current"], read["as_of"]) == (True, False, before["as_of"])
        assert read["state"] == "due_soon"
        assert (await me.read(certification))["state"] == "reporting"

    async def test_time_goes_on_while_it_is_down(self, house: House, me: Holder, authority: AuthorityGateway) -> None:
        await me.read(address())
        authority.is_down = True
        await pass_time(house, days=40)
        await look_after(house, me)

        state = await house.db.fetch("SELECT state, reminded FROM benefit_recipient")
        assert tuple(state[0]) == ("due", 7)

    async def test_late_it_is_restored_and_paid_back(
        self, house: House, me: Holder, authority: AuthorityGateway
    ) -> None:
        authority.pays(me.registered.number, days=450, payment="suspended")
        before = await me.read(address())
        await shown(me)
        await tell(house)

        read = await me.read(address())
        (benefit,) = read["benefits"]
        assert (before["state"], before["benefits"][0]["payment"]) == ("suspended", "suspended")
        assert (read["state"], benefit["payment"]) == ("restored", "restored")
        assert (benefit["back_paid"], benefit["back_paid_months"]) == ("9805.50", 3)
