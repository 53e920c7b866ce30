"""Keys of SM2 for tests; where the system has no OpenSSL 3, these cannot run."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.adapters.signer.openssl import make_key
from app.ports.signer import PublicKey

# The public key of the example of GB/T 32918.5-2017, appendix A.2.
STANDARD = PublicKey(
    bytes.fromhex("09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"),
    bytes.fromhex("ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"),
)


def _is_there() -> bool:
    place = shutil.which("openssl")
    said = b"" if place is None else subprocess.run([place, "version"], capture_output=True, check=False).stdout
    return re.match(rb"OpenSSL [3-9]", said) is not None


needs_openssl = pytest.mark.skipif(not _is_there(), reason="there is no OpenSSL 3 as a program")


@dataclass(frozen=True, slots=True)
class Sm2Key:
    """A key file of somebody else's, and the id that they sign under."""

    file: Path
    user_id: str = "1234567812345678"

    @property
    def public(self) -> bytes:
        """The public key, in PEM."""
        return self._run("pkey", "-in", str(self.file), "-pubout")

    def sign(self, text: bytes) -> bytes:
        """Return a signature, in DER."""
        under = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{self.user_id}")
        return self._run("pkeyutl", "-sign", "-inkey", str(self.file), *under, said=text)

    def _run(self, *words: str, said: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *words], input=said, capture_output=True, check=True).stdout


def new_key(folder: Path, name: str = "sm2.pem") -> Path:
    """Make a key file."""
    make_key(folder / name)
    return folder / name
