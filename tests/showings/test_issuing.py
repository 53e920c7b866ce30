"""Codes are issued to whoever may show the card, say nothing of anybody, and leave no trace."""

import base64
import json
from datetime import date, datetime
from typing import Any

import httpx
import pytest
import segno
from jose import jws
from sqlalchemy import update

from app.core.db import Database, bucket_of
from app.models import Base
from app.models.accounts import Assurance, Device, SignedIn
from app.models.people import Person
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.schemas.showings import CodeRead
from app.services.audit import Action
from app.services.links import Services
from tests.factories import qr
from tests.factories.adding import ok, refused
from tests.factories.make import Holder, Make, Member
from tests.factories.rows import count
from tests.factories.showing import codes_of, set_card, show

MINE = codes_of()
JSON = dict[str, Any]


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def father(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


def claims(code: str) -> JSON:
    """What anybody can read in a code."""
    payload = code.split(".")[1]
    read: JSON = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return read


async def rows(db: Database) -> dict[str, int]:
    """How many rows each table has."""
    tables = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    return {name: await count(db, table) for name, table in tables.items()}


class TestWhatACodeSays:
    async def test_it_can_be_verified_with_the_published_keys_and_lives_a_minute(
        self, me: Holder, client: httpx.AsyncClient, house: House
    ) -> None:
        answer = await me.call("POST", MINE, {"purpose": "medical"})

        issued = CodeRead.model_validate_json(answer.content, strict=True)
        header = jws.get_unverified_header(issued.code)
        keys = {key["kid"]: key for key in (await client.get("/.well-known/jwks.json")).json()["keys"]}
        said = json.loads(jws.verify(issued.code, keys[header["kid"]], ["ES256"]))
        assert (header["alg"], header["typ"]) == ("ES256", "code+jwt")
        assert set(said) == {"iss", "iat", "exp", "jti", "aud", "c"}
        assert (said["iss"], said["aud"]) == (house.settings.public_url, "medical")
        assert said["exp"] - said["iat"] == 60
        assert said["exp"] == issued.expires_at.timestamp()
        assert abs(said["iat"] - house.db.clock.now().timestamp()) < 5

    async def test_two_codes_of_one_person_have_nothing_in_common_but_the_time(self, me: Holder) -> None:
        first, second = claims(await show(me)), claims(await show(me))

        assert first["jti"] != second["jti"]
        assert first["c"] != second["c"]
        assert not set(_pieces(first["c"])) & set(_pieces(second["c"]))

    async def test_no_id_of_anybody_is_in_it(self, me: Holder, father: Member) -> None:
        for code in (await show(me), await show(me, father)):
            raw = base64.urlsafe_b64decode(claims(code)["c"] + "==") + base64.urlsafe_b64decode(
                claims(code)["jti"] + "=="
            )

            for known in (me.id, me.claims.account_id, father.person.id, father.link_id):
                assert known.bytes not in raw
                assert str(known) not in code

    async def test_it_is_short_enough_to_be_scanned_from_a_phone(self, me: Holder, father: Member) -> None:
        for code in (await show(me), await show(me, father)):
            assert len(code) < 500
            assert int(segno.make(code, error="l", micro=False).version) <= 15  # 77 modules: half a millimetre each

    async def test_without_a_body_it_is_for_identification(self, me: Holder) -> None:
        assert claims(ok(await me.call("POST", MINE))["code"])["aud"] == "identify"
        assert claims(ok(await me.call("POST", MINE, {}))["code"])["aud"] == "identify"

    async def test_a_purpose_that_there_is_not_is_refused(self, me: Holder) -> None:
        problem = refused(await me.call("POST", MINE, {"purpose": "vote"}), 422, "invalid-request")

        assert [(field["pointer"], field["code"]) for field in problem["errors"]] == [("/purpose", "choice")]

    async def test_to_show_a_card_leaves_no_trace(self, me: Holder, father: Member, db: Database) -> None:
        before = await rows(db)

        for _ in range(3):
            await show(me)
            await show(me, father, "medical")
            ok_image(await me.call("POST", MINE + "?qr=svg"))

        assert await rows(db) == before


class TestTheShortWayAndTheLongWay:
    """Bodies as clients write them are answered before the framework looks at them; it answers all others the same."""

    async def test_a_body_written_otherwise_is_answered_the_same(self, me: Holder) -> None:
        short = await me.call("POST", MINE, {"purpose": "medical"})
        long = await sent(me, b'{ "purpose" : "medical" }')

        assert (short.status_code, long.status_code) == (200, 200)
        assert short.headers.keys() == long.headers.keys()
        for answer in (short, long):
            assert CodeRead.model_validate_json(answer.content, strict=True)
            assert claims(answer.json()["code"])["aud"] == "medical"

    @pytest.mark.parametrize(
        ("body", "media_type", "status", "code"),
        [
            (b'{"purpose":"pay","purpose":"identify"}', "application/json", 400, "malformed-request"),
            (b'{"purpose":', "application/json", 400, "malformed-request"),
            (b'{"purpose":"identify"}', "text/plain", 415, "json-needed"),
            (b'{"purpose":"identify","more":1}', "application/json", 422, "invalid-request"),
            (b" " * 70_000, "application/json", 413, "body-too-large"),
        ],
    )
    async def test_what_is_wrong_is_refused_as_everywhere(
        self, me: Holder, body: bytes, media_type: str, status: int, code: str
    ) -> None:
        refused(await sent(me, body, media_type), status, code)

    async def test_refusals_are_the_same(self, me: Holder, db: Database) -> None:
        await set_card(db, me, physical_status=PhysicalCardStatus.LOST)

        short, long = await me.call("POST", MINE), await sent(me, b'{ "purpose" : "identify" }')

        assert refused(short, 409, "card-lost") | {"request_id": ""} == refused(long, 409, "card-lost") | {
            "request_id": ""
        }


async def sent(me: Holder, body: bytes, media_type: str = "application/json") -> httpx.Response:
    return await me.client.post(MINE, content=body, headers={**me.headers, "Content-Type": media_type})


class TestDrawings:
    async def test_the_png_is_the_codes_qr_code(self, me: Holder) -> None:
        image = ok_image(await me.call("POST", MINE + "?qr=png"))

        assert image.headers["content-type"] == "image/png"
        code = qr.read(qr.modules_of(image.content))
        assert datetime.fromisoformat(image.headers["code-expires-at"]).timestamp() == claims(code)["exp"]
        assert claims(code)["aud"] == "identify"
        assert jws.get_unverified_header(code)["typ"] == "code+jwt"

    async def test_the_svg_is_a_picture_without_a_script_or_an_address(self, me: Holder) -> None:
        image = ok_image(await me.call("POST", MINE + "?qr=svg", {"purpose": "medical"}))

        assert image.headers["content-type"] == "image/svg+xml"
        assert image.headers["cache-control"] == "no-store"
        assert image.text.startswith("<svg ")
        assert image.text.replace("http://www.w3.org/2000/svg", "").count("://") == 0
        assert "script" not in image.text

    async def test_another_drawing_is_refused(self, me: Holder) -> None:
        problem = refused(await me.call("POST", MINE + "?qr=pdf"), 422, "invalid-request")

        assert problem["errors"][0]["pointer"] == "query:qr"
        assert problem["errors"][0]["allowed"] == ["svg", "png"]

    async def test_a_refusal_is_a_problem_and_no_picture(self, me: Holder, db: Database) -> None:
        await set_card(db, me, physical_status=PhysicalCardStatus.LOST)

        refused(await me.call("POST", MINE + "?qr=png"), 409, "card-lost")


class TestOwnCard:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (PhysicalCardStatus.LOST, "card-lost"),
            (PhysicalCardStatus.LOST_TEMPORARILY, "card-lost"),
            (PhysicalCardStatus.APPLICATION_LOCKED, "card-locked"),
            (PhysicalCardStatus.NOT_ACTIVATED, "card-not-activated"),
            (PhysicalCardStatus.CANCELLED, "card-cancelled"),
        ],
    )
    async def test_a_card_that_is_not_in_order_is_shown_to_nobody(
        self, me: Holder, db: Database, status: PhysicalCardStatus, code: str
    ) -> None:
        await set_card(db, me, physical_status=status)

        problem = refused(await me.call("POST", MINE), 409, code)

        assert problem["next"]["href"] == "/v1/offices?region=100101"

    async def test_a_suspended_card_and_a_dead_mans_are_shown_to_nobody(
        self, me: Holder, father: Member, db: Database, house: House
    ) -> None:
        now = house.db.clock.now()
        await set_card(db, me, suspended_at=now, suspended_by=me.id)
        await set_card(db, father.person, closed_at=now)

        refused(await me.call("POST", MINE), 409, "card-suspended")
        refused(await me.call("POST", codes_of(father)), 409, "card-closed")

    async def test_in_a_channel_that_the_card_was_not_issued_in_it_is_not_shown(
        self, me: Holder, make: Make, db: Database
    ) -> None:
        await make.channel("bank")
        of_mine = update(SignedIn).where(SignedIn.bucket == bucket_of(me.id))
        await db.run(lambda session: session.execute(of_mine.values(channel="bank")))

        refused(await me.call("POST", MINE), 409, "card-not-in-channel")

    async def test_a_lost_card_can_still_be_looked_at(self, me: Holder, db: Database) -> None:
        await set_card(db, me, physical_status=PhysicalCardStatus.LOST)

        assert (await me.read("/v1/holders/me/card"))["physical_card"] == "lost"

    async def test_to_pay_takes_a_card_that_was_issued_for_it(self, me: Holder, db: Database) -> None:
        refused(await me.call("POST", MINE, {"purpose": "pay"}), 409, "card-payment-not-added")

        await set_card(db, me, level=2)

        assert claims(await show(me, purpose="pay"))["aud"] == "pay"

    async def test_without_a_card_password_there_is_nothing_to_show(self, make: Make) -> None:
        me = await make.owner(has_password=False)

        problem = refused(await me.call("POST", MINE), 409, "card-password-not-set")

        assert problem["next"]["href"] == "/v1/enrolments?state=open"

    async def test_without_a_card_the_answer_says_how_to_get_one(self, make: Make, db: Database, me: Holder) -> None:
        nobody = await make.signed_in(await make.person(card=None))

        assert refused(await nobody.call("POST", MINE), 409, "own-card-needed")["next"]["href"] == "/v1/enrolments"
        await db.run(lambda session: session.execute(update(Person).values(account_id=None)))
        refused(await me.call("POST", MINE), 409, "own-card-needed")

    async def test_a_session_that_is_over_or_rests_on_a_code_shows_nothing(self, me: Holder, db: Database) -> None:
        of_mine = update(SignedIn).where(SignedIn.bucket == bucket_of(me.id))
        await db.run(lambda session: session.execute(of_mine.values(assurance=Assurance.SMS)))
        refused(await me.call("POST", MINE), 401, "more-proof-needed")

        await me.call("DELETE", "/v1/sessions/current")

        refused(await me.call("POST", MINE), 401, "session-ended")

    async def test_nobody_in_particular_shows_nothing(self, client: httpx.AsyncClient) -> None:
        refused(await client.post(MINE), 401, "not-signed-in")


class TestAMembersCard:
    async def test_strangers_links_and_what_is_no_link_are_not_there(
        self, make: Make, father: Member, me: Holder
    ) -> None:
        stranger = await make.owner()

        for holder in (str(father.link_id), "nobody", str(me.id)):
            refused(await stranger.call("POST", f"/v1/holders/{holder}/card/codes"), 404, "not-found")

    async def test_a_link_that_has_ended_or_not_begun_is_not_there(
        self, make: Make, father: Member, me: Holder
    ) -> None:
        mother = await make.adding(me, "52", sex="2")
        await me.call("DELETE", f"/v1/family/members/{father.link_id}")

        for link in (father, mother):
            refused(await me.call("POST", codes_of(link)), 404, "not-found")

    async def test_what_the_member_does_not_share_is_refused_and_written_down_with_them(
        self, make: Make, me: Holder
    ) -> None:
        father = await make.member(me, services=Services(show_code=False))

        refused(await me.call("POST", codes_of(father)), 403, "service-not-shared")

        (event,) = [event for event in await make.audited(father.person) if event[0] == Action.LINK_REFUSED]
        assert event[1] == {"link_id": str(father.link_id), "service": "show_code"}
        assert event[2] == me.id

    async def test_to_pay_for_a_member_takes_their_leave_and_a_card_issued_for_it(
        self, make: Make, me: Holder, db: Database, father: Member
    ) -> None:
        payable = await make.member(me, "52", sex="2", services=Services(pay=True))

        refused(await me.call("POST", codes_of(father), {"purpose": "pay"}), 403, "service-not-shared")
        refused(await me.call("POST", codes_of(payable), {"purpose": "pay"}), 409, "card-payment-not-added")
        await set_card(db, payable.person, level=2)

        assert claims(await show(me, payable, "pay"))["aud"] == "pay"

    async def test_a_disputed_link_shows_nothing(self, make: Make, me: Holder, father: Member) -> None:
        himself = await make.signed_in(father.person)
        disputed = await himself.call(
            "POST",
            f"/v1/family/owners/{father.link_id}/disputes",
            {"reason": "not_agreed"},
            **{"Idempotency-Key": "a-dispute"},
        )
        assert disputed.status_code == 201

        refused(await me.call("POST", codes_of(father)), 409, "link-frozen")

    async def test_the_members_card_decides_not_the_owners(
        self, me: Holder, father: Member, db: Database, make: Make
    ) -> None:
        newborn = await make.member(me, "20", card=None, birth_date=date(2026, 1, 5))
        await set_card(db, father.person, physical_status=PhysicalCardStatus.LOST)

        refused(await me.call("POST", codes_of(father)), 409, "card-lost")
        missing = refused(await me.call("POST", codes_of(newborn)), 409, "no-card-to-show")
        assert missing["next"]["href"] == f"/v1/holders/{newborn.link_id}/card"


class TestNewPhones:
    @pytest.fixture(autouse=True)
    async def on_a_new_phone(self, me: Holder, db: Database) -> None:
        """As after a sign-in by password on a phone not seen before."""
        mine = Device.account_id == me.claims.account_id
        await db.run(lambda session: session.execute(update(Device).where(mine).values(phone_checked_at=None)))
        of_mine = update(SignedIn).where(SignedIn.bucket == bucket_of(me.id))
        await db.run(lambda session: session.execute(of_mine.values(is_phone_checked=False)))

    async def test_a_card_is_shown_only_once_the_phone_was_checked(self, me: Holder, father: Member) -> None:
        for path in (MINE, codes_of(father)):
            problem = refused(await me.call("POST", path), 409, "phone-check-needed")

            assert problem["next"]["action"] == "check-phone"
            assert problem["next"]["href"] == "/v1/devices/current/phone-check"

    async def test_the_code_sent_to_the_accounts_phone_opens_it_once_and_for_all(
        self, me: Holder, father: Member, house: House, make: Make
    ) -> None:
        code = await code_for(me, "10000009999")

        assert (await check(me, code)).status_code == 204
        assert (await check(me, code)).status_code == 204  # late, and again: it is done

        await show(me)
        await show(me, father)
        (event,) = [event for event in await make.audited(me) if event[0] == Action.DEVICE_PHONE_CHECKED]
        assert event[2] == me.id
        assert (await me.read("/v1/devices"))["items"][0]["is_phone_checked"]

    async def test_a_wrong_code_and_one_for_something_else_open_nothing(self, me: Holder) -> None:
        code = await code_for(me, "10000009999", "card_password_reset")

        assert refused(await check(me, code), 403, "sms-code-wrong")
        refused(await me.call("POST", MINE), 409, "phone-check-needed")

    async def test_five_wrong_codes_spend_the_right_one(self, me: Holder) -> None:
        code = await code_for(me, "10000009999")
        wrong = f"{(int(code) + 1) % 10**6:06}"

        left = [refused(await check(me, wrong), 403, "sms-code-wrong")["tries_left"] for _ in range(5)]

        assert left == [4, 3, 2, 1, 0]
        refused(await check(me, code), 403, "sms-code-wrong")

    async def test_another_phones_code_opens_nothing(self, me: Holder) -> None:
        refused(await check(me, await code_for(me, "10000001234")), 403, "sms-code-wrong")

    async def test_a_session_by_sms_alone_checks_nothing(self, me: Holder, db: Database) -> None:
        of_mine = update(SignedIn).where(SignedIn.bucket == bucket_of(me.id))
        await db.run(lambda session: session.execute(of_mine.values(assurance=Assurance.SMS)))

        refused(await check(me, "123456"), 401, "more-proof-needed")


async def code_for(me: Holder, phone: str, purpose: str = "new_device") -> str:
    """Ask for a code and read it where it was sent."""
    asked = await me.client.post("/v1/sms-codes", json={"phone": phone, "purpose": purpose})
    assert asked.status_code == 202, asked.text
    inbox = await me.client.get("/dev/messages", params={"phone": phone})
    code: str = inbox.json()["items"][0]["code"]
    return code


async def check(me: Holder, code: str) -> httpx.Response:
    return await me.call("PUT", "/v1/devices/current/phone-check", {"sms_code": code})


def ok_image(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 200, answer.text
    return answer


def _pieces(sealed: str) -> list[str]:
    raw = base64.urlsafe_b64decode(sealed + "==")[1:]  # the first byte names the suite
    return [raw[start : start + 3].hex() for start in range(len(raw) - 2)]
