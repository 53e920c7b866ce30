"""On which devices the phone was checked, and what of codes is put away again."""

from typing import Any

import pytest

from app.core.db import Database
from app.models.showings import Redemption
from app.models.terminals import TerminalRequest
from app.routers.deps import House
from app.services import housekeeping
from tests.factories.adding import ok, refused
from tests.factories.callers import on_new_device, pass_time, sign_in, sign_in_by_code
from tests.factories.make import Make
from tests.factories.phone import PASSWORD, Phone
from tests.factories.rows import count
from tests.factories.showing import show
from tests.factories.terminals import Install

MINE = "/v1/holders/me/card/codes"


async def checked(phone: Phone) -> list[bool]:
    """Which of the account's devices the phone was checked on, the last used first."""
    devices: list[dict[str, Any]] = ok(await phone.call("GET", "/v1/devices"))["items"]
    return [device["is_phone_checked"] for device in devices]


async def test_the_phone_that_an_account_was_opened_on_shows_codes_at_once(owner: Phone) -> None:
    ok(await owner.call("POST", MINE))

    assert await checked(owner) == [True]


async def test_a_password_alone_shows_no_code_on_a_new_phone_until_the_phone_was_checked(owner: Phone) -> None:
    other = on_new_device(owner)
    ok(await sign_in(other, password=PASSWORD))
    refused(await other.call("POST", MINE), 409, "phone-check-needed")
    assert await checked(other) == [False, True]

    done = await other.call("PUT", "/v1/devices/current/phone-check", {"sms_code": await other.sms_code("new_device")})

    assert done.status_code == 204
    ok(await other.call("POST", MINE))
    ok(await sign_in(other, password=PASSWORD))  # and in the next session
    ok(await other.call("POST", MINE))


async def test_a_sign_in_by_code_has_checked_it_and_the_card_password_does_the_rest(owner: Phone) -> None:
    other = on_new_device(owner)
    ok(await sign_in_by_code(other))
    refused(await other.call("POST", MINE), 401, "more-proof-needed")

    await other.step_up()

    ok(await other.call("POST", MINE))


async def test_a_device_that_was_forgotten_is_a_new_one(owner: Phone) -> None:
    other = on_new_device(owner)
    ok(await sign_in_by_code(other))
    devices = ok(await owner.call("GET", "/v1/devices"))["items"]
    (forgotten,) = [device["id"] for device in devices if not device["is_trusted"]]
    await owner.call("DELETE", f"/v1/devices/{forgotten}")

    ok(await sign_in(other, password=PASSWORD))

    refused(await other.call("POST", MINE), 409, "phone-check-needed")


async def test_what_was_redeemed_is_put_away_a_day_later_and_what_happened_stays_written_down(
    make: Make, install: Install, house: House, db: Database
) -> None:
    me, desk = await make.owner(), await install()
    ok(await desk.redeem(await show(me)))
    await housekeeping.put_away(db)
    assert (await count(db, Redemption), await count(db, TerminalRequest)) == (1, 1)

    await pass_time(house, days=1)
    await housekeeping.put_away(db)

    assert (await count(db, Redemption), await count(db, TerminalRequest)) == (0, 0)
    assert "code.redeemed" in [action for action, _, _ in await make.audited(me)]


@pytest.mark.parametrize("body", ["x", "12345", "1234567"])
async def test_what_is_no_code_is_told_so(owner: Phone, body: str) -> None:
    refused(await owner.call("PUT", "/v1/devices/current/phone-check", {"sms_code": body}), 422, "invalid-request")
