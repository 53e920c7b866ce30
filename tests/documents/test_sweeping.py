"""Nothing is left: whatever became of an enrolment, its files go from the store and their rows from the table."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest

from app import main
from app.core.db import Database
from app.core.settings import Settings
from app.ports.storage import StorageUnavailable
from app.routers.deps import House
from app.services import files
from app.services.cases import Decision
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import PORTRAIT, Kin, Owner, app_of, later, ok, refused, stored_files, tag
from tests.factories.deciding import NO, YES, people_decide
from tests.factories.images import document_photo
from tests.factories.make import Make
from tests.factories.stores import Store, while_stored

Branch = Callable[["Story"], Awaitable[None]]
BRANCHES: dict[str, Branch] = {}


def branch(function: Branch) -> Branch:
    """Register a way in which an enrolment can go."""
    BRANCHES[function.__name__] = function
    return function


class Story:
    """An enrolment for a child of nine at its face step, with a register of two pages and a photo."""

    def __init__(self, owner: Owner, kin: Kin) -> None:
        self.owner = owner
        self.kin = kin
        self.house = owner.house
        self.enrolment = ""

    async def begin(self) -> None:
        child = await self.kin(age=9, parents=[self.owner.person.number])
        self.enrolment = await self.owner.to_face(child, "20", age=9)
        await self.owner.put(self.enrolment, "household_register/2", document_photo(2, "second page"))

    async def review(self) -> None:
        ok(await self.owner.call("POST", f"{self.enrolment}/review-requests", {"reason": "other"}))

    async def decide(self, decision: Decision) -> None:
        await people_decide(self.house, decision)


@branch
async def active(story: Story) -> None:
    await story.owner.face_check(story.enrolment)


@branch
async def rejected(story: Story) -> None:
    await story.review()
    await story.decide(NO)


@branch
async def approved(story: Story) -> None:
    await story.review()
    await story.decide(YES)


@branch
async def cancelled(story: Story) -> None:
    await story.owner.call("DELETE", story.enrolment)


@branch
async def expired(story: Story) -> None:
    await later(story.house, hours=73)
    await expire_due(story.house.db)


@branch
async def failed_thrice(story: Story) -> None:
    for _ in range(3):
        await story.owner.face_check(story.enrolment, "face_mismatch")


@branch
async def details_changed(story: Story) -> None:
    other = await story.kin(age=10, parents=[story.owner.person.number])
    body = {"name": other.name, "social_security_number": other.number, "relationship": "20"}
    seen = tag(await story.owner.read(story.enrolment))
    ok(await story.owner.call("PUT", f"{story.enrolment}/details", body, If_Match=seen))


@branch
async def documents_changed(story: Story) -> None:
    await story.owner.put(story.enrolment, "facial_photo", document_photo(3, "another"))
    await story.owner.call("DELETE", f"{story.enrolment}/documents/household_register")


@branch
async def forgotten_in_review(story: Story) -> None:
    await story.review()


@branch
async def forgotten(story: Story) -> None:
    pass


async def rows(db: Database) -> int:
    count: int = (await db.fetch("SELECT count(*) AS n FROM document"))[0]["n"]
    return count


async def faces(db: Database) -> int:
    count: int = (await db.fetch("SELECT count(*) AS n FROM document WHERE kind = 'facial_photo'"))[0]["n"]
    return count


async def sweep(house: House) -> None:
    """What a worker does now and then."""
    await expire_due(house.db)
    while await files.sweep(house.db, house.ports.store):
        pass


@pytest.mark.parametrize("name", BRANCHES)
async def test_every_branch_leaves_nothing(owner: Owner, kin: Kin, house: House, settings: Settings, name: str) -> None:
    story = Story(owner, kin)
    await story.begin()
    assert len(stored_files(settings)) == await rows(house.db) == 3

    await BRANCHES[name](story)
    await sweep(house)
    still_open = (await owner.read(story.enrolment))["state"] in ("face_pending", "in_review", "documents_pending")
    face_is_needed = still_open and name not in ("details_changed", "documents_changed")
    assert (await faces(house.db) > 0) == (face_is_needed or name == "documents_changed")
    await later(house, days=7, seconds=1)
    await sweep(house)
    assert await faces(house.db) == 0, "no picture of a face is older than seven days, in review neither"
    await later(house, days=31 if name != "forgotten_in_review" else 180)
    if name in ("forgotten_in_review", "failed_thrice"):
        await later(house, days=180)
    await sweep(house)

    assert (await rows(house.db), stored_files(settings)) == (0, [])


async def test_papers_are_kept_for_thirty_days_after_the_decision_and_no_longer(
    owner: Owner, kin: Kin, house: House, settings: Settings
) -> None:
    story = Story(owner, kin)
    await story.begin()
    await active(story)

    await later(house, days=29, hours=23)
    await sweep(house)
    before = len(stored_files(settings))
    await later(house, hours=2)
    await sweep(house)

    assert (before, len(stored_files(settings))) == (2, 0)


async def test_one_object_that_cannot_be_deleted_keeps_none_of_the_others(
    owner: Owner, kin: Kin, house: House, settings: Settings
) -> None:
    story = Story(owner, kin)
    await story.begin()
    await cancelled(story)
    broken = Store(house.ports.store, "delete", only=stored_files(settings)[1].name)

    with pytest.raises(StorageUnavailable):
        await files.sweep(house.db, broken)

    assert (await rows(house.db), len(stored_files(settings))) == (1, 1)


async def test_the_sweep_goes_on_where_it_was_stopped(owner: Owner, kin: Kin, house: House, settings: Settings) -> None:
    story = Story(owner, kin)
    await story.begin()
    await cancelled(story)
    broken = Store(house.ports.store, "delete", after=1)

    with pytest.raises(StorageUnavailable):
        await files.sweep(house.db, broken)
    left = len(stored_files(settings)), await rows(house.db)
    first = await files.sweep(house.db, house.ports.store, most=1)
    await sweep(house)

    assert left == (2, 2)
    assert first == 1
    assert (await rows(house.db), stored_files(settings)) == (0, [])


class TestCutOff:
    @pytest.fixture
    async def broken(self, house: House, make: Make, request: pytest.FixtureRequest) -> AsyncIterator[Owner]:
        """Somebody's app at a server whose store fails."""
        store = Store(house.ports.store, **request.param)
        failing = replace(house, ports=replace(house.ports, store=store))
        transport = httpx.ASGITransport(main.create_app(failing))
        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            owner = await app_of(await make.owner(), house)
            yield Owner(client, failing, "", holder=owner.holder)

    @pytest.mark.parametrize(
        "broken",
        [
            pytest.param({"method": "put"}, id="before the object was put"),
            pytest.param({"method": "put", "is_done": True}, id="after it was put"),
        ],
        indirect=True,
    )
    async def test_what_was_begun_is_swept_in_a_quarter_of_an_hour(
        self, broken: Owner, kin: Kin, house: House, settings: Settings
    ) -> None:
        enrolment = await broken.to_documents(await kin(age=68), "51")
        await broken.consent(enrolment, "identity-document")

        answer = await broken.call("PUT", f"{enrolment}/documents/id_card_front", PORTRAIT)
        read = await broken.read(enrolment)
        begun = await rows(house.db)
        await sweep(house)
        too_early = await rows(house.db)
        await later(house, minutes=16)
        await sweep(house)

        refused(answer, 503, "storage-unavailable")
        assert (read["state"], begun, too_early) == ("documents_pending", 1, 1)
        assert (await rows(house.db), stored_files(settings)) == (0, [])

    @pytest.mark.parametrize("broken", [{"method": "get"}], indirect=True)
    async def test_a_photo_that_cannot_be_read_counts_against_nobody(self, broken: Owner, kin: Kin) -> None:
        enrolment = await broken.to_face(await kin(age=9, parents=[broken.person.number]), "20", age=9)

        answer = await broken.call("POST", f"{enrolment}/face-checks", {})
        read = await broken.read(enrolment)

        refused(answer, 503, "face-service-unavailable")
        assert (read["state"], read["face"]["tries_left"]) == ("face_pending", 3)

    async def test_pages_that_were_swept_on_their_way_are_sent_again(
        self, owner: Owner, kin: Kin, house: House, settings: Settings
    ) -> None:
        """The put takes so long that the sweeper comes first."""
        enrolment = await self._to_papers(owner, kin)

        async def sweep_late() -> None:
            await later(house, minutes=16)
            await sweep(house)

        async with while_stored(owner, sweep_late) as late:
            answer = await late.call("PUT", f"{enrolment}/documents/id_card_front", PORTRAIT)

        refused(answer, 503, "storage-unavailable")
        assert (await owner.read(enrolment))["state"] == "documents_pending"
        assert (await rows(house.db), stored_files(settings)) == (0, [])

    async def test_a_file_of_one_person_is_not_attached_to_another(
        self, owner: Owner, kin: Kin, house: House, settings: Settings
    ) -> None:
        """The details change while the file is on its way."""
        enrolment = await self._to_papers(owner, kin)
        mother = await kin(age=66, sex="2", name="李静")

        async def change() -> None:
            seen = tag(await owner.read(enrolment))
            body = {"name": "李静", "social_security_number": mother.number, "relationship": "52"}
            ok(await owner.call("PUT", f"{enrolment}/details", body, If_Match=seen))

        async with while_stored(owner, change) as late:
            answer = await late.call("PUT", f"{enrolment}/documents/id_card_front", PORTRAIT)
        await later(house, minutes=16)
        await sweep(house)

        refused(answer, 412, "version-stale")
        assert not any(need["met"] for need in (await owner.read(enrolment))["requirements"])
        assert (await rows(house.db), stored_files(settings)) == (0, [])

    async def test_a_file_is_not_attached_without_the_consent_it_came_with(
        self, owner: Owner, kin: Kin, house: House
    ) -> None:
        enrolment = await self._to_papers(owner, kin)

        async def withdraw() -> None:
            consent = ok(await owner.call("GET", "/v1/consents?limit=1"))["items"][0]
            await owner.call("DELETE", f"/v1/consents/{consent['id']}")

        async with while_stored(owner, withdraw) as late:
            answer = await late.call("PUT", f"{enrolment}/documents/id_card_front", PORTRAIT)
        await sweep(house)

        refused(answer, 409, "consent-needed")
        assert await rows(house.db) == 0, "it is due at once"

    async def _to_papers(self, owner: Owner, kin: Kin) -> str:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await owner.consent(enrolment, "identity-document")
        return enrolment
