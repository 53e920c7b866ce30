"""Access tokens are not forged, not borrowed from elsewhere, not kept too long; refresh tokens not guessed."""

import base64
import hashlib
import hmac
import json
import os
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jwt

from app.core.clock import MovableClock
from app.core.tokens.access import AccessClaims, AccessTokens, TokenRefused
from app.core.tokens.handovers import HandoverTokens
from app.core.tokens.refresh import RefreshTokens

SECRET = bytes(range(32))
ISSUER = "https://escard.test"
CLAIMS = AccessClaims(uuid4(), uuid4(), "urn:escard:acr:card-password", 1_700_000_000, 3)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def tokens(clock: MovableClock) -> AccessTokens:
    return AccessTokens(SECRET, issuer=ISSUER, clock=clock)


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def signed(header: dict[str, Any], payload: object, secret: bytes = SECRET) -> str:
    """Sign by hand: libraries refuse to make what thieves make."""
    message = f"{part(header)}.{part(payload)}"
    mac = base64.urlsafe_b64encode(hmac.digest(secret, message.encode(), hashlib.sha256)).decode().rstrip("=")
    return f"{message}.{mac}"


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.get_unverified_header(token)
    return found


def payload_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.get_unverified_claims(token)
    return found


def test_a_token_says_what_it_was_made_with(tokens: AccessTokens) -> None:
    assert tokens.verify(tokens.sign(CLAIMS)) == CLAIMS


def test_a_plain_token_and_one_of_a_text_message_say_so(tokens: AccessTokens) -> None:
    plain = AccessClaims(CLAIMS.session_id, CLAIMS.account_id)
    by_sms = AccessClaims(CLAIMS.session_id, CLAIMS.account_id, "sms")

    assert tokens.verify(tokens.sign(plain)) == plain
    assert tokens.verify(tokens.sign(by_sms)) == by_sms


def test_a_token_has_the_header_and_the_claims_of_its_profile(tokens: AccessTokens) -> None:
    token = tokens.sign(CLAIMS)

    assert header_of(token) == {"alg": "HS256", "typ": "at+jwt"}
    assert {"iss", "aud", "sub", "jti", "iat", "exp"} <= payload_of(token).keys()
    assert payload_of(token)["jti"] != payload_of(tokens.sign(CLAIMS))["jti"]


def test_what_the_library_would_sign_by_hand_is_taken(tokens: AccessTokens) -> None:
    """The forgeries below fail for what they change, not for how they are written."""
    token = tokens.sign(CLAIMS)

    assert tokens.verify(signed(header_of(token), payload_of(token))) == CLAIMS


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "None", "typ": "at+jwt"},
        {"alg": "HS384", "typ": "at+jwt"},
        {"alg": "RS256", "typ": "at+jwt"},
        {"alg": "ES256", "typ": "at+jwt"},
        {"alg": "HS256", "typ": "JWT"},
        {"alg": "HS256"},
        {"alg": "HS256", "typ": "at+jwt", "crit": ["exp"]},
        {"alg": "HS256", "typ": "at+jwt", "crit": ["never-heard-of"], "never-heard-of": 1},
        {"alg": "HS256", "typ": "at+jwt", "jku": "https://thief.test/keys.json"},
        {"alg": "HS256", "typ": "at+jwt", "jwk": {"kty": "oct", "k": "AAAA"}},
        {"alg": "HS256", "typ": "at+jwt", "x5u": "https://thief.test/cert.pem"},
        {"alg": "HS256", "typ": "at+jwt", "kid": "../../dev/null"},
    ],
    ids=str,
)
def test_another_header_is_refused_though_the_signature_is_right(tokens: AccessTokens, header: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(signed(header, payload_of(tokens.sign(CLAIMS))))


def test_an_unsigned_token_is_refused(tokens: AccessTokens) -> None:
    token = tokens.sign(CLAIMS)
    message = f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{token.split('.')[1]}"

    for forged in (f"{message}.", message, f"{token.rsplit('.', 1)[0]}.", token.rsplit(".", 1)[0]):
        with pytest.raises(TokenRefused):
            tokens.verify(forged)


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY], ids=["ec", "rsa"])
def test_a_public_key_is_no_shared_secret(
    tokens: AccessTokens, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    token = tokens.sign(CLAIMS)
    for encoding in (Encoding.DER, Encoding.PEM):
        secret = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

        with pytest.raises(TokenRefused):
            tokens.verify(signed(header_of(token), payload_of(token), secret))


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (RSA_KEY, "RS256")])
def test_a_token_signed_with_a_key_pair_is_refused(
    tokens: AccessTokens, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str
) -> None:
    payload = payload_of(tokens.sign(CLAIMS))
    pem = key.private_bytes(*PRIVATE).decode()

    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(payload, pem, algorithm, headers={"typ": "at+jwt"}))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_a_missing_claim_is_refused(tokens: AccessTokens, claim: str) -> None:
    token = tokens.sign(CLAIMS)
    payload = payload_of(token)
    del payload[claim]

    with pytest.raises(TokenRefused):
        tokens.verify(signed(header_of(token), payload))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://thief.test"},
        {"iss": [ISSUER]},
        {"aud": "another"},
        {"aud": ["escard", "another"]},
        {"aud": ["escard"]},
        {"sub": 1},
        {"sub": "somebody"},
        {"sid": "somewhere"},
        {"sid": None},
        {"jti": 1},
        {"iat": "now"},
        {"exp": "never"},
        {"exp": None},
        {"exp": 1e999},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(tokens: AccessTokens, wrong: dict[str, object]) -> None:
    token = tokens.sign(CLAIMS)

    with pytest.raises(TokenRefused):
        tokens.verify(signed(header_of(token), payload_of(token) | wrong))


@pytest.mark.parametrize("payload", [[], "text", 1, None, {}])
def test_a_payload_that_is_no_set_of_claims_is_refused(tokens: AccessTokens, payload: object) -> None:
    with pytest.raises(TokenRefused):
        tokens.verify(signed(header_of(tokens.sign(CLAIMS)), payload))


def test_a_token_of_another_installation_is_refused(tokens: AccessTokens, clock: MovableClock) -> None:
    theirs = AccessTokens(bytes(32), issuer=ISSUER, clock=clock)

    with pytest.raises(TokenRefused):
        tokens.verify(theirs.sign(CLAIMS))


def test_our_clock_decides_when_a_token_is_over(tokens: AccessTokens, clock: MovableClock) -> None:
    token = tokens.sign(CLAIMS)
    clock.move(timedelta(seconds=598))
    assert tokens.verify(token) == CLAIMS

    clock.move(timedelta(seconds=2))

    with pytest.raises(TokenRefused):
        tokens.verify(token)


def test_a_token_from_the_future_is_refused_but_for_the_skew_of_a_cluster(tokens: AccessTokens) -> None:
    ahead = MovableClock()
    ahead.move(timedelta(seconds=3))
    a_little = AccessTokens(SECRET, issuer=ISSUER, clock=ahead).sign(CLAIMS)
    ahead.move(timedelta(minutes=1))
    too_much = AccessTokens(SECRET, issuer=ISSUER, clock=ahead).sign(CLAIMS)

    assert tokens.verify(a_little) == CLAIMS
    with pytest.raises(TokenRefused):
        tokens.verify(too_much)


@given(position=st.integers(min_value=0), sign=st.sampled_from("ABCdef019-_.=é\x00 "))
@settings(deadline=None, database=None)
def test_no_character_can_be_changed(position: int, sign: str) -> None:
    tokens = AccessTokens(SECRET, issuer=ISSUER, clock=MovableClock())
    token = tokens.sign(CLAIMS)
    position %= len(token) - 1  # the last one holds bits that say nothing
    changed = token[:position] + sign + token[position + 1 :]

    if changed != token:
        with pytest.raises(TokenRefused):
            tokens.verify(changed)


@given(st.text(max_size=400))
@settings(deadline=None, database=None)
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    tokens = AccessTokens(SECRET, issuer=ISSUER, clock=MovableClock())

    with pytest.raises(TokenRefused):
        tokens.verify(text)


class TestRefreshTokens:
    SEED = bytes(16)

    def test_the_same_generation_gives_the_same_token_and_no_two_are_equal(self) -> None:
        mint, session = RefreshTokens(SECRET), uuid4()

        made = [mint.make(session, generation, self.SEED) for generation in range(5)]

        assert made[2] == mint.make(session, 2, self.SEED)
        assert len({*made, mint.make(uuid4(), 0, self.SEED), mint.make(session, 0, bytes(15) + b"1")}) == 7

    def test_a_token_names_its_session_and_its_place(self) -> None:
        mint, session = RefreshTokens(SECRET), uuid4()

        read = mint.read(mint.make(session, 7, self.SEED))

        assert (read.session_id, read.generation) == (session, 7)
        assert mint.is_ours(read, self.SEED)

    def test_neither_another_key_nor_another_seed_makes_it(self) -> None:
        session = uuid4()
        token = RefreshTokens(SECRET).make(session, 0, self.SEED)
        read = RefreshTokens(SECRET).read(token)

        assert not RefreshTokens(bytes(32)).is_ours(read, self.SEED)
        assert not RefreshTokens(SECRET).is_ours(read, os.urandom(16))

    @given(st.text(max_size=200))
    @settings(deadline=None, database=None)
    def test_any_text_is_refused_or_not_ours(self, text: str) -> None:
        mint = RefreshTokens(SECRET)
        try:
            read = mint.read(text)
        except TokenRefused:
            return
        assert not mint.is_ours(read, self.SEED)

    def test_an_access_token_is_no_refresh_token(self, tokens: AccessTokens) -> None:
        with pytest.raises(TokenRefused):
            RefreshTokens(SECRET).read(tokens.sign(CLAIMS))

    def test_a_refresh_token_is_no_access_token(self, tokens: AccessTokens) -> None:
        with pytest.raises(TokenRefused):
            tokens.verify(RefreshTokens(SECRET).make(UUID(int=1), 0, self.SEED))


class TestHandoverTokens:
    handover, seed = uuid4(), os.urandom(16)
    ours = HandoverTokens(SECRET)

    def test_the_same_seed_gives_the_same_secrets_and_no_two_are_alike(self) -> None:
        link, token = self.ours.link(self.handover, self.seed), self.ours.token(self.handover, self.seed)
        other = os.urandom(16)

        assert link == self.ours.link(self.handover, self.seed)
        assert token.startswith(f"handover.{self.handover}.")
        assert link[22:] not in token, "one secret says nothing of another"
        assert len({self.ours.link(self.handover, other), self.ours.link(uuid4(), self.seed), link}) == 3

    def test_what_was_made_is_known_again(self) -> None:
        link = self.ours.read_link(self.ours.link(self.handover, self.seed))
        token = self.ours.read_token(self.ours.token(self.handover, self.seed))
        assert link is not None
        assert token is not None

        assert (link.handover_id, token.handover_id, len(link.secret)) == (self.handover, self.handover, 16)
        assert self.ours.is_link(link, self.seed)
        assert self.ours.is_token(token, self.seed)
        assert self.ours.is_spoken_code(self.ours.spoken_code(self.handover, self.seed), self.handover, self.seed)

    @pytest.mark.parametrize(("key", "seed"), [(bytes(32), seed), (SECRET, bytes(16))], ids=["key", "seed"])
    def test_neither_another_key_nor_another_seed_makes_them(self, key: bytes, seed: bytes) -> None:
        thief = HandoverTokens(key)
        link = self.ours.read_link(thief.link(self.handover, seed))
        token = self.ours.read_token(thief.token(self.handover, seed))
        assert link is not None
        assert token is not None

        assert not self.ours.is_link(link, self.seed)
        assert not self.ours.is_token(token, self.seed)

    def test_the_secret_of_one_use_is_none_of_another(self) -> None:
        link = self.ours.read_link(self.ours.link(self.handover, self.seed))
        token = self.ours.read_token(self.ours.token(self.handover, self.seed))
        assert link is not None
        assert token is not None

        assert not self.ours.is_token(link, self.seed)
        assert not self.ours.is_link(token, self.seed)

    def test_spoken_codes_are_six_digits_spread_over_all(self) -> None:
        codes = [self.ours.spoken_code(self.handover, os.urandom(16)) for _ in range(3000)]

        assert all(len(code) == 6 and code.isdecimal() for code in codes)
        assert {code[0] for code in codes} == {code[-1] for code in codes} == set("0123456789")
        assert len(set(codes)) > 2900

    @given(st.text(max_size=100))
    @settings(max_examples=200, database=None)
    def test_any_text_is_no_link_and_no_token(self, text: str) -> None:
        link, token = self.ours.read_link(text), self.ours.read_token(text)

        assert link is None or not self.ours.is_link(link, self.seed)
        assert token is None

    def test_there_is_one_way_to_write_each(self) -> None:
        link, token = self.ours.link(self.handover, self.seed), self.ours.token(self.handover, self.seed)
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        for known, read in ((link, self.ours.read_link), (token, self.ours.read_token)):
            same = [known[:-1] + sign for sign in last if read(known[:-1] + sign) is not None]

            assert len(same) == 16, "the last character has two bits that must be none"
            assert read(f"{known}=") is None
            assert read(f" {known}") is None
        assert self.ours.read_token(token.replace(str(self.handover), str(self.handover).upper())) is None

    def test_they_are_no_access_tokens(self, tokens: AccessTokens) -> None:
        with pytest.raises(TokenRefused):
            tokens.verify(self.ours.token(self.handover, self.seed))
        assert self.ours.read_token(tokens.sign(CLAIMS)) is None
