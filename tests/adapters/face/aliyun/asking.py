"""A check as the house would ask for it."""

from dataclasses import replace
from typing import Final
from uuid import uuid4

import pytest

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.aliyun import AliyunFaceProvider
from app.ports.face import FaceMode, FaceRequest, FaceServiceUnavailable
from tests.adapters.face.aliyun.vendor import CALLBACK_URL, META_INFO

NAME, NUMBER = "古丽·买买提", "11010519491231002X"
PORTRAIT, PHOTO = portrait_photo(1), portrait_photo(2)
LIVE: Final = FaceMode.LIVE
STILL: Final = FaceMode.PHOTO


def asked(mode: FaceMode = LIVE, **more: object) -> FaceRequest:
    request = FaceRequest(
        check_id=uuid4(),
        mode=mode,
        name=NAME,
        number=NUMBER,
        reference=PORTRAIT,
        photo=PHOTO if mode is STILL else None,
        device_meta={"meta_info": META_INFO},
        callback_url=CALLBACK_URL,
    )
    return replace(request, **more)  # type: ignore[arg-type] # named as the fields are


async def fault_of(provider: AliyunFaceProvider, mode: FaceMode = FaceMode.LIVE) -> FaceServiceUnavailable:
    with pytest.raises(FaceServiceUnavailable) as raised:
        await provider.start(asked(mode))
    return raised.value
