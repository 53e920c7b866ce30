"""One line for every request: what was asked by its template, how it ended, and nobody's data."""

import io
import json
import logging as standard
from collections.abc import Iterator

import httpx
import pytest
import structlog

from app.core import logging
from tests.factories.make import JSON, Make


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged."""
    root, client, access = standard.getLogger(), standard.getLogger("httpx"), standard.getLogger("uvicorn.access")
    handlers, level, client_level, is_off = root.handlers[:], root.level, client.level, access.disabled
    before, stream = structlog.get_config(), io.StringIO()
    logging.configure("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    client.setLevel(client_level)
    access.disabled = is_off
    structlog.configure(**before)


def requests(log: io.StringIO) -> list[JSON]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "request"]


async def test_a_request_is_one_line_that_names_the_template(make: Make, log: io.StringIO) -> None:
    me = await make.owner()
    father = await make.member(me)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-Request-Id": "the-request-1", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}

    await me.call("GET", "/v1/family", **headers)
    await me.call("GET", "/v1/holders/me/card")
    await me.call("GET", f"/v1/holders/{father.link_id}/card")
    await me.call("GET", f"/v1/nothing/{me.registered.number}?name={me.registered.name}")

    lines = requests(log)
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/family", 200),
        ("GET", "/v1/holders/me/card", 200),
        ("GET", "/v1/holders/{holder}/card", 200),
        ("GET", None, 404),
    ]
    assert (lines[0]["request_id"], lines[0]["trace_id"], lines[1]["trace_id"]) == ("the-request-1", trace, None)
    assert (lines[0]["level"], lines[0]["logger"]) == ("info", "app.request")
    assert lines[0]["timestamp"].endswith("Z")
    assert 0 < lines[0]["milliseconds"] < 60_000
    whole = log.getvalue()
    for secret in (me.registered.number, me.registered.name, str(father.link_id), father.person.registered.number):
        assert secret not in whole


async def test_the_line_has_the_form_of_all_others(client: httpx.AsyncClient, log: io.StringIO) -> None:
    await client.get("/healthz", headers={"X-Request-Id": "one-of-many"})
    logging.begin_request("one-of-many")
    logging.logger("app.request").info("request")

    short, long = requests(log)

    assert short.keys() - {"method", "route", "status", "milliseconds", "trace_id"} == long.keys()
    assert {name: short[name] for name in ("request_id", "level", "logger", "event")} == {
        name: long[name] for name in ("request_id", "level", "logger", "event")
    }
    assert len(short["timestamp"]) == len(long["timestamp"])


async def test_a_refused_request_is_logged_too(client: httpx.AsyncClient, log: io.StringIO) -> None:
    await client.get("/v1/family")
    await client.post("/v1/family")

    assert [(line["route"], line["status"]) for line in requests(log)] == [("/v1/family", 401), ("/v1/family", 405)]


async def test_where_less_is_wanted_no_line_is_written(client: httpx.AsyncClient, log: io.StringIO) -> None:
    logging.configure("warning", log)

    await client.get("/healthz")

    assert log.getvalue() == ""


async def test_a_log_that_cannot_be_written_stops_nobody(client: httpx.AsyncClient, log: io.StringIO) -> None:
    log.close()

    assert (await client.get("/healthz")).status_code == 200
