"""Plays card orders through the public interface, as an app would."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from app.adapters.demo_pictures import card_photo
from tests.factories.make import Holder

JSON = dict[str, Any]
OFFICE = "west-window"
PHOTO = card_photo(7)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Somebody who orders a card for a holder: themselves (`me`), or a member by the link's id."""

    who: Holder
    holder: str = "me"

    @property
    def path(self) -> str:
        return f"/v1/holders/{self.holder}/card-orders"

    async def post(self, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        return await self.who.call("POST", path, body, **{"Idempotency-Key": key or secrets.token_hex(8)})

    async def draft(self, reason: str = "damaged", **where: str) -> JSON:
        answer = await self.post(self.path, {"reason": reason} | (where or {"office_id": OFFICE}))
        assert answer.status_code == 201, answer.text
        body: JSON = answer.json()
        return body

    async def agree(self, order_id: str) -> httpx.Response:
        notice = await self.who.read("/v1/notices/card-photo")
        shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
        return await self.who.call("PUT", f"{self.path}/{order_id}/photo-consent", shown)

    async def photo(self, order_id: str, content: bytes = PHOTO) -> httpx.Response:
        """Agree to the photo, and send it."""
        await self.agree(order_id)
        return await self.send(order_id, content)

    async def send(self, order_id: str, content: bytes = PHOTO) -> httpx.Response:
        headers = self.who.headers | {"Content-Type": "image/jpeg", "Accept-Language": "en"}
        return await self.who.client.put(f"{self.path}/{order_id}/photo", content=content, headers=headers)

    async def ready(self, reason: str = "damaged", **where: str) -> str:
        """Draft an order and send its photo; return the id."""
        order_id: str = (await self.draft(reason, **where))["id"]
        answer = await self.photo(order_id)
        assert answer.status_code == 200, answer.text
        return order_id

    async def submit(self, order_id: str, key: str | None = None) -> httpx.Response:
        return await self.post(f"{self.path}/{order_id}/submission", key=key)

    async def order(self, reason: str = "damaged", **where: str) -> str:
        """Do all of it; return the id."""
        order_id = await self.ready(reason, **where)
        answer = await self.submit(order_id)
        assert answer.status_code == 201, answer.text
        return order_id

    async def read(self, order_id: str) -> JSON:
        return await self.who.read(f"{self.path}/{order_id}", **{"Accept-Language": "en"})

    async def states(self, order_id: str) -> list[str]:
        return [step["state"] for step in (await self.read(order_id))["timeline"]]
