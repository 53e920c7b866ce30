"""The object store on `obstore`: one set of methods over a folder of this machine or a bucket of S3."""

import asyncio
import os
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from app.ports.storage import (
    ObjectExists,
    ObjectMissing,
    ObjectStore,
    StorageUnavailable,
    StoredObject,
    checked_key,
)

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential  # only the stubs have them

_TIMEOUT_SECONDS: Final = 10.0
_THREADS: Final = 8
_LISTED_AT_ONCE: Final = 500

_T = TypeVar("_T")


class _Objects(ObjectStore):
    """What folder and bucket have in common: each method does its work in a thread of this store's own.

    Not obstore's own asyncio methods: their threads reach for Python when the answer is long given, and abort a process
    that is just ending (https://github.com/PyO3/pyo3-async-runtimes/issues/40; here 12 of 30 runs).
    """

    def __init__(self, store: LocalStore | S3Store, timeout_seconds: float) -> None:
        self._store = store
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="objects")

    async def put(self, key: str, content: bytes) -> None:
        checked_key(key)
        await self._answer(partial(self._put, key, content))

    async def get(self, key: str) -> bytes:
        checked_key(key)
        return await self._answer(partial(self._get, key))

    async def delete(self, key: str) -> None:
        checked_key(key)
        await self._answer(partial(self._delete, key))

    async def exists(self, key: str) -> bool:
        checked_key(key)
        return await self._answer(partial(self._exists, key))

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        if prefix:
            checked_key(prefix)
        await self.check()
        chunks = obstore.list(self._store, prefix or None, chunk_size=_LISTED_AT_ONCE)
        while chunk := await self._answer(partial(next, chunks, ())):
            for found in chunk:
                yield StoredObject(key=found["path"], size_bytes=found["size"], modified_at=found["last_modified"])

    async def check(self) -> None:
        await self._answer(self._insist_on_order)

    async def _answer(self, work: Callable[[], _T]) -> _T:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BaseError, OSError, ValueError) as error:
            raise StorageUnavailable from error

    def _put(self, key: str, content: bytes) -> None:
        try:
            obstore.put(self._store, key, content, mode="create", use_multipart=False)
        except AlreadyExistsError as error:
            raise ObjectExists from error

    def _get(self, key: str) -> bytes:
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError as error:
            self._insist_on_order()
            raise ObjectMissing from error

    def _delete(self, key: str) -> None:
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            self._insist_on_order()

    def _exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            self._insist_on_order()
            return False
        return True

    @abstractmethod
    def _insist_on_order(self) -> None:
        """Raise when the place itself is missing: then nothing may be called missing or gone.

        Stores say "not found" for a missing bucket and for a folder that is not mounted too.
        """


class FolderObjects(_Objects):
    """Objects as files of one folder that only this account may enter."""

    def __init__(self, folder: Path, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StorageUnavailable from error
        super().__init__(LocalStore(folder), timeout_seconds)
        self._folder = folder

    def _put(self, key: str, content: bytes) -> None:
        self._insist_on_order()
        path = self._folder / key
        folders = [self._folder / parent for parent in reversed(Path(key).parents)]
        # obstore would make folders and file with the process's umask: 0755 and 0644 as a rule.
        for folder in folders[1:]:
            folder.mkdir(mode=0o700, exist_ok=True)
        super()._put(key, content)
        path.chmod(0o600)
        # obstore leaves it to the system when the file and its names reach the disk.
        for written in (path, *folders):
            _flush(written)

    def _delete(self, key: str) -> None:
        super()._delete(key)
        # A put that was killed leaves `name#1`, which obstore never lists.
        path = self._folder / key
        for left in path.parent.glob(f"{path.name}#*"):
            left.unlink(missing_ok=True)

    def _insist_on_order(self) -> None:
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise FileNotFoundError(self._folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3Objects(_Objects):
    """Objects in a bucket of S3, or of a store that speaks its language and knows `If-None-Match` (conditional put).

    Amazon's since 2024-11: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint: str | None,
        access_key_id: str,
        secret_access_key: str,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        # One request may take half of the time, so that a second try fits in.
        half = timedelta(seconds=timeout_seconds / 2)

        def keys() -> "S3Credential":
            # Given as configuration they would be mixed with a session token found in the environment.
            return {"access_key_id": access_key_id, "secret_access_key": secret_access_key, "expires_at": None}

        config: S3Config = {"conditional_put": "etag"}
        if region:
            config["region"] = region
        if endpoint:
            config["endpoint"] = endpoint
        store = S3Store(
            bucket,
            config=config,
            credential_provider=keys,
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
                "connect_timeout": min(half, timedelta(seconds=2)),
                "timeout": half,
            },
            retry_config={"max_retries": 2, "retry_timeout": half},
        )
        super().__init__(store, timeout_seconds)

    def _insist_on_order(self) -> None:
        # One page of a listing: it needs the right that the nightly listing needs, and no more.
        next(obstore.list(self._store, "check"), None)
