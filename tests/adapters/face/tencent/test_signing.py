"""TC3-HMAC-SHA256, by the vendor's own example."""

import hashlib
import json
from pathlib import Path

import pytest

from app.adapters.face.tencent_signing import Call, Keys, authorization, canonical_request
from app.ports.face import FaceReason, FaceServiceUnavailable
from tests.adapters.face.tencent.asking import Make, request

PUBLISHED = Path(__file__).with_name("published_vector.json")


def test_it_signs_as_the_vendors_example_does() -> None:
    vector = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    call = Call(vector["service"], vector["host"], vector["action"], vector["timestamp"], vector["payload"].encode())

    signed = authorization(Keys(vector["secret_id"], vector["secret_key"]), call)

    hashed = hashlib.sha256(canonical_request(call).encode()).hexdigest()
    assert hashed == vector["hashed_canonical_request"]
    assert signed == (
        f"TC3-HMAC-SHA256 Credential={vector['secret_id']}/{vector['date']}/{vector['service']}/tc3_request, "
        f"SignedHeaders={vector['signed_headers']}, Signature={vector['signature']}"
    )


def test_no_key_and_no_payload_is_shown() -> None:
    shown = repr(Keys("id", "very secret")) + repr(Call("faceid", "host", "DetectAuth", 0, b"personal"))

    assert "very secret" not in shown
    assert "personal" not in shown


async def test_the_vendor_sees_a_wrong_key(make: Make) -> None:
    with pytest.raises(FaceServiceUnavailable) as raised:
        await make(secret_key="another").start(request())

    assert raised.value.reason is FaceReason.PROVIDER_MISCONFIGURED
