"""The example of a face provider is found by its name and carries the flow, whatever its vendor says."""

import base64
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.phone import Phone, settle_people

OPTIONS = {"url": "http://acme.test", "key": "secret"}
SECRETS = {name: SecretStr(value) for name, value in OPTIONS.items()}
EXAMPLE = Path(__file__).parents[2] / "examples" / "acme_faces"


@dataclass
class Vendor:
    """The imaginary vendor."""

    outcome: str = "passed"
    begun: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/checks", self._begin, methods=["POST"]),
                Route("/checks/{id}", self._tell, methods=["GET", "DELETE"]),
            ]
        )

    async def _begin(self, request: Request) -> Response:
        self.begun.append(await request.json())
        return JSONResponse({"id": f"acme-{len(self.begun)}", "page": "https://acme.test/page"})

    async def _tell(self, _: Request) -> Response:
        if self.outcome == "down":
            return Response(status_code=500)
        return JSONResponse({"outcome": self.outcome})


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example as if it were installed: its module, and its entry point in a list of packages."""
    (tmp_path / "acme_faces-0.1.0.dist-info").mkdir()
    (tmp_path / "acme_faces-0.1.0.dist-info" / "METADATA").write_text("Name: acme-faces\nVersion: 0.1.0\n")
    (tmp_path / "acme_faces-0.1.0.dist-info" / "entry_points.txt").write_text(
        "[escard.face_providers]\nacme = acme_faces:AcmeFaces\n"
    )
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("acme_faces", None)


@pytest.fixture
async def house(
    example: None, vendor: Vendor, database: Database, settings: Settings, keys: FileKeys
) -> AsyncIterator[House]:
    """A house that has the example for its provider; the vendor answers without a network between."""
    built = main.build(
        settings.model_copy(update={"face_providers": ("acme",), "face_options": {"acme": SECRETS}}),
        database.app_url,
        keys=keys,
    )
    transport = httpx.ASGITransport(vendor.app())
    async with httpx.AsyncClient(transport=transport) as to_vendor:
        acme = type(built.ports.faces["acme"])
        faces = {"acme": acme(clock=built.ports.clock, client=to_vendor, options=OPTIONS)}  # type: ignore[call-arg] # by contract
        async with main.opened(replace(built, ports=replace(built.ports, faces=faces))) as opened:
            await settle_people(opened)
            yield opened


async def test_the_flow_goes_through_the_example(
    vendor: Vendor, people: dict[str, TestPerson], phone: Callable[[str], Phone]
) -> None:
    holder = phone(str(people["owner"].phone))
    await holder.register()
    await holder.own_card(people["owner"])

    ended = await holder.add(people["child-9"], "20", age=9)

    assert ended["state"] == "active"
    assert [check["mode"] for check in vendor.begun] == ["live", "photo"]
    assert [check["number"] for check in vendor.begun] == [people["owner"].number, people["child-9"].number]
    assert base64.b64decode(vendor.begun[1]["photo"]).startswith(b"\xff\xd8")
    assert "/v1/callbacks/face/acme" in json.dumps(vendor.begun[0])


@pytest.mark.parametrize(
    ("outcome", "status", "state", "tries_left"),
    [
        ("other_person", 200, "failed", 2),
        ("blurred", 200, "failed", 3),
        ("open", 200, "processing", 3),
        ("left", 200, "cancelled", 3),
        ("something new", 503, None, None),
        ("down", 503, None, None),
    ],
)
async def test_what_the_vendor_says_is_told_in_our_words(
    vendor: Vendor,
    people: dict[str, TestPerson],
    phone: Callable[[str], Phone],
    outcome: str,
    status: int,
    state: str | None,
    tries_left: int | None,
) -> None:
    holder = phone(str(people["owner"].phone))
    await holder.register()
    enrolment = await holder.open("own_card")
    await holder.acknowledge(enrolment, "own-card")
    await holder.details(enrolment, people["owner"])
    await holder.consent(enrolment, "face-check")
    vendor.outcome = outcome

    started = await holder.call("POST", f"{enrolment}/face-checks", {})
    checked = await holder.call("POST", f"/v1/face-checks/{started.json()['id']}/completion")

    assert started.json()["client"] == {"url": "https://acme.test/page"}
    assert checked.status_code == status
    assert checked.json().get("state") == state
    assert checked.json().get("tries_left") == tries_left
