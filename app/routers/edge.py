"""What every request passes: its id, the size and traffic limits, headers of safety, one log line, one count."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.core import logging
from app.core.errors import NotFound
from app.routers.metering import Meter
from app.routers.traffic import Traffic

UNKNOWN: Final = "unknown"
JSON_BYTES: Final = 64 * 1024
FILE_BYTES: Final = 10 * 1024 * 1024
BATCH_BYTES: Final = 1024 * 1024
_BATCH_PATH: Final = "/v1/counter/offline-deeds"
_FILE_PATH = re.compile(
    r"/v1/(?:enrolments/[^/]+/documents/|face-checks/[^/]+/frames/|holders/[^/]+/card-orders/[^/]+/photo$)"
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_HOP = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[0-9.]+))(?::[0-9]{1,5})?")
_OF_PROXIES: Final = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
_SAFETY = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_NO_STORE = (b"cache-control", b"no-store")


class Edge:
    """Wraps the app; pure ASGI, for it is on every path."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        traffic: Traffic,
        meter: Meter,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
    ) -> None:
        self._app = app
        self._meter = meter
        self._trusted = trusted_proxies
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        asked = _Asked.of(scope)
        logging.begin_request(asked.request_id)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, message, asked.request_id)
            await send(message)

        address = scope["client_address"] = client_address(scope, asked.forwarded_for, self._trusted)
        try:
            if scope["path"].startswith("/v1/") and (refusal := self._traffic.is_too_fast(address)):
                await problems.answer(Request(scope), refusal)(scope, receive, sending)
            elif "\0" in scope["path"]:  # in no name of ours, and the database takes none
                await problems.answer(Request(scope), NotFound())(scope, receive, sending)
            else:
                await self._app(scope, _limited(scope, receive), sending)
        except Exception as error:
            if status:  # an answer has begun; the server breaks it off
                raise
            await (await problems.unexpected(Request(scope), error))(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", None)  # the template: a path as sent may hold anything
            seconds = time.perf_counter() - started
            self._meter.count(scope["method"], route, status or 500, seconds)
            logging.write(
                "app.request",
                "request",
                {
                    "method": scope["method"],
                    "route": route,
                    "status": status or 500,
                    "milliseconds": round(seconds * 1000, 1),
                    "trace_id": asked.trace_id,
                },
            )


@dataclass(slots=True)
class _Asked:
    """What the edge reads of the headers, in one go over them."""

    request_id: str = ""
    trace_id: str | None = None
    forwarded_for: str = ""

    @classmethod
    def of(cls, scope: Scope) -> Self:
        asked = cls()
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                asked.request_id = value.decode()
            elif name == b"traceparent" and (trace := _TRACE.fullmatch(value)):
                asked.trace_id = trace.group(1).decode()
            elif name == b"x-forwarded-for":
                asked.forwarded_for = f"{asked.forwarded_for},{value.decode('latin-1')}"
        asked.request_id = asked.request_id or os.urandom(16).hex()
        return asked


def client_address(scope: Scope, forwarded_for: str, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return where a request comes from: behind trusted proxies, the nearest address that none of them has.

    What a proxy names and nobody can read is `unknown`, and never the proxy's own address.
    """
    peer = _peer(scope)
    if not trusted:
        return peer
    hops = [*forwarded_for.replace(" ", "").split(","), peer]
    for hop in reversed([hop for hop in hops if hop]):
        address = _read(hop)
        if address is None:
            return UNKNOWN
        if not any(address in network for network in trusted):
            return str(address)
    return peer


def is_forwarded_by_nobody_known(scope: Scope, trusted: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Say whether a proxy has passed a request on that is not trusted, or that does not tell for whom."""
    names = {name for name, _ in scope["headers"]}
    if names.isdisjoint(_OF_PROXIES):
        return False
    peer = _read(_peer(scope))
    return peer is None or b"x-forwarded-for" not in names or not any(peer in network for network in trusted)


def _peer(scope: Scope) -> str:
    peer: str = scope["client"][0] if scope.get("client") else UNKNOWN
    return peer.removeprefix("::ffff:") if "." in peer else peer  # IPv4 on a socket for both (RFC 4291 §2.5.5.2)


def _read(hop: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: alone, `ip:port`, `[ip6]` or `[ip6]:port`."""
    written = _HOP.fullmatch(hop)
    try:
        address = ip_address((written["bracketed"] or written["plain"]) if written else hop)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _dress(scope: Scope, start: Message, request_id: str) -> None:
    headers = start.setdefault("headers", [])
    headers += ((b"x-request-id", request_id.encode()), *_SAFETY)
    if scope["path"].startswith(("/v1/", "/dev/")) and not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)
    if start["status"] == 204:  # the framework names the type of a body that is not there, and clients then read it
        start["headers"] = [header for header in headers if header[0] != b"content-type"]


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Stop reading where the route's bodies end: nobody fills our memory by sending more."""
    most = JSON_BYTES
    if _FILE_PATH.match(scope["path"]):
        most = FILE_BYTES
    elif scope["path"] == _BATCH_PATH:
        most = BATCH_BYTES
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413)
        return message

    return limited
