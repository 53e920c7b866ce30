"""A server on the loopback in a thread of its own, and a holder with a family on it."""

import asyncio
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from app import main
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.adapters.papers.workers import WorkerPapers
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.cluster import Cluster
from tests.factories.adding import set_policy
from tests.factories.houses import build
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone, settle_people
from tests.factories.staff import Hire, Worker

_PENSION = {"insurance": "pension", "from_region": "100101", "to_region": "100200"}


@dataclass(frozen=True)
class Holder:
    """Somebody with a card, a family, and something begun of everything; `ids` are what paths name.

    `staff` are tokens of those who work here, by their logins; `spare_ids` name what may be lost; `handed_over` are
    enrolments for requests of a member, by the last part of their path: two of them end theirs.
    """

    url: str
    phone: str
    device: str
    ids: dict[str, str]
    spare_ids: dict[str, str]
    staff: dict[str, str]
    handed_over: dict[str, str]

    def token(self) -> str:
        """Sign in anew and step up where the card password is not shut."""
        with httpx.Client(base_url=self.url) as client:
            device = {"id": self.device, "name": "Phone", "platform": "ios"}
            signed_in = client.post(
                "/v1/sessions", json={"phone": self.phone, "password": PASSWORD, "device": device}
            ).json()
            token: str = signed_in["access_token"]
            checked = client.post(
                "/v1/card/password-checks",
                json={"password": CARD_PASSWORD},
                headers={"Authorization": f"Bearer {token}"},
            ).json()
            return str(checked.get("access_token", token))

    def member_token(self, path: str) -> str:
        """Hand a face step over, as the member whose requests go to a path needs it; return the member's token."""
        enrolment = self.handed_over.get(path.rpartition("/")[2], self.handed_over["others"])
        key = {"Idempotency-Key": secrets.token_hex(8)}
        with httpx.Client(base_url=self.url) as client:
            offer = client.post(
                f"/v1/enrolments/{enrolment}/handovers", headers=key | {"Authorization": f"Bearer {self.token()}"}
            ).json()
            body = {
                "code": offer["url"].partition("#")[2],
                "spoken_code": offer["spoken_code"],
                "device": {"id": "a member's phone", "name": "Phone", "platform": "web"},
            }
            opened = client.post("/v1/handovers/openings", json=body, headers=key).json()
            return str(opened["access_token"])


@dataclass(frozen=True)
class Everybody:
    """The test people by their labels, and those who work here by their logins."""

    people: dict[str, TestPerson]
    staff: dict[str, Worker]


@pytest.fixture(scope="module")
def holder(
    pg: Cluster, keys: FileKeys, images: WorkerImages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Holder]:
    """The holder on a server of this module's own."""
    with _serving(pg, keys, images, tmp_path_factory.mktemp("api")) as (url, house, everybody):
        yield asyncio.run(_make_holder(url, house, everybody.people, everybody.staff))


@pytest.fixture
def lonely_server(pg: Cluster, keys: FileKeys, images: WorkerImages, tmp_path: Path) -> Iterator[str]:
    """A server that nobody minds whatever is done to its clock."""
    with _serving(pg, keys, images, tmp_path) as (url, _, _):
        yield url


@contextmanager
def _serving(pg: Cluster, keys: FileKeys, images: WorkerImages, folder: Path) -> Iterator[tuple[str, House, Everybody]]:
    database = pg.clone()
    asyncio.run(set_policy(database, "handovers", a_day=1000))
    settings = Settings(data_folder=folder, requests_per_minute=1_000_000, sms_codes_per_hour_and_address=100_000)

    async def fill() -> tuple[House, Everybody]:
        async with main.opened(build(settings, database.app_url, keys)) as filled:
            await settle_people(filled)
            assert filled.sandbox is not None
            people = {person.label: person for person in await filled.sandbox.people()}
            hire = Hire(httpx.AsyncClient(), filled)
            staff = {login: await hire(login, signed_in=False) for login in ("reviewer", "leaving")}
            return filled, Everybody(people, staff)

    house, everybody = asyncio.run(fill())
    papers = WorkerPapers(images.pool)
    app = main.create_app(build(settings, database.app_url, keys, images=images, papers=papers))
    server = uvicorn.Server(uvicorn.Config(app, port=0, loop="asyncio", log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", house, everybody
    finally:
        server.should_exit = True
        thread.join()
        pg.drop(database.name)


async def _make_holder(url: str, house: House, people: dict[str, TestPerson], staff: dict[str, Worker]) -> Holder:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        phone = Phone(client, house, str(people["owner"].phone))
        await phone.register()
        await phone.own_card(people["owner"])
        other = Phone(client, house, str(people["parent-68"].phone))
        await other.register()
        await other.own_card(people["parent-68"])
        spare_session = await client.post(
            "/v1/sessions",
            json={
                "phone": phone.number,
                "password": PASSWORD,
                "device": {"id": "a second device", "name": "Tablet", "platform": "android"},
            },
        )
        devices = (await phone.call("GET", "/v1/devices")).json()["items"]
        member = await phone.add(people["child-9"], "20", age=9)
        here = f"/v1/holders/{member['link_id']}"
        transfer, spare_transfer = [await phone.call("POST", f"{here}/transfers", _PENSION) for _ in range(2)]
        order = await phone.call("POST", f"{here}/card-orders", {"reason": "damaged", "address": "No. 1, Beijing Road"})
        spare = await phone.add(people["parent-mother"], "52", age=63)
        await other.step_up()
        backwards = await other.add(people["owner"], "22", age=39)
        spare_enrolment = await phone.to_documents(people["sibling"], "77")
        enrolment = await phone.to_face(people["spouse"], "12", age=38)
        handed_over = {
            "others": await phone.to_face(people["teen-17"], "30", age=17),
            "refusals": await phone.to_face(people["grandparent"], "61", age=90),
            "disputes": await phone.to_face(people["mother-in-law"], "56", age=66),
        }
        check = await phone.call("POST", f"{enrolment}/face-checks", {})
        code = await phone.sms_code("card_password_reset")
        reset = await phone.call("POST", "/v1/card/password-resets", {"sms_code": code})
        assert reset.status_code == 201, reset.text
        ids = {
            "enrolment_id": enrolment.rpartition("/")[2],
            "link_id": member["link_id"],
            "holder": member["link_id"],
            "check_id": check.json()["id"],
            "reset_id": reset.json()["id"],
            "session_id": spare_session.json()["session_id"],
            "device_id": next(device["id"] for device in devices if device["name"] == "Tablet"),
            "consent_id": (await phone.call("GET", "/v1/consents")).json()["items"][-1]["id"],
            "code": "family-account",
            "label": "child-9",
            "transfer_id": transfer.json()["id"],
            "order_id": order.json()["id"],
        }
        spares = ids | {
            "enrolment_id": spare_enrolment.rpartition("/")[2],
            "link_id": spare["link_id"],
            "transfer_id": spare_transfer.json()["id"],
            "owner_link_id": backwards["link_id"],
        }
        in_review = await phone.to_face(people["parent-68"], "51", age=68)
        asked = await phone.call("POST", f"{in_review}/review-requests", {"reason": "other"})
        assert asked.status_code == 201, asked.text
        for worker in staff.values():
            worker.client = client
            assert (await worker.sign_in()).status_code == 201
        (case,) = (await staff["reviewer"].call("GET", "/v1/reviews")).json()["items"]
        ids["review_id"] = spares["review_id"] = case["id"]
        assert (await staff["reviewer"].call("POST", f"/v1/reviews/{case['id']}/claims")).status_code == 201
        seen = (await staff["reviewer"].call("GET", f"/v1/reviews/{case['id']}")).json()
        ids["exhibit_id"] = urlsplit(seen["exhibits"][0]["href"]).path.rpartition("/")[2]
        spares["staff_session_id"] = staff["leaving"].session_id
        tokens = {login: worker.token for login, worker in staff.items()}
        handed = {last: each.rpartition("/")[2] for last, each in handed_over.items()}
        return Holder(url, phone.number, phone.device, ids, spares, tokens, handed)
