"""Alipay's gateway on loopback: it verifies each request and signs each answer by arithmetic of its own."""

import asyncio
import base64
import contextlib
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.adapters.face.alipay import AlipayFaceProvider
from app.core.clock import Clock, SystemClock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart

APP_ID = "2021000122671080"
RETURN_URL = "https://escard.example/back"
INITIALIZE = "alipay.user.certify.open.initialize"
QUERY = "alipay.user.certify.open.query"
PARAMETERS = {"app_id", "method", "format", "charset", "sign_type", "timestamp", "version", "biz_content", "sign"}

_CHINA = timezone(timedelta(hours=8))
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 section 9.2, note 1

_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # all is on loopback; to load them takes as long as a test

Said: TypeAlias = dict[str, object]


@cache
def application_key() -> rsa.RSAPrivateKey:
    """The application's key."""
    return rsa.generate_private_key(65537, 2048)


@cache
def alipay_key() -> rsa.RSAPrivateKey:
    """Alipay's key."""
    return rsa.generate_private_key(65537, 2048)


@cache
def another_key() -> rsa.RSAPrivateKey:
    """A key of nobody that is known."""
    return rsa.generate_private_key(65537, 2048)


def private_text(key: rsa.RSAPrivateKey) -> str:
    """A private key as Alipay's tool gives it: PKCS#8 in base64."""
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


def public_text(key: rsa.RSAPrivateKey) -> str:
    """The public half of a key as Alipay's console shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signature(key: rsa.RSAPrivateKey, text: str) -> str:
    """Sign a text: RFC 8017 sections 8.2.1 and 5.1.2 (2b)."""
    numbers, encoded = key.private_numbers(), int.from_bytes(_encoded(text))
    one, two = pow(encoded, numbers.dmp1, numbers.p), pow(encoded, numbers.dmq1, numbers.q)
    signed = two + numbers.q * ((one - two) * numbers.iqmp % numbers.p)
    return base64.b64encode(signed.to_bytes(256)).decode()


def is_signed(key: rsa.RSAPrivateKey, text: str, given: str) -> bool:
    """Verify a signature with the public half of a key: RFC 8017 section 8.2.2."""
    numbers = key.public_key().public_numbers()
    return pow(int.from_bytes(base64.b64decode(given)), numbers.e, numbers.n).to_bytes(256) == _encoded(text)


def _encoded(text: str) -> bytes:
    digest = _SHA256 + hashlib.sha256(text.encode()).digest()
    return b"\x00\x01" + b"\xff" * (256 - len(digest) - 3) + b"\x00" + digest


def text_of(parameters: dict[str, str], *without: str) -> str:
    """What is signed of parameters."""
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name not in without)


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    target: str
    form: dict[str, str]

    @property
    def method(self) -> str:
        return self.form["method"]

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.form["biz_content"])
        return content


@dataclass
class AlipayGateway(Stage):
    """What Alipay says: `say` is asked first and may answer with any body, then `refusal`, then it works as described.

    It has the time of its own `clock` and refuses requests that are more than ten minutes off.
    """

    client: httpx.AsyncClient
    clock: Clock = field(default_factory=SystemClock)
    say: Callable[[Call], bytes] | None = None
    refusal: Said | None = None
    signs_refusals: bool = True
    status: int = 200
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _fault: Fault | None = None
    _reasons: dict[str, FaceReason] = field(default_factory=dict)
    _orders: dict[str, str] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def options(self) -> dict[str, str]:
        return {
            "app_id": APP_ID,
            "private_key": private_text(application_key()),
            "alipay_public_key": public_text(alipay_key()),
            "return_url": RETURN_URL,
            "endpoint": f"http://127.0.0.1:{self.port}/gateway.do",
        }

    def provider(self, clock: Clock) -> FaceProvider:
        return AlipayFaceProvider(clock=clock, client=self.client, options=self.options)

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return frozenset({FaceReason.OK, FaceReason.NOT_FINISHED})

    def faults(self) -> frozenset[Fault]:
        return frozenset(Fault)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        self._reasons[request.check_id.hex] = reason
        return request

    async def fail(self, fault: Fault | None) -> None:
        self._fault = fault
        await (self.close() if fault is Fault.GONE else self.open())

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        notice = self.notice()
        query = {"check_id": str(request.check_id)}
        forged = {**notice, "sign": signature(application_key(), text_of(notice, "sign", "sign_type"))}
        bodies = [urlencode(each).encode() for each in (notice, forged)]
        genuine, pretended = [FaceCallback(query, {}, body) for body in bodies]
        return Callback(genuine, forged=pretended)

    def notice(self, **other: str) -> dict[str, str]:
        """A notice that Alipay signs now."""
        notice = {
            "app_id": APP_ID,
            "charset": "utf-8",
            "notify_id": "2026112200222141714026431019971405",
            "notify_time": self.clock.now().astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "notify_type": "certify_status_sync",
            "remark": "认证 100% & done",
            "sign_type": "RSA2",
            **other,
        }
        return {**notice, "sign": signature(alipay_key(), text_of(notice, "sign_type"))}

    async def open(self) -> None:
        """Listen, on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            await asyncio.gather(*self._serving)
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length:")[2].split("\r\n")[0])
            body = (await reader.readexactly(length)).decode("ascii")
            if self._fault is Fault.SILENT:
                await reader.read()  # until the client hangs up
            else:
                said = self._said(head, body)
                status = 500 if self._fault is Fault.BROKEN else self.status
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Type: text/html;charset=utf-8\r\n".encode())
                writer.write(f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode() + said)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def _said(self, head: str, body: str) -> bytes:
        if self._fault is Fault.GARBLED:
            return b"<html>\xc9\xd4\xba\xf3</html>"
        target = head.split(" ")[1]
        form = {name: value for name, (value,) in parse_qs(body, keep_blank_values=True).items()}
        call = Call(target, form)
        self.calls.append(call)
        return self.say(call) if self.say is not None else self._answer(call)

    def _answer(self, call: Call) -> bytes:
        if self.refusal is not None:
            return answer(call.method, self.refusal, is_signed=self.signs_refusals)
        assert (urlsplit(call.target).path, urlsplit(call.target).query) == ("/gateway.do", "charset=utf-8")
        assert call.form.keys() == PARAMETERS
        if call.form["app_id"] != APP_ID:
            return answer(call.method, refused("40002", "isv.invalid-app-id"), is_signed=False)
        if not is_signed(application_key(), text_of(call.form, "sign"), call.form["sign"]):
            return answer(call.method, refused("40002", "isv.invalid-signature"), is_signed=False)
        sent_at = datetime.strptime(call.form["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
        if abs(self.clock.now() - sent_at) > timedelta(minutes=10):
            return answer(call.method, refused("40002", "isv.invalid-timestamp"))
        return answer(call.method, self._initialized(call) if call.method == INITIALIZE else self._queried(call))

    def _initialized(self, call: Call) -> Said:
        order = call.content["outer_order_no"]
        certify_id = hashlib.sha256(order.encode()).hexdigest()[:32]
        self._orders[certify_id] = order
        return {"code": "10000", "msg": "Success", "certify_id": certify_id}

    def _queried(self, call: Call) -> Said:
        order = self._orders.get(call.content["certify_id"])
        if order is None:
            return refused("40004", "OPEN_CERTIFY_BILL_NOT_EXIST")
        passed = self._reasons.get(order, FaceReason.OK) is FaceReason.OK
        return {"code": "10000", "msg": "Success", "passed": "T" if passed else "F", "identity_info": "{}"}


def refused(code: str, sub_code: str) -> Said:
    """What a refusal says."""
    return {"code": code, "msg": "Refused", "sub_code": sub_code, "sub_msg": "说明，请见 https://open.alipay.com/x"}


def answer(method: str, said: Said, *, is_signed: bool = True) -> bytes:
    """An answer as Alipay writes it: compact, its own letters, slashes escaped."""
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    return answer_of_text(method, text, signature(alipay_key(), text) if is_signed else None)


def answer_of_text(method: str, text: str, signed: str | None) -> bytes:
    """An answer with a text and a signature that somebody has put into it."""
    node = method.replace(".", "_") + "_response"
    return (f'{{"{node}":{text}' + ("}" if signed is None else f',"sign":"{signed}"}}')).encode()


@asynccontextmanager
async def stage() -> AsyncIterator[AlipayGateway]:
    """Open the gateway."""
    async with httpx.AsyncClient(timeout=1, verify=_NO_AUTHORITIES) as client:
        gateway = AlipayGateway(client)
        await gateway.open()
        try:
            yield gateway
        finally:
            await gateway.close()
