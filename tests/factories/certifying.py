"""Plays the certification of benefits: who is paid, how long ago they were certified, and what they do about it."""

import secrets
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx

from app.adapters.certifications.embedded import EmbeddedCertifications, Paid, Record
from app.adapters.demo_pictures import portrait_photo
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.clock import SHANGHAI, today
from app.ports.certifications import CertifiedKind, Way
from app.routers.deps import House
from app.services.certifications import learning
from app.worker.relay import tell_due
from tests.factories.make import Holder, Someone

JSON = dict[str, Any]
MONTHLY = Decimal("3000.00")


def address(link_id: object = "me") -> str:
    """Return where the certifications of a holder are."""
    return f"/v1/holders/{link_id}/benefit-certifications"


async def pay(house: House, person: Someone, *, days: int = 320, kind: CertifiedKind = CertifiedKind.PENSION) -> None:
    """Let somebody get a benefit, last certified so many days ago; the register has their portrait."""
    day = today(house.db.clock.now()) - timedelta(days=days)
    record = Record((Paid(kind, MONTHLY),), day, Way.COUNTER)
    await EmbeddedCertifications(house.db).put([(person.registered.number, record)])
    await EmbeddedRegister(house.db).put([Entry(person.registered, portrait=portrait_photo(3))])


async def consent(holder: Holder, **changed: str) -> JSON:
    """Read the notice; return what is said of it."""
    notice = (await holder.client.get("/v1/notices/face-check")).json()
    return {name: notice[name] for name in ("code", "version", "language", "sha256")} | changed


async def ask(
    holder: Holder, link_id: object = "me", *, scenario: str | None = None, key: str | None = None, **body: object
) -> httpx.Response:
    """Ask for a certification: by face, with the consent for it, unless said otherwise."""
    if body.get("way", "face") == "face":
        body = {"consent": await consent(holder)} | body
    if scenario is not None:
        body["device_meta"] = {"sandbox_scenario": scenario}
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return await holder.call("POST", address(link_id), body, **headers)


async def show_face(holder: Holder, asked: httpx.Response) -> JSON:
    """Say that the person is done before the camera; return the check."""
    assert asked.status_code == 201, asked.text
    path = f"/v1/face-checks/{asked.json()['face_check']['id']}/completion"
    done = await holder.call("POST", path)
    assert done.status_code == 200, done.text
    check: JSON = done.json()
    return check


async def by_face(house: House, holder: Holder, link_id: object = "me", *, scenario: str | None = None) -> JSON:
    """Certify by face and let everything be told; return the certification as it is then."""
    asked = await ask(holder, link_id, scenario=scenario)
    await show_face(holder, asked)
    await tell_due(house.db, house.ports)
    return await holder.read(f"{address(link_id)}/{asked.json()['id']}")


async def to_noon(house: House) -> None:
    """Let it be noon in China: a day later is another day, and the morning of this one is past."""
    now = house.db.clock.now().astimezone(SHANGHAI)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    assert house.sandbox is not None
    await house.sandbox.move_clock((noon if noon > now else noon + timedelta(days=1)) - now)


async def look_after(house: House, person: Someone) -> None:
    """Do what the worker does for somebody whose time has come."""
    await learning.look_after(house.db, house.ports.certifications, person.id)
