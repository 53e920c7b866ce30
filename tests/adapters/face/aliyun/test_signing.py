"""The signature of Alibaba Cloud is the published one."""

import hashlib
from datetime import UTC, datetime

import pytest

from app.adapters.face.aliyun_signing import (
    AccessKey,
    Call,
    authorization,
    canonical_query,
    canonical_request,
    signed_headers,
)

# https://www.alibabacloud.com/help/resource-management/latest/common-parameters, the example with fixed parameters; in
# Chinese https://help.aliyun.com/document_detail/2593177.html. The table above it on the page shows the same signature
# beside another nonce and date, which do not make it.
KEY = AccessKey("YourAccessKeyId", "YourAccessKeySecret")
QUERY = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
HEADERS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-version": "2014-05-26",
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
REQUEST_HASH = "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
SIGNATURE = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
NOT_THE_EXAMPLE = {
    "x-acs-date": "2023-10-26T09:01:01Z",
    "x-acs-signature-nonce": "d410180a5abf7fe235dd9b74aca91fc0",
}


def test_the_published_example_is_reproduced() -> None:
    request = canonical_request(canonical_query(QUERY), HEADERS)

    assert hashlib.sha256(request.encode()).hexdigest() == REQUEST_HASH
    assert authorization(KEY, request, HEADERS) == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        f"x-acs-signature-nonce;x-acs-version,Signature={SIGNATURE}"
    )


def test_the_values_of_the_pages_table_make_another() -> None:
    headers = HEADERS | NOT_THE_EXAMPLE

    signed = authorization(KEY, canonical_request(canonical_query(QUERY), headers), headers)

    assert signed.endswith("Signature=e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804")


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ({}, ""),
        ({"b": "1", "a": "2", "B": "3"}, "B=3&a=2&b=1"),
        ({"q": "a b+c*d~e/f"}, "q=a%20b%2Bc%2Ad~e%2Ff"),
        ({"名": "王芳"}, "%E5%90%8D=%E7%8E%8B%E8%8A%B3"),
        ({"empty": ""}, "empty="),
    ],
)
def test_parameters_are_sorted_and_encoded_by_rfc_3986(parameters: dict[str, str], query: str) -> None:
    assert canonical_query(parameters) == query


def test_a_call_has_its_time_in_utc_and_a_nonce_of_its_own() -> None:
    call = Call("cloudauth.aliyuncs.com", "InitFaceVerify", "2019-03-07", "", b"a=b")
    now = datetime.fromisoformat("2026-03-01T07:59:59.9+08:00")

    first, second = signed_headers(KEY, call, now), signed_headers(KEY, call, now)

    assert first["x-acs-date"] == "2026-02-28T23:59:59Z"
    assert first["content-type"] == "application/x-www-form-urlencoded"
    assert "content-type;host;x-acs-action" in first["authorization"]
    assert first["x-acs-signature-nonce"] != second["x-acs-signature-nonce"]
    assert first["authorization"] != second["authorization"]


def test_a_call_without_a_body_has_no_content_type() -> None:
    call = Call("cloudauth.aliyuncs.com", "DescribeFaceVerify", "2019-03-07", "SceneId=1", b"")

    assert "content-type" not in signed_headers(KEY, call, datetime.now(UTC))


def test_the_secret_is_not_shown() -> None:
    assert KEY.secret not in repr(KEY)
