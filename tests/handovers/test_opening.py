"""A link is opened once, by who was told its code; previews, guesses and strangers get nothing."""

import re
import secrets

import httpx
import pytest

from app.routers.deps import House
from tests.factories.adding import Owner, later, ok, refused
from tests.factories.handing import MemberPhone, code_of, hand_over
from tests.factories.make import Make
from tests.factories.phone import JSON
from tests.factories.statements import statements

DEVICE = {"id": "a phone", "name": "My phone", "platform": "web"}


@pytest.fixture
async def offer(owner: Owner, enrolment: str) -> JSON:
    return await hand_over(owner, enrolment)


@pytest.fixture
def phone(client: httpx.AsyncClient) -> MemberPhone:
    return MemberPhone(client)


def wrong_code(offer: JSON) -> str:
    return f"{(int(offer['spoken_code']) + 1) % 10**6:06}"


def altered(offer: JSON, place: int) -> JSON:
    """Return an offer whose link differs in one place: the first 22 characters hold the id, the others the secret."""
    code = code_of(offer)
    other = "A" if code[place] != "A" else "B"
    return offer | {"url": f"x#{code[:place]}{other}{code[place + 1 :]}"}


class TestOpening:
    async def test_it_gives_a_token_for_a_quarter_of_an_hour(self, phone: MemberPhone, offer: JSON) -> None:
        opened = ok(await phone.open(offer))

        assert (opened["token_type"], opened["expires_in"]) == ("Bearer", 900)
        assert re.fullmatch(r"handover\.[0-9a-f-]{36}\.[A-Za-z0-9_-]{43}", opened["access_token"])
        assert (await phone.read())["state"] == "opened"

    async def test_the_token_has_a_time_of_its_own(self, phone: MemberPhone, offer: JSON, house: House) -> None:
        await later(house, minutes=14)
        await phone.open(offer)
        await later(house, minutes=14)

        assert (await phone.read())["state"] == "opened"

    async def test_a_link_opens_once(self, client: httpx.AsyncClient, phone: MemberPhone, offer: JSON) -> None:
        await phone.open(offer)

        refused(await MemberPhone(client).open(offer), 404, "handover-link-over")
        refused(await phone.open(offer), 404, "handover-link-over")
        assert (await phone.read())["state"] == "opened"

    async def test_an_answer_that_was_lost_comes_again(self, phone: MemberPhone, offer: JSON, house: House) -> None:
        first = await phone.open(offer, key="the-same-key")
        await later(house, minutes=1)

        again = await phone.open(offer, key="the-same-key")

        assert ok(again)["access_token"] == ok(first)["access_token"]
        assert ok(again)["expires_in"] == 840
        assert again.headers["idempotency-replayed"] == "true"

    async def test_another_phone_with_the_same_key_gets_nothing(
        self, client: httpx.AsyncClient, phone: MemberPhone, offer: JSON
    ) -> None:
        await phone.open(offer, key="the-same-key")

        refused(await MemberPhone(client).open(offer, key="the-same-key"), 422, "idempotency-key-reused")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    async def test_looking_spends_nothing(
        self, client: httpx.AsyncClient, phone: MemberPhone, offer: JSON, method: str
    ) -> None:
        for path in ("/v1/handovers/openings", "/v1/handovers/current", f"/handover?code={code_of(offer)}"):
            await client.request(method, path)

        assert (await phone.open(offer)).status_code == 201


class TestWrongCodes:
    async def test_the_fifth_wrong_one_ends_the_link(
        self, phone: MemberPhone, offer: JSON, owner: Owner, enrolment: str
    ) -> None:
        left = [
            refused(await phone.open(offer, wrong_code(offer)), 403, "handover-code-wrong")["tries_left"]
            for _ in range(4)
        ]
        last = refused(await phone.open(offer, wrong_code(offer)), 403, "handover-codes-used-up")
        right = await phone.open(offer)
        read = await owner.read(enrolment)

        assert (left, last["tries_left"]) == ([4, 3, 2, 1], 0)
        assert "新的口述验证码" in last["next"]["text"]
        refused(right, 404, "handover-link-over")
        assert (read["handover"]["state"], read["handover"]["ended_because"]) == ("ended", "wrong_codes")
        assert read["state"] == "face_pending"

    async def test_after_four_the_right_one_opens(self, phone: MemberPhone, offer: JSON) -> None:
        for _ in range(4):
            await phone.open(offer, wrong_code(offer))

        assert (await phone.open(offer)).status_code == 201

    async def test_the_same_request_again_is_the_same_try(self, phone: MemberPhone, offer: JSON) -> None:
        left = [(await phone.open(offer, wrong_code(offer), "the-same-key")).json()["tries_left"] for _ in range(3)]

        assert left == [4, 4, 4]

    async def test_that_it_was_guessed_at_is_written_down(
        self, phone: MemberPhone, offer: JSON, owner: Owner, make: Make
    ) -> None:
        for _ in range(5):
            await phone.open(offer, wrong_code(offer))
        assert owner.holder is not None

        action, facts, actor = (await make.audited(owner.holder))[-1]

        assert (action, facts["because"], actor) == ("handover.ended", "wrong_codes", None)

    async def test_who_has_no_link_takes_nobodys_tries(
        self, phone: MemberPhone, offer: JSON, client: httpx.AsyncClient
    ) -> None:
        for place in (25, 30, 41):
            for _ in range(3):
                refused(await MemberPhone(client).open(altered(offer, place)), 404, "handover-link-over")

        assert refused(await phone.open(offer, wrong_code(offer)), 403, "handover-code-wrong")["tries_left"] == 4


class TestStrangers:
    async def test_an_unknown_link_and_a_wrong_secret_are_answered_by_the_same_steps(
        self, phone: MemberPhone, offer: JSON, house: House
    ) -> None:
        await phone.open(altered(offer, 30))  # so that the rules are known to both

        said = []
        for wrong in (altered(offer, 30), altered(offer, 3)):
            with statements(house.db) as sent:
                answer = await phone.open(wrong)
            said.append((answer.status_code, answer.json() | {"request_id": ""}, tuple(sent)))

        assert said[0] == said[1]
        assert said[0][1]["code"] == "handover-link-over"

    async def test_an_unknown_token_and_a_wrong_secret_too(self, member: MemberPhone, owner: Owner) -> None:
        _, handover_id, secret = member.token.split(".")
        tokens = [
            f"handover.{handover_id}.{'A' * 43}",
            f"handover.{handover_id[:-12]}{secrets.token_hex(6)}.{secret}",
            f"handover.{handover_id}.{secret[:-1]}",
            f"handover.{handover_id.upper()}.{secret}",
            f"handover.{handover_id}.{secret}=",
            "handover.x.y",
            "handover.",
            owner.headers["Authorization"].removeprefix("Bearer "),
        ]
        said = set()
        for token in tokens:
            answer = await MemberPhone(member.client, token=token).call("GET")
            problem = refused(answer, 401, "handover-ended")
            said.add((problem["detail"], answer.headers["www-authenticate"]))

        assert len(said) == 1
        assert (await member.read())["state"] == "opened"

    @pytest.mark.parametrize("scheme", ["Basic", "handover", ""])
    async def test_a_token_that_is_sent_otherwise_is_none(self, member: MemberPhone, scheme: str) -> None:
        headers = {"Authorization": f"{scheme} {member.token}".strip()}

        answer = await member.client.get("/v1/handovers/current", headers=headers)

        refused(answer, 401, "not-signed-in")

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"code": "", "spoken_code": "000000", "device": DEVICE}, "/code"),
            ({"code": "A" * 129, "spoken_code": "000000", "device": DEVICE}, "/code"),
            ({"code": 7, "spoken_code": "000000", "device": DEVICE}, "/code"),
            ({"code": "A" * 43, "spoken_code": "00000", "device": DEVICE}, "/spoken_code"),
            ({"code": "A" * 43, "spoken_code": "００００００", "device": DEVICE}, "/spoken_code"),
            ({"code": "A" * 43, "spoken_code": 123456, "device": DEVICE}, "/spoken_code"),
            ({"code": "A" * 43, "spoken_code": "000000"}, "/device"),
            ({"code": "A" * 43, "spoken_code": "000000", "device": DEVICE, "account": "mine"}, "/account"),
        ],
    )
    async def test_a_broken_body_is_named_and_not_repeated(
        self, client: httpx.AsyncClient, body: JSON, pointer: str
    ) -> None:
        answer = await client.post("/v1/handovers/openings", json=body, headers={"Idempotency-Key": "k" * 8})

        assert refused(answer, 422, "invalid-request")["errors"][0]["pointer"] == pointer
        assert "A" * 43 not in answer.text

    @pytest.mark.parametrize("code", ["x", "A" * 42, "A" * 43, "A" * 44, "é" * 43, "../../etc/passwd", "A" * 42 + "="])
    async def test_what_is_no_link_is_over(self, client: httpx.AsyncClient, code: str) -> None:
        body = {"code": code, "spoken_code": "000000", "device": DEVICE}

        answer = await client.post("/v1/handovers/openings", json=body, headers={"Idempotency-Key": "k" * 8})

        refused(answer, 404, "handover-link-over")

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            (b"{", 400, "malformed-request"),
            (b'{"code": "a", "code": "b"}', 400, "malformed-request"),
            (b'{"code": "' + b"A" * 70_000 + b'"}', 413, "body-too-large"),
            (b"\xff\xfe", 400, "malformed-request"),
        ],
        ids=["broken", "twice", "huge", "no text"],
    )
    async def test_a_body_that_cannot_be_read_is_refused(
        self, client: httpx.AsyncClient, content: bytes, status: int, code: str
    ) -> None:
        headers = {"Idempotency-Key": "k" * 8, "Content-Type": "application/json"}

        answer = await client.post("/v1/handovers/openings", content=content, headers=headers)

        refused(answer, status, code)

    async def test_without_a_key_it_is_not_opened(self, client: httpx.AsyncClient, offer: JSON) -> None:
        body = {"code": code_of(offer), "spoken_code": offer["spoken_code"], "device": DEVICE}

        refused(await client.post("/v1/handovers/openings", json=body), 400, "idempotency-key-missing")
        assert (await MemberPhone(client).open(offer)).status_code == 201


class TestTakenOver:
    """Another account has shown to be the owner: what the one before has handed over is worth nothing any more."""

    async def test_the_token(self, member: MemberPhone, owner: Owner, make: Make) -> None:
        await member.agree("view")
        check = await member.start()
        assert owner.holder is not None

        await make.signed_in(owner.holder)

        for method, path in (("GET", ""), ("POST", "/refusals"), ("GET", check), ("POST", f"{check}/completion")):
            refused(await member.call(method, path), 401, "handover-ended")

    async def test_the_link(self, phone: MemberPhone, offer: JSON, owner: Owner, make: Make) -> None:
        assert owner.holder is not None

        await make.signed_in(owner.holder)

        refused(await phone.open(offer), 404, "handover-link-over")


async def test_the_token_is_good_for_nothing_else(
    member: MemberPhone, owner: Owner, enrolment: str, client: httpx.AsyncClient
) -> None:
    """Every operation of the document, with ids that its owner could use."""
    await member.agree("view")
    document = (await client.get("/openapi.json")).json()
    mine: str = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))["id"]
    values = {"enrolment_id": enrolment[-36:], "check_id": mine, "holder": "me", "code": "face-check", "number": "1"}
    own = {
        "/v1/face-checks/{check_id}",
        "/v1/face-checks/{check_id}/completion",
        "/v1/face-checks/{check_id}/frames/{number}",
    }
    tried = 0

    for path, operations in document["paths"].items():
        is_ours = path.startswith("/v1/handovers/current")
        for method, operation in operations.items():
            if "security" not in operation or is_ours or {"terminal": []} in operation["security"]:
                continue
            where = re.sub(r"\{(\w+)\}", lambda name: values.get(str(name[1]), mine), path)
            answer = await member.call(method.upper(), where, {})
            tried += 1
            if path in own:
                refused(answer, 404, "not-found")
            else:
                is_channels = {"channel": []} in operation["security"]
                refused(answer, 401, "channel-token-refused" if is_channels else "not-signed-in")

    assert tried > 30
    assert (await member.read())["agreed"] == ["view"]
