"""A stand-in for Cloudauth on loopback: it checks each signature by itself, and says of a check what it is asked to."""

import asyncio
import base64
import hashlib
import hmac
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import httpx
import orjson

from app.adapters.face.aliyun import AliyunFaceProvider
from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart

KEY, SECRET = "LTAI5tExampleExample", "an-example-secret-of-thirty-char"
META_INFO = '{"zimVer":"3.0.0","appName":"escard (test) & more+","deviceType":"ios","osVersion":"iOS 10.3.2","ß":"好"}'
CALLBACK_URL = "https://escard.example/v1/callbacks/face/aliyun"
SCENE, PHOTO_SCENE = "1000000006", "1000000007"

_JUDGED = {  # the vendor's SubCode
    FaceReason.OK: "200",
    FaceReason.IDENTITY_MISMATCH: "201",
    FaceReason.PERSON_NOT_FOUND: "202",
    FaceReason.SOURCE_PHOTO_MISSING: "203",
    FaceReason.FACE_MISMATCH: "204",
    FaceReason.ATTACK_SUSPECTED: "205",
    FaceReason.POLICY_BLOCK: "206",
    FaceReason.PROVIDER_BUSY: "209",
}
_REFUSED = {  # its Code, at the start
    FaceReason.PROVIDER_DAILY_LIMIT: "418",
}
_REFUSED_LIVE = {FaceReason.DEVICE_UNSUPPORTED: "414", FaceReason.APP_OUTDATED: "415"}
_REFUSED_PHOTO = {FaceReason.CAPTURE_QUALITY: "419"}
_NOT_FINISHED = {FaceReason.NOT_FINISHED: "424"}
_TAKES = {"InitFaceVerify", "DescribeFaceVerify", "ContrastFaceVerify"}
_WINDOW = timedelta(minutes=15)
_NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing here speaks TLS, and reading the usual roots takes time


@dataclass(frozen=True)
class Call:
    """What has come: the address as it was sent, the headers, and the parameters of both places."""

    target: str
    headers: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]

    @property
    def action(self) -> str:
        return self.headers["x-acs-action"]

    @property
    def given(self) -> dict[str, str]:
        return {**self.query, **self.form}


@dataclass
class AliyunVendor(Stage):
    """The vendor.

    `start_code`, `check_code` and `sub_code` are said of everybody for whom nothing is played; `raw` is sent instead of
    any answer, `drips` goes on byte by byte without an end. `patience` is that of the clients, in seconds.
    """

    options: dict[str, str] = field(default_factory=dict)
    start_code: str = "200"
    check_code: str = "200"
    sub_code: str = "200"
    raw: bytes | None = None
    drips: bool = False
    patience: float = 1
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _plays: dict[str, FaceReason] = field(default_factory=dict)
    _orders: dict[str, str] = field(default_factory=dict)
    _nonces: set[str] = field(default_factory=set)
    _fault: Fault | None = None
    _server: asyncio.Server | None = None
    _port: int = 0
    _clients: list[httpx.AsyncClient] = field(default_factory=list)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.options = {
            "access_key_id": KEY,
            "access_key_secret": SECRET,
            "scene_id": SCENE,
            "photo_scene_id": PHOTO_SCENE,
            "endpoint": f"http://127.0.0.1:{self._port}",
        }

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self._shut()

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        of_mode = _REFUSED_PHOTO if mode is FaceMode.PHOTO else _REFUSED_LIVE | _NOT_FINISHED
        return frozenset(_JUDGED | _REFUSED | of_mode)

    def provider(self, clock: Clock) -> FaceProvider:
        return self.made(clock)

    def made(self, clock: Clock, **more: str) -> AliyunFaceProvider:
        client = httpx.AsyncClient(timeout=self.patience, verify=_NO_TRUST)
        self._clients.append(client)
        return AliyunFaceProvider(clock=clock, client=client, options={**self.options, **more})

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        self._plays[request.check_id.hex] = reason
        return replace(request, device_meta={"meta_info": META_INFO}, callback_url=CALLBACK_URL)

    async def fail(self, fault: Fault | None) -> None:
        if self._fault is Fault.GONE:
            await self.open()
        self._fault = fault
        if fault is Fault.GONE:
            await self._shut()

    def faults(self) -> frozenset[Fault]:
        return frozenset(Fault)

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        begun = [call for call in self.calls if call.given.get("OuterOrderNo") == request.check_id.hex]
        if begun[-1].action != "InitFaceVerify":
            return None  # a photo is judged at once
        genuine = FaceCallback(self.called_back(begun[-1].given, start), {}, b"")
        forged = {**genuine.query, "callbackToken": request.check_id.hex + "0" * 32}
        return Callback(genuine, FaceCallback(forged, {}, b""))

    def called_back(self, begun: dict[str, str], start: FaceStart) -> dict[str, str]:
        """The query that the vendor appends to the callback address."""
        certify_id = start.client["certify_id"]
        return {"callbackToken": begun["CallbackToken"], "certifyId": certify_id, "passed": "T", "subcode": "200"}

    async def _shut(self) -> None:
        if self._server is None:
            return
        self._server.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                method, target, headers, body = await _read(reader)
                if self._fault is Fault.SILENT:
                    await reader.read()  # until the client goes
                    return
                writer.write(self._answer(method, target, headers, body))
                while self.drips:
                    await asyncio.sleep(0.05)
                    writer.write(b" ")
                    await writer.drain()
                await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        if self.raw is not None:
            return self.raw
        if self._fault is Fault.BROKEN:
            return response(500, b'{"Code":"InternalError","Message":"The request processing has failed."}')
        if self._fault is Fault.GARBLED:
            return response(200, b"<html>not you</html>")
        fault = self._unsigned(method, target, headers, body)
        if fault is not None:
            self.refused.append(fault)
            return response(
                400, orjson.dumps({"Code": fault, "Message": "Specified.", "RequestId": "0", "HostId": "c"})
            )
        query = dict(parse_qsl(target.partition("?")[2], strict_parsing="=" in target))
        call = Call(target, headers, query, dict(parse_qsl(body.decode(), strict_parsing=bool(body))))
        self.calls.append(call)
        return response(200, orjson.dumps({"RequestId": "130A2C10", **self._said(call)}))

    def _unsigned(self, method: str, target: str, headers: dict[str, str], body: bytes) -> str | None:
        """What is wrong with a signature, in the words of the vendor's gateway."""
        if headers.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
            return "ContentSHA256NotMatched"
        sent_at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - sent_at) > _WINDOW:
            return "InvalidTimeStamp.Expired"
        if headers["x-acs-signature-nonce"] in self._nonces:
            return "SignatureNonceUsed"
        self._nonces.add(headers["x-acs-signature-nonce"])
        expected = _signature(method, target, headers, body)
        return None if hmac.compare_digest(headers["authorization"], expected) else "SignatureDoesNotMatch"

    def _said(self, call: Call) -> dict[str, object]:
        assert call.action in _TAKES
        assert call.headers["x-acs-version"] == "2019-03-07"
        if call.action == "DescribeFaceVerify":
            return self._described(call)
        order = call.given["OuterOrderNo"]
        assert re.fullmatch(r"[0-9a-zA-Z]{1,32}", order)
        reason = self._plays.get(order)
        refused = _REFUSED | (_REFUSED_LIVE if call.action == "InitFaceVerify" else _REFUSED_PHOTO)
        code = self.start_code if reason is None else refused.get(reason, "200")
        if code != "200":
            return {"Code": code, "Message": "refused", "ResultObject": None}
        if call.action == "ContrastFaceVerify":
            return self._judged(reason)
        certify_id = hashlib.md5(f"{order}{len(self._orders)}".encode()).hexdigest()  # noqa: S324 - an id like theirs
        self._orders[certify_id] = order
        url = f"https://t.aliyun.com/{certify_id}" if "ReturnUrl" in call.given else ""
        return {"Code": "200", "Message": "success", "ResultObject": {"CertifyId": certify_id, "CertifyUrl": url}}

    def _described(self, call: Call) -> dict[str, object]:
        if call.given["CertifyId"] not in self._orders:
            return {"Code": "406", "Message": "no such CertifyId"}
        reason = self._plays.get(self._orders[call.given["CertifyId"]])
        code = self.check_code if reason is None else _NOT_FINISHED.get(reason, "200")
        return self._judged(reason) if code == "200" else {"Code": code, "Message": "refused"}

    def _judged(self, reason: FaceReason | None) -> dict[str, object]:
        sub_code = self.sub_code if reason is None else _JUDGED[reason]
        passed = "T" if sub_code in ("200", "210") else "F"
        material = {
            "faceAttack": "F",
            "facialPictureFront": {"verifyScore": 50.28, "pictureUrl": "https://oss.example/"},
        }
        judged = {"Passed": passed, "SubCode": sub_code, "MaterialInfo": orjson.dumps(material).decode()}
        return {"Code": "200", "Message": "success", "ResultObject": {**judged, "IdentityInfo": None, "DeviceRisk": ""}}


def response(status: int, body: bytes, *more: str) -> bytes:
    """An answer as it goes over the line."""
    lines = [f"HTTP/1.1 {status} x", "content-type: application/json", f"content-length: {len(body)}", *more]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


@asynccontextmanager
async def stage() -> AsyncIterator[AliyunVendor]:
    """Open the stage."""
    vendor = AliyunVendor()
    await vendor.open()
    try:
        yield vendor
    finally:
        await vendor.close()


def picture_of(call: Call) -> bytes:
    """The picture that was given; it must have come in the body."""
    assert "FaceContrastPicture" not in call.query
    return base64.b64decode(call.form["FaceContrastPicture"], validate=True)


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return method, target, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def _signature(method: str, target: str, headers: dict[str, str], body: bytes) -> str:
    """The header that must have come, by the vendor's page; written apart from what the adapter does."""
    path, _, query = target.partition("?")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    canonical_query = "&".join(quote(name, "~") + "=" + quote(value, "~") for name, value in pairs)
    wanted = sorted(name for name in headers if name in ("host", "content-type") or name.startswith("x-acs-"))
    request = method + "\n" + path + "\n" + canonical_query + "\n"
    for name in wanted:
        request += name + ":" + headers[name] + "\n"
    request += "\n" + ";".join(wanted) + "\n" + hashlib.sha256(body).hexdigest()
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
    code = hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={KEY},SignedHeaders={';'.join(wanted)},Signature={code}"
