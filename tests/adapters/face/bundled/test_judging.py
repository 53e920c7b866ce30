"""What sights add up to, on landmarks that are put where they are wanted."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.adapters.face.bundled import judging
from app.adapters.face.bundled.challenges import WAYS, Step, Steps
from app.adapters.face.bundled.judging import Verdict
from app.adapters.face.bundled.measures import POINTS, Face, Point, Sight
from app.ports.face import FaceReason, MatchSource, ScoreBand
from tests.adapters.face.bundled.landmarks import LOOKS, asked, face, film

EVERY = [*WAYS["head"], *WAYS["mouth"]]
PORTRAIT = Sight(1, face())
HEAD: Steps = (Step.BLINK, Step.TURN_LEFT, Step.TURN_RIGHT, Step.BLINK)
MOUTH: Steps = (Step.OPEN_MOUTH, Step.HOLD_STILL, Step.OPEN_MOUTH, Step.HOLD_STILL)
NOBODY = Sight(0, None)


def judged(steps: Steps, frames: dict[int, Sight], portrait: Sight = PORTRAIT) -> Verdict:
    return judging.by_frames(asked(steps), frames, portrait, 0.5)


def told(verdict: Verdict) -> tuple[FaceReason, str]:
    return verdict.reason, verdict.code


def moved(seen: Face, across: Point, down: Point, shift: Point) -> Face:
    """The face as a flat picture of it looks when that is turned, tilted and squeezed."""
    points = tuple(
        (x * across[0] + y * down[0] + shift[0], x * across[1] + y * down[1] + shift[1]) for x, y in seen.points
    )
    return replace(seen, points=points)


class TestMeasures:
    @pytest.mark.parametrize("seen", LOOKS.values(), ids=LOOKS)
    @settings(deadline=None, database=None)
    @given(parts=st.lists(st.floats(-2, 2), min_size=4, max_size=4), shift=st.tuples(*[st.floats(-500, 500)] * 2))
    def test_a_flat_picture_measures_the_same_however_it_is_held(
        self, seen: Face, parts: list[float], shift: Point
    ) -> None:
        assume(abs(parts[0] * parts[3] - parts[1] * parts[2]) > 0.1)

        held = moved(seen, (parts[0], parts[1]), (parts[2], parts[3]), shift)

        assert (held.eyes, held.mouth, held.yaw) == pytest.approx((seen.eyes, seen.mouth, seen.yaw), abs=1e-6)

    def test_landmarks_in_one_place_measure_nothing(self) -> None:
        seen = replace(face(), points=((7.0, 7.0),) * POINTS)

        assert (seen.eyes, seen.mouth, seen.yaw) == (0, 0, -0.5)

    def test_they_say_what_was_put_in(self) -> None:
        seen = face(eyes=0.07, mouth=0.3, yaw=0.15)

        assert (seen.eyes, seen.mouth, seen.yaw) == pytest.approx((0.07, 0.3, 0.15))
        assert seen.distance(face(who=0.4)) == pytest.approx(0.4)


class TestLiveness:
    @pytest.mark.parametrize("steps", EVERY, ids=",".join)
    def test_whoever_does_what_was_asked_passes(self, steps: Steps) -> None:
        verdict = judged(steps, film(steps))

        assert told(verdict) == (FaceReason.OK, "same")
        assert (verdict.liveness.done, verdict.liveness.passed) == (True, True)
        assert (verdict.match.passed, verdict.match.source) == (True, MatchSource.REGISTER)

    @pytest.mark.parametrize("way", WAYS)
    def test_a_film_of_another_order_passes_never(self, way: str) -> None:
        pairs = [(steps, other) for steps in WAYS[way] for other in WAYS[way] if steps != other]

        reasons = {judged(steps, film(other)).reason for steps, other in pairs}

        assert reasons == {FaceReason.LIVENESS_FAILED}

    @pytest.mark.parametrize("steps", EVERY, ids=",".join)
    def test_a_still_photo_passes_never(self, steps: Steps) -> None:
        photo = dict.fromkeys(range(1, 25), Sight(1, face()))

        verdict = judged(steps, photo)

        assert verdict.reason is FaceReason.LIVENESS_FAILED
        assert (verdict.liveness.done, verdict.liveness.passed, verdict.match.done) == (True, False, False)

    @pytest.mark.parametrize(
        ("steps", "late", "seen"),
        [
            (HEAD, [1, 2], face(yaw=0.2)),
            (HEAD, [7, 8], face(yaw=-0.2)),
            (HEAD, [13, 14], face(yaw=0.2)),
            (MOUTH, [1, 2], face(yaw=0.2, mouth=0.35)),
            (MOUTH, [7], face(mouth=0.35)),
            (MOUTH, [7, 8], face(yaw=0.2)),
        ],
    )
    def test_it_takes_a_moment_to_begin_and_to_end(self, steps: Steps, late: list[int], seen: Face) -> None:
        more = [*late, late[0] + 5]

        begun_late = judged(steps, film(steps) | dict.fromkeys(late, Sight(1, seen)))
        too_late = judged(steps, film(steps) | dict.fromkeys(more, Sight(1, seen)))

        assert told(begun_late) == (FaceReason.OK, "same")
        assert too_late.reason is FaceReason.LIVENESS_FAILED

    @pytest.mark.parametrize("way", WAYS)
    @settings(deadline=None, database=None, max_examples=40)
    @given(data=st.data())
    def test_no_film_whatever_it_shows_fits_two_orders(self, way: str, data: st.DataObject) -> None:
        looks = st.builds(
            face, eyes=st.sampled_from([0.1, 0.03]), mouth=st.sampled_from([0.02, 0.35]), yaw=st.floats(-0.3, 0.3)
        )
        frames = {number: Sight(1, data.draw(st.sampled_from([*LOOKS.values()]) | looks)) for number in range(1, 25)}

        passed = [steps for steps in WAYS[way] if judged(steps, frames).reason is FaceReason.OK]

        assert len(passed) <= 1

    @pytest.mark.parametrize("way", WAYS)
    def test_everything_in_every_step_fits_no_order(self, way: str) -> None:
        every = [face(eyes=0.03, mouth=0.35), face(yaw=0.2), face(yaw=-0.2), face(), face(), face()]
        frames = {number: Sight(1, every[number % 6]) for number in range(1, 25)}

        assert {judged(steps, frames).reason for steps in WAYS[way]} == {FaceReason.LIVENESS_FAILED}

    def test_somebody_who_never_looks_ahead_is_not_seen(self) -> None:
        frames = {number: Sight(1, face(yaw=0.2 if number % 2 else -0.2)) for number in range(1, 25)}

        assert told(judged(HEAD, frames)) == (FaceReason.LIVENESS_FAILED, "never_ahead")

    def test_left_is_right_in_a_mirror(self) -> None:
        said = judging.by_frames(asked(HEAD, is_mirrored=True), film(HEAD), PORTRAIT, 0.5)
        steps: Steps = (Step.BLINK, Step.TURN_RIGHT, Step.TURN_LEFT, Step.BLINK)

        right = judging.by_frames(asked(HEAD, is_mirrored=True), film(steps), PORTRAIT, 0.5)

        assert (said.code, right.code) == ("turn_left_missed", "same")

    @pytest.mark.parametrize("narrow", [0.04, 0.25])
    def test_eyes_are_measured_by_how_far_this_person_opens_them(self, narrow: float) -> None:
        frames = {
            number: Sight(1, face(eyes=(0.4 if sight.face == LOOKS[Step.BLINK] else 1) * narrow, yaw=sight.face.yaw))
            for number, sight in film(HEAD).items()
            if sight.face is not None
        }

        assert judged(HEAD, frames).code == "same"

    def test_a_nose_that_stands_askew_is_no_turn(self) -> None:
        frames = {
            number: Sight(1, face(eyes=sight.face.eyes, yaw=sight.face.yaw + 0.15))
            for number, sight in film(HEAD).items()
            if sight.face is not None
        }

        assert judged(HEAD, frames).code == "same"


class TestWhoIsThere:
    def test_another_person_before_the_camera_for_a_moment_is_an_attack(self) -> None:
        verdict = judged(HEAD, film(HEAD) | {6: Sight(1, face(who=0.7))})

        assert told(verdict) == (FaceReason.ATTACK_SUSPECTED, "several_people")

    def test_another_persons_turned_head_turns_nobodys(self) -> None:
        strange = {number: Sight(1, face(yaw=0.2, who=0.7)) for number in (9, 10, 11)}

        verdict = judged(HEAD, film(HEAD) | strange)

        assert told(verdict) == (FaceReason.LIVENESS_FAILED, "turn_left_missed")

    @pytest.mark.parametrize(
        ("apart", "reason", "band"),
        [
            (0.39, FaceReason.OK, ScoreBand.HIGH),
            (0.49, FaceReason.OK, ScoreBand.MEDIUM),
            (0.51, FaceReason.FACE_MISMATCH, ScoreBand.LOW),
        ],
    )
    def test_how_far_apart_decides(self, apart: float, reason: FaceReason, band: ScoreBand) -> None:
        by_frames = judged(HEAD, film(HEAD), Sight(1, face(who=apart)))
        by_photo = judging.by_photo(Sight(1, face()), Sight(1, face(who=apart)), 0.5)

        assert (by_frames.reason, by_frames.match.score_band) == (reason, band)
        assert (by_photo.reason, by_photo.match.score_band) == (reason, band)
        assert (by_frames.liveness.passed, by_photo.liveness.done) == (True, False)


BAD = {
    "nobody": (NOBODY, FaceReason.FACE_NOT_WHOLE, "no_whole_face"),
    "half a face": (Sight(1, replace(face(), is_whole=False)), FaceReason.FACE_NOT_WHOLE, "no_whole_face"),
    "two faces": (Sight(2, face()), FaceReason.CAPTURE_QUALITY, "several_faces"),
    "night": (Sight(1, replace(face(), light=20.0)), FaceReason.CAPTURE_QUALITY, "dark"),
}


class TestPictures:
    @pytest.mark.parametrize(("bad", "reason", "code"), BAD.values(), ids=BAD)
    def test_a_photo_that_shows_not_enough(self, bad: Sight, reason: FaceReason, code: str) -> None:
        verdict = judging.by_photo(bad, PORTRAIT, 0.5)

        assert told(verdict) == (reason, code)
        assert (verdict.liveness.done, verdict.match.done) == (False, False)

    @pytest.mark.parametrize(("bad", "reason", "code"), BAD.values(), ids=BAD)
    def test_some_such_frames_are_borne_and_many_are_not(self, bad: Sight, reason: FaceReason, code: str) -> None:
        eight = [1, 2, 7, 8, 13, 14, 19, 20]

        some = judged(HEAD, film(HEAD) | dict.fromkeys(eight, bad))
        many = judged(HEAD, film(HEAD) | dict.fromkeys([*eight, 24], bad))

        assert told(some) == (FaceReason.OK, "same")
        assert told(many) == (reason, code)

    def test_the_commonest_fault_is_told(self) -> None:
        bad = dict.fromkeys(range(1, 8), Sight(2, face())) | dict.fromkeys(range(8, 12), NOBODY)

        assert judged(HEAD, film(HEAD) | bad).code == "several_faces"

    def test_a_portrait_without_a_face_is_none(self) -> None:
        by_frames = judged(HEAD, film(HEAD), NOBODY)
        by_photo = judging.by_photo(Sight(1, face()), NOBODY, 0.5)

        assert told(by_frames) == told(by_photo) == (FaceReason.SOURCE_PHOTO_MISSING, "no_face_in_portrait")
