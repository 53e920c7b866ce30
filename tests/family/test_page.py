"""The family page: members, who is being added, owners, places."""

from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from app.core.db import Database, bucket_of
from app.models.accounts import Assurance, SignedIn
from app.models.links import FamilyLink, LinkState, MemberSlot
from app.models.people import Person
from app.routers.deps import House
from app.schemas.family import FamilyRead
from app.services.links import Services
from tests.factories.make import Make, Member

PAGE = "/v1/family"


async def freeze(db: Database, member: Member) -> None:
    """What a dispute does to both rows."""
    await db.run(
        lambda session: session.execute(
            update(FamilyLink)
            .where(FamilyLink.bucket == bucket_of(member.link_id), FamilyLink.id == member.link_id)
            .values(state=LinkState.FROZEN)
        )
    )
    await db.run(
        lambda session: session.execute(
            update(MemberSlot)
            .where(MemberSlot.bucket == bucket_of(member.person.id), MemberSlot.link_id == member.link_id)
            .values(is_frozen=True)
        )
    )


async def test_a_holder_without_family_sees_an_empty_page_and_all_places(make: Make) -> None:
    me = await make.owner()

    page = await me.read(PAGE, **{"Accept-Language": "en"})

    assert (page["members"], page["adding"], page["owners"]) == ([], [], [])
    assert page["quota"] == {
        "profile": "default",
        "since": "2026-01-01",
        "text": "You can add 10 relatives in all: 1 spouse, 3 children, 4 elders and 2 others."
        " This rule holds since 2026-01-01.",
        "total": {"used": 0, "limit": 10, "left": 10},
        "spouse": {"used": 0, "limit": 1, "left": 1},
        "child": {"used": 0, "limit": 3, "left": 3},
        "elder": {"used": 0, "limit": 4, "left": 4},
        "other": {"used": 0, "limit": 2, "left": 2},
    }


async def test_members_are_shown_masked_with_what_is_shared(make: Make, house: House) -> None:
    me = await make.owner()
    father = await make.member(me, name="王建国", birth_date=date(1957, 3, 8))
    age = house.db.clock.now().year - 1957 - (house.db.clock.now().date() < date(house.db.clock.now().year, 3, 8))

    answer = await me.call("GET", PAGE, **{"Accept-Language": "en"})

    assert answer.headers["content-language"] == "en"
    assert answer.headers["cache-control"] == "no-store"
    [member] = answer.json()["members"]
    number = father.person.registered.number
    assert member.pop("since").endswith("Z")
    assert member == {
        "link_id": str(father.link_id),
        "name": "王**",
        "social_security_number": f"{number[:6]}********{number[-4:]}",
        "age": age,
        "relationship": "51",
        "relationship_name": "father",
        "place": "elder",
        "state": "active",
        "services": ["view", "show_code", "certify", "file"],
        "shared": {"card": True, "filing": True, "money": "none", "money_to_me": "none"},
        "changes": [],
    }
    assert "王建国" not in answer.text
    assert number not in answer.text


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "父亲"), ("en", "father"), ("es", "padre")])
async def test_the_relationship_is_said_in_the_language_asked_for(make: Make, language: str, word: str) -> None:
    me = await make.owner()
    await make.member(me)

    page = await me.read(PAGE, **{"Accept-Language": language})

    assert page["members"][0]["relationship_name"] == word


async def test_what_is_shared_follows_the_services(make: Make) -> None:
    me = await make.owner()
    await make.member(me, "51", services=Services(view=False, show_code=True, certify=False, file=False))
    await make.member(me, "52", sex="2", services=Services(view=False, show_code=False, certify=True, file=False))
    await make.member(me, "11", services=Services(view=False, show_code=False, certify=False, file=False, pay=True))

    page = await me.read(PAGE)

    no_money = {"money": "none", "money_to_me": "none"}
    assert [(member["services"], member["shared"]) for member in page["members"]] == [
        (["show_code"], {"card": True, "filing": False} | no_money),
        (["certify"], {"card": False, "filing": True} | no_money),
        (["pay"], {"card": False, "filing": False} | no_money),
    ]


async def test_who_is_being_added_takes_a_place_and_is_no_member_yet(make: Make) -> None:
    me = await make.owner()
    await make.member(me, "51")
    await make.adding(me, "52", sex="2", name="陈淑芬")

    page = await me.read(PAGE)

    assert [member["relationship"] for member in page["members"]] == ["51"]
    [adding] = page["adding"]
    assert (adding["name"], adding["relationship"], adding["place"]) == ("陈**", "52", "elder")
    assert "link_id" not in adding
    assert page["quota"]["total"] == {"used": 2, "limit": 10, "left": 8}
    assert page["quota"]["elder"] == {"used": 2, "limit": 4, "left": 2}


async def test_the_member_sees_who_has_added_them(make: Make) -> None:
    son, daughter = await make.owner(name="王志远"), await make.owner(name="王静姝", sex="2")
    link = await make.member(son)
    await make.member(daughter, person=link.person)
    father = await make.signed_in(link.person)

    page = await father.read(PAGE, **{"Accept-Language": "en"})

    assert page["members"] == []
    assert [(owner["name"], owner["relationship_text"], owner["state"]) for owner in page["owners"]] == [
        ("王**", "王**'s father", "active"),
        ("王**", "王**'s father", "active"),
    ]
    assert page["owners"][0]["link_id"] == str(link.link_id)
    assert page["quota"]["total"]["used"] == 0


async def test_spouses_who_added_each_other_stand_on_both_sides(make: Make) -> None:
    husband, wife = await make.owner(name="王志远"), await make.owner(name="林若溪", sex="2")
    await make.member(husband, "12", person=wife)
    await make.member(wife, "11", person=husband)

    page = await wife.read(PAGE)

    assert [member["name"] for member in page["members"]] == ["王**"]
    assert [owner["name"] for owner in page["owners"]] == ["王**"]
    assert page["quota"]["spouse"] == {"used": 1, "limit": 1, "left": 0}


async def test_a_frozen_link_is_shown_frozen_on_both_sides(make: Make, db: Database) -> None:
    me = await make.owner()
    link = await make.member(me)
    father = await make.signed_in(link.person)

    await freeze(db, link)

    assert [member["state"] for member in (await me.read(PAGE))["members"]] == ["frozen"]
    assert [owner["state"] for owner in (await father.read(PAGE))["owners"]] == ["frozen"]


async def test_the_eldest_link_comes_first(make: Make, house: House) -> None:
    me = await make.owner()
    for relationship, birth_date in (("51", date(1957, 3, 8)), ("20", date(2015, 5, 1)), ("73", date(1990, 5, 1))):
        await make.member(me, relationship, birth_date=birth_date)
        assert house.sandbox is not None
        await house.sandbox.move_clock(timedelta(minutes=1))

    page = await me.read(PAGE)

    assert [member["relationship"] for member in page["members"]] == ["51", "20", "73"]


async def test_an_age_changes_at_midnight_in_shanghai(make: Make, house: House) -> None:
    assert house.sandbox is not None
    now = house.db.clock.now()
    evening = datetime(now.year, now.month, now.day, 15, 59, 58, tzinfo=UTC) + timedelta(days=1)
    await house.sandbox.move_clock(evening - now)
    tomorrow = evening.date() + timedelta(days=1)
    me = await make.owner()
    child = date(tomorrow.year - 9, tomorrow.month, tomorrow.day if (tomorrow.month, tomorrow.day) != (2, 29) else 28)
    await make.member(me, "20", birth_date=child)
    before = (await me.read(PAGE))["members"][0]["age"]

    await house.sandbox.move_clock(timedelta(minutes=1))

    assert (before, (await me.read(PAGE))["members"][0]["age"]) == (8, 9)


async def test_without_a_proved_person_there_is_no_page_but_a_way_to_one(make: Make, db: Database) -> None:
    me = await make.owner()
    await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

    answer = await me.call("GET", PAGE)

    assert (answer.status_code, answer.json()["code"]) == (409, "own-card-needed")
    assert answer.json()["next"]["href"] == "/v1/enrolments"


async def test_a_session_that_reads_nothing_has_no_page(make: Make, db: Database) -> None:
    me = await make.owner()
    await db.run(lambda session: session.execute(update(SignedIn).values(assurance=Assurance.SMS)))
    assert (await me.call("GET", PAGE)).json()["code"] == "more-proof-needed"

    await me.call("DELETE", "/v1/sessions/current")

    assert (await me.call("GET", PAGE)).json()["code"] == "session-ended"


async def test_what_is_written_is_what_is_published(make: Make, client: httpx.AsyncClient) -> None:
    me = await make.owner(sex="2", name="林若溪")
    await make.member(me, "11")
    await make.adding(me, "51")
    other = await make.owner()
    await make.member(other, "12", person=me)
    answer = await me.call("GET", PAGE)

    published = (await client.get("/openapi.json")).json()

    schema = published["paths"][PAGE]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/FamilyRead"}
    page = answer.json()
    for shape, written in (
        ("FamilyRead", page),
        ("FamilyMemberRead", page["members"][0]),
        ("AddingRead", page["adding"][0]),
        ("FamilyOwnerRead", page["owners"][0]),
        ("QuotaRead", page["quota"]),
    ):
        known = published["components"]["schemas"][shape]
        assert sorted(written) == sorted(known["properties"]) == sorted(known["required"]), shape
    assert FamilyRead.model_validate_json(answer.content, strict=True).model_dump(mode="json") == page


async def test_the_short_way_and_the_long_way_answer_the_same(make: Make) -> None:
    me = await make.owner()
    await make.member(me)

    short, long = await me.call("GET", PAGE), await me.call("GET", PAGE + "?")

    assert short.content == long.content
    assert (await me.call("GET", PAGE + "?unknown=1")).content == short.content
