"""Every door asks for an access token that is ours and whose session lives; each refusal says how to get one."""

import re
from uuid import UUID, uuid4

import httpx
import pytest

from app import main
from app.core.tokens.access import AccessClaims
from app.routers.deps import House
from tests.factories.phone import Phone

PUBLIC = {
    "/v1/accounts",
    "/v1/channels/token",  # channels sign instead
    "/v1/channels/{channel}/launches",
    "/v1/family/link-endings",  # for members without an account
    "/v1/family/link-endings/{ending_id}",
    "/v1/channels/{channel}/sessions",
    "/v1/handovers/openings",
    "/v1/notices/{code}",
    "/v1/offices",
    "/v1/relationships",
    "/v1/sessions/refresh",
    "/v1/sms-codes",
    "/v1/statements/{number}",
    "/v1/terminals/code-redemptions",  # terminals sign their requests instead
    "/v1/terminals/draws",
    "/v1/terminals/draws/{draw_id}/reversals",
}


def doors(house: House) -> list[tuple[str, str]]:
    """Every method and path that is not for everybody, with something in the place of its parameters."""
    return [
        (method.upper(), re.sub(r"\{[a-z_]+\}", str(uuid4()), path))
        for path, methods in main.create_app(house).openapi()["paths"].items()
        if path.startswith("/v1/") and path not in PUBLIC
        for method in methods
        if (method, path) not in {("post", "/v1/sessions"), ("post", "/v1/staff/sessions")}
    ]


async def test_no_door_opens_without_a_token(house: House, client: httpx.AsyncClient) -> None:
    found = doors(house)

    answers = {door: await client.request(*door) for door in found}

    assert len(found) > 25
    assert {
        door: (answer.status_code, answer.json().get("code"), answer.headers.get("www-authenticate"))
        for door, answer in answers.items()
        if (answer.status_code, answer.headers.get("www-authenticate")) != (401, "Bearer")
    } == {}


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ("", "Bearer"),
        ("Bearer", "Bearer"),
        ("Bearer ", "Bearer"),
        ("Bearer x", 'Bearer error="invalid_token"'),
        ("Bearer a.b.c", 'Bearer error="invalid_token"'),
        ("Basic dXNlcjpwYXNz", 'Bearer error="invalid_token"'),
        ("Bearer {access} {access}", 'Bearer error="invalid_token"'),
        ("Bearer {refresh}", 'Bearer error="invalid_token"'),
        ("Bearer {tampered}", 'Bearer error="invalid_token"'),
        ("{access}", "Bearer"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/me", "/v1/holders/me/card", "/v1/family"])
async def test_what_is_no_access_token_is_refused(holder: Phone, path: str, header: str, challenge: str) -> None:
    access = holder.tokens["access_token"]
    head, payload, mac = access.split(".")
    given = header.format(
        access=access, refresh=holder.tokens["refresh_token"], tampered=f"{head}.{payload[:-4]}AAAA.{mac}"
    )

    answer = await holder.client.get(path, headers={"Authorization": given})

    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"] == challenge


async def test_the_scheme_is_written_as_one_likes(holder: Phone) -> None:
    answer = await holder.client.get("/v1/me", headers={"Authorization": f"bearer {holder.tokens['access_token']}"})

    assert answer.status_code == 200


async def test_a_signed_token_without_a_living_session_opens_nothing(holder: Phone) -> None:
    for session_id in (uuid4(), UUID(holder.tokens["session_id"][:-4] + "0000")):
        token = holder.house.mint.access.sign(AccessClaims(session_id, uuid4()))
        answer = await holder.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "session-ended")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
