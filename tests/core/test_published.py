"""What we sign for others: they can verify it with the published keys alone, and nothing else passes for it."""

import base64
import json
import os
from typing import Any

import httpx
import pytest
from jose import jws
from jose.constants import ALGORITHMS

from app.core.tokens.published import NotOurs, Published

ISSUER = "https://escard.test"
OLD, NEW = os.urandom(32), os.urandom(32)
CLAIMS = {"jti": "1", "exp": 1_700_000_000}


@pytest.fixture
def ours() -> Published:
    return Published({1: OLD, 2: NEW}, issuer=ISSUER)


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jws.get_unverified_header(token)
    return found


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def test_what_was_signed_is_verified_and_says_who_signed(ours: Published) -> None:
    claims = ours.verify("code+jwt", ours.sign("code+jwt", CLAIMS))

    assert claims == {"iss": ISSUER, **CLAIMS}


def test_a_stranger_verifies_with_the_published_key_of_that_name(ours: Published) -> None:
    token = ours.sign("code+jwt", CLAIMS)

    key = next(key for key in ours.jwks() if key["kid"] == header_of(token)["kid"])

    assert json.loads(jws.verify(token, dict(key), ALGORITHMS.ES256))["jti"] == "1"
    assert set(key) == {"kty", "crv", "x", "y", "alg", "use", "kid"}, "nothing of the private key"


def test_the_newest_key_signs_and_older_ones_are_still_believed(ours: Published) -> None:
    before = Published({1: OLD}, issuer=ISSUER)

    assert ours.verify("code+jwt", before.sign("code+jwt", CLAIMS))["jti"] == "1"
    assert header_of(ours.sign("code+jwt", CLAIMS))["kid"] == ours.jwks()[0]["kid"] != before.jwks()[0]["kid"]
    with pytest.raises(NotOurs):
        before.verify("code+jwt", ours.sign("code+jwt", CLAIMS))


def test_one_kind_is_never_taken_for_another(ours: Published) -> None:
    token = ours.sign("statement+jwt", CLAIMS)

    with pytest.raises(NotOurs):
        ours.verify("code+jwt", token)


def test_another_issuer_with_the_same_keys_is_not_us(ours: Published) -> None:
    token = Published({2: NEW}, issuer="https://elsewhere.test").sign("code+jwt", CLAIMS)

    with pytest.raises(NotOurs):
        ours.verify("code+jwt", token)


@pytest.mark.parametrize("change", [{"alg": "none"}, {"alg": "HS256"}, {"jwk": {}}, {"crit": ["x"]}, {"kid": "?"}])
def test_a_header_of_somebody_else_is_refused(ours: Published, change: dict[str, Any]) -> None:
    token = ours.sign("code+jwt", CLAIMS)
    header, rest = header_of(token), token.partition(".")[2]

    with pytest.raises(NotOurs):
        ours.verify("code+jwt", f"{part(header | change)}.{rest}")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_changed_part_is_refused(ours: Published, place: int) -> None:
    parts = ours.sign("code+jwt", CLAIMS).split(".")
    parts[place] = parts[place][:-2] + ("AA" if parts[place][-2:] != "AA" else "BB")

    with pytest.raises(NotOurs):
        ours.verify("code+jwt", ".".join(parts))


@pytest.mark.parametrize("garbage", ["", ".", "..", "a.b.c", "\x00", "中" * 50, "x" * 100_000])
def test_what_is_no_token_is_refused(ours: Published, garbage: str) -> None:
    with pytest.raises(NotOurs):
        ours.verify("code+jwt", garbage)


async def test_the_server_tells_its_keys_to_everybody(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert [key["crv"] for key in answer.json()["keys"]] == ["P-256"]
