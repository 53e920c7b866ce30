"""Each door's story can be played on one server, again and again."""

import pytest

from tests.walkthrough.test_walkthrough import finished, walkthrough

CHAPTERS = {
    "branch-window": [
        "1. The people",
        "2. A clerk and a terminal",
        "3. Two cards on the counter",
        "4. An application begun in the app",
        "5. … is finished at the window, under the same number",
        "6. A link ended by somebody without a phone",
        "7. A lock lifted",
        "8. Replayed, stale, forged",
        "9. Somebody else's session, another office's terminal",
    ],
    "hospital": [
        "1. The people",
        "2. A patient",
        "3. She shares her account with her mother, who is not here",
        "4. Nothing else",
        "5. Breaking the glass",
    ],
    "mini-program": [
        "1. The people",
        "2. In the app",
        "3. The first time in a mini program",
        "4. One card, a number in each channel",
        "5. What a channel does not offer",
        "6. A citizen centre: name, number, relationship",
        "7. Leaving one channel",
    ],
    "web-page": [
        "1. The people",
        "2. Log in",
        "3. Social security business → medical → share personal account → add bindings",
        "4. Who agrees",
        "5. A cap, a pause, the order of funds",
        "6. At the till",
        "7. Both sides, and the end",
    ],
}


@pytest.mark.parametrize("door", CHAPTERS)
def test_a_door_is_played_twice_on_one_server(url: str, door: str) -> None:
    played = [finished(walkthrough("--door", door, "--url", url)) for _ in range(2)]

    for told in played:
        assert told.returncode == 0, told.stdout[-2000:] + told.stderr
        assert [line for line in told.stdout.splitlines() if line[:1].isdigit()] == CHAPTERS[door]
        assert "✓ The whole flow works." in told.stdout


def test_a_door_that_is_not_there_is_refused_with_those_that_are() -> None:
    told = finished(walkthrough("--door", "back-door"))

    assert told.returncode == 2
    assert "web-page" in told.stderr
