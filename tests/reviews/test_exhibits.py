"""Pictures of a case: for who holds it, by an address of a minute, with who looks and when written across them."""

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image, ImageChops, ImageStat

from app.adapters.demo_pictures import portrait_photo, register_pdf
from app.core.db import Database
from app.models.documents import DocumentKind
from app.ports.face import FaceReason
from app.routers.deps import House
from app.services import files
from tests.faces.test_frames import FRAMES, Judge, complete, send_all, started
from tests.faces.test_frames import app as app
from tests.faces.test_frames import enrolment as enrolment
from tests.faces.test_frames import judge as judge
from tests.factories.adding import Owner, later, ok, refused
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, Asked, claimed, decided, the_newest
from tests.reviews.test_claims import audited, holder, known


async def exhibits(worker: Worker, asked: Asked) -> list[dict[str, Any]]:
    """Let a reviewer claim a case; return the pictures it has."""
    await claimed(worker, asked)
    found: list[dict[str, Any]] = ok(await worker.call("GET", asked.review))["exhibits"]
    return found


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def marks(one: bytes, other: bytes) -> list[float]:
    """Return how much two pictures differ in each quarter: the mean over its pixels, 0 to 255."""
    first, second = picture(one), picture(other).resize(picture(one).size)
    difference = ImageChops.difference(first, second).convert("L")
    width, height = difference.size
    quarters = [(x, y, x + width // 2, y + height // 2) for x in (0, width // 2) for y in (0, height // 2)]
    return [ImageStat.Stat(difference.crop(quarter)).mean[0] for quarter in quarters]


class TestLooks:
    async def test_papers_and_photo_are_shown_marked_and_never_kept_by_anybody_between(
        self, ask: Ask, li: Worker
    ) -> None:
        asked = await ask.child(photo=portrait_photo(5))
        found = await exhibits(li, asked)

        shown = {each["kind"]: await li.call("GET", each["href"]) for each in found}

        assert [(each["kind"], each["page"]) for each in found] == [("facial_photo", 1), ("household_register", 1)]
        for answer in shown.values():
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
        changed = marks(portrait_photo(5), shown["facial_photo"].content)
        assert all(1 < each < 40 for each in changed), "each quarter is marked, and can still be looked at"

    async def test_the_mark_says_who_looks(self, ask: Ask, li: Worker, wang: Worker, house: House) -> None:
        asked = await ask.child()
        pictures = []
        for worker in (li, wang):
            found = await exhibits(worker, asked)
            pictures.append((await worker.call("GET", found[0]["href"])).content)
            await worker.call("DELETE", f"{asked.review}/claims/current")

        assert min(marks(*pictures)) > 0.5

    async def test_every_page_is_there(self, ask: Ask, li: Worker) -> None:
        father = await ask.kin(age=68)
        enrolment = await ask.owner.to_face(father, "51", age=68)
        await ask.owner.put(enrolment, "household_register", register_pdf(3))
        ok(await ask.owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
        (item,) = ok(await li.call("GET", "/v1/reviews"))["items"]

        found = await exhibits(li, Asked(enrolment, f"/v1/reviews/{item['id']}", father))

        assert [(each["kind"], each["page"]) for each in found] == [
            ("household_register", 1),
            ("household_register", 2),
            ("household_register", 3),
            ("id_card_front", 1),
        ]
        sizes = {picture((await li.call("GET", each["href"])).content).size for each in found}
        assert len(sizes) == 2

    async def test_each_look_is_written_down_with_owner_and_member(
        self, ask: Ask, li: Worker, house: House, db: Database
    ) -> None:
        asked = await ask.child()
        found = await exhibits(li, asked)
        for each in [*found, found[0]]:
            assert (await li.call("GET", each["href"])).status_code == 200

        look = ("review.evidence_seen", "operator", "review_of_enrolment")
        assert (await audited(db, await known(house, asked.member))).count(look) == 3
        assert (await audited(db, holder(ask.owner))).count(look) == 3

    async def test_nothing_personal_is_in_an_address(self, ask: Ask, li: Worker) -> None:
        asked = await ask.child()
        for each in await exhibits(li, asked):
            for secret in (asked.member.number, asked.member.name, asked.enrolment[-36:], li.login, str(li.id)):
                assert secret not in each["href"]


class TestAddresses:
    @pytest.fixture
    async def asked(self, ask: Ask) -> Asked:
        return await ask.child()

    async def test_one_is_over_after_a_minute_and_the_case_has_new_ones(
        self, asked: Asked, li: Worker, house: House
    ) -> None:
        (first, *_) = await exhibits(li, asked)
        await later(house, seconds=50)
        in_time = await li.call("GET", first["href"])
        await later(house, seconds=10)
        late = await li.call("GET", first["href"])
        (again, *_) = await exhibits(li, asked)

        assert in_time.status_code == 200
        refused(late, 403, "reading-address-over")
        assert again["href"] != first["href"]
        assert (await li.call("GET", again["href"])).status_code == 200

    @pytest.mark.parametrize("change", ["signature", "until", "case", "exhibit"])
    async def test_a_forged_one_leads_nowhere(self, ask: Ask, asked: Asked, li: Worker, change: str) -> None:
        first, second = await exhibits(li, asked)
        parts = urlsplit(first["href"])
        said = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path
        match change:
            case "signature":
                said["signature"] = said["signature"][:-2] + ("AA" if said["signature"][-2:] != "AA" else "BB")
            case "until":
                said["until"] = str(int(said["until"]) + 600)
            case "case":
                other = await claimed(li, await ask.father())
                path = path.replace(asked.review, other.review)
            case _:
                path = urlsplit(second["href"]).path

        answer = await li.client.get(path, params=said, headers={"Authorization": f"Bearer {li.token}"})

        refused(answer, 404, "not-found")

    async def test_another_reviewers_session_cannot_use_it(self, asked: Asked, li: Worker, wang: Worker) -> None:
        (first, *_) = await exhibits(li, asked)

        refused(await wang.call("GET", first["href"]), 404, "not-found")

    async def test_nor_another_session_of_the_same(self, asked: Asked, li: Worker, house: House) -> None:
        (first, *_) = await exhibits(li, asked)
        await later(house, seconds=30)
        assert (await li.sign_in()).status_code == 201

        refused(await li.call("GET", first["href"]), 404, "not-found")

    async def test_nor_anybody_without_a_session(self, asked: Asked, li: Worker) -> None:
        (first, *_) = await exhibits(li, asked)

        refused(await li.client.get(first["href"]), 401, "not-signed-in")

    async def test_with_the_claim_the_look_ends(self, asked: Asked, li: Worker) -> None:
        (first, *_) = await exhibits(li, asked)
        await li.call("DELETE", f"{asked.review}/claims/current")

        refused(await li.call("GET", first["href"]), 409, "review-not-claimed")

    async def test_with_the_decision_too(self, asked: Asked, li: Worker) -> None:
        (first, *_) = await exhibits(li, asked)
        await decided(li, asked, "reject", "papers-not-genuine")

        refused(await li.call("GET", first["href"]), 409, "case-already-decided")

    @pytest.mark.parametrize("query", ["", "?until=1", "?signature=x", "?until=x&signature=x", "?until=-1&signature=x"])
    async def test_without_what_signs_it_it_is_none(self, asked: Asked, li: Worker, query: str) -> None:
        (first, *_) = await exhibits(li, asked)

        refused(await li.call("GET", urlsplit(first["href"]).path + query), 422, "invalid-request")


class TestGone:
    async def test_what_was_swept_meanwhile_is_not_there(self, ask: Ask, li: Worker, house: House) -> None:
        asked = await ask.child()
        await claimed(li, asked)
        await later(house, days=7)
        await files.sweep(house.db, house.ports.store)
        await later(house, seconds=1)
        assert (await li.sign_in()).status_code == 201

        assert [each["kind"] for each in await exhibits(li, asked)] == [DocumentKind.HOUSEHOLD_REGISTER]

    async def test_what_is_due_is_shown_no_more_though_nobody_has_swept(
        self, ask: Ask, hire: Hire, house: House
    ) -> None:
        asked = await ask.child()
        await later(house, days=6, hours=23, minutes=59, seconds=30)
        li = await hire("li")
        photo, _ = await exhibits(li, asked)
        await later(house, seconds=45)

        refused(await li.call("GET", photo["href"]), 404, "not-found")


class TestFrames:
    """Of a face that was judged here, people see the frame with most in it: the newest check's first."""

    @pytest.fixture
    async def asked(self, app: Owner, enrolment: str, judge: Judge) -> Asked:
        judge.says = FaceReason.LIVENESS_FAILED
        for _ in range(3):
            check = await started(app, enrolment)
            await send_all(app, check)
            ok(await complete(app, check))
        return Asked(enrolment, f"/v1/reviews/{(await the_newest(app)).id}", app.person)

    async def test_they_are_shown_beside_the_papers_and_marked(self, asked: Asked, li: Worker) -> None:
        found = await exhibits(li, asked)
        shown = await li.call("GET", found[1]["href"])

        assert [(each["kind"], each["page"]) for each in found] == [
            ("id_card_front", 1),
            ("face_frame", 1),
            ("face_frame", 2),
            ("face_frame", 3),
        ]
        assert (shown.status_code, max(picture(shown.content).size)) == (200, 640)
        assert min(min(marks(frame, shown.content)) for frame in FRAMES) > 1
