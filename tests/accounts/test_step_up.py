"""What needs a fresh card-password check says so (RFC 9470), and takes none that is old or of another password."""

from uuid import UUID

import pytest

from app.core.tokens.access import AccessClaims
from tests.factories.callers import pass_time, refresh
from tests.factories.phone import CARD_PASSWORD, Phone

CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="urn:escard:acr:card-password", max_age="300"'
NEW_PASSWORD = "274916"


async def is_stepped_up(phone: Phone) -> bool:
    answer = await phone.call("GET", "/v1/me?reveal=true")
    if answer.status_code == 200:
        return True
    assert (answer.status_code, answer.json()["code"]) == (401, "card-password-required")
    assert answer.json()["next"]["href"] == "/v1/card/password-checks"
    assert answer.headers["www-authenticate"] == CHALLENGE
    return False


async def test_adding_a_relative_and_showing_ones_number_ask_for_the_card_password(owner: Phone) -> None:
    adding = await owner.call("POST", "/v1/enrolments", {"kind": "family_member"})
    showing = await owner.call("GET", "/v1/me?reveal=true")

    assert [(each.status_code, each.json()["code"]) for each in (adding, showing)] == [
        (401, "card-password-required")
    ] * 2
    assert {each.headers["www-authenticate"] for each in (adding, showing)} == {CHALLENGE}


async def test_a_right_password_gives_a_token_that_says_so(owner: Phone) -> None:
    answer = await owner.step_up()

    body = answer.json()
    assert {key: body[key] for key in ("acr", "token_type", "expires_in")} == {
        "acr": "urn:escard:acr:card-password",
        "token_type": "Bearer",
        "expires_in": 600,
    }
    assert body["auth_time"] == pytest.approx(owner.house.db.clock.now().timestamp(), abs=5)
    assert await is_stepped_up(owner)


async def test_with_it_ones_own_number_is_shown_whole_and_that_is_written_down(owner: Phone) -> None:
    await owner.step_up()

    masked, whole = await owner.call("GET", "/v1/me"), await owner.call("GET", "/v1/me?reveal=true")

    assert masked.json()["name"] == "王**"
    assert "*" in masked.json()["social_security_number"]
    assert whole.json()["name"] == "王志远"
    assert whole.json()["phone"] == owner.number
    events = await owner.house.db.fetch("SELECT action FROM audit_event WHERE action = 'person.number_revealed'")
    assert len(events) == 1


@pytest.mark.parametrize(("seconds", "is_fresh"), [(290, True), (301, False)])
async def test_it_is_fresh_for_five_minutes(owner: Phone, seconds: int, *, is_fresh: bool) -> None:
    await owner.step_up()
    await pass_time(owner.house, seconds=seconds)

    assert await is_stepped_up(owner) is is_fresh
    assert (await owner.call("GET", "/v1/me")).status_code == 200


async def test_a_refreshed_token_does_not_carry_it_on(owner: Phone) -> None:
    await owner.step_up()

    owner.tokens = (await refresh(owner.client, owner.tokens["refresh_token"])).json()

    assert not await is_stepped_up(owner)


async def test_a_change_of_the_password_ends_it(owner: Phone) -> None:
    await owner.step_up()

    changed = await owner.call("PUT", "/v1/card/password", {"current": CARD_PASSWORD, "new": NEW_PASSWORD})

    assert changed.status_code == 204
    assert not await is_stepped_up(owner)
    await owner.step_up(NEW_PASSWORD)
    assert await is_stepped_up(owner)


async def test_another_way_of_signing_in_is_no_card_password(owner: Phone) -> None:
    account_id = UUID((await owner.call("GET", "/v1/me")).json()["account_id"])
    now = int(owner.house.db.clock.now().timestamp())
    for acr in ("sms", "urn:escard:acr:account-password"):
        claims = AccessClaims(UUID(owner.tokens["session_id"]), account_id, acr, now, 1)
        owner.tokens["access_token"] = owner.house.mint.access.sign(claims)
        assert not await is_stepped_up(owner)
