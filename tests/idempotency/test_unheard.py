"""A commit that succeeds while its answer is lost: the unit of work runs again, and nothing happens twice."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.models.accounts import Account, SignedIn
from app.models.cards import CardPasswordReset
from app.models.enrolments import Enrolment
from app.models.showings import Redemption
from app.models.stand_ins import InboxMessage
from app.routers.deps import House
from app.services import audit
from app.services.audit import Action
from tests.cluster import Database
from tests.factories.callers import refresh, sign_in
from tests.factories.houses import build
from tests.factories.lines import Line, line_to
from tests.factories.make import Make
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone
from tests.factories.rows import count
from tests.factories.showing import show
from tests.factories.staff import Hire
from tests.factories.staff import hire as hire
from tests.factories.terminals import Install
from tests.idempotency.conftest import post_account

NEW_PASSWORD = "274916"


@pytest.fixture
async def near_end(database: Database) -> AsyncIterator[tuple[Line, str]]:
    async with line_to(database.app_url) as ends:
        yield ends


@pytest.fixture
def line(near_end: tuple[Line, str]) -> Line:
    return near_end[0]


@pytest.fixture
async def house(near_end: tuple[Line, str], settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A house at the near end of a line that can be cut."""
    async with main.opened(build(settings, near_end[1], keys)) as house:
        yield house


async def test_a_registration_is_answered_with_what_was_done(line: Line, somebody: Phone) -> None:
    code = await somebody.sms_code("register")

    with line.cut_commit_after(b"INSERT INTO account "):
        answer = await post_account(somebody, "unheard-1", sms_code=code)

    assert answer.status_code == 201
    somebody.tokens = answer.json()["tokens"]
    assert (await somebody.call("GET", "/v1/me")).status_code == 200
    assert await count(somebody.house.db, Account) == await count(somebody.house.db, SignedIn) == 1


async def test_an_enrolment_is_opened_once(line: Line, somebody: Phone) -> None:
    await somebody.register()

    with line.cut_commit_after(b"INSERT INTO enrolment "):
        answer = await somebody.call("POST", "/v1/enrolments", {"kind": "own_card"})

    assert answer.status_code == 201
    assert (await somebody.call("GET", f"/v1/enrolments/{answer.json()['id']}")).status_code == 200
    assert await count(somebody.house.db, Enrolment) == 1


async def test_a_key_taken_unheard_is_ours(line: Line, somebody: Phone) -> None:
    code = await somebody.sms_code("register")

    with line.cut_commit_after(b"INSERT INTO kept_answer "):
        answer = await post_account(somebody, "unheard-1", sms_code=code)

    assert answer.status_code == 201


async def test_one_code_is_sent_and_counted(line: Line, somebody: Phone) -> None:
    with line.cut_commit_after(b"INSERT INTO sms_code "):
        code = await somebody.sms_code("register")

    assert (await post_account(somebody, "unheard-1", sms_code=code)).status_code == 201
    assert await count(somebody.house.db, InboxMessage) == 1
    used = await somebody.house.db.fetch("SELECT used FROM throttle WHERE action LIKE 'sms%'")
    assert [row["used"] for row in used] == [1, 1, 1]


async def test_a_refresh_gives_the_one_successor(line: Line, somebody: Phone) -> None:
    await somebody.register()

    with line.cut_commit_after(b"UPDATE session "):
        answer = await refresh(somebody.client, somebody.tokens["refresh_token"])

    assert answer.status_code == 200
    assert (await refresh(somebody.client, answer.json()["refresh_token"])).status_code == 200


async def test_a_right_password_signs_in(line: Line, somebody: Phone) -> None:
    await somebody.register()

    with line.cut_commit_after(b"UPDATE device "):
        answer = await sign_in(somebody, password=PASSWORD)

    assert answer.status_code == 201
    assert (await somebody.call("GET", "/v1/me")).status_code == 200


class TestCardPassword:
    async def test_a_check_booked_unheard_is_ours(self, line: Line, owner: Phone) -> None:
        with line.cut_commit_after(b"UPDATE card_password "):
            checked = await owner.step_up()

        assert checked.status_code == 200

    async def test_a_wrong_one_counted_unheard_counts_once(self, line: Line, owner: Phone) -> None:
        with line.cut_commit_after(b"INSERT INTO card_password_wrong "):
            unheard = await owner.step_up("903517")

        again = await owner.step_up("385206")
        assert (unheard.status_code, unheard.json()["code"]) == (409, "check-in-progress")
        assert again.json()["tries_left"] == 3

    async def test_a_change_is_done(self, line: Line, owner: Phone) -> None:
        with line.cut_commit_after(b"INSERT INTO outbox_event "):
            changed = await owner.call("PUT", "/v1/card/password", {"current": CARD_PASSWORD, "new": NEW_PASSWORD})

        assert changed.status_code == 204
        assert (await owner.step_up(NEW_PASSWORD)).status_code == 200

    async def test_a_reset_is_begun_once_with_its_code(self, line: Line, owner: Phone) -> None:
        code = await owner.sms_code("card_password_reset")

        with line.cut_commit_after(b"INSERT INTO card_password_reset "):
            begun = await owner.call("POST", "/v1/card/password-resets", {"sms_code": code})

        assert begun.status_code == 201
        assert await count(owner.house.db, CardPasswordReset) == 1


async def test_a_code_is_redeemed_once_and_the_terminal_hears_of_it(
    line: Line, house: House, client: httpx.AsyncClient, hire: Hire
) -> None:
    make, install = Make(client, house), Install(client, house, hire)
    me, desk = await make.owner(), await install()
    father = await make.member(me)
    code = await show(me, father)

    with line.cut_commit_after(b"INSERT INTO redemption "):
        answer = await desk.redeem(code)

    assert (answer.status_code, answer.json()["shown_by"]) == (200, "owner")
    assert await count(house.db, Redemption) == 1
    written = [action for action, _, _ in await make.audited(father.person)]
    assert written.count(Action.CODE_REDEEMED) == 1
    assert await house.db.run(lambda session: audit.verify(session, father.person.id)) is None
