"""What a remote provider calls back: believed when it is signed and of now, and a hint all the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from remote_signatures import Signatures
from structlog.testing import capture_logs

from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.ports.face import FaceCallback, FaceEvent
from tests.adapters.face.remote_stage import OTHER_SECRET, SECRET, signed_callback
from tests.factories.servers import loopback_client

JSON = dict[str, Any]
CHECK = UUID("0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4")


def event_of(callback: FaceCallback, *, moved: timedelta = timedelta()) -> FaceEvent | None:
    clock = MovableClock()
    clock.advance = moved
    client = loopback_client()
    return RemoteFaceProvider(clock, client, {"endpoint": "https://a.example", "secrets": SECRET}).event_of(callback)


def test_one_that_is_signed_names_check_and_event() -> None:
    callback = signed_callback(CHECK, event="evt_1")

    assert event_of(callback) == FaceEvent(CHECK, "evt_1")
    assert event_of(callback) == event_of(callback)


@pytest.mark.parametrize("seconds", [-330, 330])
def test_one_that_is_old_or_of_the_future_names_none(seconds: int) -> None:
    with capture_logs() as lines:
        event = event_of(signed_callback(CHECK), moved=timedelta(seconds=seconds))

    assert event is None
    assert [(line["event"], line["flaw"]) for line in lines] == [("remote_callback_not_believed", "time")]


def test_one_of_somebody_else_names_none() -> None:
    forged = signed_callback(CHECK, OTHER_SECRET)
    moved = replace(signed_callback(CHECK), body=signed_callback(uuid4()).body)
    bare = replace(signed_callback(CHECK), headers={})

    assert [event_of(callback) for callback in (forged, moved, bare)] == [None, None, None]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "face_check.begun"},
        {"timestamp": "2026-11-22T08:00:00"},
        {"data": {}},
        {"data": {"check_id": "7"}},
        {"data": {"check_id": str(CHECK).upper()}},
        {"data": {"check_id": str(CHECK), "decision": "passed"}},
        {"decision": "passed"},
    ],
)
def test_one_that_is_signed_and_says_something_else_names_none(changes: JSON) -> None:
    with capture_logs() as lines:
        event = event_of(signed_callback(CHECK, **changes))

    assert event is None
    assert [line["event"] for line in lines] == ["remote_not_understood"]
    assert str(CHECK) not in str(lines)


def test_what_we_have_signed_comes_back_as_nothing() -> None:
    """One secret serves both ways, and a request of ours is no callback, with its first line or without."""
    said = signed_callback(CHECK).body
    payload = b"POST /checks\n" + said
    headers = Signatures([SECRET]).sign("req_1", payload)

    assert [event_of(FaceCallback({}, headers, body)) for body in (said, payload)] == [None, None]
    assert event_of(FaceCallback({}, Signatures([SECRET]).sign("req_1", said), said)) is not None
