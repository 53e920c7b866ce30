"""Looking at one's own card and at a member's."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from app.core.db import Database, bucket_of
from app.models.accounts import Assurance, SignedIn
from app.models.cards import Card
from app.models.links import FamilyLink, LinkState
from app.models.people import Person
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.schemas.cards import CardMissingRead, CardRead
from app.services.audit import Action
from app.services.links import Services
from tests.factories.make import Make, Member

MINE = "/v1/holders/me/card"


def card_of(member: Member) -> str:
    return f"/v1/holders/{member.link_id}/card"


async def looks(make: Make, member: Member) -> list[str]:
    written = [action for action, _, _ in await make.audited(member.person)]
    return [action for action in written if action in (Action.CARD_SEEN, Action.LINK_REFUSED)]


async def freeze(db: Database, member: Member) -> None:
    await db.run(
        lambda session: session.execute(
            update(FamilyLink)
            .where(FamilyLink.bucket == bucket_of(member.link_id), FamilyLink.id == member.link_id)
            .values(state=LinkState.FROZEN)
        )
    )


class TestOwnCard:
    async def test_it_is_shown_masked_with_all_that_is_on_it(self, make: Make) -> None:
        me = await make.owner(name="欧阳小明", birth_date=date(1985, 6, 15))

        answer = await me.call("GET", MINE)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-language"] == "zh-CN"
        card = answer.json()
        number = me.registered.number
        assert card["name"] == "欧***"
        assert card["social_security_number"] == f"{number[:6]}********{number[-4:]}"
        assert me.registered.card is not None
        assert card["card_number"] == f"{me.registered.card.number[:3]}****{me.registered.card.number[-2:]}"
        assert (card["status"], card["physical_card"], card["level"]) == ("active", "normal", 1)
        assert card["region"] == "100101"
        assert [use for use, is_allowed in card["allows"].items() if not is_allowed] == ["pay"]
        assert [(each["use"], each["reason"]) for each in card["refusals"]] == [("pay", "card-payment-not-added")]
        assert card["suspension"] is None
        assert len(card["issue_number"]) == 20
        assert card["issued_at"].endswith("Z")
        assert card["next"] is None

    async def test_what_is_written_is_what_is_published(self, make: Make, client: httpx.AsyncClient) -> None:
        me = await make.owner()
        answer = await me.call("GET", MINE)

        published = (await client.get("/openapi.json")).json()

        operation = published["paths"][MINE]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/CardRead"}
        shape = published["components"]["schemas"]["CardRead"]
        assert sorted(answer.json()) == sorted(shape["properties"]) == sorted(shape["required"])
        read = CardRead.model_validate_json(answer.content, strict=True)
        assert read.model_dump(mode="json") == answer.json()

    async def test_the_short_way_and_the_long_way_answer_the_same(self, make: Make) -> None:
        me = await make.owner()

        short, long = await me.call("GET", MINE), await me.call("GET", MINE + "?reveal=false")

        assert short.content == long.content
        ours = {"content-type", "content-language", "cache-control", "x-content-type-options", "referrer-policy"}
        assert {name: short.headers[name] for name in ours} == {name: long.headers[name] for name in ours}

    async def test_revealed_after_a_step_up_it_is_whole_and_that_is_written_down(self, make: Make) -> None:
        me = await make.card_password(await make.owner())

        card = await me.read(MINE + "?reveal=true")

        assert card["social_security_number"] == me.registered.number
        assert card["name"] == me.registered.name
        assert me.registered.card is not None
        assert card["card_number"] == me.registered.card.number
        assert Action.OWN_NUMBER_REVEALED in [action for action, _, _ in await make.audited(me)]

    async def test_without_a_step_up_nothing_is_revealed(self, make: Make) -> None:
        me = await make.owner()

        answer = await me.call("GET", MINE + "?reveal=true")

        assert (answer.status_code, answer.json()["code"]) == (401, "card-password-required")
        assert Action.OWN_NUMBER_REVEALED not in [action for action, _, _ in await make.audited(me)]

    async def test_who_is_no_longer_shown_to_be_its_holder_sees_no_card(self, make: Make, db: Database) -> None:
        me = await make.card_password(await make.owner())
        father = await make.member(me)
        await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

        for path in (MINE, MINE + "?reveal=true"):
            assert (await me.call("GET", path)).json()["code"] == "own-card-needed"
        assert (await me.call("GET", card_of(father))).status_code == 404

    async def test_a_step_up_older_than_five_minutes_reveals_nothing(self, make: Make, house: House) -> None:
        me = await make.card_password(await make.owner())
        assert house.sandbox is not None
        await house.sandbox.move_clock(timedelta(seconds=301))

        answer = await me.call("GET", MINE + "?reveal=true")

        assert answer.json()["code"] == "card-password-required"

    async def test_without_a_password_it_says_to_set_one(self, make: Make) -> None:
        me = await make.owner(has_password=False)

        card = await me.read(MINE, **{"Accept-Language": "en"})

        assert card["status"] == "issued"
        assert card["next"]["action"] == "card-password-not-set"
        assert card["next"]["href"] == "/v1/enrolments?state=open"
        assert card["next"]["text"].startswith("Set a password")

    @pytest.mark.parametrize(
        ("status", "word", "allows", "advice"),
        [
            (PhysicalCardStatus.LOST, "lost", "order history", "card-lost"),
            (PhysicalCardStatus.LOST_TEMPORARILY, "lost_temporarily", "order history", "card-lost"),
            (PhysicalCardStatus.CANCELLED, "cancelled", "order history", "card-cancelled"),
            (PhysicalCardStatus.APPLICATION_LOCKED, "application_locked", "history", "card-locked"),
            (PhysicalCardStatus.NOT_ACTIVATED, "not_activated", "history", "card-not-activated"),
        ],
    )
    async def test_the_physical_cards_status_decides_what_it_allows(
        self, make: Make, db: Database, status: PhysicalCardStatus, word: str, allows: str, advice: str
    ) -> None:
        me = await make.owner()
        await db.run(
            lambda session: session.execute(
                update(Card).where(Card.bucket == bucket_of(me.id)).values(physical_status=status)
            )
        )

        card = await me.read(MINE)

        assert (card["physical_card"], card["next"]["action"]) == (word, advice)
        assert " ".join(use for use, is_allowed in card["allows"].items() if is_allowed) == allows
        assert {each["reason"] for each in card["refusals"]} - {"lost-card-consent-needed"} == {advice}

    async def test_the_issue_number_is_the_channels(self, make: Make, db: Database) -> None:
        me = await make.owner()
        await make.channel("bank")
        await db.run(
            lambda session: session.execute(
                update(SignedIn).where(SignedIn.bucket == bucket_of(me.id)).values(channel="bank")
            )
        )

        card = await me.read(MINE)
        assert card["issue_number"] is None
        assert (card["next"]["action"], card["allows"]["show_code"]) == ("card-not-in-channel", False)

    async def test_without_a_card_the_answer_says_how_to_get_one(self, make: Make) -> None:
        me = await make.signed_in(await make.person(card=None))

        answer = await me.call("GET", MINE, **{"Accept-Language": "es"})

        assert answer.status_code == 409
        problem = answer.json()
        assert problem["code"] == "own-card-needed"
        assert problem["next"]["href"] == "/v1/enrolments"
        assert answer.headers["content-language"] == "es"
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_who_is_taken_over_by_their_own_face_elsewhere_is_signed_out(self, make: Make) -> None:
        me = await make.owner()
        other = await make.signed_in(me)

        assert (await other.call("GET", MINE)).status_code == 200
        assert (await me.call("GET", MINE)).status_code == 401

    async def test_an_ended_session_reads_nothing(self, make: Make) -> None:
        me = await make.owner()
        await me.call("DELETE", "/v1/sessions/current")

        answer = await me.call("GET", MINE)

        assert (answer.status_code, answer.json()["code"]) == (401, "session-ended")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    async def test_a_session_that_is_over_reads_nothing(self, make: Make, db: Database) -> None:
        me = await make.owner()
        over = datetime(2026, 1, 1, tzinfo=UTC)
        await db.run(
            lambda session: session.execute(
                update(SignedIn).where(SignedIn.bucket == bucket_of(me.id)).values(expires_at=over)
            )
        )

        assert (await me.call("GET", MINE)).json()["code"] == "session-ended"

    async def test_a_session_that_rests_on_an_sms_code_reads_nothing(self, make: Make, db: Database) -> None:
        me = await make.owner()
        await make.channel("bank")
        await db.run(
            lambda session: session.execute(
                update(SignedIn).where(SignedIn.bucket == bucket_of(me.id)).values(assurance=Assurance.SMS)
            )
        )

        answer = await me.call("GET", MINE)

        assert (answer.status_code, answer.json()["code"]) == (401, "more-proof-needed")
        assert "acr_values" in answer.headers["www-authenticate"]

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x.y.z", "Basic YTpi"])
    async def test_nobody_in_particular_reads_nothing(
        self, make: Make, client: httpx.AsyncClient, header: str | None
    ) -> None:
        answer = await client.get(MINE, headers={} if header is None else {"Authorization": header})

        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
        assert answer.headers["www-authenticate"].startswith("Bearer")


class TestAMembersCard:
    async def test_it_is_shown_masked_and_the_look_is_written_down_with_them(self, make: Make) -> None:
        me = await make.owner()
        father = await make.member(me, name="王建国")

        card = await me.read(card_of(father))

        assert CardRead.model_validate(card | {"issued_at": datetime.now(UTC)})
        assert card["name"] == "王**"
        assert card["status"] == "issued"
        assert card["next"] is None
        seen = [event for event in await make.audited(father.person) if event[0] == Action.CARD_SEEN]
        assert seen == [(Action.CARD_SEEN, {"link_id": str(father.link_id)}, me.id)]

    async def test_looks_within_ten_minutes_are_one(self, make: Make, house: House) -> None:
        me = await make.owner()
        father = await make.member(me)
        await me.read(card_of(father))
        await me.read(card_of(father))
        assert await looks(make, father) == [Action.CARD_SEEN]
        assert house.sandbox is not None

        await house.sandbox.move_clock(timedelta(minutes=10))
        await me.read(card_of(father))

        assert await looks(make, father) == [Action.CARD_SEEN, Action.CARD_SEEN]

    async def test_ten_looks_at_once_are_one(self, make: Make) -> None:
        me = await make.owner()
        father = await make.member(me)

        answers = await asyncio.gather(*(me.call("GET", card_of(father)) for _ in range(10)))

        assert {answer.status_code for answer in answers} == {200}
        assert await looks(make, father) == [Action.CARD_SEEN]

    async def test_somebody_elses_look_is_another(self, make: Make) -> None:
        one, other = await make.owner(), await make.owner(sex="2")
        father = await make.member(one)
        again = await make.member(other, person=father.person)

        await one.read(card_of(father))
        await other.read(card_of(again))

        assert await looks(make, father) == [Action.CARD_SEEN, Action.CARD_SEEN]

    async def test_a_frozen_link_shows_nothing_and_the_try_is_written_down(self, make: Make, db: Database) -> None:
        me = await make.owner()
        father = await make.member(me)
        await freeze(db, father)

        answer = await me.call("GET", card_of(father))

        assert (answer.status_code, answer.json()["code"]) == (409, "link-frozen")
        assert await looks(make, father) == [Action.LINK_REFUSED]

    async def test_what_the_member_does_not_share_is_not_shown(self, make: Make) -> None:
        me = await make.owner()
        nephew = await make.member(me, "93", services=Services(view=False), birth_date=date(2015, 1, 1))

        answer = await me.call("GET", card_of(nephew))

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-shared")
        assert await looks(make, nephew) == [Action.LINK_REFUSED]

    async def test_a_link_that_is_not_mine_is_not_there(self, make: Make) -> None:
        me, stranger = await make.owner(), await make.owner(sex="2")
        father, relative = await make.member(me), await make.adding(me, "52", sex="2")
        ended = await make.member(me, "20", birth_date=date(2015, 1, 1))
        await me.call("DELETE", f"/v1/family/members/{ended.link_id}")
        member = await make.signed_in(father.person)

        for who, what in (
            (stranger, card_of(father)),
            (member, card_of(father)),
            (me, card_of(relative)),
            (me, card_of(ended)),
            (me, f"/v1/holders/{me.id}/card"),
            (me, "/v1/holders/nobody/card"),
        ):
            answer = await who.call("GET", what)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), what
        assert await looks(make, father) == []

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (None, "no-physical-card"),
            (PhysicalCardStatus.NOT_ACTIVATED, "card-not-activated"),
            (PhysicalCardStatus.APPLICATION_LOCKED, "card-locked"),
            (PhysicalCardStatus.CANCELLED, "card-cancelled"),
        ],
    )
    async def test_without_a_card_it_says_why_and_what_to_do(
        self, make: Make, status: PhysicalCardStatus | None, reason: str
    ) -> None:
        me = await make.owner()
        child = await make.member(me, "20", card=status, birth_date=date(2026, 1, 5))

        missing = await me.read(card_of(child), **{"Accept-Language": "en"})

        assert CardMissingRead.model_validate(missing)
        assert (missing["status"], missing["reason"], missing["next"]["action"]) == ("not_issued", reason, reason)
        assert missing["next"]["text"].endswith(".")
        assert await looks(make, child) == [Action.CARD_SEEN]

    async def test_somebody_the_register_no_longer_knows_alive_is_issued_nothing(self, make: Make) -> None:
        me = await make.owner()
        father = await make.member(me, card=None)
        await make.collect_card(father.person, is_alive=False)

        missing = await me.read(card_of(father))

        assert (missing["status"], missing["reason"]) == ("not_issued", "no-physical-card")

    async def test_a_card_collected_since_is_issued_when_it_is_looked_at(self, make: Make) -> None:
        me = await make.owner()
        child = await make.member(me, "20", card=None, birth_date=date(2026, 1, 5))
        assert (await me.read(card_of(child)))["status"] == "not_issued"
        await make.collect_card(child.person)

        answers = await asyncio.gather(*(me.read(card_of(child)) for _ in range(5)))

        assert {card["status"] for card in answers} == {"issued"}
        written = [action for action, _, _ in await make.audited(child.person)]
        assert written.count(Action.CARD_ISSUED) == 1

    async def test_the_answer_is_published_as_one_of_two(self, client: httpx.AsyncClient) -> None:
        published = (await client.get("/openapi.json")).json()

        answers = published["paths"]["/v1/holders/{holder}/card"]["get"]["responses"]

        schema = answers["200"]["content"]["application/json"]["schema"]
        assert [option["$ref"].rpartition("/")[2] for option in schema["anyOf"]] == ["CardRead", "CardMissingRead"]
        assert {"404", "409", "403", "503"} <= answers.keys()


async def test_many_at_once_each_see_their_own(make: Make) -> None:
    holders = [await make.owner(name=name) for name in ("赵一", "钱二二", "孙三三三")]

    cards = await asyncio.gather(*(holder.read(MINE) for holder in holders * 5))

    assert [card["name"] for card in cards] == ["赵*", "钱**", "孙***"] * 5
    assert len({card["issue_number"] for card in cards}) == 3
