"""Links change with the member's age: at midnight in China, whether or not a worker has run; both sides are told."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor

import pytest
from sqlalchemy import delete, update

from app import worker
from app.core.clock import SHANGHAI, today
from app.core.db import Database, Session, bucket_of
from app.models.links import FamilyLink, Milestone
from app.routers.deps import House
from app.services import audit, links
from app.services.audit import Action
from app.services.family import ageing
from app.services.links import Services
from app.services.people import homes
from tests.factories.adding import later, ok, refused
from tests.factories.make import Holder, Make, Member, Someone
from tests.factories.rows import count
from tests.transfers.playing import PENSION, Filing

ALL = ["view", "show_code", "certify", "file"]


def turning(house: House, years: int, *, in_days: int) -> date:
    """The birth date of somebody who turns so many years old in some days."""
    day = house.db.clock.now().astimezone(SHANGHAI).date() + timedelta(days=in_days)
    return date(day.year - years, day.month, day.day)


async def until(house: House, day: date, **before: float) -> None:
    """Let time pass until 00:00 of a day in China, or some moments before it; a clock is moved by whole seconds."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    left = (midnight - timedelta(**before) - house.db.clock.now()).total_seconds()
    await later(house, seconds=floor(left) if before else ceil(left))


async def services(me: Holder, link: Member) -> list[str]:
    shared: list[str] = (await me.read(f"/v1/family/members/{link.link_id}"))["services"]
    assert shared == next(
        each["services"] for each in (await me.read("/v1/family"))["members"] if each["link_id"] == str(link.link_id)
    )
    return shared


async def told(db: Database, person: Someone) -> list[str]:
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2"
        " AND kind = 'tell_person' ORDER BY created_at",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


async def times(make: Make, person: Someone, action: Action) -> int:
    return [each for each, _, _ in await make.audited(person)].count(action)


@pytest.fixture
async def me(make: Make) -> Holder:
    """A parent."""
    return await make.owner(name="王志远")


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        (datetime(2027, 5, 17, 15, 59, 59, tzinfo=UTC), tuple(ALL)),
        (datetime(2027, 5, 17, 16, 0, 0, tzinfo=UTC), ("view", "certify")),
        (datetime(2029, 6, 15, 15, 59, 59, tzinfo=UTC), ("view", "certify")),
        (datetime(2029, 6, 15, 16, 0, 0, tzinfo=UTC), ("view",)),
    ],
)
def test_the_second_before_midnight_is_the_day_before(moment: datetime, left: tuple[str, ...]) -> None:
    granted = Services()

    assert granted.in_force(date(2027, 5, 18), date(2029, 6, 16), today(moment)).names == left


class TestSixteen:
    async def test_at_midnight_of_the_birthday_codes_and_filing_are_gone(
        self, make: Make, house: House, me: Holder
    ) -> None:
        born = turning(house, 16, in_days=3)
        child = await make.member(me, "20", birth_date=born)
        birthday = date(born.year + 16, born.month, born.day)

        await until(house, birthday, seconds=20)
        before = await services(me, child)
        await until(house, birthday)

        assert before == ALL
        assert await services(me, child) == ["view", "certify"]
        assert (await me.call("GET", f"/v1/holders/{child.link_id}/card")).status_code == 200

    async def test_what_is_filed_goes_by_the_day_and_a_refusal_leads_to_the_face(
        self, make: Make, house: House, me: Holder
    ) -> None:
        born = turning(house, 16, in_days=3)
        child = await make.member(me, "20", birth_date=born)
        birthday = date(born.year + 16, born.month, born.day)
        filing = Filing(me, str(child.link_id))

        await until(house, birthday, seconds=20)
        draft = await filing.draft()
        await until(house, birthday)

        for answer in (await filing.submit(draft["id"]), await filing.post(filing.path, PENSION)):
            said = refused(answer, 403, "service-not-shared")
            assert said["next"]["action"] == "reconfirm"
            assert said["next"]["href"] == f"/v1/family/members/{child.link_id}/reconfirmations"

    async def test_verified_by_a_photo_before_the_birthday_it_waits_though_it_starts_after(
        self, db: Database, make: Make, house: House, me: Holder
    ) -> None:
        """The face has passed at 15, and one of the member's places became free at 16."""
        adding = await make.adding(me, "20", birth_date=turning(house, 16, in_days=0))
        yesterday = house.db.clock.now() - timedelta(days=1)

        async def start(session: Session) -> None:
            await homes.lock(session, {me.id, adding.person.id})
            await links.activate(session, adding.link_id, Services(), audit.SYSTEM, verified_at=yesterday)

        await db.run(start)

        assert await services(me, adding) == ["view", "certify"]

    async def test_born_on_29_february_it_is_on_1_march_in_common_years(self, make: Make, house: House) -> None:
        me = await make.owner()
        now = house.db.clock.now()
        leap = next(year for year in range(now.year - 13, now.year) if year % 4 == 0)
        child = await make.member(me, "20", birth_date=date(leap, 2, 29))
        grown = leap + 14  # a common year

        await until(house, date(grown, 3, 1), seconds=20)
        assert await times(make, child.person, Action.LINK_CONSENT_PASSED) == 0
        await ageing.come_of_age(house.db)
        assert await times(make, child.person, Action.LINK_CONSENT_PASSED) == 0
        await until(house, date(grown, 3, 1))
        await ageing.come_of_age(house.db)

        assert await times(make, child.person, Action.LINK_CONSENT_PASSED) == 1

    async def test_the_page_says_what_will_change_and_when(self, make: Make, house: House, me: Holder) -> None:
        born = turning(house, 16, in_days=40)
        await make.member(me, "20", birth_date=born)

        [member] = (await me.read("/v1/family", **{"Accept-Language": "en"}))["members"]

        assert [(change["kind"], change["on"]) for change in member["changes"]] == [
            ("live_face", f"{date(born.year + 16, born.month, born.day)}"),
            ("adult", f"{date(born.year + 18, born.month, born.day)}"),
            ("view_only", f"{date(born.year + 18, born.month, born.day) + timedelta(days=30)}"),
        ]
        assert "live face" in member["changes"][0]["text"]

    async def test_who_was_verified_as_an_adult_never_changes(
        self, db: Database, make: Make, house: House, me: Holder
    ) -> None:
        father = await make.member(me)

        [member] = (await me.read("/v1/family"))["members"]

        assert member["changes"] == []
        assert await count(db, Milestone) == 0
        await later(house, days=4000)
        assert await services(me, father) == ALL

    async def test_it_is_announced_ninety_thirty_and_seven_days_before_to_both(
        self, db: Database, make: Make, house: House, me: Holder
    ) -> None:
        born = turning(house, 16, in_days=100)
        child = await make.member(me, "20", birth_date=born)
        birthday = date(born.year + 16, born.month, born.day)
        heard = []
        for days in (91, 90, 89, 30, 7, 1, 0):
            await until(house, birthday - timedelta(days=days))
            await asyncio.gather(*(ageing.come_of_age(db) for _ in range(3)))  # however many workers there are
            heard.append((await told(db, me)).count("link_face_soon_owner"))

        assert heard == [0, 1, 1, 2, 3, 3, 3]
        assert (await told(db, child.person)).count("link_face_soon_member") == 3
        assert (await told(db, me)).count("link_face_due_owner") == 1
        assert await times(make, child.person, Action.LINK_FACE_DUE) == 1

    async def test_a_worker_that_comes_late_announces_once(
        self, db: Database, make: Make, house: House, me: Holder
    ) -> None:
        born = turning(house, 16, in_days=100)
        await make.member(me, "20", birth_date=born)
        birthday = date(born.year + 16, born.month, born.day)

        await until(house, birthday - timedelta(days=3))
        await ageing.come_of_age(db)

        assert (await told(db, me)).count("link_face_soon_owner") == 1

    async def test_a_link_that_has_ended_has_no_birthdays(
        self, db: Database, make: Make, house: House, me: Holder
    ) -> None:
        child = await make.member(me, "20", birth_date=turning(house, 16, in_days=3))

        await me.call("DELETE", f"/v1/family/members/{child.link_id}")

        assert await count(db, Milestone) == 0

    async def test_narrowing_a_link_that_waits_gives_up_nothing_unsaid(
        self, make: Make, house: House, me: Holder
    ) -> None:
        born = turning(house, 16, in_days=1)
        child = await make.member(me, "20", birth_date=born)
        await until(house, date(born.year + 16, born.month, born.day))
        path = f"/v1/family/members/{child.link_id}/services"

        ok(await me.call("PUT", path, {"services": await services(me, child)}))

        refused(await me.call("PUT", path, {"services": ["view", "pay"]}), 409, "services-not-allowed")
        kept = await make.audited(child.person)
        assert Action.LINK_SERVICES_CHANGED not in [action for action, _, _ in kept]


class TestEighteen:
    @pytest.fixture
    async def child(self, make: Make, house: House, me: Holder) -> Member:
        """Somebody who was added at 17, by their live face, and turns 18 tomorrow."""
        return await make.member(me, "20", birth_date=turning(house, 18, in_days=1))

    @pytest.fixture
    async def grown(self, make: Make, house: House, child: Member) -> Holder:
        """The same, on their 18th birthday, with a phone and a card of their own."""
        await until(house, birthday_of(child))
        return await make.signed_in(child.person)

    async def test_guardianship_ends_and_both_are_told(
        self, db: Database, make: Make, house: House, me: Holder, child: Member
    ) -> None:
        await until(house, birthday_of(child))
        await asyncio.gather(*(ageing.come_of_age(db) for _ in range(3)))

        assert (await told(db, me)).count("link_adult_owner") == 1
        assert (await told(db, child.person)).count("link_adult_member") == 1
        assert await times(make, me, Action.LINK_GUARDIANSHIP_ENDED) == 1
        assert await services(me, child) == ALL

    async def test_without_an_answer_there_is_view_alone_after_thirty_days(
        self, db: Database, house: House, me: Holder, child: Member
    ) -> None:
        last = birthday_of(child) + timedelta(days=30)
        await until(house, last, seconds=20)
        before = await services(me, child)
        await until(house, last)

        assert before == ALL
        assert await services(me, child) == ["view"]
        await ageing.come_of_age(db)
        assert (await told(db, me)).count("link_view_only_owner") == 1

    async def test_who_says_the_same_keeps_it(
        self, db: Database, make: Make, house: House, me: Holder, child: Member, grown: Holder
    ) -> None:
        path = f"/v1/family/owners/{child.link_id}"
        read = await grown.read(path)
        assert "view_only" in [change["kind"] for change in read["changes"]]

        answers = await asyncio.gather(
            *(grown.call("PUT", f"{path}/services", {"services": read["services"]}) for _ in range(3))
        )

        assert {answer.status_code for answer in answers} == {200}
        assert await times(make, me, Action.LINK_ANSWERED) == 1
        await later(house, days=31)
        assert await services(me, child) == ALL
        await ageing.come_of_age(db)
        assert "link_view_only_owner" not in await told(db, me)

    async def test_who_takes_something_away_has_answered_too(
        self, house: House, me: Holder, child: Member, grown: Holder
    ) -> None:
        ok(await grown.call("PUT", f"/v1/family/owners/{child.link_id}/services", {"services": ["view", "show_code"]}))

        await later(house, days=31)

        assert await services(me, child) == ["view", "show_code"]

    async def test_the_owners_answer_is_none(self, house: House, me: Holder, child: Member, grown: Holder) -> None:
        ok(await me.call("PUT", f"/v1/family/members/{child.link_id}/services", {"services": ALL}))

        await later(house, days=31)

        assert await services(me, child) == ["view"]

    async def test_too_late_it_takes_the_card_password_to_give_it_all_again(
        self, make: Make, house: House, me: Holder, child: Member, grown: Holder
    ) -> None:
        await later(house, days=31)
        path = f"/v1/family/owners/{child.link_id}/services"
        refused(await grown.call("PUT", path, {"services": ALL}), 401, "card-password-required")

        ok(await (await make.card_password(grown)).call("PUT", path, {"services": ALL}))

        assert await services(me, child) == ALL


class TestGivingAgain:
    async def test_a_member_gives_again_what_they_agreed_to_and_no_more(self, make: Make, me: Holder) -> None:
        link = await make.member(me)
        father = await make.card_password(await make.signed_in(link.person))
        path = f"/v1/family/owners/{link.link_id}/services"
        ok(await father.call("PUT", path, {"services": []}))

        assert ok(await father.call("PUT", path, {"services": ["view", "file"]}))["services"] == ["view", "file"]
        refused(await father.call("PUT", path, {"services": ["view", "pay"]}), 409, "services-not-allowed")
        assert await services(me, link) == ["view", "file"]

    async def test_what_was_never_agreed_to_is_not_given_by_a_password(self, make: Make, me: Holder) -> None:
        link = await make.member(me, services=Services(show_code=False))
        father = await make.card_password(await make.signed_in(link.person))

        answer = await father.call("PUT", f"/v1/family/owners/{link.link_id}/services", {"services": ["show_code"]})

        refused(answer, 409, "services-not-allowed")


class TestBackfill:
    async def test_links_from_before_get_their_days(self, db: Database, make: Make, house: House, me: Holder) -> None:
        born = turning(house, 16, in_days=3)
        child = await make.member(me, "20", birth_date=born)
        await forget(db)

        await asyncio.gather(*(ageing.note_days(db) for _ in range(3)))

        assert await ageing.note_days(db) == 0
        await until(house, date(born.year + 16, born.month, born.day))
        assert await services(me, child) == ["view", "certify"]
        assert await count(db, Milestone) == 3  # the announcements are past

    def test_the_worker_sees_to_it(self, house: House) -> None:
        assert {"note_birthdays", "come_of_age"} <= {chore.name for chore in worker.chores(house.db, house.ports)}


def birthday_of(child: Member) -> date:
    born = child.person.registered.birth_date
    return date(born.year + 18, born.month, born.day)


async def forget(db: Database) -> None:
    """What a link looks like that started before days were noted."""
    await db.run(lambda session: session.execute(delete(Milestone)))
    await db.run(
        lambda session: session.execute(
            update(FamilyLink).values(ages_noted=False, reconfirm_from=None, view_only_from=None)
        )
    )
