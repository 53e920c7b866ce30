"""Who is told what: on their own phone, on the one the register holds, or through others."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.core.db import Database, Session, bucket_of
from app.models.accounts import Account
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit, links, outbox
from app.services.outbox import Kind
from app.services.people import homes
from app.texts import message
from app.worker.relay import tell_due
from tests.factories.make import Holder, Make

MINE, OTHERS, REGISTERED = "10000000071", "10000000072", "10000000073"
CHILD = date(2018, 5, 4)
LANGUAGE = "zh-CN"


async def with_phone(db: Database, holder: Holder, phone: str) -> Holder:
    """Give somebody's account a phone of its own."""
    account_id = holder.claims.account_id

    async def change(session: Session) -> None:
        key = await homes.key_of(session, account_id)
        account = await session.get_one(Account, (bucket_of(account_id), account_id))
        account.phone = key.seal("account.phone", account_id, phone)

    await db.run(change)
    return holder


async def told(house: House) -> Mapping[str, Sequence[str]]:
    """Let everything be told, and return what each phone shows, oldest first."""
    await tell_due(house.db, house.ports)
    assert house.sandbox is not None
    phones: dict[str, list[str]] = {}
    for each in reversed(await house.sandbox.inbox.received(None)):
        phones.setdefault(each.to, []).append(each.text)
    return phones


@pytest.fixture
async def me(make: Make, db: Database) -> Holder:
    """An owner, with a phone of their own."""
    return await with_phone(db, await make.owner(name="王志远"), MINE)


@pytest.fixture
async def other(make: Make, db: Database) -> Holder:
    """Another owner."""
    return await with_phone(db, await make.owner(name="林若溪", sex="2"), OTHERS)


class TestAnAdult:
    async def test_is_told_on_the_phone_of_their_account(
        self, house: House, db: Database, make: Make, me: Holder, other: Holder
    ) -> None:
        await make.member(me, "12", person=other)

        assert await told(house) == {
            MINE: [message("link_started_owner", LANGUAGE, member="林**")],
            OTHERS: [message("link_started_member", LANGUAGE, owner="王**")],
        }

    async def test_without_an_account_is_told_on_the_registers_phone(
        self, house: House, make: Make, me: Holder
    ) -> None:
        await make.member(me, name="王建国", phone=REGISTERED)

        assert (await told(house))[REGISTERED] == [message("link_started_member", LANGUAGE, owner="王**")]

    async def test_without_any_phone_is_told_through_the_other_owners(
        self, house: House, make: Make, me: Holder, other: Holder
    ) -> None:
        link = await make.member(other, "53", name="王守田")
        await told(house)
        await make.member(me, "61", person=link.person)

        phones = await told(house)

        assert phones[OTHERS][-1] == message("link_started_other_owner", LANGUAGE, owner="王**", member="王**")
        assert phones[MINE] == [message("link_started_owner", LANGUAGE, member="王**")]


class TestAChild:
    async def test_is_told_through_the_registers_phone_and_every_other_owner(
        self, house: House, make: Make, me: Holder, other: Holder
    ) -> None:
        link = await make.member(other, "20", name="王子墨", birth_date=CHILD, phone=REGISTERED)
        await told(house)
        await make.member(me, "20", person=link.person)

        phones = await told(house)

        assert phones[REGISTERED][-1] == message("link_started_member", LANGUAGE, owner="王**")
        assert phones[OTHERS][-1] == message("link_started_other_owner", LANGUAGE, owner="王**", member="王**")
        assert phones[MINE] == [message("link_started_owner", LANGUAGE, member="王**")]

    async def test_whose_link_has_ended_is_told_through_the_owners_that_are_left(
        self, house: House, db: Database, make: Make, me: Holder, other: Holder
    ) -> None:
        mine = await make.member(me, "20", name="王子墨", birth_date=CHILD)
        await make.member(other, "20", person=mine.person)
        await told(house)
        await db.run(lambda session: links.end(session, mine.link_id, LinkEnd.BY_OWNER, audit.SYSTEM))

        phones = await told(house)

        assert phones[OTHERS][-1] == message("link_ended_other_owner", LANGUAGE, owner="王**", member="王**")
        assert phones[MINE][-1] == message("link_ended_owner", LANGUAGE, member="王**")

    @pytest.mark.parametrize("phone", [None, MINE])
    async def test_of_whom_only_the_acting_owner_would_hear_is_put_into_the_log(
        self, phone: str | None, house: House, make: Make, me: Holder
    ) -> None:
        await make.member(me, "20", name="王子墨", birth_date=CHILD, phone=phone)

        with capture_logs() as lines:
            await told(house)

        assert [line["message"] for line in lines if line["event"] == "nobody_else_told"] == ["link_started_member"]


class TestAnAccount:
    async def test_of_nobody_known_yet_is_told_on_its_phone(self, house: House, db: Database, me: Holder) -> None:
        await _tell(db, me.claims.account_id, "session_new_device")

        assert await told(house) == {MINE: [message("session_new_device", LANGUAGE)]}

    async def test_hears_of_its_application_by_the_members_name(
        self, house: House, db: Database, me: Holder, make: Make
    ) -> None:
        child = await make.person(name="王子墨")
        await _tell(db, me.claims.account_id, "enrolment_rejected", member_id=str(child.id))

        assert await told(house) == {MINE: [message("enrolment_rejected", LANGUAGE, name="王**")]}

    async def test_hears_nothing_of_an_application_that_named_nobody(
        self, house: House, db: Database, me: Holder
    ) -> None:
        await _tell(db, me.claims.account_id, "enrolment_expired", member_id="")

        assert await told(house) == {}

    async def test_hears_of_its_holders_own_card(self, house: House, db: Database, me: Holder) -> None:
        await _tell(db, me.id, "card_issued")

        assert await told(house) == {MINE: [message("card_issued", LANGUAGE, name="王**")]}


async def _tell(db: Database, home_id: UUID, message: str, member_id: str | None = None) -> None:
    async def put(session: Session) -> None:
        if member_id is None:
            outbox.tell(session, Kind.TELL_PERSON, home_id, message=message)
        else:
            outbox.tell(session, Kind.TELL_PERSON, home_id, message=message, member_id=member_id)

    await db.run(put)
