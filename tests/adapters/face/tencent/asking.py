"""What is asked of the provider in these tests."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import uuid4

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.tencent import TencentFaceProvider
from app.ports.face import FaceMode, FaceRequest, FaceResult

Make: TypeAlias = Callable[..., TencentFaceProvider]

NAME = "古丽·买买提"
NUMBER = "100101199001010048"
PORTRAIT, PHOTO = portrait_photo(1), portrait_photo(2)
CALLBACK = "https://escard.example/v1/callbacks/face/tencent"


def request(mode: FaceMode = FaceMode.LIVE, **more: Any) -> FaceRequest:
    asked = FaceRequest(
        check_id=uuid4(),
        mode=mode,
        name=NAME,
        number=NUMBER,
        reference=PORTRAIT,
        photo=PHOTO if mode is FaceMode.PHOTO else None,
        device_meta={},
        callback_url=CALLBACK,
    )
    return replace(asked, **more)


async def play(provider: TencentFaceProvider, asked: FaceRequest) -> FaceResult:
    return await provider.result((await provider.start(asked)).provider_ref)


def picture(image: bytes) -> str:
    return base64.b64encode(image).decode()
