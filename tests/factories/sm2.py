"""Keys of SM2 for tests; where the system has no OpenSSL 3, these cannot run."""

import re
import shutil
import subprocess
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


def new_key(folder: Path, name: str = "sm2.pem") -> Path:
    """Make a key file."""
    make_key(folder / name)
    return folder / name
