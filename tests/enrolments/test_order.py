"""The order of the steps is the server's: what comes too early or too late is refused, and says what comes next."""

from collections.abc import Awaitable, Callable

import pytest

from app.routers.deps import House
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import PORTRAIT, Kin, Owner, app_of, later, ok, refused, steps
from tests.factories.deciding import NO, people_decide
from tests.factories.images import document_photo
from tests.factories.make import Make
from tests.factories.phone import JSON

STATES = [
    "notice_pending",
    "details_pending",
    "documents_pending",
    "face_pending",
    "in_review",
    "active",
    "rejected",
    "cancelled",
    "expired",
]
WAITS_FOR = {
    "notice_pending": ("notice", "/notice-acknowledgement"),
    "details_pending": ("details", "/details"),
    "documents_pending": ("documents", ""),
    "face_pending": ("face-check", "/face-checks"),
    "in_review": ("wait-for-review", ""),
}
AFTERWARDS = {"active": ("see-family", "/v1/family")}
ALLOWED = {
    "notice": {"notice_pending", "details_pending", "documents_pending", "face_pending"},
    "details": {"details_pending", "documents_pending", "face_pending"},
    "document": {"documents_pending", "face_pending"},
    "no document": {"documents_pending", "face_pending"},
    "consent": {"documents_pending", "face_pending"},
    "face check": {"face_pending"},
    "review": {"face_pending"},
    "card password": set[str](),
    "cancel": {"notice_pending", "details_pending", "documents_pending", "face_pending", "in_review", "cancelled"},
}


class Journey:
    """Brings an enrolment for a child of nine into a state, and tries steps on it."""

    def __init__(self, owner: Owner, kin: Kin) -> None:
        self._owner = owner
        self._kin = kin

    async def to(self, state: str) -> str:
        early: dict[str, Callable[[], Awaitable[str]]] = {
            "notice_pending": lambda: self._owner.open("family_member"),
            "details_pending": self._to_details,
            "documents_pending": self._to_documents,
        }
        enrolment = await early.get(state, self._to_face)()
        await {
            "in_review": self._ask_for_review,
            "active": self._pass,
            "rejected": self._be_rejected,
            "cancelled": self._cancel,
            "expired": self._expire,
        }.get(state, self._stay)(enrolment)
        assert (await self._owner.read(enrolment))["state"] == state
        return enrolment

    async def try_step(self, step: str, enrolment: str) -> tuple[str, str, object]:
        """Return the request that a step is, with something that is not stored yet."""
        other = await self._kin(age=40, sex="2", name="李静")
        details = {"name": other.name, "social_security_number": other.number, "relationship": "12"}
        requests: dict[str, tuple[str, str, object]] = {
            "notice": ("PUT", "/notice-acknowledgement", await self._in_spanish("family-account")),
            "details": ("PUT", "/details", details),
            "document": ("PUT", "/documents/birth_certificate", document_photo(3, "certificate")),
            "no document": ("DELETE", "/documents/household_register", None),
            "consent": ("PUT", "/consents/minor-data", await self._in_spanish("minor-data")),
            "face check": ("POST", "/face-checks", {}),
            "review": ("POST", "/review-requests", {"reason": "prefer_people"}),
            "card password": ("PUT", "/card-password", {"password": "518093"}),
            "cancel": ("DELETE", "", None),
        }
        method, path, body = requests[step]
        return method, f"{enrolment}{path}", body

    async def _in_spanish(self, code: str) -> JSON:
        notice = (await self._owner.client.get(f"/v1/notices/{code}", headers={"Accept-Language": "es"})).json()
        return {name: notice[name] for name in ("code", "version", "language", "sha256")}

    async def _to_details(self) -> str:
        enrolment = await self._owner.open("family_member")
        await self._owner.acknowledge(enrolment, "family-account")
        return enrolment

    async def _to_documents(self) -> str:
        child = await self._kin(age=9, parents=[self._owner.person.number])
        enrolment = await self._owner.to_documents(child, "20")
        for purpose in ("identity-document", "minor-data"):
            await self._owner.consent(enrolment, purpose)
        return enrolment

    async def _to_face(self) -> str:
        child = await self._kin(age=9, parents=[self._owner.person.number])
        return await self._owner.to_face(child, "20", age=9)

    async def _stay(self, enrolment: str) -> None:
        pass

    async def _ask_for_review(self, enrolment: str) -> None:
        ok(await self._owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))

    async def _pass(self, enrolment: str) -> None:
        await self._owner.face_check(enrolment)

    async def _be_rejected(self, enrolment: str) -> None:
        await self._ask_for_review(enrolment)
        await people_decide(self._owner.house, NO)

    async def _cancel(self, enrolment: str) -> None:
        assert (await self._owner.call("DELETE", enrolment)).status_code == 204

    async def _expire(self, enrolment: str) -> None:
        await later(self._owner.house, hours=73)
        assert await expire_due(self._owner.house.db) == 1


@pytest.fixture
def journey(owner: Owner, kin: Kin) -> Journey:
    return Journey(owner, kin)


@pytest.mark.parametrize("state", STATES)
async def test_what_a_state_does_not_answer_is_refused_and_changes_nothing(
    journey: Journey, owner: Owner, state: str
) -> None:
    enrolment = await journey.to(state)
    before = await owner.read(enrolment)

    for step in ALLOWED:
        if state in ALLOWED[step]:
            continue
        problem = refused(await owner.call(*await journey.try_step(step, enrolment)), 409, "step-not-allowed")
        if state in WAITS_FOR:
            action, path = WAITS_FOR[state]
            expected = (action, enrolment + path)
        else:
            expected = AFTERWARDS.get(state, ("start-again", "/v1/enrolments"))
        assert (problem["next"]["action"], problem["next"]["href"]) == expected, step
        assert problem["next"].get("notice") == ("/v1/notices/family-account" if expected[0] == "notice" else None)

    assert await owner.read(enrolment) == before


@pytest.mark.parametrize("step", sorted(step for step in ALLOWED if ALLOWED[step]))
async def test_what_a_state_answers_is_done(journey: Journey, owner: Owner, step: str) -> None:
    for state in sorted(ALLOWED[step] - {"cancelled"}):
        enrolment = await journey.to(state)
        version = (await owner.read(enrolment))["version"]

        answer = await owner.call(*await journey.try_step(step, enrolment), If_Match=f'"{version}"')

        assert answer.status_code in (200, 201, 204), (state, answer.text)
        await owner.call("DELETE", enrolment)


async def test_a_client_needs_no_more_than_what_comes_next(journey: Journey, owner: Owner, kin: Kin) -> None:
    """The whole flow, played by `next` alone."""
    child = await kin(age=9, parents=[owner.person.number])
    bodies: dict[str, Callable[[JSON], Awaitable[JSON | bytes | None]]] = {
        "notice": lambda step: owner.read_notice(step["notice"]),
        "details": lambda _: _same({"name": child.name, "social_security_number": child.number, "relationship": "21"}),
        "consent": lambda step: owner.read_notice(step["notice"]),
        "documents": lambda step: _same(PORTRAIT if "facial" in step["href"] else document_photo(1, "register")),
        "face-check": lambda _: _same({}),
    }
    address = await owner.open("family_member")
    seen = []

    while (enrolment := await owner.read(address))["state"] != "active":
        step = enrolment["next"][0]
        href = step["href"].replace("{kind}", "household_register") if step.get("templated") else step["href"]
        seen.append(href.removeprefix(address))
        answer = ok(await owner.call(step["method"], href, await bodies[step["step"]](step)))
        if step["step"] == "face-check":
            ok(await owner.call("POST", f"/v1/face-checks/{answer['id']}/completion"))

    assert seen == [
        "/notice-acknowledgement",
        "/details",
        "/consents/identity-document",
        "/consents/minor-data",
        "/consents/face-check",
        "/documents/household_register",
        "/documents/facial_photo",
        "/face-checks",
    ]
    assert steps(enrolment) == ["see-card", "see-family"]


async def _same(value: JSON | bytes) -> JSON | bytes:
    return value


async def test_what_is_not_mine_is_not_there(owner: Owner, journey: Journey, make: Make, house: House) -> None:
    enrolment = await journey.to("face_pending")
    stranger = await app_of(await make.owner(name="李雷"), house)

    answers = [await stranger.call(*await journey.try_step(step, enrolment)) for step in ALLOWED]
    answers.append(await stranger.call("GET", enrolment))
    answers.append(await stranger.call("GET", "/v1/enrolments/no-id"))

    for answer in answers:
        refused(answer, 404, "not-found")
