"""A stand-in for Tencent's FaceID on loopback: its wire format, its signatures checked by code of its own."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx

SECRET_ID: Final = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
SECRET_KEY: Final = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"

# Required and possible parameters of each action, as the vendor's pages list them.
_ACTIONS: Final[Mapping[str, tuple[set[str], set[str]]]] = {
    "DetectAuth": ({"RuleId"}, {"IdCard", "Name", "RedirectUrl", "Extra", "ImageBase64"}),
    "GetDetectInfoEnhanced": ({"BizToken", "RuleId"}, {"InfoType"}),
    "GetFaceIdToken": ({"CompareLib"}, {"IdCard", "Name", "ImageBase64", "Meta", "Extra", "RuleId"}),
    "GetFaceIdResult": ({"FaceIdToken"}, {"IsNeedVideo", "IsNeedBestFrame"}),
    "ImageRecognitionV2": ({"IdCard", "Name", "ImageBase64"}, {"Extra"}),
}
_AUTHORIZATION: Final = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/([0-9-]{10})/([a-z]+)/tc3_request, SignedHeaders=([a-z0-9;-]+), "
    r"Signature=([0-9a-f]{64})"
)


_CERTIFICATES: Final = ssl.create_default_context()


class Refused(Exception):
    """The vendor's error, by its code."""


@dataclass
class Vendor:
    """What it says of checks, and how it fails.

    `text`, `sdk` and `photo` are merged into what GetDetectInfoEnhanced, GetFaceIdResult and ImageRecognitionV2 answer;
    `error` is an error's code for every call, `raw` a whole answer in place of one, `silent` none at all.
    """

    url: str = ""
    text: dict[str, Any] = field(default_factory=dict)
    sdk: dict[str, Any] = field(default_factory=dict)
    photo: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    raw: bytes | None = None
    drops: bool = False
    silent: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    began: dict[str, dict[str, Any]] = field(default_factory=dict)
    _server: asyncio.Server | None = None

    @property
    def options(self) -> dict[str, str]:
        return {"secret_id": SECRET_ID, "secret_key": SECRET_KEY, "rule_id": "7", "endpoint": self.url}

    def asked(self, action: str) -> dict[str, Any]:
        """The parameters of the last call of an action."""
        return next(said for name, said in reversed(self.calls) if name == action)

    async def open(self) -> None:
        if self._server is not None:
            return
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            if self.silent:
                await reader.read()  # until the other side gives up
                return
            await self._write(writer, self.raw or _http(json.dumps({"Response": self._answer(first, headers, body)})))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        if not self.drops:
            writer.write(answer)
            await writer.drain()
            return
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0.05)

    def _answer(self, first: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        said: dict[str, Any] = {"RequestId": str(uuid4())}
        try:
            if first != "POST / HTTP/1.1":
                raise Refused("InvalidRequest")
            _see_signature(headers, body)
            if self.error is not None:
                raise Refused(self.error)
            return said | self._act(headers, json.loads(body))
        except Refused as refused:
            return said | {"Error": {"Code": str(refused), "Message": "words that are for the vendor's customers"}}

    def _act(self, headers: Mapping[str, str], said: dict[str, Any]) -> dict[str, Any]:
        action = headers["x-tc-action"]
        if headers.get("x-tc-version") != "2018-03-01":
            raise Refused("NoSuchVersion")
        if action not in _ACTIONS:
            raise Refused("InvalidAction")
        required, possible = _ACTIONS[action]
        if not required <= said.keys():
            raise Refused("MissingParameter")
        if not said.keys() <= required | possible:
            raise Refused("UnknownParameter")
        if not all(isinstance(value, str) for value in said.values()):
            raise Refused("InvalidParameter")
        self.calls.append((action, said))
        acts: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "DetectAuth": self._detect_auth,
            "GetDetectInfoEnhanced": self._get_detect_info,
            "GetFaceIdToken": self._get_token,
            "GetFaceIdResult": self._get_result,
            "ImageRecognitionV2": self._recognise,
        }
        return acts[action](said)

    def _detect_auth(self, said: dict[str, Any]) -> dict[str, Any]:
        _see_image(said, 3_000_000)
        if len(said["Name"]) > 32 or len(said["RedirectUrl"]) > 1024 or len(said["Extra"]) > 1024:
            raise Refused("InvalidParameter")
        token = self._begin(said)
        return {"BizToken": token, "Url": f"https://open.faceid.qq.com/v1/api/auth?Token={token}"}

    def _get_token(self, said: dict[str, Any]) -> dict[str, Any]:
        needed = {"LOCAL": {"ImageBase64"}, "BUSINESS": {"IdCard", "Name"}}[said["CompareLib"]]
        if not needed <= said.keys():
            raise Refused("InvalidParameter")
        _see_image(said, 8_000_000)
        return {"FaceIdToken": self._begin(said)}

    def _begin(self, said: dict[str, Any]) -> str:
        token = str(uuid4()).upper()
        self.began[token] = said
        return token

    def _get_detect_info(self, said: dict[str, Any]) -> dict[str, Any]:
        began = self.began.get(said["BizToken"])
        if began is None:
            raise Refused("InvalidParameterValue.BizTokenIllegal")
        if began["RuleId"] != said["RuleId"]:
            raise Refused("InvalidParameterValue.RuleIdNotExist")
        text = {
            "ErrCode": 0,
            "ErrMsg": "成功",
            "IdCard": began["IdCard"],
            "Name": began["Name"],
            "LiveStatus": 0,
            "LiveMsg": "成功",
            "Comparestatus": 0,
            "Comparemsg": "成功",
            "Sim": "92.63",
            "Extra": began["Extra"],
            "LivenessDetail": None,
        }
        return {"Text": text | self.text, "IdCardData": None, "BestFrame": None, "VideoData": None}

    def _get_result(self, said: dict[str, Any]) -> dict[str, Any]:
        began = self.began.get(said["FaceIdToken"])
        if began is None:
            raise Refused("InvalidParameterValue.BizTokenIllegal")
        result = {
            "IdCard": began.get("IdCard", ""),
            "Name": began.get("Name", ""),
            "Result": "0",
            "Description": "成功",
            "Similarity": 97.7,
            "VideoBase64": None,
            "BestFrameBase64": None,
            "Extra": began["Extra"],
        }
        return result | self.sdk

    def _recognise(self, said: dict[str, Any]) -> dict[str, Any]:
        _see_image(said, 3_000_000)
        return {"Result": "Success", "Description": "成功", "Sim": 89.88} | self.photo


def joined(*, timeout: float) -> httpx.AsyncClient:
    """A client like the house's; certificates are read once for all of them, which takes most of a short test."""
    return httpx.AsyncClient(timeout=timeout, verify=_CERTIFICATES)


def says(text: str, status: str = "200 OK") -> bytes:
    """A whole answer with any body."""
    return _http(text, status)


@asynccontextmanager
async def opened() -> AsyncIterator[Vendor]:
    """A vendor that listens."""
    vendor = Vendor()
    await vendor.open()
    try:
        yield vendor
    finally:
        await vendor.close()


def _http(text: str, status: str = "200 OK") -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    )
    return f"{head}\r\n".encode() + body


def _see_image(said: Mapping[str, Any], most: int) -> None:
    image = said.get("ImageBase64")
    if image is not None and (len(image) > most or not base64.b64decode(image, validate=True).startswith(b"\xff\xd8")):
        raise Refused("InvalidParameterValue")


def _see_signature(headers: Mapping[str, str], body: bytes) -> None:
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        raise Refused("AuthFailure.InvalidAuthorization")
    secret_id, day, service, names, signature = found.groups()
    if secret_id != SECRET_ID:
        raise Refused("AuthFailure.SecretIdNotFound")
    if abs(time.time() - int(headers["x-tc-timestamp"])) > 300:
        raise Refused("AuthFailure.SignatureExpire")
    if not {"content-type", "host"} <= set(names.split(";")) or service != "faceid":
        raise Refused("AuthFailure.SignatureFailure")
    request = "POST\n/\n\n"
    for name in names.split(";"):
        request += name + ":" + headers[name].lower() + "\n"
    request += "\n" + names + "\n" + hashlib.sha256(body).hexdigest()
    hashed = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n{headers['x-tc-timestamp']}\n{day}/{service}/tc3_request\n{hashed}"
    of_day = hmac.new(b"TC3" + SECRET_KEY.encode(), day.encode(), hashlib.sha256).digest()
    of_service = hmac.new(of_day, service.encode(), hashlib.sha256).digest()
    signing = hmac.new(of_service, b"tc3_request", hashlib.sha256).digest()
    if hmac.new(signing, to_sign.encode(), hashlib.sha256).hexdigest() != signature:
        raise Refused("AuthFailure.SignatureFailure")
