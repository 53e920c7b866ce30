"""The server is killed with no time to say goodbye, at every step of the flow; the next one goes on from there."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.adapters.demo_pictures import document_photo, portrait_photo
from tests.cli.commands import Escard, Running

JSON = dict[str, Any]
PORTRAIT, REGISTER_PAGE = portrait_photo(7), document_photo(8, "HOUSEHOLD REGISTER")


class Server:
    """A whole installation in a folder, as `make run` starts it."""

    def __init__(self, escard: Escard) -> None:
        self.url = escard.url
        self._escard = escard
        self._running: Running | None = None

    def start(self) -> None:
        self._running = self._escard.start("run", public_url=self.url).ready("escard is running")

    def kill(self) -> None:
        assert self._running is not None
        self._running.kill()

    def stop(self) -> None:
        assert self._running is not None
        assert self._running.interrupted().status == 0


class Story:
    """Somebody's phone; what gets no answer it sends again with the same key, as apps do on bad networks."""

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        self._server = server
        self._client = client
        self._token = ""

    async def tell(self, method: str, path: str, body: JSON | bytes | None = None) -> JSON:
        """Send a request and expect it to be done."""
        answer = await self._send(method, path, body, secrets.token_hex(8))
        return self._read(method, path, answer)

    async def tell_dying(self, method: str, path: str, body: JSON | bytes | None = None) -> JSON:
        """Send a request to a server that is killed a moment later, and again to the one that comes after it."""
        key = secrets.token_hex(8)
        first = asyncio.create_task(self._send(method, path, body, key))
        await asyncio.sleep(secrets.choice((0.001, 0.01, 0.05)))
        await asyncio.to_thread(self._server.kill)
        await asyncio.gather(first, return_exceptions=True)
        await asyncio.to_thread(self._server.start)
        return self._read(method, path, await self._send(method, path, body, key))

    async def _send(self, method: str, path: str, body: JSON | bytes | None, key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if method == "POST":
            headers["Idempotency-Key"] = key
        for _ in range(5):
            if isinstance(body, bytes):
                answer = await self._client.request(method, path, content=body, headers=headers)
            else:
                answer = await self._client.request(method, path, json=body, headers=headers)
            if answer.status_code == 503:  # a busy machine: come again, as it says
                await asyncio.sleep(int(answer.headers["retry-after"]))
                continue
            if answer.json().get("code") not in ("idempotency-key-in-flight", "check-in-progress"):
                return answer
            # The killed server's hold on the key has to run out first.
            await self._client.post("/dev/clock", json={"advance_seconds": 61})
        raise AssertionError("in flight for ever")

    def _read(self, method: str, path: str, answer: httpx.Response) -> JSON:
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        read: JSON = answer.json()
        tokens = read.get("tokens") or read
        self._token = tokens.get("access_token", self._token)
        return read


@pytest.fixture
async def story(settled: Escard) -> AsyncIterator[Story]:
    """A phone and an installation of its own."""
    server = Server(settled)
    await asyncio.to_thread(server.start)
    async with httpx.AsyncClient(base_url=server.url, timeout=120) as client:
        yield Story(server, client)
    await asyncio.to_thread(server.stop)


async def test_a_killed_server_loses_no_answered_step(story: Story) -> None:
    people = {person["label"]: person for person in (await story.tell("GET", "/dev/people"))["items"]}
    await _own_card(story, people["owner"])
    await story.tell("POST", "/v1/card/password-checks", {"password": "518093"})
    opened = await story.tell_dying("POST", "/v1/enrolments", {"kind": "family_member"})
    here = f"/v1/enrolments/{opened['id']}"
    await story.tell("PUT", f"{here}/notice-acknowledgement", await _shown(story, "family-account"))
    await story.tell_dying("PUT", f"{here}/details", _who(people["child-9"]) | {"relationship": _child(people)})
    for purpose in ("identity-document", "minor-data", "face-check"):
        await story.tell("PUT", f"{here}/consents/{purpose}", await _shown(story, purpose))
    await story.tell("PUT", f"{here}/documents/household_register", REGISTER_PAGE)
    await story.tell_dying("PUT", f"{here}/documents/facial_photo", PORTRAIT)
    started = await story.tell_dying("POST", f"{here}/face-checks", {})
    await story.tell_dying("POST", f"/v1/face-checks/{started['id']}/completion")
    async with asyncio.timeout(60):  # who asked the provider may have died with its answer
        while (await story.tell("GET", here))["state"] == "face_pending":
            await asyncio.sleep(1)
            await story.tell("POST", f"/v1/face-checks/{started['id']}/completion")

    family = await story.tell("GET", "/v1/family")
    done = await story.tell("GET", here)
    opens = await story.tell("GET", "/v1/enrolments?state=open")

    assert done["state"] == "active"
    assert [member["link_id"] for member in family["members"]] == [done["link_id"]]
    assert family["quota"]["total"]["used"] == 1
    assert opens["items"] == []


async def _own_card(story: Story, person: JSON) -> None:
    await story.tell("POST", "/v1/sms-codes", {"phone": person["phone"], "purpose": "register"})
    inbox = await story.tell("GET", f"/dev/messages?phone={person['phone']}")
    device = {"id": "phone-1", "name": "Phone", "platform": "android"}
    account = {
        "phone": person["phone"],
        "sms_code": inbox["items"][0]["code"],
        "password": "correct horse",
        "device": device,
    }
    await story.tell_dying("POST", "/v1/accounts", account)
    opened = await story.tell("POST", "/v1/enrolments", {"kind": "own_card"})
    here = f"/v1/enrolments/{opened['id']}"
    await story.tell_dying("PUT", f"{here}/notice-acknowledgement", await _shown(story, "own-card"))
    await story.tell("PUT", f"{here}/details", _who(person))
    await story.tell("PUT", f"{here}/consents/face-check", await _shown(story, "face-check"))
    started = await story.tell("POST", f"{here}/face-checks", {})
    await story.tell("POST", f"/v1/face-checks/{started['id']}/completion")
    await story.tell_dying("PUT", f"{here}/card-password", {"password": "518093"})


async def _shown(story: Story, code: str) -> JSON:
    notice = await story.tell("GET", f"/v1/notices/{code}")
    return {name: notice[name] for name in ("code", "version", "language", "sha256")}


def _who(person: JSON) -> JSON:
    return {name: person[name] for name in ("name", "social_security_number")}


def _child(people: dict[str, JSON]) -> str:
    return "20" if int(people["child-9"]["social_security_number"][16]) % 2 else "30"
