"""The machine of face checks: it only moves on, and what is final never moves."""

from itertools import product

import pytest

from app.models.faces import NEXT, OPEN, FaceCheck, FaceCheckState

_FINAL = "passed failed cancelled expired"
LEADS_TO = {
    "starting": f"started processing {_FINAL}",
    "started": f"processing {_FINAL}",
    "processing": _FINAL,
    "passed": "",
    "failed": "",
    "cancelled": "",
    "expired": "",
}


@pytest.mark.parametrize(("state", "to"), list(product(FaceCheckState, FaceCheckState)))
def test_every_step_of_a_check(state: FaceCheckState, to: FaceCheckState) -> None:
    check = FaceCheck(state=state, version=3)

    moved = check.advance(to)

    assert moved == (to.value in LEADS_TO[state.value].split())
    assert (check.state, check.version) == ((to, 4) if moved else (state, 3))


def test_what_is_open_can_end_in_every_way_and_what_has_ended_in_none() -> None:
    ends = set(FaceCheckState) - OPEN

    assert {state for state in FaceCheckState if ends <= NEXT[state]} == OPEN
    assert {state for state in FaceCheckState if not NEXT[state]} == ends
