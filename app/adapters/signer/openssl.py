"""SM2 by the system's OpenSSL, as a program: https://docs.openssl.org/3.0/man1/openssl-pkeyutl/.

It is for trying out and for small installations: its key lies in a file, and each signature starts a process (some
10 ms of CPU). The `cryptography` library has no SM2, and the implementations in Python alone draw nonces from a weak
source, which gives the key away.
"""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.ports.signer import USER_ID, PublicKey, Signer, SignerUnavailable

_T = TypeVar("_T")

_OLDEST: Final = 3  # 1.1.1 knows SM2, but its command line signs it in another way
_DER_SIZES: Final = range(8, 73)
_TIMEOUT_SECONDS: Final = 5.0
_PROBE: Final = b"escard"


class SignerUnfit(LookupError):
    """There is nothing to sign with; the words say why, for whoever starts the server."""


class OpenSslSigner(Signer):
    """Signs with a key file; public keys and signatures reach the program through pipes, texts as its input.

    So many processes run at a time, and so many more may wait.
    """

    def __init__(
        self,
        key_file: Path,
        *,
        program: str = "openssl",
        at_once: int = 2,
        waiting: int = 100,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        """Look that all of it works: once signed, once verified.

        Raises:
            SignerUnfit: no program, one too old, no key, or one that others may read.
        """
        self._program = _found(program)
        self._timeout_seconds = timeout_seconds
        self._key_file = key_file
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="signer")
        self._free = at_once + waiting
        try:
            self._public_key = self._tried()
        except SignerUnavailable:
            raise SignerUnfit(f"{self._program} does not sign with SM2") from None

    @property
    def public_key(self) -> PublicKey:
        return self._public_key

    async def sign(self, message: bytes) -> bytes:
        return await self._apart(lambda: self._sign(message))

    async def verify(self, key: PublicKey, message: bytes, signature: bytes, *, user_id: bytes = USER_ID) -> bool:
        return await self._apart(lambda: self._verify(key, message, signature, user_id))

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _apart(self, work: Callable[[], _T]) -> _T:
        if self._free == 0:
            raise SignerUnavailable
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._free += 1

    def _tried(self) -> PublicKey:
        try:
            mode = self._key_file.stat().st_mode
        except OSError as error:
            words = f"The SM2 key {self._key_file} cannot be read ({error.strerror}); `escard signer init` makes one"
            raise SignerUnfit(words) from None
        if mode & 0o077:
            raise SignerUnfit(f"The SM2 key {self._key_file} can be read by others: chmod 600 it")
        told = self._run("pkey", "-in", str(self._key_file), "-pubout", "-outform", "DER")
        try:
            key = PublicKey.from_der(told.stdout)
        except ValueError:
            raise SignerUnfit(f"{self._key_file} is no private key of SM2 in PEM") from None
        if not self._verify(key, _PROBE, self._sign(_PROBE), USER_ID):
            raise SignerUnavailable
        return key

    def _sign(self, message: bytes) -> bytes:
        done = self._run("pkeyutl", "-sign", "-inkey", str(self._key_file), *_sm3(USER_ID), said=message)
        if done.returncode != 0 or len(done.stdout) not in _DER_SIZES:
            raise SignerUnavailable
        return done.stdout

    def _verify(self, key: PublicKey, message: bytes, signature: bytes, user_id: bytes) -> bool:
        if len(signature) not in _DER_SIZES:  # nothing else is one, and nothing longer fits in a pipe
            return False
        pipes = (_pipe(key.der), _pipe(signature))
        try:
            places = ("-pubin", "-inkey", f"/dev/fd/{pipes[0]}", "-sigfile", f"/dev/fd/{pipes[1]}")
            done = self._run("pkeyutl", "-verify", *places, *_sm3(user_id), said=message, pipes=pipes)
        finally:
            for pipe in pipes:
                os.close(pipe)
        if done.returncode != 0 and b"Verification Failure" not in done.stdout:
            raise SignerUnavailable  # it could not be looked at, which is no word about the signature
        return done.returncode == 0

    def _run(self, *words: str, said: bytes = b"", pipes: Sequence[int] = ()) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(  # noqa: S603 - the system's own program, with words of ours
                [self._program, *words],
                input=said,
                capture_output=True,
                timeout=self._timeout_seconds,
                pass_fds=pipes,
                env={},  # no other configuration, no other library
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SignerUnavailable from error


def make_key(path: Path, *, program: str = "openssl") -> None:
    """Make a key file that only its owner may read; one that is there is never overwritten.

    Raises:
        SignerUnfit: no program, or one too old.
        FileExistsError: there is one.
    """
    made = subprocess.run(  # noqa: S603 - the system's own program
        [_found(program), "genpkey", "-algorithm", "SM2"], capture_output=True, env={}, check=False
    )
    if made.returncode != 0:
        raise SignerUnfit(f"{program} makes no keys of SM2")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(made.stdout)
        file.flush()
        os.fsync(file.fileno())


def _found(program: str) -> str:
    place = shutil.which(program)
    if place is None:
        raise SignerUnfit(f"SM2 takes OpenSSL {_OLDEST} as a program, and there is no {program}")
    said = subprocess.run([place, "version"], capture_output=True, env={}, check=False).stdout  # noqa: S603 - as above
    version = re.match(rb"OpenSSL (\d+)", said)
    if version is None or int(version[1]) < _OLDEST:
        name = said.decode(errors="replace").strip()[:40]
        raise SignerUnfit(f"SM2 takes OpenSSL {_OLDEST} or newer as a program, and {place} is {name or 'another'}")
    return place


def _sm3(user_id: bytes) -> Sequence[str]:
    return "-rawin", "-digest", "sm3", "-pkeyopt", f"hexdistid:{user_id.hex()}"


def _pipe(content: bytes) -> int:
    """Return a pipe to read some bytes from; they are fewer than any pipe holds."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading
