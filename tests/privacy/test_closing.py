"""Closing an account: told first, done whole or not at all, once, and nothing of whose it was is left."""

import asyncio
import hashlib

import asyncpg
import httpx
import pytest

from app.core.db import Session, bucket_of, new_id
from app.core.settings import Settings
from app.core.tokens.published import NotOurs
from app.routers.deps import House
from app.services import audit, files, outbox
from app.services.links import comparing
from app.services.outbox import Kind
from app.services.people import homes
from app.services.people.identifiers import Population, parse_number
from app.services.privacy.receipts import TYP
from app.texts import message
from app.worker.relay import tell_due
from tests import cluster
from tests.factories.adding import PORTRAIT, Kin, Owner, ok, refused, stored_files
from tests.factories.certifying import ask, pay
from tests.factories.make import Holder, Make, Someone

URL = "/v1/me"


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody who has just given their card password."""
    return await make.card_password(await make.owner(name="王志远"))


async def version_of(holder: Holder) -> str:
    return f'"{(await holder.read(f"{URL}/closing"))["version"]}"'


async def close(holder: Holder, **headers: str) -> httpx.Response:
    return await holder.call("DELETE", URL, **({"If-Match": await version_of(holder)} | headers))


async def rows_about(database: cluster.Database, holder: Holder) -> dict[str, int]:
    """Count what lies in somebody's homes, table by table, whatever the column is called."""
    ids = [holder.id, holder.claims.account_id]
    connection = await asyncpg.connect(database.owner_url)
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'uuid' AND table_name <> 'audit_event'"
        )
        found: dict[str, int] = {}
        for table, column in columns:
            count = await connection.fetchval(f'SELECT count(*) FROM "{table}" WHERE "{column}" = ANY($1)', ids)  # noqa: S608 - ours
            if count:
                found[table] = max(found.get(table, 0), count)
        return found
    finally:
        await connection.close()


class TestBefore:
    async def test_it_is_told_what_will_be_done(self, make: Make, me: Holder) -> None:
        await make.member(me, name="王建国")
        await make.member(await make.owner(), "12", person=me)

        said = await me.read(f"{URL}/closing", **{"Accept-Language": "en"})

        assert {each["what"]: each["count"] for each in said["effects"]} == {
            "links_as_owner": 1,
            "links_as_member": 1,
            "cards": 1,
        }
        assert "cannot be undone" in said["text"]
        assert (await me.read("/v1/me"))["has_card"] is True

    async def test_nothing_is_done_unseen(self, me: Holder) -> None:
        refusal = refused(await me.call("DELETE", URL), 428, "closing-not-seen")
        assert (refusal["next"]["action"], refusal["next"]["href"]) == ("see-closing", f"{URL}/closing")
        assert (await me.call("GET", URL)).status_code == 200

    async def test_nothing_else_is_done_than_was_shown(self, make: Make, me: Holder) -> None:
        shown = await version_of(me)
        await make.member(me, name="王建国")

        for seen in (shown, "no-version"):
            refusal = refused(await me.call("DELETE", URL, **{"If-Match": seen}), 412, "closing-changed")
            assert refusal["next"]["href"] == f"{URL}/closing"
        assert len((await me.read("/v1/family"))["members"]) == 1

    async def test_the_card_password_is_asked_for(self, make: Make) -> None:
        holder = await make.owner()
        await make.card_password(holder)

        refused(await close(holder), 401, "card-password-required")


class TestClosing:
    async def test_nothing_is_left_but_ids(self, database: cluster.Database, make: Make, me: Holder) -> None:
        await make.member(me, name="王建国")
        await make.member(await make.owner(), "12", person=me)
        assert len(await rows_about(database, me)) > 6

        ok(await close(me))

        assert set(await rows_about(database, me)) == {
            *("account_closing", "audit_head", "family_link", "home", "outbox_event")
        }

    async def test_no_key_of_theirs_is_left(self, house: House, me: Holder) -> None:
        ok(await close(me))

        rows = await house.db.fetch(
            "SELECT wrapped_key, erased_at FROM home WHERE id IN ($1, $2)", me.id, me.claims.account_id
        )
        assert [(row["wrapped_key"], row["erased_at"] is not None) for row in rows] == [(b"", True)] * 2

    async def test_their_sessions_end(self, make: Make, me: Holder) -> None:
        ok(await close(me))

        refused(await me.call("GET", URL), 401, "session-ended")

    async def test_what_was_done_stays_written_down(self, house: House, make: Make, me: Holder) -> None:
        ok(await close(me))

        assert [action for action, _, _ in await make.audited(me)][-1] == "account.closed"
        assert await house.db.run(lambda session: audit.verify(session, me.id)) is None

    async def test_the_family_is_told_by_the_name_that_goes(self, house: House, make: Make, me: Holder) -> None:
        member, owner = await make.owner(name="王建国"), await make.owner(name="林若溪")
        await make.member(me, person=member)
        await make.member(owner, "12", person=me)
        await tell_due(house.db, house.ports)

        ok(await close(me))
        await tell_due(house.db, house.ports)

        english = {"Accept-Language": "en"}
        [newest, *_] = (await member.read("/v1/notifications", **english))["items"]
        assert newest["text"] == message("link_ended_member", "en", owner="王**")
        [newest, *_] = (await owner.read("/v1/notifications", **english))["items"]
        assert newest["text"] == message("link_ended_owner", "en", member="王**")
        assert (await owner.read("/v1/family"))["members"] == []
        assert (await member.read("/v1/family"))["owners"] == []

    async def test_the_phone_is_told_for_the_last_time(self, house: House, me: Holder) -> None:
        receipt = ok(await close(me, **{"Accept-Language": "en"}))

        assert house.sandbox is not None
        [last, *_] = await house.sandbox.inbox.received("10000009999")
        assert last.text == message("account_closed", "en", code=receipt["number"])

    async def test_the_worker_has_nothing_left_to_fail_at(
        self, house: House, database: cluster.Database, make: Make, me: Holder
    ) -> None:
        await make.member(me, name="王建国")
        ok(await close(me))

        await tell_due(house.db, house.ports)

        connection = await asyncpg.connect(database.owner_url)
        waiting = await connection.fetchval("SELECT count(*) FROM outbox_event WHERE done_at IS NULL")
        await connection.close()
        assert waiting == 0

    async def test_they_can_come_back_as_somebody_new(self, make: Make, house: House, me: Holder) -> None:
        ok(await close(me))

        number = parse_number(me.registered.number, population=Population.WITH_TEST_PEOPLE)
        anew = await house.db.run(lambda session: homes.find_or_create(session, number, me.registered))
        again = await make.signed_in(Someone(anew, me.registered))

        assert again.id != me.id
        assert (await again.read("/v1/family"))["members"] == []
        assert (await again.read("/v1/notifications"))["items"] == []
        assert (await again.call("GET", "/v1/holders/me/card")).status_code == 200

    async def test_an_account_without_a_card_can_be_closed(self, make: Make, database: cluster.Database) -> None:
        newcomer = await make.owner(has_password=False, card=None)

        ok(await close(newcomer))

        assert "account" not in await rows_about(database, newcomer)


class TestBusiness:
    async def test_a_certification_ends_and_stays_without_a_name(
        self, house: House, database: cluster.Database, me: Holder
    ) -> None:
        await pay(house, me)
        asked = await ask(me, way="counter")
        assert asked.json()["state"] == "in_review"

        ok(await close(me))

        assert "benefit_certification" in await rows_about(database, me)
        rows = await house.db.fetch("SELECT state FROM benefit_certification")
        assert [row["state"] for row in rows] == ["not_needed"]
        assert [row["state"] for row in await house.db.fetch("SELECT state FROM review_case")] == ["withdrawn"]

    async def test_nothing_is_lost_that_is_just_leaving_for_an_authority(self, house: House, me: Holder) -> None:
        async def put(session: Session) -> None:
            outbox.tell(session, Kind.SUBMIT_TRANSFER, me.id, transfer_id=str(new_id(bucket_of(me.id))))

        await house.db.run(put)

        refused(await close(me), 409, "filing-on-its-way")
        assert (await me.call("GET", URL)).status_code == 200


class TestTheReceipt:
    async def test_says_what_is_gone_and_what_stays_until_when(self, house: House, me: Holder) -> None:
        receipt = ok(await close(me, **{"Accept-Language": "en"}))

        assert [each["what"] for each in receipt["erased"]] == ["data", "files", "look_ups"]
        kept = {each["what"]: each["until"] for each in receipt["kept"]}
        assert kept.keys() == {"audit", "records", "backups"}
        assert kept["records"] > kept["audit"] > kept["backups"] > receipt["closed_on"]

    async def test_is_signed_and_vouched_for(self, house: House, me: Holder) -> None:
        receipt = ok(await close(me))

        claims = house.published.verify(TYP, receipt["signed"])
        answer = (await me.client.get(f"/v1/statements/{receipt['number']}")).json()
        assert answer["valid"] is True
        assert answer["sha256"] == hashlib.sha256(receipt["signed"].encode()).hexdigest()
        assert claims["jti"] == receipt["number"].replace("-", "").lower()
        assert me.registered.number not in str(claims)
        with pytest.raises(NotOurs):
            house.published.verify("statement+jwt", receipt["signed"])

    async def test_comes_again_to_the_session_that_closed_it(self, me: Holder) -> None:
        shown = await version_of(me)
        first = await me.call("DELETE", URL, **{"If-Match": shown})
        again = await me.call("DELETE", URL, **{"If-Match": shown})

        assert ok(again) == ok(first)

    async def test_comes_to_nobody_else(self, make: Make, me: Holder) -> None:
        other = await make.owner()
        ok(await close(me))

        refused(await other.client.delete(URL), 401, "not-signed-in")
        assert (await other.call("DELETE", URL)).status_code in (401, 428)


class TestRaces:
    async def test_closed_twice_at_once_it_is_one_closing(self, me: Holder) -> None:
        shown = await version_of(me)

        answers = await asyncio.gather(*(me.call("DELETE", URL, **{"If-Match": shown}) for _ in range(4)))

        assert {answer.json().get("number") for answer in answers if answer.status_code == 200} != set()
        numbers = {answer.json()["number"] for answer in answers if answer.status_code == 200}
        assert len(numbers) == 1
        assert {answer.status_code for answer in answers} <= {200, 401}

    @pytest.mark.parametrize("round_number", range(3))
    async def test_a_link_that_is_made_meanwhile_is_ended_or_never_was(
        self, house: House, make: Make, me: Holder, round_number: int
    ) -> None:
        owner = await make.owner(name="林若溪")
        shown = await version_of(me)
        link = make.member(owner, "12", person=me)

        outcomes = await asyncio.gather(me.call("DELETE", URL, **{"If-Match": shown}), link, return_exceptions=True)

        closed = outcomes[0]
        assert isinstance(closed, httpx.Response)
        family = (await owner.read("/v1/family"))["members"]
        if closed.status_code == 200:
            assert family == []
        else:  # the link was first, and closing would do more than was shown
            assert (closed.status_code, len(family)) == (412, 1)

    async def test_two_who_hold_each_other_close_at_once(self, make: Make, house: House, me: Holder) -> None:
        spouse = await make.card_password(await make.owner(name="林若溪", sex="2"))
        await make.member(me, "12", person=spouse)
        await make.member(spouse, "11", person=me)
        versions = [await version_of(me), await version_of(spouse)]

        answers = await asyncio.gather(
            *(
                each.call("DELETE", URL, **{"If-Match": version})
                for each, version in zip((me, spouse), versions, strict=True)
            )
        )

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 200], [200, 412])
        for each, answer in zip((me, spouse), answers, strict=True):
            if answer.status_code == 412:
                ok(await close(each))
        await tell_due(house.db, house.ports)
        assert await comparing.torn(house.db) == []


class TestElsewhere:
    async def test_applications_in_which_others_named_them_lose_the_name_and_end(
        self, house: House, kin: Kin, make: Make, me: Holder, owner: Owner
    ) -> None:
        enrolment = await owner.to_documents(Kin.known(me), "97")
        ok(await close(me))

        await tell_due(house.db, house.ports)

        said = await owner.read(enrolment)
        assert said["state"] == "cancelled"
        assert me.registered.name not in str(said)
        assert owner.holder is not None
        assert (await owner.holder.read("/v1/family"))["quota"]["total"]["used"] == 0
        row = await house.db.fetch("SELECT member_id, member_name FROM enrolment WHERE member_id = $1", me.id)
        assert row == []


class TestFiles:
    async def test_they_are_gone_with_the_next_sweep(
        self, house: House, settings: Settings, kin: Kin, owner: Owner, make: Make
    ) -> None:
        assert owner.holder is not None
        me = owner.holder = await make.card_password(owner.holder)
        enrolment = await owner.to_documents(await kin(age=9, parents=[me.registered.number]), "20")
        await owner.consent(enrolment, "identity-document")
        await owner.consent(enrolment, "minor-data")
        await owner.put(enrolment, "birth_certificate", PORTRAIT)
        assert stored_files(settings) != []

        ok(await close(me))
        await files.sweep(house.db, house.ports.store)

        assert stored_files(settings) == []


class TestRemains:
    async def test_what_was_agreed_to_stays_without_a_name(
        self, house: House, database: cluster.Database, owner: Owner, kin: Kin, make: Make
    ) -> None:
        assert owner.holder is not None
        me = owner.holder = await make.card_password(owner.holder)
        await owner.to_documents(await kin(age=9), "20")

        ok(await close(me))
        await tell_due(house.db, house.ports)

        assert {"consent", "enrolment"} <= (await rows_about(database, me)).keys()
        rows = await house.db.fetch("SELECT * FROM enrolment WHERE home_id = $1", me.id)
        assert [value for row in rows for value in row.values() if isinstance(value, bytes)] == []
