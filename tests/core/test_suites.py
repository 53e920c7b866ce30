"""The algorithms of both suites give what standards and another implementation say they give."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.suites import Sm4Gcm, Suite, SuiteKey, aead, hmac_sm3, mac

GCM_KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
GCM_NONCE = bytes.fromhex("00001234567800000000abcd")
GCM_ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
GCM_TEXT = bytes.fromhex("".join(letter * 16 for letter in "abcdefea"))
GCM_SEALED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)


def test_sm4_gcm_seals_the_example_of_rfc_8998() -> None:
    sealing = Sm4Gcm(GCM_KEY)

    assert sealing.encrypt(GCM_NONCE, GCM_TEXT, GCM_ASSOCIATED) == GCM_SEALED
    assert sealing.decrypt(GCM_NONCE, GCM_SEALED, GCM_ASSOCIATED) == GCM_TEXT


@pytest.mark.parametrize("length", [0, 15, 16, 79])
def test_sm4_gcm_opens_nothing_that_was_cut_short(length: int) -> None:
    with pytest.raises(InvalidTag):
        Sm4Gcm(GCM_KEY).decrypt(GCM_NONCE, GCM_SEALED[:length], GCM_ASSOCIATED)


def test_sm4_enciphers_the_example_of_gb_t_32907() -> None:
    enciphering = Cipher(algorithms.SM4(GCM_KEY), modes.ECB()).encryptor()  # noqa: S305 - a block alone, as in the standard

    assert enciphering.update(GCM_KEY).hex() == "681edf34d206965e86b3e94f536e4246"


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_digests_the_examples_of_gb_t_32905(text: bytes, digest: str) -> None:
    hashing = Hash(SM3())
    hashing.update(text)

    assert hashing.finalize().hex() == digest


@pytest.mark.parametrize(
    ("key", "text", "code"),
    [
        (
            bytes(range(1, 33)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (bytes(range(1, 38)), b"\xcd" * 50, "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"),
        (b"\x0b" * 32, b"Hi There", "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
        ),
    ],
)
def test_hmac_sm3_gives_the_examples_of_gm_t_0042(key: bytes, text: bytes, code: str) -> None:
    assert hmac_sm3(key, text).hex() == code


def test_under_sm_no_secret_is_used_as_it_is() -> None:
    secret = bytes(range(32))
    sm4 = HKDF(algorithm=SM3(), length=16, salt=None, info=b"escard SM4-GCM").derive(secret)
    hmac = HKDF(algorithm=SM3(), length=32, salt=None, info=b"escard HMAC-SM3").derive(secret)

    sealed = aead(Suite.SM, secret).encrypt(GCM_NONCE, b"text", b"place")

    assert Sm4Gcm(sm4).decrypt(GCM_NONCE, sealed, b"place") == b"text"
    assert mac(Suite.SM, secret)(b"text") == hmac_sm3(hmac, b"text")


def test_hkdf_by_sm3_gives_what_another_implementation_says() -> None:
    # openssl kdf -keylen 32 -kdfopt digest:SM3 -kdfopt hexkey:0001…1f -kdfopt info:'escard HMAC-SM3' HKDF
    derived = HKDF(algorithm=SM3(), length=32, salt=None, info=b"escard HMAC-SM3").derive(bytes(range(32)))

    assert derived.hex() == "6fcf13176b2d289f8dce30b340e7ec9b31c41800605cb67cca6bd0a4185b7091"


@pytest.mark.parametrize("suite", Suite)
def test_a_key_does_not_show_its_secret(suite: Suite) -> None:
    assert repr(SuiteKey(suite, b"secret")) == f"SuiteKey(suite={suite!r})"
