"""The add flow over HTTP with the example provider beside it: begun, clicked, called back, and the link stands."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from app import main
from app.adapters.face.remote import RemoteFaceProvider
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.core.db import Database
from app.core.settings import Settings
from app.routers.deps import House
from tests import cluster
from tests.adapters.face.remote_stage import OTHER_SECRET, RemoteStage, remote_stage, signed_callback
from tests.factories.adding import Kin, Owner, later, ok, refused, tag
from tests.factories.phone import JSON
from tests.factories.servers import loopback_client, serving


@pytest.fixture
async def stage() -> AsyncIterator[RemoteStage]:
    async with remote_stage() as stage:
        yield stage


@pytest.fixture
async def house(
    stage: RemoteStage,
    database: cluster.Database,
    settings: Settings,
    keys: FileKeys,
    images: WorkerImages,
) -> AsyncIterator[House]:
    """A house whose one provider is the remote one; it listens on loopback, where the provider calls back."""
    built = main.build(settings, database.app_url, keys=keys)
    async with loopback_client() as client:
        faces = {"remote": RemoteFaceProvider(built.ports.clock, client, stage.options)}
        built = replace(built, ports=replace(built.ports, faces=faces, images=images))
        async with main.opened(built) as house, serving(main.create_app(house), lifespan="off") as url:
            yield replace(house, settings=settings.model_copy(update={"public_url": url}))


async def begin(owner: Owner, enrolment: str, **meta: str) -> JSON:
    """Start a check as an app would."""
    return ok(await owner.call("POST", f"{enrolment}/face-checks", {"device_meta": meta}))


async def until_changed(owner: Owner, path: str, seen: JSON) -> JSON:
    """Wait for a change as an app would; it says nothing to the server meanwhile."""
    return ok(await owner.call("GET", path, Prefer="wait=20", If_None_Match=tag(seen)))


async def test_a_relative_is_added_by_a_click_and_the_signed_callback(
    owner: Owner, kin: Kin, stage: RemoteStage, db: Database
) -> None:
    person = await kin(age=68)
    enrolment = await owner.to_face(person, "51", age=68)
    check = await begin(owner, enrolment)
    seen = await owner.read(enrolment)

    async with loopback_client() as browser:
        page = await browser.get(check["client"]["url"])
        await browser.post(check["client"]["url"], data={"outcome": "ok"})
    ended = await until_changed(owner, enrolment, seen)

    (asked, *_), (played,) = stage.door.asked, stage.example.checks
    heard = await db.fetch("SELECT provider, settled_at IS NOT NULL AS is_settled FROM face_event")
    assert "How does the check end?" in page.text
    assert (asked[:2], played.check_id) == (("POST", "/checks"), check["id"])
    assert (check["provider"], check["mode"], ended["state"]) == ("remote", "live", "active")
    assert [member["link_id"] for member in ok(await owner.call("GET", "/v1/family"))["members"]] == [ended["link_id"]]
    assert [tuple(row) for row in heard] == [("remote", True)]


async def test_a_child_is_added_by_photo(owner: Owner, kin: Kin, stage: RemoteStage) -> None:
    child = await kin(age=9, parents=[owner.person.number])
    enrolment = await owner.to_face(child, "20", age=9)

    check = await begin(owner, enrolment)
    ended = ok(await owner.call("POST", f"/v1/face-checks/{check['id']}/completion"))

    assert (check["mode"], check["client"]) == ("photo", {})
    assert ended["state"] == "passed"
    assert (await owner.read(enrolment))["state"] == "active"


async def test_a_face_that_differs_counts_and_is_told_in_our_words(owner: Owner, kin: Kin) -> None:
    enrolment = await owner.to_face(await kin(age=68), "51", age=68)

    check = await begin(owner, enrolment, outcome="face_mismatch")
    ended = ok(await owner.call("POST", f"/v1/face-checks/{check['id']}/completion"))

    assert (ended["state"], ended["reason"], ended["tries_left"]) == ("failed", "face_mismatch", 2)


async def test_a_forged_callback_asks_nobody(
    owner: Owner, kin: Kin, stage: RemoteStage, house: House, db: Database
) -> None:
    enrolment = await owner.to_face(await kin(age=68), "51", age=68)
    check = await begin(owner, enrolment)
    stage.example.checks[0].reason = "ok"
    asked = len(stage.door.asked)
    forged = signed_callback(check["id"], OTHER_SECRET)

    async with loopback_client() as somebody:
        address = f"{house.settings.public_url}/v1/callbacks/face/remote"
        answer = await somebody.post(address, content=forged.body, headers=dict(forged.headers))

    assert answer.status_code == 200
    assert len(stage.door.asked) == asked
    assert (await owner.read(enrolment))["state"] == "face_pending"
    assert await db.fetch("SELECT 1 FROM face_event") == []


async def test_a_callback_that_is_repeated_is_heard_once(
    owner: Owner, kin: Kin, stage: RemoteStage, house: House, db: Database
) -> None:
    enrolment = await owner.to_face(await kin(age=68), "51", age=68)
    check = await begin(owner, enrolment)
    stage.example.checks[0].reason = "ok"
    callback = signed_callback(check["id"], event="evt_1")
    before = len(stage.door.asked)

    async with loopback_client() as vendor:
        address = f"{house.settings.public_url}/v1/callbacks/face/remote"
        for _ in range(3):
            await vendor.post(address, content=callback.body, headers=dict(callback.headers))

    assert len(stage.door.asked) == before + 1
    assert (await owner.read(enrolment))["state"] == "active"
    assert len(await db.fetch("SELECT 1 FROM face_event")) == 1


async def test_clocks_that_differ_start_nothing_and_count_against_nobody(
    owner: Owner, kin: Kin, stage: RemoteStage, house: House
) -> None:
    enrolment = await owner.to_face(await kin(age=68), "51", age=68)
    await later(house, minutes=10)

    with capture_logs() as lines:
        answer = await owner.call("POST", f"{enrolment}/face-checks", {})

    refused(answer, 503, "face-service-unavailable")
    read = await owner.read(enrolment)
    assert stage.example.checks == []
    assert (read["state"], read["face"]["tries_left"]) == ("face_pending", 3)
    told = [line for line in lines if line["event"] == "face_check_not_started"]
    assert [(line["provider"], line["reason"]) for line in told] == [("remote", "provider_misconfigured")]
