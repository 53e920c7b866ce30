"""What every request passes: its id, the size and traffic limits, headers of safety, one log line."""

import re
import time
import uuid
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from app.core import logging
from app.routers.traffic import Traffic

JSON_BYTES: Final = 64 * 1024
FILE_BYTES: Final = 10 * 1024 * 1024
_FILE_PATH = re.compile(r"/v1/enrolments/[^/]+/documents/")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_log = logging.logger("app.request")


class Edge:
    """Wraps the app; pure ASGI, for it is on every path."""

    def __init__(self, app: ASGIApp, *, traffic: Traffic, trusted_proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._trusted = trusted_proxies
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        logging.begin_request(request_id)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        scope["client_address"] = client_address(scope, headers, self._trusted)
        try:
            if scope["path"].startswith("/v1/") and (refusal := self._traffic.is_too_fast(scope["client_address"])):
                await problems.answer(Request(scope), refusal)(scope, receive, sending)
            else:
                await self._app(scope, _limited(scope, receive), sending)
        except Exception as error:
            if status:  # an answer has begun; the server breaks it off
                raise
            await (await problems.unexpected(Request(scope), error))(scope, receive, sending)
        finally:
            route = scope.get("route")
            _log.info(
                "request",
                method=scope["method"],
                route=getattr(route, "path", None),  # the template: a path as sent may hold anything
                status=status or 500,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                trace_id=_trace_id(headers),
            )


def client_address(scope: Scope, headers: Headers, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return where a request comes from: behind trusted proxies, the nearest address that none of them has."""
    peer: str = scope["client"][0] if scope.get("client") else "unknown"
    if not trusted:
        return peer
    hops = [*headers.get("x-forwarded-for", "").replace(" ", "").split(","), peer]
    for hop in reversed([hop for hop in hops if hop]):
        try:
            address = ip_address(hop)
        except ValueError:
            return peer
        if not any(address in network for network in trusted):
            return hop
    return peer


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _trace_id(headers: Headers) -> str | None:
    match = _TRACE.fullmatch(headers.get("traceparent", ""))
    return match.group(1) if match else None


def _dress(scope: Scope, headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    if scope["path"].startswith(("/v1/", "/dev/")):
        headers.setdefault("Cache-Control", "no-store")


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Stop reading where the route's bodies end: nobody fills our memory by sending more."""
    most = FILE_BYTES if _FILE_PATH.match(scope["path"]) else JSON_BYTES
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
