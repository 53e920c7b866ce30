"""What makes an application risky, so that two people must agree: far relatives, many new ones, a photo used twice."""

import io

import pytest
from PIL import Image

from app.adapters.demo_pictures import portrait_photo
from app.core.db import Database
from app.routers.deps import House
from app.services import housekeeping
from tests import cluster
from tests.factories.adding import Kin, Owner, app_of, later, ok, set_policy
from tests.factories.make import Make
from tests.reviews.conftest import Ask, the_newest
from tests.reviews.test_claims import holder

PHOTO, OTHER_PHOTO = portrait_photo(21), portrait_photo(22)


async def risks(owner: Owner) -> tuple[str, int]:
    """Return the risks of the case that was opened last, and how many people it takes."""
    case = await the_newest(owner)
    return case.risks, case.reviewers_needed


async def ask_people(owner: Owner, enrolment: str) -> None:
    ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))


class TestFarRelatives:
    @pytest.mark.parametrize(
        ("relationship", "age", "expected"),
        [
            ("51", 68, ("", 1)),
            ("55", 68, ("distant_adult", 2)),
            ("81", 68, ("distant_adult", 2)),
            ("99", 18, ("distant_adult", 2)),
            ("99", 17, ("", 1)),
        ],
    )
    async def test_adults_who_are_no_near_relatives_take_two(
        self, ask: Ask, owner: Owner, kin: Kin, relationship: str, age: int, expected: tuple[str, int]
    ) -> None:
        enrolment = await owner.to_face(await kin(age=age), relationship, age=age)
        await ask_people(owner, enrolment)

        assert await risks(owner) == expected

    @pytest.fixture
    async def one_for_all(self, database: cluster.Database) -> None:
        """A policy that takes two people for nothing; before the house has read the rules."""
        await set_policy(database, "reviews", two_for=[])

    async def test_which_risks_take_two_is_a_policy(self, one_for_all: None, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=30), "99", age=30)
        await ask_people(owner, enrolment)

        assert await risks(owner) == ("distant_adult", 1)


class TestManyNewOnes:
    @pytest.mark.parametrize(("before", "expected"), [(2, ("", 1)), (3, ("many_new_members", 2))])
    async def test_a_fourth_within_thirty_days_takes_two(
        self, ask: Ask, make: Make, before: int, expected: tuple[str, int]
    ) -> None:
        for _ in range(before):
            await make.member(holder(ask.owner), "51")

        await ask.father()

        assert await risks(ask.owner) == expected

    async def test_those_of_long_ago_do_not_count(self, ask: Ask, make: Make, house: House) -> None:
        for _ in range(3):
            await make.member(holder(ask.owner), "51")
        await later(house, days=30)

        await ask.father()

        assert await risks(ask.owner) == ("", 1)


class TestPhotosSeenAgain:
    async def in_review(self, owner: Owner, kin: Kin, photo: bytes) -> str:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9, photo=photo)
        await ask_people(owner, enrolment)
        return enrolment

    async def test_one_that_came_for_another_child_takes_two(self, owner: Owner, kin: Kin) -> None:
        await self.in_review(owner, kin, PHOTO)
        first = await risks(owner)
        await self.in_review(owner, kin, PHOTO)

        assert (first, await risks(owner)) == (("", 1), ("reused_photo", 2))

    async def test_whoever_sent_it_before(self, owner: Owner, kin: Kin, make: Make, house: House) -> None:
        stranger = await app_of(await make.owner(name="别人"), house)
        await self.in_review(stranger, kin, PHOTO)

        await self.in_review(owner, kin, PHOTO)

        assert await risks(owner) == ("reused_photo", 2)

    async def test_with_other_metadata_it_is_the_same_photo(self, owner: Owner, kin: Kin) -> None:
        exif = Image.Exif()
        exif[0x010E] = "another description"
        plain, described = io.BytesIO(), io.BytesIO()
        picture = Image.open(io.BytesIO(PHOTO))
        picture.save(plain, "PNG")
        picture.save(described, "PNG", exif=exif)
        await self.in_review(owner, kin, plain.getvalue())

        await self.in_review(owner, kin, described.getvalue())

        assert plain.getvalue() != described.getvalue()
        assert await risks(owner) == ("reused_photo", 2)

    async def test_for_the_same_child_it_may_come_again(self, owner: Owner, kin: Kin) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        first = await owner.to_face(child, "20", age=9, photo=PHOTO)
        await owner.call("DELETE", first)
        second = await owner.to_face(child, "20", age=9, photo=PHOTO)
        await ask_people(owner, second)

        assert await risks(owner) == ("", 1)

    async def test_another_photo_afterwards_takes_the_risk_back_from_nobody(self, owner: Owner, kin: Kin) -> None:
        await self.in_review(owner, kin, PHOTO)
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9, photo=PHOTO)
        await owner.put(enrolment, "facial_photo", OTHER_PHOTO)
        await ask_people(owner, enrolment)

        assert await risks(owner) == ("reused_photo", 2)

    async def test_after_thirty_days_it_is_forgotten(self, owner: Owner, kin: Kin, house: House, db: Database) -> None:
        await self.in_review(owner, kin, PHOTO)
        again = await kin(age=9, parents=[owner.person.number])
        await owner.call("DELETE", await owner.to_face(again, "20", age=9, photo=PHOTO))
        await later(house, days=30)
        counted = [await db.fetch(f"SELECT 1 FROM {table}") for table in ("image_seen", "noted_risk")]  # noqa: S608
        enrolment = await owner.to_face(again, "20", age=9, photo=PHOTO)
        await ask_people(owner, enrolment)
        forgotten = await risks(owner)
        await later(house, days=30)
        await housekeeping.put_away(db)

        assert [len(rows) for rows in counted] == [2, 1]
        assert forgotten == ("", 1)
        assert await db.fetch("SELECT 1 FROM image_seen UNION ALL SELECT 1 FROM noted_risk") == []

    async def test_nothing_of_the_photo_lies_open(self, owner: Owner, kin: Kin, db: Database) -> None:
        await self.in_review(owner, kin, PHOTO)

        (seen,) = await db.fetch("SELECT image_hmac FROM image_seen")
        (stored,) = await db.fetch("SELECT sha256 FROM document WHERE kind = 'facial_photo'")

        assert seen["image_hmac"] != stored["sha256"]
        assert len(seen["image_hmac"]) == 32
