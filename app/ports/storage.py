"""What the product asks of an object store: sealed files under keys of our own making, written once."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from app.core.errors import Unavailable

# Segments begin with a letter or a figure: no traversal, no hidden files, none of the names that stores keep for
# themselves. 512 bytes is well within S3's 1024.
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*", re.ASCII)
_LONGEST_KEY: Final = 512


class ObjectExists(Exception):
    """There is an object under this key already. It may be our own: a first try can succeed unheard."""


class ObjectMissing(Exception):
    """There is no object under this key."""


class StorageUnavailable(Unavailable):
    """The store does not answer, not in time, or not in a way that we understand."""

    code = "storage-unavailable"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One entry of a listing."""

    key: str
    size_bytes: int
    modified_at: datetime


def checked_key(key: str) -> str:
    """Return the key when it is one, such as `documents/3f2a/7c01.jpg`.

    Raises:
        ValueError: it is none. Keys are made by us, so this is a mistake in the program.
    """
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise ValueError("not an object key: lower-case letters, figures and . _ - in segments joined by /")
    return key


class ObjectStore(Protocol):
    """Keeps sealed files. Every method raises `ValueError` for what is no key (`checked_key`)."""

    async def put(self, key: str, content: bytes) -> None:
        """Store an object whole or not at all; once this returns it outlives a crash.

        Raises:
            ObjectExists: the key is taken; what lies there is left as it is.
            StorageUnavailable: the store does not answer; the object may be there all the same.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Return an object's content.

        Raises:
            ObjectMissing: nothing lies under the key.
            StorageUnavailable: the store does not answer.
        """
        ...

    async def delete(self, key: str) -> None:
        """Delete an object and whatever an interrupted `put` left of it; harmless when nothing is there.

        Raises:
            StorageUnavailable: the store does not answer; the object may be gone all the same.
        """
        ...

    async def exists(self, key: str) -> bool:
        """Say whether an object lies under the key.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        ...

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Go through the objects whose keys begin with the segments of `prefix`, in no order.

        What is written or deleted meanwhile may be seen or not.

        Raises:
            StorageUnavailable: the store does not answer, or stops answering.
        """
        ...

    async def check(self) -> None:
        """Make sure that the store can be reached and used, for readiness.

        Raises:
            StorageUnavailable: it cannot.
        """
        ...
