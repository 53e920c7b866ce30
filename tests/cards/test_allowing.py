"""What a card allows, by the table."""

import asyncpg
import pytest

from app.core.db import Database, Session, bucket_of
from app.core.errors import AppError
from app.models.cards import Card
from app.ports.register import PhysicalCardStatus
from app.services import policies
from app.services.cards import allowing
from app.services.cards.allowing import HOLDER_DIED, NO_CARD, Standing, Use
from tests import cluster
from tests.factories.make import Make, Someone

STATUSES = (*(status.value for status in PhysicalCardStatus), NO_CARD, HOLDER_DIED)


async def refused(db: Database, person: Someone, use: Use, *, to_holder: bool = True) -> AppError | None:
    try:
        await db.run(lambda session: allowing.require(session, person.id, use, to_holder=to_holder))
    except AppError as error:
        return error
    return None


async def set_card(db: Database, person: Someone, **facts: object) -> None:
    async def change(session: Session) -> None:
        card = await session.get_one(Card, (bucket_of(person.id), person.id))
        for name, value in facts.items():
            setattr(card, name, value)

    await db.run(change)


class TestTheTable:
    @pytest.mark.parametrize("status", STATUSES)
    async def test_every_status_says_of_every_use_whether_it_is_allowed_or_why_not(
        self, db: Database, status: str
    ) -> None:
        rules = (await db.run(policies.current)).card_status
        codes = {str(vars(kind)["code"]) for kind in allowing.REFUSALS}
        standing = Standing(status, 2, is_suspended=False)

        denied = allowing.refusals(standing, rules)

        assert (not denied) is (status == PhysicalCardStatus.NORMAL)
        assert set(denied.values()) <= codes
        assert Use.HISTORY not in denied

    async def test_a_suspended_card_is_looked_at_and_no_more_is_done_with_it(self, db: Database) -> None:
        rules = (await db.run(policies.current)).card_status

        denied = allowing.refusals(Standing("1", 2, is_suspended=True), rules)

        assert denied == dict.fromkeys((Use.SHOW_CODE, Use.FILE, Use.ORDER, Use.PAY), "card-suspended")

    async def test_a_region_may_allow_more(self, database: cluster.Database, make: Make, db: Database) -> None:
        connection = await asyncpg.connect(database.owner_url)
        await connection.execute(
            "INSERT INTO policy (code, region, valid_from, value) SELECT code, '100100', valid_from,"
            """ value || '{"certify": ["1", "2"]}' FROM policy WHERE code = 'card_status'"""
        )
        await connection.close()
        me = await make.owner()
        await set_card(db, me, physical_status=PhysicalCardStatus.LOST)

        assert await refused(db, me, Use.CERTIFY) is None
        assert await refused(db, me, Use.FILE) is not None


class TestRequiring:
    async def test_who_has_no_card_is_filed_for_and_shows_none(self, make: Make, db: Database) -> None:
        child = await make.person(card=None)

        assert await refused(db, child, Use.FILE, to_holder=False) is None
        assert isinstance(await refused(db, child, Use.SHOW_CODE, to_holder=False), allowing.NoPhysicalCard)

    async def test_a_card_without_a_password_is_shown_by_family_alone(self, make: Make, db: Database) -> None:
        me = await make.owner(has_password=False)

        own = await refused(db, me, Use.SHOW_CODE)

        assert own is not None
        assert own.code == "card-password-not-set"
        assert await refused(db, me, Use.VIEW) is None
        assert await refused(db, me, Use.SHOW_CODE, to_holder=False) is None

    async def test_payment_takes_a_card_of_level_two(self, make: Make, db: Database) -> None:
        me = await make.owner()
        assert isinstance(await refused(db, me, Use.PAY), allowing.PaymentNotAdded)

        await set_card(db, me, level=2)

        assert await refused(db, me, Use.PAY) is None

    async def test_a_refusal_leads_to_the_offices_of_its_region(self, make: Make, db: Database) -> None:
        me = await make.owner()
        await set_card(db, me, physical_status=PhysicalCardStatus.APPLICATION_LOCKED)

        error = await refused(db, me, Use.FILE)

        assert error is not None
        assert error.next_step is not None
        assert error.next_step.href == "/v1/offices?region=100101"

    async def test_with_a_lost_card_nobody_is_added_to_the_family(self, make: Make, db: Database) -> None:
        me = await make.card_password(await make.owner())
        await set_card(db, me, physical_status=PhysicalCardStatus.LOST)

        answer = await me.call(
            "POST", "/v1/enrolments", {"kind": "family_member"}, **{"Idempotency-Key": "a-loss-and-a-child"}
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "card-lost")
