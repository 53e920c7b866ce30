"""The stand-in for Tencent refuses what Tencent would, so that what it takes proves something."""

import json
import time
from typing import Any

import pytest

from app.adapters.face.tencent_signing import CONTENT_TYPE, Call, Keys, authorization
from tests.adapters.face.tencent.vendor import SECRET_ID, SECRET_KEY, Vendor, joined

IMAGE = "/9j/4AAQ"
PAGE = {"RuleId": "7", "IdCard": "x", "Name": "y", "RedirectUrl": "https://z", "Extra": "e", "ImageBase64": IMAGE}
PERSON = {"IdCard": "x", "Name": "y"}


async def refusal(vendor: Vendor, action: str, said: dict[str, Any], *, path: str = "/", **changed: str) -> str | None:
    """Send a call that is signed as it should be, with headers changed afterwards; return the error's code."""
    payload, now = json.dumps(said).encode(), int(time.time()) - int(changed.pop("age", "0"))
    host = vendor.url.removeprefix("http://")
    keys = Keys(changed.pop("secret_id", SECRET_ID), changed.pop("secret_key", SECRET_KEY))
    headers = {
        "Authorization": authorization(keys, Call(changed.pop("service", "faceid"), host, action, now, payload)),
        "Content-Type": CONTENT_TYPE,
        "X-TC-Action": action,
        "X-TC-Timestamp": str(now),
        "X-TC-Version": "2018-03-01",
    }
    more = changed.pop("more", "").encode()
    async with joined(timeout=20) as client:
        answer = await client.post(vendor.url + path, content=payload + more, headers=headers | changed)
    error = answer.json()["Response"].get("Error")
    return None if error is None else error["Code"]


async def test_what_is_signed_as_it_should_be_is_taken(vendor: Vendor) -> None:
    assert await refusal(vendor, "DetectAuth", PAGE) is None
    assert vendor.asked("DetectAuth") == PAGE


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"path": "/v1"}, "InvalidRequest"),
        ({"Authorization": "Bearer x"}, "AuthFailure.InvalidAuthorization"),
        ({"secret_id": "another"}, "AuthFailure.SecretIdNotFound"),
        ({"age": "301"}, "AuthFailure.SignatureExpire"),
        ({"age": "-310"}, "AuthFailure.SignatureExpire"),
        ({"service": "cvm"}, "AuthFailure.SignatureFailure"),
        ({"secret_key": "another"}, "AuthFailure.SignatureFailure"),
        ({"more": " "}, "AuthFailure.SignatureFailure"),
        ({"X-TC-Action": "GetFaceIdToken"}, "AuthFailure.SignatureFailure"),
        ({"X-TC-Version": "2017-01-01"}, "NoSuchVersion"),
    ],
)
async def test_what_is_not_is_refused(vendor: Vendor, changed: dict[str, str], code: str) -> None:
    assert await refusal(vendor, "DetectAuth", PAGE, **changed) == code
    assert vendor.calls == []


@pytest.mark.parametrize(
    ("action", "said", "code"),
    [
        ("DetectFaces", {}, "InvalidAction"),
        ("DetectAuth", {"IdCard": "x"}, "MissingParameter"),
        ("DetectAuth", PAGE | {"Sex": "1"}, "UnknownParameter"),
        ("DetectAuth", PAGE | {"RuleId": 7}, "InvalidParameter"),
        ("DetectAuth", PAGE | {"Name": "y" * 33}, "InvalidParameter"),
        ("DetectAuth", PAGE | {"RedirectUrl": "z" * 1025}, "InvalidParameter"),
        ("DetectAuth", PAGE | {"ImageBase64": IMAGE + "A" * 3_000_000}, "InvalidParameterValue"),
        ("DetectAuth", PAGE | {"ImageBase64": "iVBORw0K"}, "InvalidParameterValue"),
        ("GetFaceIdToken", {"CompareLib": "LOCAL"} | PERSON, "InvalidParameter"),
        ("GetFaceIdToken", {"CompareLib": "BUSINESS", "ImageBase64": IMAGE}, "InvalidParameter"),
        ("GetDetectInfoEnhanced", {"BizToken": "x", "RuleId": "7"}, "InvalidParameterValue.BizTokenIllegal"),
        ("GetFaceIdResult", {"FaceIdToken": "x"}, "InvalidParameterValue.BizTokenIllegal"),
    ],
)
async def test_what_is_not_asked_as_the_pages_say_is_refused(
    vendor: Vendor, action: str, said: dict[str, Any], code: str
) -> None:
    assert await refusal(vendor, action, said) == code


async def test_a_check_is_read_by_its_own_rule(vendor: Vendor) -> None:
    await refusal(vendor, "DetectAuth", PAGE)
    token = next(iter(vendor.began))

    assert await refusal(vendor, "GetDetectInfoEnhanced", {"BizToken": token, "RuleId": "7"}) is None
    refused = await refusal(vendor, "GetDetectInfoEnhanced", {"BizToken": token, "RuleId": "8"})
    assert refused == "InvalidParameterValue.RuleIdNotExist"
