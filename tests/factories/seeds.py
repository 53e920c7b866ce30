"""Databases to start from, in which something has happened already: clones of them cost no more than empty ones."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from app import main
from app.adapters.demo_pictures import portrait_photo
from app.adapters.keys.file import FileKeys
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.cluster import Cluster
from tests.factories.houses import build
from tests.factories.make import Holder, Make
from tests.factories.phone import Phone, settle_people


async def settled_people(house: House) -> dict[str, TestPerson]:
    """The test people whom the register knows, by their labels."""
    assert house.sandbox is not None
    return {person.label: person for person in await house.sandbox.people()}


@dataclass
class Seeds:
    """The seeds of one worker, made with its keys."""

    pg: Cluster
    keys: FileKeys
    folder: Path
    _made: dict[str, str] = field(default_factory=dict)
    _owner: dict[str, str] = field(default_factory=dict)
    _holder: Holder | None = None

    def template(self, seed: str) -> str:
        """Return the name of the database to clone.

        `people` are in the register; an `owner` has a card too, got by the whole flow, or a `made_owner` without it.
        """
        if seed not in self._made:
            grow = {"people": _settle, "owner": self._enrol, "made_owner": self._make}[seed]
            database = self.pg.clone()
            with ThreadPoolExecutor(1) as apart:  # from this test's event loop
                apart.submit(lambda: asyncio.run(self._grow(database.app_url, grow))).result()
            self._made[seed] = database.name
        return self._made[seed]

    async def owner(self, client: httpx.AsyncClient, house: House) -> Phone:
        """Return the owner's phone in a clone: its session goes on there with new tokens."""
        phone = Phone(client, house, self._owner["number"], self._owner["device"])
        answer = await client.post("/v1/sessions/refresh", json={"refresh_token": self._owner["refresh_token"]})
        phone.tokens = answer.json()
        return phone

    def made_owner(self, client: httpx.AsyncClient, house: House) -> Holder:
        """Return the owner who was made, in a clone."""
        assert self._holder is not None
        return replace(self._holder, client=client, mint=house.mint.access)

    async def _grow(self, url: str, grow: Callable[[httpx.AsyncClient, House], Awaitable[None]]) -> None:
        async with main.opened(build(Settings(data_folder=self.folder), url, self.keys)) as house:
            transport = httpx.ASGITransport(main.create_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                await grow(client, house)

    async def _enrol(self, client: httpx.AsyncClient, house: House) -> None:
        await settle_people(house)
        person = (await settled_people(house))["owner"]
        phone = Phone(client, house, str(person.phone))
        await phone.register()
        await phone.own_card(person)
        self._owner = {
            "number": phone.number,
            "device": phone.device,
            "refresh_token": phone.tokens["refresh_token"],
        }

    async def _make(self, client: httpx.AsyncClient, house: House) -> None:
        await settle_people(house)
        self._holder = await Make(client, house).owner()
        await EmbeddedRegister(house.db).put([Entry(self._holder.registered, portrait=portrait_photo(1))])


async def _settle(_: httpx.AsyncClient, house: House) -> None:
    await settle_people(house)
