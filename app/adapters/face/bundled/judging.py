"""What the sights of a check add up to. Nothing here looks at a picture; the same sights give the same verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.adapters.face.bundled.challenges import TURNS, WITH_THE_HEAD, Challenge, Step
from app.adapters.face.bundled.measures import Face, Sight, median, quantile
from app.ports.face import FaceReason, Liveness, Match, MatchSource, ScoreBand

# Where nobody names a source, the number was measured on the pictures that docs/faces.md names.
_SAME_PERSON: Final = 0.6  # the model's maker, http://dlib.net/face_recognition.py.html
_CLEAR_BY: Final = 0.1
_TURNED_BY: Final = 0.13
_CLOSED: Final = 0.6  # of how far the person's eyes are open otherwise
_OPEN_EYES: Final = 0.8  # the quantile that is taken for that: blinks are few
_MOUTH_OPENED_BY: Final = 0.15
_SIDES: Final = (0.05, 0.95)  # the quantiles that are taken for both turns: one frame may be seen wrongly
_OPENED_FRAMES: Final = 2  # of a step: one may be late
_ASTRAY: Final = 2  # frames of a step with the mouth that may be turned away
_UNSEEN: Final = 1 / 3  # of all frames, in which the face may be lost: a head may turn too far for the detector
_DARK: Final = 35.0
_NOT_DONE: Final = Liveness(done=False)

Fault = tuple[FaceReason, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check ends; `code` says it more exactly, for reviewers."""

    reason: FaceReason
    liveness: Liveness
    match: Match
    code: str


def by_photo(photo: Sight, reference: Sight, most_apart: float) -> Verdict:
    """Compare a facial photo with the register's portrait."""
    fault = _fault_of_reference(reference) or _fault_of(photo)
    if fault is not None:
        return unfit(*fault)
    return _compared([sight.face for sight in (photo,) if sight.face], reference, most_apart, _NOT_DONE)


def by_frames(challenge: Challenge, frames: Mapping[int, Sight], reference: Sight, most_apart: float) -> Verdict:
    """Judge whether a living person did what was asked, and whether they are the one of the portrait."""
    fault = _fault_of_reference(reference) or _fault_of_frames(frames)
    if fault is not None:
        return unfit(*fault)
    seen = {number: sight.face for number, sight in frames.items() if sight.face is not None}
    person = _Person.of(challenge, seen)
    kind = "open_mouth" if person.is_by_mouth else "blink_and_turn"
    facing = [face for face in seen.values() if not person.is_turned(face)]
    if not facing:
        return _not_alive(FaceReason.LIVENESS_FAILED, kind, "never_ahead")
    if any(face.distance(facing[0]) > _SAME_PERSON for face in facing):
        return _not_alive(FaceReason.ATTACK_SUSPECTED, kind, "several_people")
    # A head that is turned far is hard to know again: such a frame shows nothing, and is nobody's fault.
    known = {number: face for number, face in seen.items() if face.distance(facing[0]) <= _SAME_PERSON}
    for asked, part in zip(challenge.steps, _parts_of(challenge, known), strict=True):
        if person.shows(part) is not asked:
            return _not_alive(FaceReason.LIVENESS_FAILED, kind, f"{asked.value}_missed")
    alive = Liveness(done=True, passed=True, kind=kind, score_band=ScoreBand.MEDIUM)
    return _compared(facing, reference, most_apart, alive)


@dataclass(frozen=True, slots=True)
class _Person:
    """How somebody looks when they do nothing, and on which side their left is in the frames.

    Nothing here depends on the order that was asked for: a film shows the same whatever it is taken for.
    """

    straight: float
    open_eyes: float
    closed_mouth: float
    to_the_left: int
    is_by_mouth: bool

    @classmethod
    def of(cls, challenge: Challenge, seen: Mapping[int, Face]) -> "_Person":
        """Take the measure of somebody: the nose between both turns, the mouth in the step it rests in."""
        is_by_mouth = Step.OPEN_MOUTH in challenge.steps
        noses = [face.yaw for face in seen.values()]
        sides = [quantile(noses, side) for side in ((0.5, 0.5) if is_by_mouth else _SIDES)]
        straight = sum(sides) / len(sides)
        facing = [face for face in seen.values() if abs(face.yaw - straight) < _TURNED_BY]
        return cls(
            straight=straight,
            open_eyes=quantile([face.eyes for face in facing or seen.values()], _OPEN_EYES),
            closed_mouth=min(median([face.mouth for face in part]) for part in _parts_of(challenge, seen) if part),
            to_the_left=-1 if challenge.is_mirrored else 1,
            is_by_mouth=is_by_mouth,
        )

    def is_turned(self, face: Face) -> bool:
        """Say whether a head is turned to either side."""
        return self._look(face) in TURNS

    def shows(self, part: Sequence[Face]) -> Step | None:
        """Say what the frames of a step show: one thing or none, so that a film fits one order and no other."""
        looks = Counter(map(self._look, part))
        if not self.is_by_mouth:
            (first, times), (_, next_times) = Counter({step: looks[step] for step in WITH_THE_HEAD}).most_common(2)
            return first if times > next_times else None
        if looks.total() - looks[Step.OPEN_MOUTH] - looks[Step.HOLD_STILL] > _ASTRAY:
            return None
        if looks[Step.OPEN_MOUTH] >= _OPENED_FRAMES:
            return Step.OPEN_MOUTH
        return Step.HOLD_STILL if looks[Step.HOLD_STILL] else None

    def _look(self, face: Face) -> Step:
        """Say what one frame shows."""
        turn = (face.yaw - self.straight) * self.to_the_left
        if abs(turn) >= _TURNED_BY:
            return Step.TURN_LEFT if turn > 0 else Step.TURN_RIGHT
        if self.is_by_mouth:
            return Step.OPEN_MOUTH if face.mouth - self.closed_mouth >= _MOUTH_OPENED_BY else Step.HOLD_STILL
        return Step.BLINK if face.eyes < _CLOSED * self.open_eyes else Step.HOLD_STILL


def unfit(reason: FaceReason, code: str) -> Verdict:
    """Return the verdict on pictures that say nothing about anybody."""
    return Verdict(reason, _NOT_DONE, Match(done=False), code)


def _fault_of_reference(reference: Sight) -> Fault | None:
    return (FaceReason.SOURCE_PHOTO_MISSING, "no_face_in_portrait") if reference.face is None else None


def _fault_of(sight: Sight) -> Fault | None:
    if sight.face is None or not sight.face.is_whole:
        return FaceReason.FACE_NOT_WHOLE, "no_whole_face"
    if sight.faces > 1:
        return FaceReason.CAPTURE_QUALITY, "several_faces"
    return (FaceReason.CAPTURE_QUALITY, "dark") if sight.face.light < _DARK else None


def _fault_of_frames(frames: Mapping[int, Sight]) -> Fault | None:
    """Say what keeps most frames from being judged."""
    faults = [fault for sight in frames.values() if (fault := _fault_of(sight)) is not None]
    if len(faults) <= len(frames) * _UNSEEN:
        return None
    return max(faults, key=faults.count)


def _parts_of(challenge: Challenge, seen: Mapping[int, Face]) -> list[list[Face]]:
    """Return what was seen in each step."""
    return [
        [seen[number] for number in challenge.numbers_of(step) if number in seen]
        for step in range(len(challenge.steps))
    ]


def _compared(faces: Sequence[Face], reference: Sight, most_apart: float, liveness: Liveness) -> Verdict:
    assert reference.face is not None
    apart = median([face.distance(reference.face) for face in faces])
    passed = apart <= most_apart
    band = ScoreBand.LOW if not passed else ScoreBand.HIGH if apart <= most_apart - _CLEAR_BY else ScoreBand.MEDIUM
    match = Match(done=True, passed=passed, source=MatchSource.REGISTER, score_band=band)
    reason = FaceReason.OK if passed else FaceReason.FACE_MISMATCH
    return Verdict(reason, liveness, match, "same" if passed else "another")


def _not_alive(reason: FaceReason, kind: str, code: str) -> Verdict:
    liveness = Liveness(done=True, passed=False, kind=kind, score_band=ScoreBand.LOW)
    return Verdict(reason, liveness, Match(done=False), code)
