"""The national gateway of `examples/` on loopback, and the settings that lead there."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from national_gateway import ExampleGateway
from national_people import People, told

from app.adapters.insurance.plans import Plan
from app.adapters.national.gateway import NationalGateway
from app.core.clock import Clock
from app.core.settings.groups import NationalGatewaySettings
from app.ports.insurance import Authority
from app.ports.register import RegisteredPerson
from tests.factories.authorities import answer_of
from tests.factories.servers import loopback_client, serving

JSON = dict[str, Any]
SECRET_TEXT = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SM4_KEY_TEXT = base64.b64encode(bytes(range(32, 48))).decode()
KEY_TEXT = base64.b64encode(bytes(range(32, 64))).decode()


@dataclass
class Kept:
    """What the authorities keep, for the example to tell as docs/gateways.md has it."""

    plans: dict[Authority, dict[str, Plan]] = field(default_factory=dict)

    def __call__(self, method: str, asked: Mapping[str, str], _: JSON | None, now: datetime) -> list[JSON]:
        plan = self.plans.get(Authority(asked["authority"]), {}).get(asked["aac002"], Plan())
        items: list[JSON] = answer_of(f"/{method.removeprefix('rights.')}", asked, plan, now)["items"]
        return items


def example(
    clock: Clock, *, keys: tuple[str, ...] = (), records: Kept | None = None, suite: str = "international"
) -> ExampleGateway:
    """Make a gateway that goes by a clock of ours and has nobody yet."""
    return ExampleGateway(
        "escard",
        [SECRET_TEXT],
        People(),
        keys=keys,
        records=records or Kept(),
        now=lambda: clock.now().timestamp(),
        suite=suite,
    )


def meet(there: ExampleGateway, person: RegisteredPerson, portrait: bytes | None = None) -> None:
    """Let the gateway know somebody."""
    there.people.said[person.number] = told(person)
    if portrait is not None:
        there.people.portraits[person.number] = portrait


def national_settings(endpoint: str, **changes: object) -> NationalGatewaySettings:
    """Return the settings of a gateway that knows our secret."""
    return NationalGatewaySettings.model_validate(
        {"endpoint": endpoint, "app_id": "escard", "secrets": SECRET_TEXT, **changes}
    )


@asynccontextmanager
async def reaching(there: ExampleGateway, clock: Clock, **changes: object) -> AsyncIterator[NationalGateway]:
    """Serve a gateway, and open ours to it."""
    async with serving(there.app()) as address, loopback_client() as client:
        yield NationalGateway(national_settings(f"{address}/", **changes), clock, client)
