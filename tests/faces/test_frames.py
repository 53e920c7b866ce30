"""Frames: taken for a check that is judged on this server, judged once all are here, gone with what they decide."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from app import main
from app.core.db import Database
from app.core.settings import Settings
from app.models.cases import CaseReason, Finding, Verdict
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceEvidence,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    FrameChallenge,
    FrameFaceProvider,
    Liveness,
    Match,
    MatchSource,
)
from app.routers.deps import House
from app.services import files, housekeeping, outcomes, retention
from app.services.cases import Decision
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import PORTRAIT, Kin, Owner, app_of, later, ok, refused, stored_files, tag
from tests.factories.deciding import people_decide
from tests.factories.gates import Gate
from tests.factories.handing import MemberPhone, at_face, hand_over
from tests.factories.images import PHONE_HEIC, four_corners, portrait_photo, register_pdf, saved
from tests.factories.make import Make
from tests.factories.stores import Store, while_stored

NONCE = "a-word-for-this-check"
FRAMES = [portrait_photo(seed) for seed in (11, 12, 13)]


class Judge(FrameFaceProvider):
    """Wants three frames when it is live, looks at none of them, and decides as it is told."""

    name = "judge"
    modes = frozenset(FaceMode)

    def __init__(self, house: House) -> None:
        self._house = house
        self.says = FaceReason.OK
        self.is_busy = False
        self.gate = Gate()
        self.judged: list[FaceEvidence] = []
        self.connections_held: list[int] = []

    async def start(self, request: FaceRequest) -> FaceStart:
        return FaceStart(request.mode.value, {"kind": "judge", "nonce": NONCE, "frames": "3"})

    async def result(self, provider_ref: str) -> FaceResult:
        return self._result(provider_ref, FaceReason.NOT_FINISHED)

    async def cancel(self, provider_ref: str) -> None: ...

    def event_of(self, callback: FaceCallback) -> FaceEvent | None: ...

    def challenge(self, provider_ref: str) -> FrameChallenge:
        return FrameChallenge(3 if provider_ref == "live" else 0, NONCE)

    async def judge(self, provider_ref: str, evidence: FaceEvidence) -> FaceResult:
        self.connections_held.append(self._house.db.engine.sync_engine.pool.checkedout())  # type: ignore[attr-defined] # a queue pool has it
        if self.is_busy:
            raise FaceServiceUnavailable(FaceReason.PROVIDER_BUSY)
        self.judged.append(evidence)
        await self.gate.come()
        return self._result(provider_ref, self.says)

    async def close(self) -> None: ...

    def _result(self, provider_ref: str, reason: FaceReason) -> FaceResult:
        decisions = {FaceReason.OK: FaceDecision.PASSED, FaceReason.NOT_FINISHED: FaceDecision.PENDING}
        passed = reason is FaceReason.OK
        return FaceResult(
            decision=decisions.get(reason, FaceDecision.FAILED),
            reason=reason,
            liveness=Liveness(done=passed, passed=passed),
            match=Match(done=passed, passed=passed, source=MatchSource.REGISTER if passed else MatchSource.NONE),
            provider_ref=provider_ref,
            provider_code=None,
            charged=False,
            occurred_at=self._house.db.clock.now(),
        )


@pytest.fixture
async def judge(house: House) -> Judge:
    return Judge(house)


@pytest.fixture
async def app(owner: Owner, house: House, judge: Judge) -> AsyncIterator[Owner]:
    """The owner's app at a server that judges frames."""
    judging = replace(house, ports=replace(house.ports, faces={"judge": judge}))
    transport = httpx.ASGITransport(main.create_app(judging))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield Owner(client, judging, "", holder=owner.holder)


@pytest.fixture
async def enrolment(app: Owner, kin: Kin) -> str:
    return await app.to_face(await kin(age=68), "51", age=68)


@pytest.fixture
async def check(app: Owner, enrolment: str) -> str:
    return await started(app, enrolment)


async def started(app: Owner, enrolment: str) -> str:
    """Start a check; return its address."""
    return f"/v1/face-checks/{ok(await app.call('POST', f'{enrolment}/face-checks', {}))['id']}"


async def send(app: Owner, check: str, number: int, frame: bytes, nonce: str = NONCE) -> httpx.Response:
    return await app.call("PUT", f"{check}/frames/{number}", frame, Face_Nonce=nonce)


async def send_all(app: Owner, check: str) -> None:
    for number, frame in enumerate(FRAMES, start=1):
        ok(await send(app, check, number, frame))


async def complete(app: Owner, check: str) -> httpx.Response:
    return await app.call("POST", f"{check}/completion")


async def kept(db: Database) -> list[tuple[int, str]]:
    rows = await db.fetch("SELECT number, state FROM face_frame ORDER BY number, state")
    return [(row["number"], row["state"]) for row in rows]


async def sweep(house: House) -> None:
    while await files.sweep(house.db, house.ports.store):
        pass


def frames_in(settings: Settings, papers: int = 1) -> int:
    """Return how many frames lie in the store, where so many papers of the enrolment lie too."""
    return len(stored_files(settings)) - papers


class TestTaken:
    async def test_they_are_judged_together_with_the_portrait_once_all_are_here(
        self, app: Owner, enrolment: str, check: str, judge: Judge
    ) -> None:
        ok(await send(app, check, 3, FRAMES[2]))
        second = ok(await send(app, check, 1, FRAMES[0]))
        early = ok(await complete(app, check))
        last = ok(await send(app, check, 2, FRAMES[1]))
        done = ok(await complete(app, check))

        assert (second, last) == ({"received": 2, "wanted": 3}, {"received": 3, "wanted": 3})
        assert (early["state"], done["state"]) == ("processing", "passed")
        (evidence,) = judge.judged
        assert (evidence.reference, evidence.photo) == (PORTRAIT, None)
        assert [frame.number for frame in evidence.frames] == [1, 2, 3]
        assert (await app.read(enrolment))["state"] == "active"

    async def test_the_member_sends_their_own_by_the_token_of_a_handover(self, app: Owner, kin: Kin) -> None:
        enrolment, member = await at_face(app, await kin(age=66), "51"), MemberPhone(app.client)
        await member.open(await hand_over(app, enrolment))
        await member.agree("view")
        check = await member.start()

        foreign = await send(app, check, 1, FRAMES[0])
        for number, frame in enumerate(FRAMES, start=1):
            ok(await member.call("PUT", f"{check}/frames/{number}", frame, Face_Nonce=NONCE))
        done = ok(await member.call("POST", f"{check}/completion"))

        refused(foreign, 404, "not-found")
        assert (done["state"], (await app.read(enrolment))["state"]) == ("passed", "active")

    async def test_they_are_drawn_anew_small_and_sealed(
        self, app: Owner, check: str, judge: Judge, settings: Settings
    ) -> None:
        large = saved(four_corners(1600, 1200), "PNG")
        await send_all(app, check)
        ok(await send(app, check, 2, large))
        sealed = [path.read_bytes() for path in stored_files(settings)]
        await complete(app, check)

        frame = judge.judged[0].frames[1]
        assert Image.open(io.BytesIO(frame.content), formats=["JPEG"]).size == (640, 480)
        assert frame.received_at.tzinfo is not None
        assert not any(b"JFIF" in content for content in sealed)

    async def test_no_connection_is_held_meanwhile(self, app: Owner, check: str, judge: Judge) -> None:
        await send_all(app, check)

        await complete(app, check)

        assert judge.connections_held == [0]

    async def test_the_same_one_again_is_no_change(self, app: Owner, check: str, db: Database) -> None:
        first = ok(await send(app, check, 1, FRAMES[0]))
        again = ok(await send(app, check, 1, FRAMES[0]))

        assert first == again == {"received": 1, "wanted": 3}
        assert await kept(db) == [(1, "stored")]

    async def test_the_same_one_four_times_at_once_is_one(self, app: Owner, check: str, db: Database) -> None:
        answers = await asyncio.gather(*[send(app, check, 1, FRAMES[0]) for _ in range(4)])

        assert {answer.status_code for answer in answers} == {200}
        assert [frame for frame in await kept(db) if frame[1] == "stored"] == [(1, "stored")]

    async def test_another_takes_the_place_of_its_number(
        self, app: Owner, check: str, db: Database, house: House, settings: Settings
    ) -> None:
        for frame in FRAMES:
            ok(await send(app, check, 1, frame))
        before = await kept(db)
        await sweep(house)

        assert before == [(1, "detached"), (1, "detached"), (1, "stored")]
        assert (await kept(db), frames_in(settings)) == ([(1, "stored")], 1)

    async def test_they_belong_to_their_rows(self, app: Owner, check: str, house: House) -> None:
        await send_all(app, check)

        assert await housekeeping.strays(house.db, house.ports.store) == []


class TestByPhoto:
    async def test_the_photo_is_judged_and_no_frames_are_taken(self, app: Owner, kin: Kin, judge: Judge) -> None:
        child = await kin(age=9, parents=[app.person.number])
        check = await started(app, await app.to_face(child, "20", age=9))

        refused(await send(app, check, 1, FRAMES[0]), 409, "frames-not-taken")
        done = ok(await complete(app, check))

        assert (done["mode"], done["state"]) == ("photo", "passed")
        (evidence,) = judge.judged
        assert (evidence.reference, evidence.frames) == (PORTRAIT, ())
        assert evidence.photo is not None


class TestRefused:
    async def test_other_providers_take_none(self, owner: Owner, kin: Kin) -> None:
        check = await started(owner, await owner.to_face(await kin(age=68), "51", age=68))

        problem = refused(await send(owner, check, 1, FRAMES[0]), 409, "frames-not-taken")

        assert problem["next"]["text"]

    async def test_somebody_elses_check_is_not_there(
        self, app: Owner, check: str, make: Make, house: House, db: Database
    ) -> None:
        stranger = await app_of(await make.owner(name="李雷"), house)
        theirs = Owner(app.client, app.house, "", holder=stranger.holder)

        refused(await send(theirs, check, 1, FRAMES[0]), 404, "not-found")

        assert await kept(db) == []

    @pytest.mark.parametrize("number", [0, -1, 4, 65, 10**30])
    async def test_what_is_no_frame_of_the_check_is_not_there(self, app: Owner, check: str, number: int) -> None:
        refused(await send(app, check, number, FRAMES[0]), 404, "not-found")

    @pytest.mark.parametrize(
        "headers", [{}, {"Face_Nonce": ""}, {"Face_Nonce": "another"}, {"Face_Nonce": NONCE + "!"}]
    )
    async def test_one_without_the_word_of_the_check(
        self, app: Owner, check: str, headers: dict[str, str], db: Database
    ) -> None:
        answer = await app.call("PUT", f"{check}/frames/1", FRAMES[0], **headers)

        refused(answer, 422, "frame-nonce-wrong")
        assert await kept(db) == []

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            pytest.param(b"", 415, "media-type-unsupported", id="nothing"),
            pytest.param(PHONE_HEIC, 415, "media-type-unsupported", id="heic"),
            pytest.param(register_pdf(1), 415, "media-type-unsupported", id="pdf"),
            pytest.param(FRAMES[0][:3000], 422, "image-unreadable", id="cut short"),
            pytest.param(saved(Image.new("RGB", (100, 100)), "PNG"), 422, "image-too-small", id="tiny"),
            pytest.param(bytes(10 * 1024 * 1024 + 1), 413, "body-too-large", id="more than ten mebibytes"),
        ],
    )
    async def test_what_is_no_picture(
        self, app: Owner, check: str, content: bytes, status: int, code: str, db: Database
    ) -> None:
        refused(await send(app, check, 1, content), status, code)

        assert await kept(db) == []

    async def test_a_check_that_is_over_takes_none(self, app: Owner, check: str) -> None:
        await send_all(app, check)
        await complete(app, check)

        refused(await send(app, check, 1, FRAMES[0]), 409, "face-check-over")

    async def test_nor_one_whose_time_is_over(self, app: Owner, check: str, house: House) -> None:
        ok(await send(app, check, 1, FRAMES[0]))
        await later(house, minutes=11)

        refused(await send(app, check, 2, FRAMES[1]), 409, "face-check-over")


class TestManyAtOnce:
    """One judges at a time, and only so much is looked at, however often somebody asks."""

    async def test_a_check_is_judged_once_however_many_complete_it(
        self, app: Owner, enrolment: str, check: str, judge: Judge
    ) -> None:
        await send_all(app, check)
        judge.gate.shut()
        first = asyncio.create_task(complete(app, check))
        await judge.gate.arrival()

        others = await asyncio.gather(*[complete(app, check) for _ in range(29)])
        judge.gate.open()

        assert {ok(answer)["state"] for answer in others} == {"processing"}
        assert ok(await first)["state"] == "passed"
        assert len(judge.judged) == 1
        assert (await app.read(enrolment))["state"] == "active"

    async def test_thirty_that_come_together_are_judged_once(self, app: Owner, check: str, judge: Judge) -> None:
        await send_all(app, check)

        answers = await asyncio.gather(*[complete(app, check) for _ in range(30)])

        assert {ok(answer)["state"] for answer in answers} <= {"processing", "passed"}
        assert (len(judge.judged), ok(await app.call("GET", check))["state"]) == (1, "passed")

    async def test_what_was_asked_meanwhile_is_asked_by_the_poller_when_the_judge_is_lost(
        self, app: Owner, check: str, judge: Judge, house: House
    ) -> None:
        await send_all(app, check)
        judge.gate.shut()
        lost = asyncio.create_task(complete(app, check))
        await judge.gate.arrival()
        waiting = ok(await complete(app, check))
        soon = await outcomes.settle_due(house.db, app.house.ports)

        await later(house, seconds=5)
        polling = asyncio.create_task(outcomes.settle_due(house.db, app.house.ports))
        await judge.gate.arrival()
        judge.gate.open()

        assert (waiting["state"], soon, await polling) == ("processing", 0, 1)
        assert ok(await lost)["state"] == "passed"
        assert ok(await app.call("GET", check))["state"] == "passed"

    async def test_three_times_as_many_as_it_wants_are_looked_at(self, app: Owner, check: str) -> None:
        for seed in range(20, 29):
            ok(await send(app, check, 1, portrait_photo(seed)))

        again = ok(await send(app, check, 1, portrait_photo(28)))
        problem = refused(await send(app, check, 2, FRAMES[1]), 409, "frames-used-up")

        assert again == {"received": 1, "wanted": 3}
        assert problem["next"]["text"]

    async def test_a_members_uploads_take_no_place_of_the_owners(self, app: Owner, kin: Kin, check: str) -> None:
        enrolment, member = await at_face(app, await kin(age=66), "51"), MemberPhone(app.client)
        await member.open(await hand_over(app, enrolment))
        await member.agree("view")
        theirs = await member.start()
        gate = Gate()
        gate.shut()

        async def slowly() -> AsyncIterator[bytes]:
            await gate.come()
            yield FRAMES[0]

        headers = {"Authorization": f"Bearer {member.token}", "Face-Nonce": NONCE}
        slow = [
            asyncio.create_task(app.client.put(f"{theirs}/frames/1", content=slowly(), headers=headers))
            for _ in range(4)
        ]
        for _ in slow:
            await gate.arrival()
        fifth = await member.call("PUT", f"{theirs}/frames/2", FRAMES[1], Face_Nonce=NONCE)
        mine = await send(app, check, 1, FRAMES[0])
        gate.open()

        refused(fifth, 503, "images-busy")
        assert ok(mine) == {"received": 1, "wanted": 3}
        assert {answer.status_code for answer in await asyncio.gather(*slow)} == {200}


class TestTrouble:
    async def test_busy_judges_change_nothing(self, app: Owner, check: str, judge: Judge, db: Database) -> None:
        await send_all(app, check)
        judge.is_busy = True
        refused(await complete(app, check), 503, "face-service-unavailable")
        still = ok(await app.call("GET", check))
        frames = await kept(db)

        judge.is_busy = False
        done = ok(await complete(app, check))

        assert (still["state"], still["tries_left"], len(frames)) == ("started", 3, 3)
        assert done["state"] == "passed"

    async def test_a_store_that_does_not_answer_counts_against_nobody(
        self, app: Owner, check: str, house: House
    ) -> None:
        await send_all(app, check)
        ports = replace(app.house.ports, store=Store(house.ports.store, "get"))
        transport = httpx.ASGITransport(main.create_app(replace(app.house, ports=ports)))

        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            answer = await complete(Owner(client, app.house, "", holder=app.holder), check)

        refused(answer, 503, "storage-unavailable")
        assert ok(await app.call("GET", check))["state"] == "started"
        assert ok(await complete(app, check))["state"] == "passed"

    async def test_one_that_could_not_be_put_is_swept_in_a_quarter_of_an_hour(
        self, app: Owner, check: str, house: House, settings: Settings, db: Database
    ) -> None:
        ports = replace(app.house.ports, store=Store(house.ports.store, "put", is_done=True))
        transport = httpx.ASGITransport(main.create_app(replace(app.house, ports=ports)))

        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
            answer = await send(Owner(client, app.house, "", holder=app.holder), check, 1, FRAMES[0])
        begun = await kept(db)
        await later(house, minutes=16)
        await sweep(house)

        refused(answer, 503, "storage-unavailable")
        assert begun == [(1, "pending")]
        assert (await kept(db), frames_in(settings)) == ([], 0)

    async def test_one_that_comes_when_the_check_has_ended_meanwhile_is_not_kept(
        self, app: Owner, enrolment: str, check: str, house: House, settings: Settings, db: Database
    ) -> None:
        async def start_anew() -> None:
            await started(app, enrolment)

        async with while_stored(app, start_anew) as late:
            answer = await send(late, check, 1, FRAMES[0])
        await sweep(house)

        refused(answer, 409, "face-check-over")
        assert (await kept(db), frames_in(settings)) == ([], 0)

    async def test_one_that_was_swept_on_its_way_is_sent_again(
        self, app: Owner, check: str, house: House, db: Database
    ) -> None:
        async def be_late() -> None:
            rows = await db.fetch("SELECT id FROM face_frame")
            assert len(rows) == 1
            await db.run(lambda session: files.drop(session, files.TABLES[1], [rows[0]["id"]]))
            await sweep(house)

        async with while_stored(app, be_late) as late:
            answer = await send(late, check, 1, FRAMES[0])

        refused(answer, 503, "storage-unavailable")
        assert ok(await send(app, check, 1, FRAMES[0])) == {"received": 1, "wanted": 3}


Branch = Callable[[Owner, str, str], Awaitable[object]]
BRANCHES: dict[str, Branch] = {}


def branch(function: Branch) -> Branch:
    """Register a way in which a check with frames can end."""
    BRANCHES[function.__name__] = function
    return function


@branch
async def passed(app: Owner, enrolment: str, check: str) -> None:
    ok(await send(app, check, 3, FRAMES[2]))
    assert ok(await complete(app, check))["state"] == "passed"


@branch
async def started_anew(app: Owner, enrolment: str, check: str) -> None:
    await started(app, enrolment)


@branch
async def left_alone(app: Owner, enrolment: str, check: str) -> None:
    await later(app.house, minutes=11)
    await outcomes.settle_due(app.house.db, app.house.ports)


@branch
async def left_alone_with_all_frames(app: Owner, enrolment: str, check: str) -> None:
    ok(await send(app, check, 3, FRAMES[2]))
    await left_alone(app, enrolment, check)
    assert ok(await app.call("GET", check))["state"] == "passed"


@branch
async def cancelled(app: Owner, enrolment: str, check: str) -> None:
    await app.call("DELETE", enrolment)


@branch
async def given_to_people(app: Owner, enrolment: str, check: str) -> None:
    ok(await app.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))


@branch
async def consent_taken_back(app: Owner, enrolment: str, check: str) -> None:
    consents = ok(await app.call("GET", "/v1/consents"))["items"]
    (given,) = [each["id"] for each in consents if each["purpose"] == "face-check"]
    assert (await app.call("DELETE", f"/v1/consents/{given}")).status_code == 204


@branch
async def papers_changed(app: Owner, enrolment: str, check: str) -> None:
    seen = tag(await app.read(enrolment))
    ok(await app.call("PUT", f"{enrolment}/documents/id_card_front", portrait_photo(99), If_Match=seen))


@branch
async def expired(app: Owner, enrolment: str, check: str) -> None:
    await later(app.house, hours=73)
    await expire_due(app.house.db)


async def started_anew_and_passed(app: Owner, enrolment: str, check: str) -> None:
    again = await started(app, enrolment)
    await send_all(app, again)
    assert ok(await complete(app, again))["state"] == "passed"


@branch
async def nobody_came_for_a_week(app: Owner, enrolment: str, check: str) -> None:
    await later(app.house, days=7, seconds=1)


@pytest.mark.parametrize("name", BRANCHES)
async def test_however_a_check_ends_no_frame_is_left(
    app: Owner, enrolment: str, check: str, house: House, settings: Settings, db: Database, name: str
) -> None:
    for number in (1, 2):
        ok(await send(app, check, number, FRAMES[number - 1]))
    await sweep(house)
    assert (len(await kept(db)), frames_in(settings)) == (2, 2)

    await BRANCHES[name](app, enrolment, check)
    await sweep(house)

    papers = await db.fetch("SELECT count(*) AS n FROM document")
    assert (await kept(db), frames_in(settings, papers[0]["n"])) == ([], 0)


class TestTheBest:
    """Of a face that failed one frame stays, for the people who may have to look; until they have decided."""

    @pytest.fixture
    async def review(self, app: Owner, enrolment: str, judge: Judge, house: House) -> str:
        """A face has failed three times, so people look."""
        judge.says = FaceReason.FACE_MISMATCH
        for _ in range(3):
            check = await started(app, enrolment)
            await send_all(app, check)
            assert ok(await complete(app, check))["state"] == "failed"
        await sweep(house)
        return enrolment

    async def test_of_each_check_the_one_with_most_in_it_stays(
        self, review: str, db: Database, settings: Settings
    ) -> None:
        sizes = {number: len(frame) for number, frame in enumerate(FRAMES, start=1)}
        rows = await kept(db)

        assert (len(rows), {state for _, state in rows}, frames_in(settings)) == (3, {"stored"}, 3)
        assert {number for number, _ in rows} == {max(sizes, key=sizes.__getitem__)}

    @pytest.mark.parametrize("how", ["approved", "rejected", "asked", "cancelled", "consent", "papers", "a week"])
    async def test_with_the_decision_it_goes(
        self, app: Owner, review: str, house: House, db: Database, how: str
    ) -> None:
        decisions = {
            "approved": Decision(Verdict.APPROVE, Finding.FACE_FITS),
            "rejected": Decision(Verdict.REJECT, Finding.NOT_THE_SAME_PERSON),
            "asked": Decision(Verdict.ASK_FOR_MORE, Finding.FACE_AGAIN),
            "papers": Decision(Verdict.ASK_FOR_MORE, Finding.PAPERS_UNREADABLE),
        }
        match how:
            case "cancelled":
                await cancelled(app, review, "")
            case "consent":
                await consent_taken_back(app, review, "")
            case "a week":
                await later(house, days=7, seconds=1)
            case _:
                await people_decide(house, decisions[how])
        await sweep(house)

        assert await kept(db) == []
        report = await retention.report(house.db, house.ports.store)
        assert (report.faces, report.is_kept) == (0, True)

    @pytest.mark.parametrize("how", [cancelled, expired, nobody_came_for_a_week, started_anew_and_passed])
    async def test_of_an_application_that_ends_before_people_look_it_goes_too(
        self, app: Owner, enrolment: str, check: str, judge: Judge, house: House, db: Database, how: Branch
    ) -> None:
        judge.says = FaceReason.FACE_MISMATCH
        await send_all(app, check)
        ok(await complete(app, check))
        await sweep(house)
        waiting = await kept(db)

        judge.says = FaceReason.OK
        await how(app, enrolment, check)
        await sweep(house)

        assert (len(waiting), await kept(db)) == (1, [])
        report = await retention.report(house.db, house.ports.store)
        assert (report.faces, report.is_kept) == (0, True)

    async def test_what_a_crash_left_behind_is_told_late_and_swept_by_the_next_worker(
        self, review: str, house: House, db: Database
    ) -> None:
        await later(house, days=7, minutes=11)
        before = await retention.report(house.db, house.ports.store)
        await sweep(house)
        after = await retention.report(house.db, house.ports.store)

        assert (before.faces, before.is_kept) == (3, False)
        assert (await kept(db), after.faces, after.is_kept) == ([], 0, True)

    async def test_while_an_application_goes_on_it_waits_and_goes_with_what_is_undone(
        self, app: Owner, enrolment: str, check: str, judge: Judge, house: House, db: Database
    ) -> None:
        judge.says = FaceReason.LIVENESS_FAILED
        await send_all(app, check)
        ok(await complete(app, check))
        await sweep(house)
        waiting = await kept(db)

        await papers_changed(app, enrolment, check)
        await sweep(house)

        assert (len(waiting), await kept(db)) == (1, [])

    async def test_where_there_was_nothing_to_compare_with_it_stays_for_people_too(
        self, app: Owner, enrolment: str, check: str, judge: Judge, house: House, db: Database
    ) -> None:
        judge.says = FaceReason.SOURCE_PHOTO_MISSING
        await send_all(app, check)
        ok(await complete(app, check))
        await sweep(house)
        waiting = await kept(db)
        case = await people_decide(house, Decision(Verdict.APPROVE, Finding.PAPERS_FIT), login="li")
        between = await kept(db)
        await people_decide(house, Decision(Verdict.APPROVE, Finding.PAPERS_FIT), login="wang", case=case)
        await sweep(house)

        assert (case.reason, case.reviewers_needed) == (CaseReason.NO_REFERENCE_PORTRAIT, 2)
        assert len(waiting) == len(between) == 1
        assert await kept(db) == []

    async def test_none_stays_of_a_face_that_passed_and_waits_for_a_place(
        self, app: Owner, kin: Kin, make: Make, house: House, db: Database
    ) -> None:
        aunt = await kin(age=68, sex="2")
        for name in ("刘雅文", "刘思远"):
            other = await app_of(await make.owner(name=name), house)
            assert (await other.add(aunt, "52", age=68))["state"] == "active"
        enrolment = await app.to_face(aunt, "52", age=68)
        check = await started(app, enrolment)
        await send_all(app, check)
        ok(await complete(app, check))
        await sweep(house)

        assert (await app.read(enrolment))["waiting_for"] == "owners-at-limit"
        assert await kept(db) == []

    async def test_a_reset_keeps_it_for_people_and_lets_it_go_with_their_decision(
        self, app: Owner, make: Make, judge: Judge, house: House, db: Database
    ) -> None:
        assert app.holder is not None
        await make.card_password(app.holder)
        judge.says = FaceReason.FACE_MISMATCH
        for _ in range(3):
            await later(house, minutes=2)
            code = await _reset_code(app)
            begun = ok(await app.call("POST", "/v1/card/password-resets", {"sms_code": code}))
            await send_all(app, f"/v1/face-checks/{begun['face_check']['id']}")
            ok(await complete(app, f"/v1/face-checks/{begun['face_check']['id']}"))
        await sweep(house)
        waiting = await kept(db)

        await people_decide(house, Decision(Verdict.APPROVE, Finding.FACE_FITS))
        await sweep(house)

        assert (len(waiting), await kept(db)) == (1, [])


async def _reset_code(app: Owner) -> str:
    asked = await app.client.post(
        "/v1/sms-codes", json={"phone": "10000009999", "purpose": "card_password_reset"}, headers=app.headers
    )
    assert asked.status_code == 202, asked.text
    inbox = (await app.client.get("/dev/messages", params={"phone": "10000009999"})).json()
    return str(inbox["items"][0]["code"])


async def test_a_forgotten_password_is_reset_by_frames_too(app: Owner, make: Make, judge: Judge) -> None:
    assert app.holder is not None
    await make.card_password(app.holder)
    reset = await app.call("POST", "/v1/card/password-resets", {"sms_code": await _reset_code(app)})
    check = f"/v1/face-checks/{ok(reset)['face_check']['id']}"

    await send_all(app, check)
    done = ok(await complete(app, check))

    assert done["state"] == "passed"
    assert len(judge.judged[0].frames) == 3
    new = await app.call("PUT", f"/v1/card/password-resets/{ok(reset)['id']}", {"new": "739184"})
    assert new.status_code == 204, new.text
