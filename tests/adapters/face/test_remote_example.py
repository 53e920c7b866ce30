"""The example of a remote provider: starts as its page says, and treats escard as a provider should."""

import asyncio
import base64
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from remote_faces import KEPT_SECONDS, RemoteFaces
from remote_signatures import Signatures
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.webhooks import Webhooks, read_secret
from app.core.clock import SystemClock
from tests.adapters.face.remote_stage import SECRET
from tests.factories.servers import loopback_client, serving

JSON = dict[str, Any]
FOLDER = Path(__file__).parents[3] / "examples" / "remote_faces"
CHECK = "0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4"
JPEG = base64.b64encode(b"\xff\xd8\xff\xd9").decode()


@dataclass
class Listener:
    """Where callbacks go: refuses the first ones."""

    refuses: int = 0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    is_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.heard.append((dict(request.headers), await request.body()))
        is_refused = len(self.heard) <= self.refuses
        await Response(status_code=500 if is_refused else 204)(scope, receive, send)
        if not is_refused:
            self.is_done.set()


@dataclass
class Scene:
    example: RemoteFaces
    listener: Listener
    client: httpx.AsyncClient
    url: str
    callback_url: str

    def asked(self, **changes: Any) -> JSON:
        begin: JSON = {
            "check_id": CHECK,
            "mode": "live",
            "name": "王芳",
            "number": "100101199001010048",
            "reference": JPEG,
            "photo": None,
            "callback_url": self.callback_url,
            "device_meta": {},
        }
        return begin | changes

    async def send(self, method: str, path: str, body: bytes = b"", *, message: str | None = None) -> httpx.Response:
        """Send what escard would, signed."""
        payload = f"{method} {path}\n".encode() + body
        webhooks = Webhooks([read_secret(SECRET)], SystemClock())
        headers = webhooks.sign(message or f"req_{os.urandom(8).hex()}", payload)
        return await self.client.request(method, self.url + path, content=body, headers=headers)

    async def begin(self, **changes: Any) -> httpx.Response:
        return await self.send("POST", "/checks", orjson.dumps(self.asked(**changes)))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    example, listener = RemoteFaces([SECRET], ""), Listener()
    example.callback_after_seconds = (0.01, 1.1, 0.01)
    async with (
        serving(example.app()) as url,
        serving(listener, lifespan="off") as callback_url,
        loopback_client() as client,
    ):
        example.url = url
        yield Scene(example, listener, client, url, callback_url)


async def test_a_callback_is_repeated_until_it_is_heard(scene: Scene) -> None:
    scene.listener.refuses = 2

    await scene.begin(device_meta={"outcome": "ok"})
    await asyncio.wait_for(scene.listener.is_done.wait(), 60)

    (first, body), *again = scene.listener.heard
    assert [each["webhook-id"] for each, _ in again] == [first["webhook-id"]] * 2
    assert {content for _, content in again} == {body}
    assert again[0][0]["webhook-timestamp"] > first["webhook-timestamp"]
    assert again[0][0]["webhook-signature"] != first["webhook-signature"]
    for headers, content in scene.listener.heard:
        assert Webhooks([read_secret(SECRET)], SystemClock()).verify(headers, content) == first["webhook-id"]
    assert orjson.loads(body)["data"] == {"check_id": CHECK}


async def test_nothing_is_called_back_before_the_end(scene: Scene) -> None:
    begun = (await scene.begin()).json()
    await scene.send("DELETE", f"/checks/{begun['id']}")
    await asyncio.sleep(0.1)

    assert scene.listener.heard == []


@pytest.mark.parametrize(
    "changes",
    [
        {"check_id": "7"},
        {"check_id": CHECK.upper()},
        {"mode": "video"},
        {"name": ""},
        {"number": 7},
        {"reference": "not base64"},
        {"reference": base64.b64encode(b"GIF89a").decode()},
        {"mode": "photo"},
        {"callback_url": "file:///etc/passwd"},
        {"device_meta": {"outcome": 7}},
        {"device_meta": None},
        {"more": 1},
    ],
)
async def test_a_beginning_that_is_not_the_contracts_is_refused(scene: Scene, changes: JSON) -> None:
    answer = await scene.begin(**changes)

    assert (answer.status_code, answer.json()) == (422, {"reason": "provider_misconfigured"})
    assert scene.example.checks == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_none_is_refused(scene: Scene, body: bytes) -> None:
    assert (await scene.send("POST", "/checks", body)).status_code == 422


async def test_a_body_that_is_too_large_is_not_read_on(scene: Scene) -> None:
    assert (await scene.send("POST", "/checks", bytes(9_000_000))).status_code == 413


async def test_what_is_not_signed_learns_nothing(scene: Scene) -> None:
    begun = (await scene.begin()).json()
    paths = [f"/checks/{begun['id']}", "/checks/unknown"]

    refused = [await scene.client.get(scene.url + path) for path in paths]

    assert [answer.status_code for answer in refused] == [401, 401]
    assert (await scene.send("GET", paths[1])).status_code == 404


async def test_a_page_is_found_by_its_secret_address_alone(scene: Scene) -> None:
    begun = (await scene.begin()).json()

    shown = await scene.client.get(begun["client"]["url"])
    by_name = await scene.client.get(f"{scene.url}/pages/{begun['id']}")
    wrong = await scene.client.post(begun["client"]["url"], data={"outcome": "<script>"})

    assert (shown.status_code, by_name.status_code, wrong.status_code) == (200, 404, 422)
    assert "王芳" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]


async def test_checks_are_forgotten_after_a_day(scene: Scene) -> None:
    await scene.begin()
    scene.example.checks[0].begun_at -= timedelta(seconds=KEPT_SECONDS + 1)

    await scene.begin(check_id=CHECK.replace("0196", "0197"))

    assert [check.check_id[:4] for check in scene.example.checks] == ["0197"]


async def test_an_unknown_outcome_is_a_mistake_in_the_set_up(scene: Scene) -> None:
    begun = (await scene.begin(device_meta={"outcome": "thinking"})).json()

    assert (await scene.send("GET", f"/checks/{begun['id']}")).json()["reason"] == "provider_misconfigured"


@pytest.mark.parametrize("secrets", [[], ["whsec_"], ["whsec_c2hvcnQ="], ["whsec_ü"]])
def test_it_does_not_start_without_a_good_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match=r"base64|secrets|ASCII"):
        Signatures(secrets)


async def test_it_starts_as_its_page_says_and_prints_what_escard_needs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = re.search(r"^```sh\n(.*)\n```$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert found is not None
    program, *words = found[1].replace("8009", str(port)).split()
    assert program == ".venv/bin/uvicorn"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", *words),
        cwd=FOLDER.parents[1],
        env={"PATH": os.environ["PATH"], "FACES_OUTCOME": "ok"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        printed = b""
        async with asyncio.timeout(60):
            while b"running on" not in printed:
                line = await process.stderr.readline()
                assert line, printed
                printed += line
        secret = re.search(rb"REMOTE__SECRETS=(\S+) make run", printed)
        assert secret is not None
        assert f"REMOTE__ENDPOINT=http://127.0.0.1:{port} ".encode() in printed
        async with loopback_client() as client:
            headers = Webhooks([read_secret(secret[1].decode())], SystemClock()).sign("req_1", b"GET /checks/x\n")
            asked = await client.get(f"http://127.0.0.1:{port}/checks/x", headers=headers)
        assert asked.status_code == 404
    finally:
        process.terminate()
        await process.wait()
