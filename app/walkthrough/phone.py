"""The app in somebody's hand: sends requests, shows them, and minds that the answers are as expected."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx

from app.walkthrough.telling import JSON, Teller

_SHOWN_OF_PROBLEMS: Final = ("title", "detail", "code", "next", "tries_left", "retry_after_seconds", "errors")
_SHOWN_HEADERS: Final = ("WWW-Authenticate", "Retry-After", "Idempotency-Replayed")
_SHOWN_OF_SIGNED: Final = ("If-Match", "Signature-Input")
_TRIES: Final = 4  # where somebody is told to come again soon, as on a busy machine


class Unexpected(Exception):
    """An answer that the story does not know; the message is one line."""


class Reply:
    """An answer: its status and what it says."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.body: JSON = {}
        if answer.content and "json" in answer.headers.get("content-type", ""):
            said = answer.json()
            self.body = said if isinstance(said, dict) else {"items": said}

    @property
    def problem(self) -> str | None:
        """The code of a refusal."""
        return str(self.body.get("code")) if self.status >= 400 else None

    @property
    def next_href(self) -> str:
        """The address that a refusal leads to."""
        return str(self.body.get("next", {}).get("href", ""))


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as a terminal has signed it; sent again it is the very same."""

    path: str
    body: JSON
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Phone:
    """One app with one session."""

    def __init__(self, client: httpx.Client, teller: Teller) -> None:
        self._client = client
        self._teller = teller
        self.number = ""
        self.access_token: str | None = None

    def another(self) -> "Phone":
        """Return the phone of somebody else, who is signed in to nothing."""
        return Phone(self._client, self._teller)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: tuple[int, ...] = (200,),
        is_once: bool = False,
        shown: Callable[[JSON], JSON] = lambda body: body,
    ) -> Reply:
        """Send one request and show it with its answer.

        Args:
            is_once: it creates something, so it carries an `Idempotency-Key`.
            shown: what of the answer is shown.

        Raises:
            Unexpected: the answer is none of those expected.
        """
        headers = {"Idempotency-Key": secrets.token_hex(8)} if is_once else {}
        if isinstance(body, bytes):
            headers["Content-Type"] = "image/jpeg"
        self._teller.request(method, path, body, headers)
        answer = self._send(method, path, body, headers | self._signed())
        reply = Reply(answer)
        told = {name: answer.headers[name] for name in _SHOWN_HEADERS if name in answer.headers}
        self._teller.answer(reply.status, _in_short(reply.body) if reply.problem else shown(reply.body), told)
        if reply.status not in expect:
            raise Unexpected(_surprise(method, path, reply, expect))
        return reply

    def send_signed(self, signed: Signed, *, expect: tuple[int, ...], is_once: bool = False) -> Reply:
        """Send a request that a terminal has signed for this session, and show it with its answer.

        Raises:
            Unexpected: the answer is none of those expected.
        """
        once = {"Idempotency-Key": secrets.token_hex(8)} if is_once else {}
        told = {name: signed.headers[name] for name in _SHOWN_OF_SIGNED if name in signed.headers}
        self._teller.request("POST", signed.path, signed.body, once | told)
        headers = {"Content-Type": "application/json", **once, **signed.headers, **self._signed()}
        reply = Reply(self._send("POST", signed.path, signed.content, headers))
        self._teller.answer(reply.status, _in_short(reply.body) if reply.problem else reply.body, {})
        if reply.status not in expect:
            raise Unexpected(_surprise("POST", signed.path, reply, expect))
        return reply

    def server_time(self) -> datetime:
        """Return, without a word, what time it is for the server, whose clock may have been moved."""
        moved = Reply(self._send("POST", "/dev/clock", {"advance_seconds": 0}, {}))
        return datetime.fromisoformat(moved.body["now"])

    def ask(self, path: str) -> Reply:
        """Look something up without a word: the story knows it, the reader need not."""
        return Reply(self._send("GET", path, None, self._signed()))

    def picture(self, path: str) -> bytes:
        """Take a picture, where an app would use its camera; or look at one, where this session may.

        Raises:
            Unexpected: there is none.
        """
        self._teller.request("GET", path, None, {})
        answer = self._send("GET", path, None, self._signed())
        self._teller.answer(answer.status_code, {}, {"Content-Type": answer.headers.get("content-type", "")})
        if answer.status_code != 200:
            raise Unexpected(_surprise("GET", path, Reply(answer), (200,)))
        return answer.content

    def take_over(self, tokens: object) -> None:
        """Go on with new tokens, where an answer brought some."""
        if isinstance(tokens, dict):
            self.access_token = tokens["access_token"]

    def wait_until(self, path: str, holds: Callable[[JSON], bool], seconds: float = 30) -> None:
        """Wait, without a word, until something reads as it should: a worker does it, a moment later.

        Raises:
            Unexpected: it does not get there.
        """
        until = time.monotonic() + seconds
        while not holds(self.ask(path).body):
            if time.monotonic() > until:
                raise Unexpected(f"{path} did not change as it should within {seconds:.0f} s.")
            time.sleep(0.25)

    def wait_for_message(self, number: str, seconds: float) -> bool:
        """Wait, without a word, until a phone has a message; a worker sends them, a moment after the answer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if Reply(self._send("GET", f"/dev/messages?phone={number}", None, {})).body.get("items"):
                return True
            time.sleep(0.25)
        return False

    def _signed(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> httpx.Response:
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                answer = self._client.request(method, path, headers=headers, **sent)
            except httpx.HTTPError as error:
                raise Unexpected(f"{method} {path} was not answered ({type(error).__name__}).") from error
            if answer.status_code != 503 or not tries_left:
                return answer
            time.sleep(int(answer.headers.get("Retry-After", "1")))


def _in_short(problem: JSON) -> JSON:
    return {name: problem[name] for name in _SHOWN_OF_PROBLEMS if name in problem}


def _surprise(method: str, path: str, reply: Reply, expect: tuple[int, ...]) -> str:
    wanted = " or ".join(map(str, expect))
    said = f"{reply.problem}: {reply.body.get('detail', '')}" if reply.problem else "no problem"
    return f"{method} {path} was answered {reply.status} ({said.strip()}) instead of {wanted}."
