"""Faces compared before people look: a hint that sorts what waits, shown to reviewers alone, and no decision."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app import main
from app.adapters.clock import SharedClock
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
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
    ScoreBand,
)
from app.routers.deps import House
from app.services.reviews import presorting
from app.worker import relay
from tests.factories.adding import Owner, ok
from tests.factories.images import portrait_photo
from tests.factories.staff import Worker
from tests.reviews.conftest import Ask, claimed

QUEUE = "/v1/reviews"


@dataclass
class Comparer(FrameFaceProvider):
    """Finds every face as near as it is told to, remembers what it saw, and takes until no connection is held."""

    house: House
    band: ScoreBand | None = ScoreBand.HIGH
    is_busy: bool = False
    seen: list[FaceEvidence] = field(default_factory=list)
    name = "comparer"
    modes = frozenset({FaceMode.PHOTO})

    async def start(self, request: FaceRequest) -> FaceStart:
        assert (request.name, request.number) == ("", "")  # it need not know who it is
        return FaceStart(request.check_id.hex, {})

    async def result(self, provider_ref: str) -> FaceResult:
        raise FaceServiceUnavailable(FaceReason.NOT_FINISHED)

    async def cancel(self, provider_ref: str) -> None: ...

    def event_of(self, callback: FaceCallback) -> FaceEvent | None: ...

    def challenge(self, provider_ref: str) -> FrameChallenge:
        return FrameChallenge(0, "")

    async def judge(self, provider_ref: str, evidence: FaceEvidence) -> FaceResult:
        async with asyncio.timeout(60):  # others have theirs for a moment; one that is held for us would stay
            while self._pool.checkedout():  # noqa: ASYNC110 - nobody tells when a connection comes back
                await asyncio.sleep(0.01)
        if self.is_busy:
            raise FaceServiceUnavailable(FaceReason.PROVIDER_BUSY)
        self.seen.append(evidence)
        done = self.band is not None
        return FaceResult(
            decision=FaceDecision.FAILED,
            reason=FaceReason.FACE_MISMATCH if done else FaceReason.CAPTURE_QUALITY,
            liveness=Liveness(done=False),
            match=Match(done=done, source=MatchSource.REGISTER, score_band=self.band),
            provider_ref=provider_ref,
            provider_code=None,
            charged=False,
            occurred_at=self.house.db.clock.now(),
        )

    async def close(self) -> None: ...

    @property
    def _pool(self) -> Any:
        return self.house.db.engine.sync_engine.pool


@pytest.fixture
def comparer(house: House) -> Comparer:
    """What compares."""
    return Comparer(house)


@pytest.fixture
def presorting_house(house: House, comparer: Comparer) -> House:
    """The house of a worker that has it."""
    return replace(house, ports=replace(house.ports, presorter=comparer))


async def waiting(li: Worker, query: str = "") -> dict[str, str | None]:
    """The hints of what waits, by case."""
    return {f"{QUEUE}/{each['id']}": each["face_hint"] for each in ok(await li.call("GET", QUEUE + query))["items"]}


async def test_a_childs_photo_is_compared_with_the_registers_portrait(
    ask: Ask, li: Worker, presorting_house: House, comparer: Comparer
) -> None:
    portrait = portrait_photo(4)
    asked = await ask.child(portrait=portrait)

    await relay.tell_due(presorting_house.db, presorting_house.ports)

    (evidence,) = comparer.seen
    assert evidence.reference == portrait
    assert evidence.photo is not None
    assert evidence.photo[:3] == b"\xff\xd8\xff"
    assert await waiting(li) == {asked.review: "high"}
    assert ok(await li.call("GET", (await claimed(li, asked)).review))["face_hint"] == "high"


async def test_what_waits_is_sorted_by_it_and_nothing_decided(
    ask: Ask, li: Worker, presorting_house: House, comparer: Comparer
) -> None:
    cases = []
    for comparer.band in (ScoreBand.HIGH, ScoreBand.LOW, None):
        cases.append((await ask.child()).review)
        await relay.tell_due(presorting_house.db, presorting_house.ports)

    near, far, unknown = cases
    assert await waiting(li) == {near: "high", far: "low", unknown: None}
    assert await waiting(li, "?face_hint=high") == {near: "high"}
    assert await waiting(li, "?face_hint=low") == {far: "low"}
    assert await waiting(li, "?face_hint=medium") == {}


async def test_without_a_picture_or_a_portrait_nothing_is_compared(
    ask: Ask, li: Worker, presorting_house: House, comparer: Comparer
) -> None:
    cases = [(await ask.father()).review, (await ask.newborn()).review]

    await relay.tell_due(presorting_house.db, presorting_house.ports)

    assert comparer.seen == []
    assert await waiting(li) == dict.fromkeys(cases)


async def test_where_nobody_compares_there_is_no_hint(ask: Ask, li: Worker, house: House) -> None:
    asked = await ask.child()

    await relay.tell_due(house.db, house.ports)

    assert await waiting(li) == {asked.review: None}


async def test_who_is_busy_is_asked_again_later(
    ask: Ask, li: Worker, presorting_house: House, comparer: Comparer
) -> None:
    asked, comparer.is_busy = await ask.child(), True
    await relay.tell_due(presorting_house.db, presorting_house.ports)
    before, comparer.is_busy = await waiting(li), False

    assert isinstance(presorting_house.ports.clock, SharedClock)
    await presorting_house.ports.clock.move_everywhere(presorting_house.db, timedelta(minutes=1))
    await relay.tell_due(presorting_house.db, presorting_house.ports)

    assert (before, await waiting(li)) == ({asked.review: None}, {asked.review: "high"})


async def test_what_is_over_is_looked_at_by_nobody(
    ask: Ask, owner: Owner, presorting_house: House, comparer: Comparer
) -> None:
    asked = await ask.child()
    await owner.call("DELETE", asked.enrolment)

    await presorting.presort(presorting_house.db, presorting_house.ports, UUID(asked.review.rpartition("/")[2]))

    assert comparer.seen == []


@pytest.mark.parametrize(
    ("name", "says"), [("sandbox", "does not judge on this server"), ("nobody", "no installed package")]
)
def test_only_what_judges_here_can_presort(settings: Settings, keys: FileKeys, name: str, says: str) -> None:
    with pytest.raises(LookupError, match=says):
        main.build(
            settings.model_copy(update={"review_presorter": name}), "postgresql://nobody@127.0.0.1:1/none", keys=keys
        )
