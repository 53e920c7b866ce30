"""Object stores that fail, or in which something happens."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx

from app import main
from app.ports.storage import ObjectStore, StorageUnavailable, StoredObject
from tests.factories.adding import Owner


class Store(ObjectStore):
    """A store that fails at one thing: at once, later, at one object only, or after it was done all the same."""

    def __init__(
        self, store: ObjectStore, method: str, *, after: int = 0, only: str = "", is_done: bool = False
    ) -> None:
        self._store = store
        self._method = method
        self._left = after
        self._only = only
        self._is_done = is_done

    async def put(self, key: str, content: bytes) -> None:
        if not self._is_done:
            self._fail_at("put", key)
        await self._store.put(key, content)
        self._fail_at("put", key)

    async def get(self, key: str) -> bytes:
        self._fail_at("get", key)
        return await self._store.get(key)

    async def delete(self, key: str) -> None:
        self._fail_at("delete", key)
        await self._store.delete(key)

    async def exists(self, key: str) -> bool:
        return await self._store.exists(key)

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        return self._store.list(prefix)

    async def check(self) -> None:
        await self._store.check()

    def _fail_at(self, method: str, key: str) -> None:
        if method == self._method and key.endswith(self._only):
            self._left -= 1
            if self._left < 0:
                raise StorageUnavailable


class Eventful(Store):
    """A store in whose puts something happens meanwhile."""

    def __init__(self, store: ObjectStore, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(store, "")
        self._meanwhile = meanwhile

    async def put(self, key: str, content: bytes) -> None:
        await super().put(key, content)
        await self._meanwhile()


@contextlib.asynccontextmanager
async def while_stored(owner: Owner, meanwhile: Callable[[], Awaitable[None]]) -> AsyncIterator[Owner]:
    """The owner's app at a server in whose puts something happens."""
    ports = owner.house.ports
    slow = replace(owner.house, ports=replace(ports, store=Eventful(ports.store, meanwhile)))
    transport = httpx.ASGITransport(main.create_app(slow))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield Owner(client, slow, "", holder=owner.holder)
