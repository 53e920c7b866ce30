"""What tests of handovers share: a father who is to be added, and his own phone, on which nobody has an account."""

import secrets
from dataclasses import dataclass, field

import httpx
import pytest

from app.ports.register import TestPerson
from tests.factories.adding import Kin, Owner, ok
from tests.factories.images import document_photo
from tests.factories.phone import JSON, seed


@dataclass
class MemberPhone:
    """A phone with no more than a link: it opens it, and then holds a token for one face step."""

    client: httpx.AsyncClient
    device: str = field(default_factory=lambda: secrets.token_hex(8))
    token: str = ""

    async def open(self, offer: JSON, spoken_code: str | None = None, key: str | None = None) -> httpx.Response:
        """Open a link with the code that was told, or with another; take over the token."""
        body = {
            "code": code_of(offer),
            "spoken_code": spoken_code or offer["spoken_code"],
            "device": {"id": self.device, "name": "Father's phone", "platform": "web"},
        }
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        answer = await self.client.post("/v1/handovers/openings", json=body, headers=headers)
        if answer.status_code == 201:
            self.token = answer.json()["access_token"]
        return answer

    async def call(self, method: str, path: str = "", body: object = None, **headers: str) -> httpx.Response:
        """Send one request about the handover, or about another path; a POST with a new Idempotency-Key."""
        given = {"Authorization": f"Bearer {self.token}"}
        given |= {"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        where = path if path.startswith("/v1/") else f"/v1/handovers/current{path}"
        if isinstance(body, bytes):
            return await self.client.request(method, where, content=body, headers=given)
        return await self.client.request(method, where, json=body, headers=given)

    async def read(self) -> JSON:
        """Read the handover."""
        return ok(await self.call("GET"))

    async def agree(self, *services: str) -> httpx.Response:
        """Agree to the face check, and let the owner do these things."""
        notice = (await self.client.get("/v1/notices/face-check")).json()
        shown = {name: notice[name] for name in ("code", "version", "language", "sha256")}
        return await self.call("PUT", "/consents/face-check", shown | {"services": list(services)})

    async def start(self, scenario: str = "ok") -> str:
        """Start a face check; return its address."""
        started = await self.call("POST", "/face-checks", {"device_meta": {"sandbox_scenario": scenario}})
        return f"/v1/face-checks/{ok(started)['id']}"

    async def face_check(self, scenario: str = "ok") -> JSON:
        """Do a face check; return it as it ended."""
        return ok(await self.call("POST", f"{await self.start(scenario)}/completion"))


def code_of(offer: JSON) -> str:
    """Return what stands behind the `#` of an offer's link."""
    code: str = offer["url"].partition("#")[2]
    return code


async def at_face(owner: Owner, person: TestPerson, relationship: str = "51") -> str:
    """Add a relative of 16 or older as far as the face step; nobody has agreed to a face check."""
    enrolment = await owner.to_documents(person, relationship)
    await owner.consent(enrolment, "identity-document")
    await owner.put(enrolment, "id_card_front", document_photo(seed(person), "document"))
    return enrolment


async def hand_over(owner: Owner, enrolment: str) -> JSON:
    """Hand the face step over; return what is to be passed on."""
    return ok(await owner.call("POST", f"{enrolment}/handovers"))


@pytest.fixture
async def father(kin: Kin) -> TestPerson:
    """The owner's father, whom the register knows."""
    return await kin(age=68)


@pytest.fixture
async def enrolment(owner: Owner, father: TestPerson) -> str:
    """The address of an enrolment for the father that waits for his face."""
    return await at_face(owner, father)


@pytest.fixture
async def member(client: httpx.AsyncClient, owner: Owner, enrolment: str) -> MemberPhone:
    """The father's phone, on which the handover of that enrolment is opened."""
    phone = MemberPhone(client)
    opened = await phone.open(await hand_over(owner, enrolment))
    assert opened.status_code == 201, opened.text
    return phone
