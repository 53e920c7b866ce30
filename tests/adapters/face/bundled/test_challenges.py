"""What is asked: drawn anew, in one of many orders, and read again from the reference alone."""

from itertools import pairwise

import pytest

from app.adapters.face.bundled.challenges import FRAMES_A_STEP, WAYS, Challenge, Step, draw
from app.ports.face import FaceServiceUnavailable
from tests.adapters.face.bundled.landmarks import asked


def test_a_blink_and_a_turn_to_each_side_are_in_every_order_with_the_head() -> None:
    ways = WAYS["head"]

    assert len(set(ways)) == len(ways) == 18
    assert all(set(steps) == {Step.BLINK, Step.TURN_LEFT, Step.TURN_RIGHT} for steps in ways)
    assert not any(before is after for steps in ways for before, after in pairwise(steps))


def test_the_other_way_takes_the_mouth_alone() -> None:
    ways = WAYS["mouth"]

    assert len(set(ways)) == len(ways) == 14
    assert all(set(steps) == {Step.OPEN_MOUTH, Step.HOLD_STILL} for steps in ways)


@pytest.mark.parametrize("way", WAYS)
def test_every_order_is_drawn(way: str) -> None:
    drawn = {draw(way) for _ in range(1000)}

    assert drawn == set(WAYS[way])


def test_a_reference_is_all_that_is_needed() -> None:
    challenge = asked([Step.BLINK, Step.TURN_LEFT], is_mirrored=True)

    assert Challenge.of(challenge.reference()) == challenge
    assert Challenge.of(challenge.reference()).reference() == challenge.reference()


def test_every_frame_belongs_to_one_step() -> None:
    challenge = asked(WAYS["head"][0])

    numbers = [number for step in range(4) for number in challenge.numbers_of(step)]

    assert numbers == list(range(1, 25))
    assert challenge.frames == 4 * FRAMES_A_STEP == 24


@pytest.mark.parametrize("reference", ["", "x", "{}", "[]", "null", '{"steps": ["jump"]}', "ü" * 300])
def test_what_we_have_not_written_is_nobodys_failure(reference: str) -> None:
    with pytest.raises(FaceServiceUnavailable):
        Challenge.of(reference)
