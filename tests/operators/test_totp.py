"""Codes of an authenticator app: the standard's own, a step early or late, and nothing else."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.operators import totp
from tests.factories.staff import code_at, secret_in

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, SHA-1: the last six of its eight figures.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("moment", "expected"), VECTORS)
def test_the_codes_are_those_of_the_standard(moment: int, expected: str) -> None:
    now = datetime.fromtimestamp(moment, UTC)

    assert totp.code(SECRET, now) == expected == code_at(SECRET, moment)
    assert totp.step_of(SECRET, expected, now) == moment // 30


@given(
    secret=st.binary(min_size=20, max_size=20),
    now=st.integers(1_700_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    drift=st.integers(-5, 5),
)
def test_a_code_is_taken_one_step_early_or_late_and_no_further(secret: bytes, now: datetime, drift: int) -> None:
    step = int(now.timestamp()) // 30 + drift
    near = {code_at(secret, (step - drift + each) * 30) for each in (-1, 0, 1)}
    code = code_at(secret, step * 30)

    found = totp.step_of(secret, code, now)

    assert (found is not None) is (code in near)
    if abs(drift) <= 1:
        assert found is not None
        assert code_at(secret, found * 30) == code


@pytest.mark.parametrize("given", ["", "00000", "1234567", "one234", "１２３４５６"])
def test_what_is_no_code_is_wrong(given: str) -> None:
    assert totp.step_of(SECRET, given, datetime.fromtimestamp(59, UTC)) is None


def test_secrets_are_as_long_as_the_hash_and_never_the_same() -> None:
    made = {totp.new_secret() for _ in range(50)}

    assert len(made) == 50
    assert {len(secret) for secret in made} == {20}


def test_an_app_reads_the_secret_from_the_address() -> None:
    address = totp.address(SECRET, "li.wei", "escard")

    parts = urlsplit(address)
    asked = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/escard:li.wei")
    assert secret_in(address) == SECRET
    assert (asked["digits"], asked["period"], asked["algorithm"], asked["issuer"]) == (
        ["6"],
        ["30"],
        ["SHA1"],
        ["escard"],
    )


def test_a_code_lives_half_a_minute_and_a_step_more_on_each_side() -> None:
    start = datetime.fromtimestamp(1111111110, UTC)
    code = totp.code(SECRET, start)

    good = [seconds for seconds in range(-120, 120) if totp.step_of(SECRET, code, start + timedelta(seconds=seconds))]

    assert (good[0], good[-1]) == (-30, 59)
