"""Plays transfers through the public interface, as an app would."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from tests.factories.make import Holder

JSON = dict[str, Any]
PENSION = {"insurance": "pension", "from_region": "100101", "to_region": "100200"}


@dataclass(frozen=True, slots=True)
class Filing:
    """Somebody who files for a holder: themselves (`me`), or a member by the link's id."""

    who: Holder
    holder: str = "me"

    @property
    def path(self) -> str:
        return f"/v1/holders/{self.holder}/transfers"

    async def post(self, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        return await self.who.call("POST", path, body, **{"Idempotency-Key": key or secrets.token_hex(8)})

    async def draft(self, **wanted: str) -> JSON:
        answer = await self.post(self.path, PENSION | wanted)
        assert answer.status_code == 201, answer.text
        body: JSON = answer.json()
        return body

    async def submit(self, transfer_id: str, key: str | None = None) -> httpx.Response:
        return await self.post(f"{self.path}/{transfer_id}/submission", key=key)

    async def file(self, **wanted: str) -> str:
        """Draft and submit; return the id."""
        transfer_id: str = (await self.draft(**wanted))["id"]
        answer = await self.submit(transfer_id)
        assert answer.status_code == 201, answer.text
        return transfer_id

    async def read(self, transfer_id: str) -> JSON:
        return await self.who.read(f"{self.path}/{transfer_id}", **{"Accept-Language": "en"})

    async def states(self, transfer_id: str) -> list[str]:
        return [step["state"] for step in (await self.read(transfer_id))["timeline"]]

    async def withdraw(self, transfer_id: str) -> httpx.Response:
        return await self.who.call("DELETE", f"{self.path}/{transfer_id}")
