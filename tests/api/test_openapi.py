"""What a client developer finds in the document."""

import ast
import re
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

import app
from app import texts
from app.core.errors import AppError
from app.models import enrolments
from app.openapi.parts import ACTIONS
from app.schemas.enrolments import REQUIREMENTS
from app.services.enrolments import viewing
from tests.api.documents import JSON, document, operations
from tests.factories.phone import Phone

SHAPES = document()["components"]["schemas"]
CREATING = {
    ("post", "/v1/accounts"),
    ("post", "/v1/enrolments"),
    ("post", "/v1/enrolments/{enrolment_id}/face-checks"),
    ("post", "/v1/enrolments/{enrolment_id}/handovers"),
    ("post", "/v1/enrolments/{enrolment_id}/review-requests"),
    ("post", "/v1/card/password-resets"),
    ("post", "/v1/holders/me/card/level-upgrades"),
    ("post", "/v1/holders/{holder}/card-orders"),
    ("post", "/v1/holders/{holder}/card-orders/{order_id}/submission"),
    ("post", "/v1/holders/{holder}/transfers"),
    ("post", "/v1/sharing/bindings"),
    ("post", "/v1/holders/{holder}/transfers/{transfer_id}/submission"),
    ("post", "/v1/handovers/openings"),
    ("post", "/v1/handovers/current/face-checks"),
    ("post", "/v1/handovers/current/refusals"),
    ("post", "/v1/handovers/current/disputes"),
    ("post", "/v1/family/owners/{link_id}/disputes"),
    ("post", "/v1/family/members/{link_id}/reconfirmations"),
    ("post", "/v1/family/owners/{link_id}/reconfirmations"),
    ("post", "/v1/holders/{holder}/benefit-certifications"),
    ("post", "/v1/holders/{holder}/rights/statements"),
    ("post", "/v1/counter/enrolments"),
    ("post", "/v1/counter/enrolments/{enrolment_id}/attestations"),
    ("post", "/v1/counter/attestations"),
    ("post", "/v1/counter/link-endings"),
    ("post", "/v1/counter/link-disputes"),
    ("post", "/v1/counter/password-unlocks"),
    ("post", "/v1/reviews/{review_id}/claims"),
    ("post", "/v1/reviews/{review_id}/decisions"),
    ("post", "/v1/counter/sharing-bindings"),
    ("post", "/v1/counter/break-glass"),
    ("post", "/v1/counter/break-glass/{look_id}/reviews"),
}
OF_THE_COMMAND_LINE = {"channel-known", "login-taken", "office-known", "person-has-login", "terminal-known"}
WITHOUT_SIGN_IN = {
    ("post", "/v1/sms-codes"),
    ("post", "/v1/accounts"),
    ("post", "/v1/sessions"),
    ("post", "/v1/sessions/refresh"),
    ("get", "/v1/notices/{code}"),
    ("get", "/v1/relationships"),
    ("post", "/v1/channels/{channel}/sessions"),
    ("post", "/v1/handovers/openings"),
    ("post", "/v1/family/link-endings"),
    ("put", "/v1/family/link-endings/{ending_id}"),
    ("get", "/v1/offices"),
    ("post", "/v1/staff/sessions"),
    ("get", "/v1/statements/{number}"),
    ("post", "/v1/channels/token"),
    ("post", "/v1/channels/{channel}/launches"),
}


def test_operations_have_plain_names_and_one_line_each() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    for _, path, operation in operations():
        assert not operation["summary"].endswith("."), path
        assert len(operation["tags"]) == 1, path


def test_every_tag_is_explained() -> None:
    used = {tag for _, _, operation in operations() for tag in operation["tags"]}

    assert used == {tag["name"] for tag in document()["tags"]}


def test_every_reference_leads_somewhere() -> None:
    def references(part: object) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*map(references, part.values()))
        return set().union(*map(references, part)) if isinstance(part, list) else set()

    for reference in references(document()):
        found = document()
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_moments_are_told_as_such() -> None:
    parts = {name: part for shape in SHAPES.values() for name, part in shape.get("properties", {}).items()}

    assert [name for name, part in parts.items() if name.endswith("_at") and "date-time" not in str(part)] == []


def test_there_is_no_shape_that_nobody_uses() -> None:
    written = str(document())

    assert [name for name in SHAPES if f"'#/components/schemas/{name}'" not in written] == []


def test_every_refusal_is_a_problem_with_a_known_code() -> None:
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (method, path, status)
                named = set(re.findall(r"`([a-z-]+)`", response["description"]))
                assert named, (method, path, status)
                assert named <= set(texts.problem_codes()), (method, path, status)
    assert SHAPES["Problem"]["properties"]["code"]["enum"] == list(texts.problem_codes())


def _named_in_the_source(kind: str) -> set[str]:
    """The words that calls of a class begin with, where they stand there."""
    calls = (
        call
        for source in Path(app.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == kind and call.args
    )
    return {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}  # type: ignore[misc]


_ADVICE = {"action", "href", "notice", "text"}


def test_whatever_can_be_next_is_listed() -> None:
    waiting = {action for action, _ in enrolments._WAITS_FOR.values()} | {"wait-for-slot"}
    steps = _named_in_the_source("Step") | {step for step, _, _ in viewing._ONE_WAY.values()} | {"consent"}

    assert set(ACTIONS) == _named_in_the_source("NextStep") | waiting
    action = SHAPES["Problem"]["properties"]["next"]["properties"]["action"]
    assert set(action["enum"]) == {*ACTIONS, *texts.problem_codes()}
    assert set(SHAPES["StepRead"]["properties"]["step"]["enum"]) == steps
    assert set(SHAPES["CertifyStepRead"]["properties"]["step"]["enum"]) == _named_in_the_source("CertifyStep")
    assert SHAPES["RequirementRead"]["properties"]["kind"]["enum"] == list(REQUIREMENTS)
    codes = SHAPES["Problem"]["properties"]["errors"]["items"]["properties"]["code"]
    assert codes["enum"] == list(texts.field_codes())


def test_next_is_advice_as_in_a_problem_or_a_list_of_steps() -> None:
    named = {name: part["properties"]["next"] for name, part in SHAPES.items() if "next" in part.get("properties", {})}

    for name, said in named.items():
        shapes = set(re.findall(r"#/components/schemas/(\w+)", str(said))) or {name}
        for shape in shapes:
            fields = set(SHAPES[shape]["properties"])
            is_list = said.get("type") == "array"
            assert ({"step", "method", "href"} <= fields) if is_list else name == "Problem" or fields == _ADVICE, name
    assert len(named) > 8


def test_every_refusal_is_said_at_a_route() -> None:
    said = {
        code
        for _, _, operation in operations()
        for response in operation["responses"].values()
        for code in re.findall(r"`([a-z-]+)`", response["description"])
    }

    ours = {kind for kind in _kinds_below(AppError) if kind.__module__.startswith("app.")}
    kinds = {kind.code for kind in ours if "code" in vars(kind)}
    assert kinds - said - OF_THE_COMMAND_LINE - {"unavailable"} == set()  # the kind of others


def _kinds_below(kind: type[AppError]) -> set[type[AppError]]:
    direct = set(kind.__subclasses__())
    return direct.union(*map(_kinds_below, direct))


def test_whatever_can_be_too_often_or_shut_says_when_to_come_again() -> None:
    for method, path, operation in operations():
        for status in {"423", "429", "503"} & operation["responses"].keys():
            assert "Retry-After" in operation["responses"][status]["headers"], (method, path, status)
        if path.startswith("/v1/"):
            assert "429" in operation["responses"], (method, path)


def test_what_creates_takes_an_idempotency_key() -> None:
    taking = {
        (method, path)
        for method, path, operation in operations()
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", ())
    }

    assert taking == CREATING
    for _, _, operation in operations():
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", ()):
            done = operation["responses"].get("201") or operation["responses"]["200"]
            assert "Idempotency-Replayed" in done["headers"]
            assert "`idempotency-key-missing`" in operation["responses"]["400"]["description"]
            assert "`idempotency-key-in-flight`" in operation["responses"]["409"]["description"]
            assert "`idempotency-key-reused`" in operation["responses"]["422"]["description"]


def test_what_has_versions_says_so() -> None:
    for method, path, operation in operations():
        headers = {each.get("name") for each in operation.get("parameters", ())}
        if "If-None-Match" in headers:
            assert "ETag" in operation["responses"]["200"]["headers"], path
            assert "304" in operation["responses"], path
        if "If-Match" in headers and method == "put":
            assert "ETag" in operation["responses"]["200"]["headers"], path
            assert {"412", "428"} <= operation["responses"].keys(), path


async def test_the_document_says_rightly_where_a_sign_in_is_needed(client: httpx.AsyncClient) -> None:
    public = set()
    for method, path, operation in operations():
        if not path.startswith("/v1/"):
            continue
        answer = await client.request(
            method, re.sub(r"\{\w+\}", "x", path), json={}, headers={"Idempotency-Key": "a" * 8}
        )
        is_refused = answer.status_code == 401 and answer.json()["code"] in ("not-signed-in", "terminal-not-known")
        assert is_refused == ("security" in operation), (method, path, answer.text)
        if not is_refused:
            public.add((method, path))

    assert public == WITHOUT_SIGN_IN


async def test_nothing_to_say_has_no_type(owner: Phone) -> None:
    ended = await owner.call("DELETE", "/v1/sessions/current")

    assert (ended.status_code, ended.content) == (204, b"")
    assert "content-type" not in ended.headers


async def test_the_document_is_served_and_so_is_its_page(client: httpx.AsyncClient) -> None:
    served = await client.get("/openapi.json")

    assert served.json() == document()
    assert (await client.get("/docs")).status_code == 200


@pytest.mark.parametrize("name", [name for name, shape in SHAPES.items() if "examples" in shape])
def test_an_example_is_of_its_shape(name: str) -> None:
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SHAPES}}
    checker = jsonschema_rs.validator_for(whole)

    for example in SHAPES[name]["examples"]:
        assert [str(error) for error in checker.iter_errors(example)] == []


def test_everything_that_is_sent_has_an_example() -> None:
    sent = {name for name in SHAPES if name.endswith(("Ask", "Shown"))}

    assert {name for name in sent if "examples" not in SHAPES[name]} == set()


def test_answers_may_grow_and_requests_may_not() -> None:
    def is_closed(shape: JSON) -> bool:
        return shape.get("additionalProperties") is False

    objects = {name: shape for name, shape in SHAPES.items() if shape.get("type") == "object"}
    assert {name for name, shape in objects.items() if is_closed(shape)} == {
        name for name in objects if name.endswith(("Ask", "Shown"))
    }


def test_the_names_of_shapes_are_words_of_the_product_and_not_of_its_modules() -> None:
    assert [name for name in SHAPES if "__" in name or not name.isalnum()] == []


def test_a_signed_request_names_its_headers() -> None:
    operation = document()["paths"]["/v1/terminals/code-redemptions"]["post"]

    needed = {each["name"] for each in operation["parameters"] if each.get("required")}
    assert needed == {"Content-Digest", "Signature-Input", "Signature"}


def test_what_is_refused_without_a_version_asks_for_one() -> None:
    [header] = [
        each for each in document()["paths"]["/v1/me"]["delete"]["parameters"] if each.get("name") == "If-Match"
    ]

    assert header["required"] is True
