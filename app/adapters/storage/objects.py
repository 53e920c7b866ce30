"""The object store on `obstore`: one set of methods over a folder of this machine or a bucket of S3."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

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


class _Objects(ObjectStore):
    """What folder and bucket have in common."""

    def __init__(self, store: LocalStore | S3Store, timeout_seconds: float) -> None:
        self._store = store
        self._timeout_seconds = timeout_seconds

    async def put(self, key: str, content: bytes) -> None:
        checked_key(key)
        async with self._answering():
            try:
                await obstore.put_async(self._store, key, content, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                raise ObjectExists from error

    async def get(self, key: str) -> bytes:
        checked_key(key)
        async with self._answering():
            try:
                found = await obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
            except FileNotFoundError as error:
                await self._insist_on_order()
                raise ObjectMissing from error

    async def delete(self, key: str) -> None:
        checked_key(key)
        async with self._answering():
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                await self._insist_on_order()

    async def exists(self, key: str) -> bool:
        checked_key(key)
        async with self._answering():
            try:
                await obstore.head_async(self._store, key)
            except FileNotFoundError:
                await self._insist_on_order()
                return False
            return True

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        if prefix:
            checked_key(prefix)
        await self.check()
        chunks = obstore.list(self._store, prefix or None)
        while True:
            async with self._answering():
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            for found in chunk:
                yield StoredObject(key=found["path"], size_bytes=found["size"], modified_at=found["last_modified"])

    async def check(self) -> None:
        async with self._answering():
            await self._insist_on_order()

    async def _insist_on_order(self) -> None:
        """Raise when the place itself is missing: then nothing may be called missing or gone.

        Stores say "not found" for a missing bucket and for a folder that is not mounted too.
        """
        raise NotImplementedError

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except (BaseError, OSError, ValueError) as error:
            raise StorageUnavailable from error


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

    async def put(self, key: str, content: bytes) -> None:
        checked_key(key)
        async with self._answering():
            await asyncio.to_thread(self._make_folders, key)
        await super().put(key, content)
        async with self._answering():
            await asyncio.to_thread(self._settle, key)

    async def delete(self, key: str) -> None:
        await super().delete(key)
        async with self._answering():
            await asyncio.to_thread(self._sweep, key)

    async def _insist_on_order(self) -> None:
        if not await asyncio.to_thread(os.access, self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise FileNotFoundError(self._folder)

    def _path(self, key: str) -> Path:
        return self._folder / key

    def _folders(self, key: str) -> tuple[Path, ...]:
        """The folders of a key, outermost first."""
        return tuple(self._folder / parent for parent in reversed(Path(key).parents))

    def _make_folders(self, key: str) -> None:
        # obstore would make them with the process's umask: 0755 as a rule.
        for folder in self._folders(key)[1:]:
            folder.mkdir(mode=0o700, exist_ok=True)

    def _settle(self, key: str) -> None:
        """Shut the file for others and see it on the disk; obstore does neither."""
        self._path(key).chmod(0o600)
        for path in (self._path(key), *self._folders(key)):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _sweep(self, key: str) -> None:
        # A put that was killed leaves `name#1`, which obstore never lists.
        path = self._path(key)
        for left in path.parent.glob(f"{path.name}#*"):
            left.unlink(missing_ok=True)


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

    async def _insist_on_order(self) -> None:
        # Asks for one page of a listing: it needs the right that the nightly listing needs, and no more.
        await anext(obstore.list(self._store, "check"), None)
