"""Tencent's provider in the house: made by its options, keeping the promises of all, telling nothing of anybody."""

import logging
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from app import main
from app.adapters.face.tencent import TencentFaceProvider
from app.adapters.keys.file import FileKeys
from app.core.clock import MovableClock
from app.core.settings import Settings
from app.kit.promises import PROMISES, Promise
from app.kit.stage import StageMaker
from app.ports.face import FaceMode, FaceServiceUnavailable
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.adapters.face.tencent import stage as stages
from tests.adapters.face.tencent.asking import NAME, NUMBER, PHOTO, PORTRAIT, Make, picture, play, request
from tests.adapters.face.tencent.vendor import Vendor
from tests.cluster import Database
from tests.factories.adding import later
from tests.factories.phone import Phone, settle_people


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({}, "SECRET_ID"),
            ({"secret_id": "x"}, "SECRET_KEY"),
            ({"secret_id": "x", "secret_key": ""}, "SECRET_KEY"),
            ({"secret_id": "x", "secret_key": "y"}, "RULE_ID"),
            ({"flow": "smoke"}, "FLOW"),
            ({"compare": "smoke"}, "COMPARE"),
            ({"photo_similarity": "smoke"}, "PHOTO_SIMILARITY"),
            ({"photo_similarity": "69"}, "PHOTO_SIMILARITY"),
            ({"endpoint": "http://smoke.example"}, "ENDPOINT"),
            ({"endpoint": "https://[smoke"}, "ENDPOINT"),
            ({"endpoint": "smoke"}, "ENDPOINT"),
            ({"secret": "smoke"}, "SECRET"),
        ],
    )
    def test_what_is_missing_wrong_or_unknown_is_named(
        self, outside: httpx.AsyncClient, clock: MovableClock, options: dict[str, str], named: str
    ) -> None:
        with pytest.raises(LookupError) as raised:
            TencentFaceProvider(clock=clock, client=outside, options=options)

        assert f"ESCARD_FACE_OPTIONS__TENCENT__{named}" in str(raised.value)
        assert "smoke" not in str(raised.value)

    def test_the_vendors_own_address_is_where_it_goes(self, outside: httpx.AsyncClient, clock: MovableClock) -> None:
        options = {"secret_id": "x", "secret_key": "y", "flow": "sdk"}

        provider = TencentFaceProvider(clock=clock, client=outside, options=options)

        assert provider.modes == frozenset(FaceMode)

    def test_the_name_leads_to_the_provider(self) -> None:
        project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text(encoding="utf-8"))
        value = project["project"]["entry-points"]["escard.face_providers"]["tencent"]

        assert EntryPoint("tencent", value, "escard.face_providers").load() is TencentFaceProvider


@pytest.mark.parametrize("stage", [stages.h5, stages.sdk])
@pytest.mark.parametrize("promise", PROMISES.values(), ids=list(PROMISES))
async def test_it_keeps_what_all_providers_promise(promise: Promise, stage: StageMaker) -> None:
    async with stage() as opened_stage:
        await promise(opened_stage)


async def test_nothing_of_a_person_is_logged(make: Make, vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    vendor.text = {"ErrCode": 2006}
    caplog.set_level(logging.DEBUG)

    with capture_logs() as events:
        await play(make(), request())
        await play(make(flow="sdk", compare="library"), request())
        await play(make(), request(FaceMode.PHOTO))
        vendor.error = "InvalidParameterValue"
        with pytest.raises(FaceServiceUnavailable):
            await make().start(request())

    logged = caplog.text + str(events)
    assert "127.0.0.1" in logged
    for personal in (NAME, NUMBER, NAME.encode().hex(), picture(PORTRAIT)[:40], picture(PHOTO)[:40]):
        assert personal not in logged


class TestInTheHouse:
    @pytest.fixture
    async def house(
        self, vendor: Vendor, outside: httpx.AsyncClient, database: Database, settings: Settings, keys: FileKeys
    ) -> AsyncIterator[House]:
        """A house that has nobody else for its faces."""
        built = main.build(settings, database.app_url, keys=keys)
        tencent = TencentFaceProvider(clock=built.ports.clock, client=outside, options=vendor.options)
        async with main.opened(replace(built, ports=replace(built.ports, faces={"tencent": tencent}))) as opened_house:
            await settle_people(opened_house)
            yield opened_house

    async def test_the_flow_goes_through_the_page_and_back(
        self, vendor: Vendor, people: dict[str, TestPerson], phone: Callable[[str], Phone]
    ) -> None:
        holder = phone(str(people["owner"].phone))
        await holder.register()
        enrolment = await holder.open("own_card")
        await holder.acknowledge(enrolment, "own-card")
        await holder.details(enrolment, people["owner"])
        await holder.consent(enrolment, "face-check")
        vendor.text = {"ErrCode": None}
        started = await holder.call("POST", f"{enrolment}/face-checks", {})
        back = urlsplit(vendor.asked("DetectAuth")["RedirectUrl"])

        early = await holder.client.get(f"{back.path}?{back.query}&BizToken=x")
        waiting = await holder.call("GET", f"/v1/face-checks/{started.json()['id']}")
        vendor.text = {}
        await later(holder.house, seconds=2)
        late = await holder.client.get(f"{back.path}?{back.query}&BizToken=x")
        passed = await holder.call("GET", f"/v1/face-checks/{started.json()['id']}")

        assert started.json()["client"]["url"].startswith("https://open.faceid.qq.com/")
        assert (early.status_code, late.status_code) == (200, 200)
        assert (waiting.json()["state"], passed.json()["state"]) == ("processing", "passed")

    async def test_a_child_is_compared_by_photo(
        self, vendor: Vendor, people: dict[str, TestPerson], phone: Callable[[str], Phone]
    ) -> None:
        holder = phone(str(people["owner"].phone))
        await holder.register()
        await holder.own_card(people["owner"])

        ended = await holder.add(people["child-9"], "20", age=9)

        assert ended["state"] == "active"
        assert vendor.asked("ImageRecognitionV2")["IdCard"] == people["child-9"].number
