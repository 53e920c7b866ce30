"""The add flow goes through Alibaba Cloud: live by callback, and by photo."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests.adapters.face.aliyun.vendor import CALLBACK_URL, META_INFO, AliyunVendor
from tests.cluster import Database
from tests.factories.phone import CARD_PASSWORD, Phone, settle_people


@pytest.fixture
async def house(vendor: AliyunVendor, database: Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A house that has it for its provider."""
    public = settings.model_copy(update={"public_url": CALLBACK_URL.partition("/v1/")[0]})
    built = main.build(public, database.app_url, keys=keys)
    faces = {"aliyun": vendor.made(built.ports.clock)}
    async with main.opened(replace(built, ports=replace(built.ports, faces=faces))) as opened:
        await settle_people(opened)
        yield opened


async def to_face(holder: Phone, person: TestPerson) -> str:
    await holder.register()
    enrolment = await holder.open("own_card")
    await holder.acknowledge(enrolment, "own-card")
    await holder.details(enrolment, person)
    await holder.consent(enrolment, "face-check")
    return enrolment


async def test_a_card_comes_by_callback_and_a_relative_by_photo(
    vendor: AliyunVendor, people: dict[str, TestPerson], phone: Callable[[str], Phone]
) -> None:
    holder = phone(str(people["owner"].phone))
    enrolment = await to_face(holder, people["owner"])
    started = (await holder.call("POST", f"{enrolment}/face-checks", {"device_meta": {"meta_info": META_INFO}})).json()
    begun = vendor.calls[-1].form
    said = {"callbackToken": begun["CallbackToken"], "certifyId": started["client"]["certify_id"], "passed": "200"}

    heard = await holder.client.get(begun["CallbackUrl"].removeprefix("https://escard.example"), params=said)
    check = (await holder.call("GET", f"/v1/face-checks/{started['id']}")).json()
    await holder.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD})
    added = await holder.add(people["child-15"], "27", age=15)

    assert (heard.status_code, check["state"]) == (200, "passed")
    assert begun["OuterOrderNo"] == started["id"].replace("-", "")
    assert added["state"] == "active"
    assert [call.action for call in vendor.calls] == ["InitFaceVerify", "DescribeFaceVerify", "ContrastFaceVerify"]


@pytest.mark.parametrize(
    ("code", "sub_code", "status", "state", "tries_left"),
    [
        ("200", "204", 200, "failed", 2),
        ("200", "203", 200, "failed", 3),
        ("424", "200", 200, "processing", 3),
        ("412", "200", 503, None, None),
        ("600", "200", 503, None, None),
    ],
)
async def test_what_the_vendor_says_is_told_in_our_words(
    vendor: AliyunVendor,
    people: dict[str, TestPerson],
    phone: Callable[[str], Phone],
    code: str,
    sub_code: str,
    status: int,
    state: str | None,
    tries_left: int | None,
) -> None:
    holder = phone(str(people["owner"].phone))
    enrolment = await to_face(holder, people["owner"])
    vendor.check_code, vendor.sub_code = code, sub_code

    started = await holder.call("POST", f"{enrolment}/face-checks", {"device_meta": {"meta_info": META_INFO}})
    checked = await holder.call("POST", f"/v1/face-checks/{started.json()['id']}/completion")

    assert checked.status_code == status
    assert (checked.json().get("state"), checked.json().get("tries_left")) == (state, tries_left)


async def test_a_vendor_that_has_no_money_left_is_nobodys_try(
    vendor: AliyunVendor, people: dict[str, TestPerson], phone: Callable[[str], Phone]
) -> None:
    holder = phone(str(people["owner"].phone))
    enrolment = await to_face(holder, people["owner"])
    vendor.start_code = "412"

    refused = await holder.call("POST", f"{enrolment}/face-checks", {"device_meta": {"meta_info": META_INFO}})

    assert (refused.status_code, refused.json()["code"]) == (503, "face-service-unavailable")
    assert (await holder.read(enrolment))["face"]["tries_left"] == 3
