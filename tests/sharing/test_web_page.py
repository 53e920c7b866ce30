"""Binding relatives on the personal web page: up to twenty at once, each with an outcome of their own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import date

import httpx
import pytest
from sqlalchemy import update

from app import main
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database
from app.models.accounts import SignedIn
from app.models.people import Home, Person
from app.ports.register import Register, RegisteredPerson, RegisterUnavailable
from app.routers.deps import House
from app.services.audit import Action
from tests import cluster
from tests.enrolments.test_lookups import Recorder
from tests.factories.adding import later, new_number, refused, set_policy
from tests.factories.make import Holder, Make, Someone
from tests.factories.sharing import BINDINGS, Page, relative

ELDER = date(1957, 3, 8)
CHILD = date(2017, 5, 20)
PHONE = "10000007777"


@pytest.fixture
async def father(make: Make) -> Someone:
    """The owner's father, whose phone the register holds."""
    return await make.person(name="王建国", birth_date=ELDER, phone=PHONE)


@dataclass
class Choosy(Register):
    """A register that is silent about some, and remembers about whom it was asked."""

    inner: Register
    silent_about: set[str]
    asked: list[str] = field(default_factory=list)

    async def find(self, number: str) -> RegisteredPerson | None:
        self.asked.append(number)
        if number in self.silent_about:
            raise RegisterUnavailable
        return await self.inner.find(number)

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        return await self.inner.find_by_card(card_number)

    async def portrait(self, number: str) -> bytes | None:
        return await self.inner.portrait(number)


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


class TestOutcomes:
    async def test_each_relative_has_an_outcome_and_none_spoils_the_others(
        self, page: Page, make: Make, father: Someone
    ) -> None:
        me = page.holder
        child = await make.person(birth_date=CHILD, parents=frozenset({me.registered.number}))
        asked = [
            relative(father, "51", id_number="110105"),
            relative(child, "20"),
            relative(father, "51", computer_number="000000000"),
            relative(father, "92"),
            relative(me, "51"),
            relative(father, "51", computer_number=f" {father.registered.computer_number} "),
        ]

        found = await page.outcomes(*asked)

        assert [each["index"] for each in found] == list(range(6))
        assert [each["status"] for each in found] == ["refused", "bound", "refused", "refused", "refused", "pending"]
        problems = [each["problem"] and each["problem"]["code"] for each in found]
        refusals = ["person-not-verified", "relative-not-shared", "self-not-allowed"]
        assert problems == ["invalid-request", None, *refusals, None]
        assert found[0]["problem"]["errors"][0]["pointer"] == "/bindings/0/id_number"
        assert found[3]["problem"]["errors"][0]["pointer"] == "/bindings/3/relationship"
        assert (found[5]["binding"]["name"], found[5]["binding"]["state"]) == ("王**", "pending")
        assert father.registered.number not in str(found)

    async def test_somebody_without_a_computer_number_cannot_be_named_by_none(self, page: Page, make: Make) -> None:
        father = await make.person(birth_date=ELDER, computer_number=None)

        found = await page.outcomes(*[relative(father, "51", computer_number=typed) for typed in (" ", "None")])

        assert [each["problem"]["code"] for each in found] == ["invalid-request", "person-not-verified"]

    async def test_the_code_of_the_registers_phone_starts_it_and_both_are_told(
        self, page: Page, father: Someone, make: Make
    ) -> None:
        [asked] = await page.outcomes(relative(father, "51"))
        address = f"{BINDINGS}/{asked['binding']['id']}"

        code = (await page.codes(PHONE))[0]
        wrong = await page.holder.call("PUT", f"{address}/confirmation", {"sms_code": other(code)})
        right = await page.holder.call("PUT", f"{address}/confirmation", {"sms_code": code})
        again = await page.holder.call("PUT", f"{address}/confirmation", {"sms_code": code})

        assert refused(wrong, 403, "sms-code-wrong")["tries_left"] == 4
        assert (right.status_code, again.status_code) == (204, 204)
        assert (await page.holder.read(address))["state"] == "active"
        assert [each["status"] for each in await page.outcomes(relative(father, "51"))] == ["bound"]
        actions = [action for action, _, _ in await make.audited(father)]
        assert actions.count(Action.SHARING_STARTED) == 1

    async def test_asked_for_again_another_code_goes_after_a_minute_and_so_many_a_day(
        self, database: cluster.Database, make: Make, house: House
    ) -> None:
        await set_policy(database, "sharing", codes_a_day=3)
        page = Page(await make.card_password(await make.owner(name="王志远")), house)
        father = await make.person(name="王建国", birth_date=ELDER, phone=PHONE)
        await page.outcomes(relative(father, "51"))
        await page.outcomes(relative(father, "51"))
        assert len(await page.codes(PHONE)) == 1

        sent, said = [], []
        for _ in range(4):
            await later(house, seconds=61)
            said += await page.outcomes(relative(father, "51"))
            sent.append(len(await page.codes(PHONE)))

        assert [each["status"] for each in said] == ["pending"] * 4
        assert sent == [2, 3, 3, 3]

    async def test_a_childs_code_goes_to_the_other_parent_and_never_to_the_owners_phone(
        self, page: Page, make: Make
    ) -> None:
        mother = await make.person(sex="2", phone=PHONE)
        alone = await make.person(sex="2", phone=page.holder.registered.phone)
        nephew = await make.person(birth_date=CHILD, parents=frozenset({mother.registered.number}))
        niece = await make.person(birth_date=CHILD, sex="2", parents=frozenset({alone.registered.number}))

        found = await page.outcomes(relative(nephew, "20"), relative(niece, "30"))

        assert [each["binding"]["confirmed_by"] for each in found] == ["guardian", "counter"]
        assert len(await page.codes(PHONE)) == 1
        assert await page.codes(page.holder.registered.phone or "") == []
        address = f"{BINDINGS}/{found[1]['binding']['id']}/confirmation"
        refused(await page.holder.call("PUT", address, {"sms_code": "000000"}), 409, "sharing-not-confirmed-here")

    async def test_a_code_that_is_too_old_is_as_good_as_none_and_another_is_not_sent_twice(
        self, page: Page, father: Someone, house: House
    ) -> None:
        [asked] = await page.outcomes(relative(father, "51"))
        await later(house, seconds=61)
        await page.outcomes(relative(father, "51"))  # before the first was sent
        [code] = await page.codes(PHONE)
        await later(house, minutes=31)

        late = await page.holder.call("PUT", f"{BINDINGS}/{asked['binding']['id']}/confirmation", {"sms_code": code})

        assert "tries_left" not in refused(late, 403, "sms-code-wrong")

    async def test_no_code_goes_where_the_wish_or_the_phone_is_gone_meanwhile(
        self, page: Page, father: Someone, house: House, db: Database
    ) -> None:
        [asked] = await page.outcomes(relative(father, "51"))
        await page.holder.call("DELETE", f"{BINDINGS}/{asked['binding']['id']}")
        assert await page.codes(PHONE) == []
        await page.outcomes(relative(father, "51"))
        await EmbeddedRegister(db).put([Entry(replace(father.registered, phone=None))])

        assert await page.codes(PHONE) == []

    async def test_an_elder_with_an_account_agrees_by_the_code_all_the_same(self, page: Page, make: Make) -> None:
        father = await make.card_password(await make.owner(name="王建国", birth_date=ELDER))
        [asked] = await page.outcomes(relative(father, "51"))

        answer = await father.call("PUT", f"{BINDINGS}/{asked['binding']['id']}/confirmation", {})

        refused(answer, 409, "sharing-not-confirmed-here")

    async def test_a_spouse_agrees_in_the_app_with_their_card_password(self, page: Page, make: Make) -> None:
        wife = await make.card_password(await make.owner(name="林若溪", sex="2"))
        [asked] = await page.outcomes(relative(wife, "12"))
        address = f"{BINDINGS}/{asked['binding']['id']}/confirmation"

        [waiting] = (await wife.read(BINDINGS))["shared_with_me"]
        mine = await page.holder.call("PUT", address, {})
        bare = await replace(wife, claims=replace(wife.claims, acr=None)).call("PUT", address, {})
        hers, again = await wife.call("PUT", address, {}), await wife.call("PUT", address, {})
        [shared] = (await wife.read(BINDINGS))["shared_with_me"]

        assert (waiting["state"], waiting["owner_name"], waiting["confirmed_by"]) == ("pending", "王**", "member")
        refused(mine, 404, "not-found")
        refused(bare, 401, "card-password-required")
        assert (hers.status_code, again.status_code) == (204, 204)
        assert shared["state"] == "active"


class TestTheRequest:
    async def test_sent_again_with_its_key_it_is_answered_the_same_and_done_once(
        self, page: Page, father: Someone, db: Database
    ) -> None:
        first = await page.share(relative(father, "51"), key="one-and-the-same")
        again = await page.share(relative(father, "51"), key="one-and-the-same")

        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert len(await db.fetch("SELECT 1 FROM sharing_binding")) == 1

    async def test_with_its_key_those_are_asked_about_anew_whose_refusal_was_for_the_moment(
        self, page: Page, father: Someone, make: Make, house: House
    ) -> None:
        mother = await make.person(sex="2", birth_date=ELDER, phone="10000007778")
        child = await make.person(birth_date=CHILD, parents=frozenset({page.holder.registered.number}))
        asked = [relative(father, "51", computer_number="000000000"), relative(mother, "52"), relative(child, "20")]
        register = Choosy(house.ports.register, {mother.registered.number})
        choosy = main.create_app(replace(house, ports=replace(house.ports, register=register)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(choosy), base_url="http://escard.test") as client:
            there = Page(replace(page.holder, client=client), house)
            first = (await there.share(*asked, key="one-and-the-same")).json()["items"]
            still = (await there.share(*asked, key="one-and-the-same")).json()["items"]
            register.silent_about.clear()
            register.asked.clear()
            second = await there.share(*asked, key="one-and-the-same")
            third = await there.share(*asked, key="one-and-the-same")

        codes = [each["problem"] and each["problem"]["code"] for each in first]
        assert codes == ["person-not-verified", "register-unavailable", None]
        assert [each["problem"] and each["problem"]["code"] for each in still] == codes
        assert [each["status"] for each in second.json()["items"]] == ["refused", "pending", "bound"]
        assert [second.json()["items"][place] for place in (0, 2)] == [first[place] for place in (0, 2)]
        assert [still[place] for place in (0, 2)] == [first[place] for place in (0, 2)]
        assert mother.registered.number in register.asked
        assert {father.registered.number, child.registered.number}.isdisjoint(register.asked)
        assert "idempotency-replayed" not in second.headers
        assert (third.json(), third.headers["idempotency-replayed"]) == (second.json(), "true")

    async def test_it_takes_a_step_up_the_notice_in_force_and_one_to_twenty_relatives(
        self, page: Page, father: Someone, house: House
    ) -> None:
        me, asked = page.holder, relative(father, "51")
        bare = Page(replace(me, claims=replace(me.claims, acr=None)), house)
        old = {"code": "account-sharing", "version": "2020-01-01", "language": "en", "sha256": "0" * 64}

        outdated = await me.call("POST", BINDINGS, {"notice": old, "bindings": [asked]}, **{"Idempotency-Key": "x" * 8})

        refused(await bare.share(asked), 401, "card-password-required")
        refused(outdated, 409, "notice-outdated")
        refused(await page.share(), 422, "invalid-request")
        refused(await page.share(*[asked] * 21), 422, "invalid-request")

    async def test_who_has_no_password_to_step_up_with_shares_nothing(self, make: Make, house: House) -> None:
        me = await make.owner(has_password=False)
        child = await make.person(birth_date=date(2020, 3, 8), parents=frozenset({me.registered.number}))

        refused(await Page(me, house).share(relative(child, "20")), 409, "own-card-needed")

        await house.db.run(lambda session: session.execute(update(Person).values(account_id=None)))
        refused(await Page(me, house).share(relative(child, "20")), 409, "own-card-needed")

    async def test_a_browser_is_the_page_whatever_channel_it_comes_in(
        self, page: Page, father: Someone, db: Database
    ) -> None:
        await db.run(lambda session: session.execute(update(SignedIn).values(platform="web")))

        await page.outcomes(relative(father, "51"))

        assert [row["way"] for row in await db.fetch("SELECT way FROM sharing_binding")] == ["web_page"]

    async def test_it_leaves_a_consent_of_its_own_whose_withdrawal_ends_the_sharing(
        self, page: Page, father: Someone
    ) -> None:
        [asked] = await page.outcomes(relative(father, "51"))
        [given] = (await page.holder.read("/v1/consents"))["items"]

        ended = await page.holder.call("DELETE", given["withdrawal"]["href"])
        [withdrawn] = (await page.holder.read("/v1/consents"))["items"]

        assert (given["code"], given["language"], len(given["sha256"])) == ("account-sharing", "en", 64)
        assert given["withdrawal"]["what"] == "ends_sharing"
        assert ended.status_code == 204
        assert withdrawn["withdrawn_at"] is not None
        refused(await page.holder.call("GET", f"{BINDINGS}/{asked['binding']['id']}"), 404, "not-found")


class TestLookups:
    async def test_after_five_wrong_ones_the_rest_of_the_request_waits_for_tomorrow(
        self, page: Page, father: Someone
    ) -> None:
        wrong = [
            {"computer_number": "1", "id_number": new_number(date(1957, 1, day), "1"), "relationship": "51"}
            for day in range(1, 7)
        ]

        found = await page.outcomes(*wrong, relative(father, "51"))

        codes = [each["problem"]["code"] for each in found]
        assert codes == ["person-not-verified"] * 5 + ["lookups-used-up"] * 2
        assert found[-1]["problem"]["retry_after_seconds"] > 86_000

    @pytest.fixture
    async def recorder(self, house: House) -> Recorder:
        return Recorder(house)

    @pytest.fixture
    async def watched(self, me: Holder, house: House, recorder: Recorder) -> AsyncIterator[Page]:
        """The owner's page at a server whose register is listened to."""
        listening = replace(house, ports=replace(house.ports, register=recorder))
        transport = httpx.ASGITransport(main.create_app(listening))
        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            yield Page(replace(me, client=client), listening)

    async def test_the_unknown_the_wrong_and_the_dead_cause_the_same_statements_and_calls(
        self, watched: Page, father: Someone, make: Make, recorder: Recorder
    ) -> None:
        dead = await make.person(birth_date=ELDER, is_alive=False)
        unknown = relative(father, "51", id_number=new_number(date(1957, 1, 1), "1"))
        told, said = [], []
        await watched.outcomes(unknown)  # whatever is asked once is asked now

        for asked in (unknown, relative(father, "51", computer_number="000000000"), relative(dead, "51")):
            recorder.told.clear()
            [found] = await watched.outcomes(asked)
            said.append(found["problem"] | {"request_id": ""})
            told.append(list(recorder.told))

        assert told[0].count("register.find") == 1
        assert [each == told[0] for each in told] == [True] * 3
        assert [each == said[0] for each in said] == [True] * 3

    async def test_a_refusal_takes_its_time(self, database: cluster.Database, make: Make, house: House) -> None:
        await set_policy(database, "lookups", floor_milliseconds=300)
        page = Page(await make.card_password(await make.owner()), house)
        started = house.db.clock.now()

        await page.outcomes(
            {"computer_number": "1", "id_number": new_number(date(1957, 1, 1), "1"), "relationship": "51"}
        )

        assert (house.db.clock.now() - started).total_seconds() >= 0.3


async def test_an_unknown_relative_leaves_no_home(page: Page, db: Database, father: Someone) -> None:
    before = len(await db.fetch(f"SELECT 1 FROM {Home.__tablename__}"))  # noqa: S608 - ours

    await page.outcomes(relative(father, "51", id_number=new_number(date(1957, 1, 1), "1")))

    assert len(await db.fetch(f"SELECT 1 FROM {Home.__tablename__}")) == before  # noqa: S608 - ours
