"""A key ring in a file: for one server, or for several that are given the same file."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256, SM3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.adapters.keys import versions
from app.core.suites import Suite, SuiteKey, aead
from app.ports.keys import KeyKind, Keys, KeysUnavailable, Purpose

_FORMAT = 1
_KEY_BYTES = 32


class KeyFileBroken(ValueError):
    """The file is no key file of ours, or others may read it."""


class FileKeys(Keys):
    """Secrets read once from a JSON file that only its owner may read.

    `root` gives the purposes' secrets (HKDF, RFC 5869), `routing` the buckets for ever, `peppers` the look-ups,
    `wrapping` the data keys and `signing` the signatures that others verify; the last three are numbered. All of them
    are read, and `written` names the one that is written; where it does not, that is the highest. A file older than
    such signatures has no `signing`: the root gives its first key. A key of the suite `sm` is written
    `{"suite": "sm", "key": "…"}`, one of `international` as its text alone.
    """

    def __init__(
        self,
        *,
        root: SuiteKey,
        routing: bytes,
        peppers: Mapping[int, SuiteKey],
        wrapping: Mapping[int, SuiteKey],
        signing: Mapping[int, bytes],
        written: Mapping[KeyKind, int],
    ) -> None:
        self._routing = routing
        self._peppers = dict(peppers)
        self._signing = dict(signing) or {1: _derive(root, "signing")}
        self._secrets = {purpose: _derive(root, purpose.value) for purpose in Purpose if purpose is not Purpose.ROUTING}
        self._wrapping = dict(wrapping)
        self._written = dict(written)
        self._wrapping_aeads = {version: aead(key.suite, key.secret) for version, key in wrapping.items()}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a key file.

        Raises:
            FileNotFoundError: there is none; `create` makes one.
            KeyFileBroken: it is none of ours, or others may read it.
        """
        if path.stat().st_mode & 0o077:
            raise KeyFileBroken(f"{path} can be read by others: chmod 600 it")
        try:
            held = json.loads(path.read_text())
            if held["format"] == _FORMAT:
                return cls(
                    root=_key(held["root"]),
                    routing=_bytes(held["routing"]),
                    peppers={int(version): _key(key) for version, key in held["peppers"].items()},
                    wrapping={int(version): _key(key) for version, key in held["wrapping"].items()},
                    signing={int(version): _bytes(key) for version, key in held.get("signing", {}).items()},
                    written={kind: versions.written(held, kind) or 1 for kind in KeyKind},
                )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise KeyFileBroken(f"{path} is no key file") from error
        raise KeyFileBroken(f"{path} has format {held['format']}, this version reads {_FORMAT}")

    @classmethod
    def create(cls, path: Path, suite: Suite) -> Self:
        """Make a key file with new secrets for a suite; one that is there already is never overwritten.

        Raises:
            FileExistsError: there is one.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        held = {
            "format": _FORMAT,
            "root": _new(suite),
            "routing": _text(os.urandom(_KEY_BYTES)),
            "peppers": {"1": _new(suite)},
            "wrapping": {"1": _new(suite)},
            "signing": {"1": _text(os.urandom(_KEY_BYTES))},
        }
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(held, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        return cls.read(path)

    def secret(self, purpose: Purpose) -> bytes:
        return self._routing if purpose is Purpose.ROUTING else self._secrets[purpose]

    def peppers(self) -> Mapping[int, SuiteKey]:
        return self._peppers

    def signing(self) -> Mapping[int, bytes]:
        return self._signing

    def written(self, kind: KeyKind) -> int:
        return self._written[kind]

    @property
    def wrapping(self) -> Mapping[int, SuiteKey]:
        """The keys that wrap data keys, by version."""
        return self._wrapping

    async def wrap(self, data_key: bytes) -> bytes:
        version, nonce = self._written[KeyKind.WRAPPING], os.urandom(12)
        return version.to_bytes(2) + nonce + self._wrapping_aeads[version].encrypt(nonce, data_key, b"data-key")

    async def unwrap(self, wrapped: bytes) -> bytes:
        wrapping = self._wrapping_aeads.get(int.from_bytes(wrapped[:2]))
        if wrapping is None:
            raise KeysUnavailable
        try:
            return wrapping.decrypt(wrapped[2:14], wrapped[14:], b"data-key")
        except InvalidTag as error:
            raise KeysUnavailable from error


def _derive(root: SuiteKey, use: str) -> bytes:
    algorithm = SM3() if root.suite is Suite.SM else SHA256()
    return HKDF(algorithm=algorithm, length=32, salt=None, info=use.encode()).derive(root.secret)


def _new(suite: Suite) -> str | dict[str, str]:
    key = _text(os.urandom(_KEY_BYTES))
    return key if suite is Suite.INTERNATIONAL else {"suite": suite.value, "key": key}


def _key(held: str | dict[str, str]) -> SuiteKey:
    if isinstance(held, str):
        return SuiteKey(Suite.INTERNATIONAL, _bytes(held))
    return SuiteKey(Suite(held["suite"]), _bytes(held["key"]))


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _bytes(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != _KEY_BYTES:
        raise ValueError("a key is shorter or longer than keys are")
    return key
