"""The whole way through HTTP: a relative is added by frames that are sent, prepared, sealed, seen and judged."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import httpx
import pytest

from app import main
from app.adapters.face.bundled.challenges import Challenge, Step
from app.adapters.face.bundled.provider import BundledFaceProvider
from app.core.settings import Settings
from app.ports.face import FaceMode
from app.routers.deps import House
from app.services import cases, files
from app.worker import relay
from tests.adapters.face.bundled.acting import jpeg
from tests.adapters.face.bundled.landmarks import asked
from tests.adapters.face.bundled.pictures import picture
from tests.adapters.face.bundled.stage import Cast
from tests.factories.adding import Kin, Owner, ok, steps, stored_files
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.phone import JSON

pytest.importorskip("dlib", reason="the extra faces is not installed; make test-faces installs it")

PORTRAIT = jpeg(picture("obama2"))


@pytest.fixture
async def app(owner: Owner, house: House) -> AsyncIterator[Owner]:
    """The owner's app at a server with the bundled provider."""
    async with httpx.AsyncClient() as wire:
        provider = BundledFaceProvider(clock=house.ports.clock, client=wire, options={"niceness": "0"})
        judging = replace(house, ports=replace(house.ports, faces={provider.name: provider}))
        transport = httpx.ASGITransport(main.create_app(judging))
        async with httpx.AsyncClient(transport=transport, base_url="http://escard.test", timeout=300) as client:
            yield Owner(client, judging, "", holder=owner.holder)
        await provider.close()


async def begun(app: Owner, enrolment: str, **meta: str) -> JSON:
    """Start a check on this device."""
    return ok(await app.call("POST", f"{enrolment}/face-checks", {"device_meta": meta}))


def challenge(check: JSON) -> Challenge:
    """What the check asks for, as a client reads it."""
    assert check["mode"] == FaceMode.LIVE
    return asked([Step(step) for step in check["client"]["steps"].split(",")])


async def sent(app: Owner, check: JSON, frames: Sequence[bytes]) -> JSON:
    """Send frames and say that they are all; return the check as it ended."""
    address = f"/v1/face-checks/{check['id']}"
    nonce = check["client"]["nonce"]
    for number, frame in enumerate(frames, start=1):
        ok(await app.call("PUT", f"{address}/frames/{number}", frame, Face_Nonce=nonce))
    return ok(await app.call("POST", f"{address}/completion"))


@pytest.fixture
async def enrolment(app: Owner, kin: Kin) -> str:
    """A father is being added; the register has another photo of him."""
    return await app.to_face(await kin(age=64, portrait=PORTRAIT), "51", age=64)


class TestLive:
    @pytest.mark.parametrize("meta", [{}, {"accessible": "true"}], ids=["head", "mouth"])
    async def test_the_right_person_passes(
        self, app: Owner, enrolment: str, cast: Cast, meta: dict[str, str], settings: Settings, house: House
    ) -> None:
        check = await begun(app, enrolment, **meta)

        done = await sent(app, check, cast.actor.film(challenge(check)))
        await files.sweep(house.db, house.ports.store)

        assert (done["state"], done["reason"], done["tries_left"]) == ("passed", "ok", 3)
        assert (await app.read(enrolment))["state"] == "active"
        assert len(stored_files(settings)) == 1, "the paper, and no frame"

    async def test_somebody_else_fails_and_it_counts(self, app: Owner, enrolment: str, cast: Cast) -> None:
        check = await begun(app, enrolment)

        done = await sent(app, check, cast.other.film(challenge(check)))

        assert (done["state"], done["reason"], done["tries_left"]) == ("failed", "face_mismatch", 2)
        assert (await app.read(enrolment))["state"] == "face_pending"

    async def test_a_still_photo_of_the_right_person_fails_and_it_counts(
        self, app: Owner, enrolment: str, cast: Cast
    ) -> None:
        check = await begun(app, enrolment)

        done = await sent(app, check, cast.actor.still(24))

        assert (done["state"], done["reason"], done["tries_left"]) == ("failed", "liveness_failed", 2)

    async def test_a_camera_that_saw_nobody_is_nobodys_failure(self, app: Owner, enrolment: str) -> None:
        check = await begun(app, enrolment)

        done = await sent(app, check, [jpeg(picture("camera"))] * 24)

        assert (done["state"], done["reason"], done["tries_left"]) == ("failed", "face_not_whole", 3)

    async def test_without_a_portrait_nothing_is_filmed_and_people_decide(self, app: Owner, kin: Kin) -> None:
        enrolment = await app.to_face(await kin(age=64, portrait=None), "51", age=64)
        check = await begun(app, enrolment)

        done = await sent(app, check | {"client": check["client"] | {"nonce": ""}}, [])

        assert check["client"] == {"kind": "bundled", "frames": "0"}
        assert (done["reason"], done["tries_left"]) == ("source_photo_missing", 3)
        assert (await app.read(enrolment))["state"] == "in_review"


class TestPhoto:
    @pytest.mark.parametrize(
        ("photo", "portrait", "reason", "state"),
        [
            ("obama", "obama3", "ok", "active"),
            ("biden", "obama3", "face_mismatch", "face_pending"),
            ("obama_partial_face", "obama3", "face_not_whole", "face_pending"),
            ("chelsea", "obama3", "face_not_whole", "face_pending"),
            ("obama", "chelsea", "source_photo_missing", "in_review"),
        ],
    )
    async def test_a_childs_photo_is_compared_with_the_portrait(
        self, app: Owner, kin: Kin, photo: str, portrait: str, reason: str, state: str
    ) -> None:
        child = await kin(age=9, parents=[app.person.number], portrait=jpeg(picture(portrait)))
        enrolment = await app.to_face(child, "20", age=9, photo=jpeg(picture(photo)))
        check = await begun(app, enrolment)

        done = ok(await app.call("POST", f"/v1/face-checks/{check['id']}/completion"))
        read = await app.read(enrolment)

        assert (done["mode"], done["reason"], read["state"]) == ("photo", reason, state)
        assert steps(read)


class TestPresorting:
    @pytest.mark.parametrize(
        ("photo", "hints"), [("obama", {"medium", "high"}), ("biden", {"low"}), ("chelsea", {None})]
    )
    async def test_reviewers_see_how_near_a_childs_photo_is(
        self, app: Owner, kin: Kin, photo: str, hints: set[str | None]
    ) -> None:
        stranger = await kin(age=9, portrait=jpeg(picture("obama3")))
        enrolment = await app.to_face(stranger, "20", age=9, photo=jpeg(picture(photo)))
        ok(await app.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))
        presorter = app.house.ports.faces["bundled"]
        assert isinstance(presorter, BundledFaceProvider)

        await relay.tell_due(app.house.db, replace(app.house.ports, presorter=presorter))

        (case,) = await app.house.db.run(cases.waiting)
        assert case.face_hint in hints
