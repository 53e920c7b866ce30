"""A phone in somebody's hand: plays the public API as an app would."""

import secrets
import zlib
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.adapters.certifications.demo import records
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.adapters.demo_pictures import document_photo, portrait_photo
from app.adapters.register.demo import people
from app.adapters.register.embedded import EmbeddedRegister
from app.core.clock import today
from app.ports.register import TestPerson
from app.routers.deps import House

JSON = dict[str, Any]
PASSWORD = "correct horse"
CARD_PASSWORD = "518093"


async def settle_people(house: House) -> None:
    """Fill the embedded register with the test people, and let the embedded authority know whom it pays."""
    day = today(house.db.clock.now())
    entries = people(day)
    await EmbeddedRegister(house.db).put(entries)
    numbers = {entry.label: entry.person.number for entry in entries if entry.label is not None}
    await EmbeddedCertifications(house.db).put(records(numbers, day))


@dataclass
class Phone:
    """One app with one session."""

    client: httpx.AsyncClient
    house: House
    number: str
    device: str = field(default_factory=lambda: secrets.token_hex(8))
    tokens: JSON = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Send one request with the session's token, and a new Idempotency-Key for a POST."""
        given = {"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return await self.client.request(method, path, content=body, headers=self.headers | given)
        return await self.client.request(method, path, json=body, headers=self.headers | given)

    async def sms_code(self, purpose: str) -> str:
        """Ask for a code on this device and read it from the inbox."""
        ask = {"phone": self.number, "purpose": purpose, "device_id": self.device}
        asked = await self.client.post("/v1/sms-codes", json=ask)
        assert asked.status_code == 202, asked.text
        inbox = await self.client.get("/dev/messages", params={"phone": self.number})
        code: str = inbox.json()["items"][0]["code"]
        return code

    async def register(self) -> None:
        """Open an account."""
        answer = await self.client.post(
            "/v1/accounts",
            json={
                "phone": self.number,
                "sms_code": await self.sms_code("register"),
                "password": PASSWORD,
                "device": {"id": self.device, "name": "Test phone", "platform": "ios"},
            },
            headers={"Idempotency-Key": secrets.token_hex(8)},
        )
        assert answer.status_code == 201, answer.text
        self.tokens = answer.json()["tokens"]

    async def shown(self, code: str) -> JSON:
        """Read a notice; return what an acknowledgement says of it."""
        return await self.read_notice(f"/v1/notices/{code}")

    async def read_notice(self, address: str) -> JSON:
        """Read the notice at an address; return what an acknowledgement says of it."""
        notice = (await self.client.get(address)).json()
        return {name: notice[name] for name in ("code", "version", "language", "sha256")}

    async def open(self, kind: str) -> str:
        """Open an enrolment; return its address."""
        opened = await self.call("POST", "/v1/enrolments", {"kind": kind})
        assert opened.status_code == 201, opened.text
        return f"/v1/enrolments/{opened.json()['id']}"

    async def acknowledge(self, enrolment: str, code: str) -> JSON:
        """Read and acknowledge the notice."""
        return _ok(await self.call("PUT", f"{enrolment}/notice-acknowledgement", await self.shown(code)))

    async def consent(self, enrolment: str, purpose: str, **more: object) -> JSON:
        """Agree to one thing."""
        return _ok(await self.call("PUT", f"{enrolment}/consents/{purpose}", await self.shown(purpose) | more))

    async def details(self, enrolment: str, person: TestPerson, relationship: str | None = None) -> JSON:
        """Say whom it is about; take over new tokens."""
        body = {"name": person.name, "social_security_number": person.number}
        if relationship is not None:
            body["relationship"] = relationship
        answer = _ok(await self.call("PUT", f"{enrolment}/details", body))
        self.tokens = answer["tokens"] or self.tokens
        return answer

    async def face_check(self, enrolment: str, scenario: str | None = None) -> JSON:
        """Do a face check; return it as it ended."""
        meta = {"sandbox_scenario": scenario} if scenario else {}
        started = await self.call("POST", f"{enrolment}/face-checks", {"device_meta": meta})
        assert started.status_code == 201, started.text
        return _ok(await self.call("POST", f"/v1/face-checks/{started.json()['id']}/completion"))

    async def own_card(self, person: TestPerson) -> None:
        """Get one's own card, with a password."""
        enrolment = await self.open("own_card")
        await self.acknowledge(enrolment, "own-card")
        await self.details(enrolment, person)
        await self.consent(enrolment, "face-check")
        check = await self.face_check(enrolment)
        assert check["state"] == "passed", check
        done = _ok(await self.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD}))
        assert done["state"] == "active", done

    async def step_up(self, password: str = CARD_PASSWORD) -> httpx.Response:
        """Check the card password; take over the token."""
        checked = await self.call("POST", "/v1/card/password-checks", {"password": password})
        if checked.status_code == 200:
            self.tokens = self.tokens | {"access_token": checked.json()["access_token"]}
        return checked

    async def to_documents(self, person: TestPerson, relationship: str) -> str:
        """Add a relative as far as the documents step."""
        await self.step_up()
        enrolment = await self.open("family_member")
        await self.acknowledge(enrolment, "family-account")
        await self.details(enrolment, person, relationship)
        return enrolment

    async def to_face(self, person: TestPerson, relationship: str, *, age: int, photo: bytes | None = None) -> str:
        """Add a relative as far as the face step."""
        enrolment = await self.to_documents(person, relationship)
        await self.consent(enrolment, "identity-document")
        if age < 14:
            await self.consent(enrolment, "minor-data")
        await self.consent(enrolment, "face-check")
        kind = "household_register" if age < 16 else "id_card_front"
        await self.put(enrolment, kind, document_photo(seed(person), "document"))
        if age < 16:
            await self.put(enrolment, "facial_photo", photo or portrait_photo(seed(person)))
        return enrolment

    async def put(self, enrolment: str, kind: str, content: bytes) -> JSON:
        """Send a file."""
        return _ok(await self.call("PUT", f"{enrolment}/documents/{kind}", content))

    async def read(self, enrolment: str) -> JSON:
        """Read an enrolment."""
        return _ok(await self.call("GET", enrolment))

    async def add(self, person: TestPerson, relationship: str, *, age: int) -> JSON:
        """Add a relative; return the enrolment as it ended."""
        enrolment = await self.to_face(person, relationship, age=age)
        await self.face_check(enrolment)
        return await self.read(enrolment)


def seed(person: TestPerson) -> int:
    """Return what a person's pictures are drawn from."""
    return zlib.crc32(person.label.encode())


def _ok(answer: httpx.Response) -> JSON:
    assert answer.status_code == 200, answer.text
    body: JSON = answer.json()
    return body
