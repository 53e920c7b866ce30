"""Binds relatives to owners' medical accounts by the services: for tests that are about what comes afterwards."""

import secrets
from typing import Final

import httpx

from app.core.db import Database
from app.models.sharing import SharingBinding, SharingWay
from app.routers.deps import House
from app.services import audit
from app.services.people.identifiers import Population, parse_number
from app.services.people.relationships import find_relationship
from app.services.sharing import binding
from app.services.sharing.binding import Wanted
from app.worker import relay
from tests.factories.make import JSON, Holder, Someone

BINDINGS: Final = "/v1/sharing/bindings"


def wanted(owner: Someone, member: Someone, relationship: str, *, has_phone: bool = True) -> Wanted:
    """Say whom an owner wants to share with."""
    return Wanted(
        owner_id=owner.id,
        number=parse_number(member.registered.number, population=Population.WITH_TEST_PEOPLE),
        registered=member.registered,
        relationship=find_relationship(relationship),
        way=SharingWay.WEB_PAGE,
        channel=None,
        language="en",
        has_phone=has_phone,
    )


async def shared(db: Database, owner: Someone, member: Someone, relationship: str = "51") -> SharingBinding:
    """Let an owner share with somebody: active, as from a counter."""
    asked = wanted(owner, member, relationship)
    return await db.run(lambda session: binding.bind_in_person(session, asked, audit.SYSTEM))


def relative(person: Someone, relationship: str, **instead: str) -> dict[str, str]:
    """Name a relative as an owner types them."""
    known = person.registered
    typed = {"computer_number": known.computer_number or "", "id_number": known.number, "relationship": relationship}
    return typed | instead


class Page:
    """What somebody does on the personal web page."""

    def __init__(self, holder: Holder, house: House) -> None:
        self.holder = holder
        self._house = house

    async def share(self, *relatives: dict[str, str], key: str | None = None, **headers: str) -> httpx.Response:
        """Ask to share with relatives, having read the notice."""
        notice = await self.holder.read("/v1/notices/account-sharing", **{"Accept-Language": "en"})
        shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
        sent = {"Idempotency-Key": key or secrets.token_hex(8), "Accept-Language": "en"} | headers
        return await self.holder.call("POST", BINDINGS, {"notice": shown, "bindings": list(relatives)}, **sent)

    async def outcomes(self, *relatives: dict[str, str]) -> list[JSON]:
        """Ask to share with relatives; return what became of each."""
        answer = await self.share(*relatives)
        assert answer.status_code == 200, answer.text
        items: list[JSON] = answer.json()["items"]
        return items

    async def codes(self, phone: str) -> list[str]:
        """Let the worker tell what there is; return the codes that a phone has got, the newest first."""
        while await relay.tell_due(self._house.db, self._house.ports):
            pass
        assert self._house.sandbox is not None
        return [each.code for each in await self._house.sandbox.inbox.received(phone) if each.code is not None]

    async def both_sides(self) -> JSON:
        """Read what is shared on either side."""
        return await self.holder.read(BINDINGS)
