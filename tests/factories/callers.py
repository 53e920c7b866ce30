"""What tests of sign-in share: time that passes, signing in, a card password checked."""

from datetime import timedelta

import httpx

from app.routers.deps import House
from tests.factories.phone import Phone

SOMEBODY = "10000009001"
SOMEBODY_ELSE = "10000009002"


async def pass_time(house: House, **span: float) -> None:
    """Move the clock forward by a span of time."""
    assert house.sandbox is not None
    await house.sandbox.move_clock(timedelta(**span))


async def sign_in(phone: Phone, **proof: str) -> httpx.Response:
    """Sign in on the phone's device with `password` or `sms_code`; take over the tokens."""
    device = {"id": phone.device, "name": "Another phone", "platform": "android"}
    answer = await phone.client.post("/v1/sessions", json={"phone": phone.number, "device": device} | proof)
    if answer.status_code == 201:
        phone.tokens = answer.json()
    return answer


async def sign_in_by_code(phone: Phone) -> httpx.Response:
    """Sign in on the phone's device with a fresh code."""
    return await sign_in(phone, sms_code=await phone.sms_code("sign_in"))


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Exchange a refresh token."""
    return await client.post("/v1/sessions/refresh", json={"refresh_token": token})


def on_new_device(phone: Phone) -> Phone:
    """Return the same person's other phone, signed in to nothing yet."""
    return Phone(phone.client, phone.house, phone.number)
