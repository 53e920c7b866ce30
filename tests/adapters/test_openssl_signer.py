"""SM2 by the system's OpenSSL: as the standard's example has it, refused at the start where it cannot be done."""

import asyncio
import base64
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.adapters.signer.openssl import OpenSslSigner, SignerUnfit, make_key
from app.ports.signer import PublicKey, SignerUnavailable
from tests.factories.sm2 import STANDARD as KNOWN
from tests.factories.sm2 import needs_openssl, new_key

# GB/T 32918.5-2017, appendix A.2, the key beside it: the text "message digest", signed by 1234567812345678.
KNOWN_TEXT = b"message digest"
KNOWN_SIGNATURE = encode_dss_signature(
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)
TEXT = b"evt_1.1795324800.{}"


def program(folder: Path, script: str) -> str:
    """A program of this test's own, that passes on to the real one what it does not do itself."""
    place = folder / "openssl"
    place.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which("openssl")} "$@"\n')
    place.chmod(0o700)
    return str(place)


@pytest.fixture
async def signer(tmp_path: Path) -> AsyncIterator[OpenSslSigner]:
    made = OpenSslSigner(new_key(tmp_path))
    yield made
    await made.close()


@needs_openssl
class TestSigning:
    async def test_the_standards_example_is_verified(self, signer: OpenSslSigner) -> None:
        assert await signer.verify(KNOWN, KNOWN_TEXT, KNOWN_SIGNATURE)
        assert not await signer.verify(KNOWN, b"message digesT", KNOWN_SIGNATURE)

    async def test_what_it_signs_is_verified_with_its_key_and_no_other(self, signer: OpenSslSigner) -> None:
        signature = await signer.sign(TEXT)

        assert await signer.verify(signer.public_key, TEXT, signature)
        assert not await signer.verify(KNOWN, TEXT, signature)
        assert not await signer.verify(signer.public_key, TEXT + b" ", signature)

    async def test_no_two_signatures_are_the_same(self, signer: OpenSslSigner) -> None:
        assert await signer.sign(TEXT) != await signer.sign(TEXT)

    @pytest.mark.parametrize("signature", [b"", b"no signature at all", bytes(72), b"x" * 100_000])
    async def test_what_is_no_signature_is_not_believed(self, signer: OpenSslSigner, signature: bytes) -> None:
        assert not await signer.verify(signer.public_key, TEXT, signature)

    async def test_a_long_text_is_signed_whole(self, signer: OpenSslSigner) -> None:
        text = bytes(1024 * 1024)
        signature = await signer.sign(text)

        assert await signer.verify(signer.public_key, text, signature)
        assert not await signer.verify(signer.public_key, text[:-1], signature)

    async def test_the_key_is_on_no_command_line(self, tmp_path: Path) -> None:
        key_file = new_key(tmp_path)
        watched = OpenSslSigner(key_file, program=program(tmp_path, f'echo "$@" >> {tmp_path}/words'))
        await watched.sign(TEXT)
        await watched.close()

        words = (tmp_path / "words").read_text()
        secret = key_file.read_text().split("\n")[1]
        assert "pkeyutl -sign" in words
        assert secret not in words


@needs_openssl
class TestWaiting:
    async def test_a_program_that_hangs_is_given_up(self, tmp_path: Path) -> None:
        hanging = program(tmp_path, f"if [ -e {tmp_path}/hang ]; then exec /bin/sleep 60; fi")
        signer = OpenSslSigner(new_key(tmp_path), program=hanging, timeout_seconds=4)
        (tmp_path / "hang").touch()
        started = time.monotonic()

        with pytest.raises(SignerUnavailable):
            await signer.sign(TEXT)

        assert time.monotonic() - started < 30
        await signer.close()

    async def test_a_program_that_fails_says_nothing_about_a_signature(self, tmp_path: Path) -> None:
        failing = program(tmp_path, f"if [ -e {tmp_path}/fail ]; then exit 1; fi")
        signer = OpenSslSigner(new_key(tmp_path), program=failing)
        (tmp_path / "fail").touch()

        for asked in (signer.sign(TEXT), signer.verify(KNOWN, KNOWN_TEXT, KNOWN_SIGNATURE)):
            with pytest.raises(SignerUnavailable):
                await asked
        await signer.close()

    async def test_more_than_may_wait_are_turned_away_and_the_others_are_served(self, tmp_path: Path) -> None:
        few = OpenSslSigner(new_key(tmp_path), at_once=1, waiting=2)

        got = await asyncio.gather(*[few.sign(TEXT) for _ in range(5)], return_exceptions=True)

        assert [type(each) for each in got] == [bytes] * 3 + [SignerUnavailable] * 2
        assert len(await few.sign(TEXT)) > 60
        await few.close()


class TestAtTheStart:
    def test_without_the_program_it_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SignerUnfit, match="OpenSSL 3 as a program, and there is no openssl-that-is-not-there"):
            OpenSslSigner(tmp_path / "sm2.pem", program="openssl-that-is-not-there")

    @pytest.mark.parametrize("version", ["OpenSSL 1.1.1w  11 Sep 2023", "LibreSSL 3.9.0"])
    def test_a_program_too_old_is_refused(self, tmp_path: Path, version: str) -> None:
        old = program(tmp_path, f"echo {version}; exit")

        with pytest.raises(SignerUnfit, match=f"OpenSSL 3 or newer as a program, and .* is {version.split()[0]}"):
            OpenSslSigner(tmp_path / "sm2.pem", program=old)

    @needs_openssl
    def test_a_program_without_sm2_is_refused(self, tmp_path: Path) -> None:
        without = program(tmp_path, "case $1 in pkeyutl) exit 1;; genpkey) exit 1;; esac")

        with pytest.raises(SignerUnfit, match="does not sign with SM2"):
            OpenSslSigner(new_key(tmp_path), program=without)
        with pytest.raises(SignerUnfit, match="makes no keys of SM2"):
            make_key(tmp_path / "another.pem", program=without)

    @needs_openssl
    def test_a_key_that_is_missing_or_open_to_others_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SignerUnfit, match=r"cannot be read .*`escard signer init` makes one"):
            OpenSslSigner(tmp_path / "sm2.pem")
        new_key(tmp_path).chmod(0o640)
        with pytest.raises(SignerUnfit, match="can be read by others: chmod 600 it"):
            OpenSslSigner(tmp_path / "sm2.pem")

    @needs_openssl
    def test_a_key_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        other = ec.generate_private_key(ec.SECP256R1())
        (tmp_path / "p256.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (tmp_path / "p256.pem").chmod(0o600)

        with pytest.raises(SignerUnfit, match="is no private key of SM2 in PEM"):
            OpenSslSigner(tmp_path / "p256.pem")

    @needs_openssl
    def test_a_key_is_made_once_and_for_its_owner_alone(self, tmp_path: Path) -> None:
        made = new_key(tmp_path / "new").read_bytes()

        with pytest.raises(FileExistsError):
            new_key(tmp_path / "new")
        assert (tmp_path / "new" / "sm2.pem").read_bytes() == made
        assert (tmp_path / "new" / "sm2.pem").stat().st_mode & 0o777 == 0o600


class TestAPublicKey:
    def test_is_written_and_read_as_it_was(self) -> None:
        assert PublicKey.from_der(KNOWN.der) == KNOWN

    @needs_openssl
    def test_is_the_one_that_the_program_writes(self, tmp_path: Path) -> None:
        key_file = new_key(tmp_path)
        pem = subprocess.run(["openssl", "pkey", "-in", key_file, "-pubout"], capture_output=True, check=True).stdout

        written = base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))

        assert OpenSslSigner(key_file).public_key == PublicKey.from_der(written)

    def test_that_is_on_no_curve_of_ours_is_none(self) -> None:
        p256 = ec.generate_private_key(ec.SECP256R1()).public_key()

        for x, y in ((KNOWN.x, KNOWN.x), (KNOWN.x, KNOWN.y + b"\x00"), (bytes(32), bytes(32)), (b"", b"")):
            with pytest.raises(ValueError, match="no point of SM2"):
                PublicKey(x, y)
        with pytest.raises(ValueError, match="no public key of SM2"):
            PublicKey.from_der(p256.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
