"""Signed requests: as RFC 9421 has it, one form of it, and no other."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.tokens.requests import (
    PublicKeyNotTaken,
    RequestNotSigned,
    SignedRequest,
    digest_of,
    public_key,
    signature_base,
)
from tests.factories.terminals import PrivateKey, sign

PATH, BODY, NONCE = "/v1/terminals/code-redemptions", b'{"code": "x"}', "a-nonce-of-16-up"
SESSION = "Bearer a-token"
INPUT = f'("@method" "@path" "content-digest");created=1700000000;keyid="desk-1";nonce="{NONCE}"'
KEYS = (Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1()))


def pem(key: PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def headers(key: PrivateKey = KEYS[0], params: str = INPUT, body: bytes = BODY, label: str = "sig") -> dict[str, str]:
    """Sign by hand what the parameters name, in their order."""
    digest = digest_of(body)
    values = {'"@method"': "POST", '"@path"': PATH, '"content-digest"': digest, '"authorization"': SESSION}
    names = params[1 : params.index(")")].split(" ")
    lines = [f"{name}: {values.get(name, '')}" for name in names] + [f'"@signature-params": {params}']
    signature = base64.b64encode(sign(key, "\n".join(lines).encode())).decode()
    return {
        "content-digest": digest,
        "signature-input": f"{label}={params}",
        "signature": f"{label}=:{signature}:",
    }


def read(said: dict[str, str], method: str = "POST", path: str = PATH, body: bytes = BODY) -> SignedRequest:
    return SignedRequest.read(method, path, said, body)


def test_the_example_of_the_standard_is_signed_as_it_says() -> None:
    """RFC 9421 §B.2.6, with the key of §B.1.4."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="))
    covered = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ]
    params = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="

    key.verify(base64.b64decode(signature), signature_base(covered, params))


def test_a_digest_is_written_as_the_standard_says() -> None:
    """RFC 9530 §B.1 has this body and this digest."""
    assert digest_of(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


@pytest.mark.parametrize("key", KEYS, ids=["ed25519", "p256"])
def test_what_a_key_has_signed_is_its_own_and_no_others(key: PrivateKey) -> None:
    request = read(headers(key))

    assert (request.key_id, request.nonce, request.created) == ("desk-1", NONCE, 1700000000)
    assert request.is_by(public_key(pem(key)))
    assert not any(request.is_by(public_key(pem(other))) for other in KEYS if other is not key)
    assert not request.is_by(public_key(pem(Ed25519PrivateKey.generate())))


@pytest.mark.parametrize(
    ("key", "algorithm", "is_good"),
    [
        (KEYS[0], "ed25519", True),
        (KEYS[1], "ecdsa-p256-sha256", True),
        (KEYS[0], "ecdsa-p256-sha256", False),
        (KEYS[1], "ed25519", False),
        (KEYS[0], "hmac-sha256", False),
        (KEYS[0], "none", False),
    ],
)
def test_an_algorithm_that_is_named_has_to_be_the_keys(key: PrivateKey, algorithm: str, *, is_good: bool) -> None:
    request = read(headers(key, f'{INPUT};alg="{algorithm}"'))

    assert request.is_by(public_key(pem(key))) is is_good


def test_components_and_parameters_stand_in_any_order_under_any_label() -> None:
    params = f'("content-digest" "@path" "@method");nonce="{NONCE}";keyid="desk-1";created=1700000000'

    assert read(headers(KEYS[0], params, label="terminal-1")).is_by(public_key(pem(KEYS[0])))


def test_a_session_that_is_covered_is_signed_with_the_rest() -> None:
    covering = INPUT.replace('"content-digest")', '"content-digest" "authorization")')
    said, key = headers(params=covering) | {"authorization": SESSION}, public_key(pem(KEYS[0]))

    assert read(said).is_by(key)
    assert (read(said).covers_authorization, read(headers()).covers_authorization) == (True, False)
    assert not read(said | {"authorization": "Bearer another"}).is_by(key)
    with pytest.raises(RequestNotSigned):
        read(headers(params=covering))


def test_another_method_path_or_body_is_not_what_was_signed() -> None:
    said, key = headers(), public_key(pem(KEYS[0]))

    assert not read(said, method="PUT").is_by(key)
    assert not read(said, path=PATH + "/").is_by(key)
    with pytest.raises(RequestNotSigned):
        read(said, body=b'{"code": "y"}')


def test_two_requests_are_the_same_when_all_that_was_signed_is() -> None:
    first, second = read(headers()), read(headers())
    other = read(headers(body=b"{}"), body=b"{}")

    assert first.digest == second.digest == hashlib.sha256(first.base).digest()
    assert other.digest != first.digest


@pytest.mark.parametrize(("seconds", "is_timely"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_it_is_timely_within_five_minutes_either_way(seconds: int, *, is_timely: bool) -> None:
    assert read(headers()).is_timely(1700000000 + seconds) is is_timely


@pytest.mark.parametrize(
    "params",
    [
        INPUT.replace('"@method" ', ""),
        INPUT.replace('"@method"', '"@authority"'),
        INPUT.replace('"@method"', '"@path"'),
        INPUT.replace('"@method" ', '"@method" "@method" '),
        INPUT.replace('"@method"', '"authorization"'),
        INPUT.replace('"@path"', '"@path";req'),
        INPUT.replace(";created=1700000000", ""),
        INPUT.replace(';keyid="desk-1"', ""),
        INPUT.replace(f';nonce="{NONCE}"', ""),
        INPUT.replace(NONCE, "too-short"),
        INPUT.replace("1700000000", '"1700000000"'),
        INPUT.replace('"desk-1"', "1"),
        INPUT + ";created=1700000001",
        INPUT + ";expires=1700000060",
        INPUT + ';alg="a\\"b"',
        INPUT + ";",
    ],
)
def test_any_other_form_is_not_read(params: str) -> None:
    with pytest.raises(RequestNotSigned):
        read(headers(params=params))


@pytest.mark.parametrize(
    "instead",
    [
        {"signature": ""},
        {"signature": "other=:AAAA:"},
        {"signature": "sig=AAAA"},
        {"signature": "sig=:A:"},
        {"signature-input": ""},
        {"content-digest": ""},
        {"content-digest": "sha-512=:AAAA:"},
    ],
)
def test_without_all_three_headers_nothing_is_signed(instead: dict[str, str]) -> None:
    with pytest.raises(RequestNotSigned):
        read(headers() | instead)


def test_a_signature_of_another_length_is_nobodys() -> None:
    said = headers(KEYS[1]) | {"signature": "sig=:AAAA:"}

    assert not read(said).is_by(public_key(pem(KEYS[1])))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        pem(rsa.generate_private_key(65537, 2048)),
        pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["nothing", "no key", "rsa", "p384"],
)
def test_keys_of_other_kinds_are_not_taken(text: bytes) -> None:
    with pytest.raises(PublicKeyNotTaken):
        public_key(text)
