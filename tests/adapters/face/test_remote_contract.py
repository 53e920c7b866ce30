"""The published contract, and that both sides keep it: ours, and that of the example provider."""

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
import yaml
from pydantic import ValidationError
from remote_checks import DECISIONS, FIELDS

from app.adapters.face.remote_contract import CheckBegun, CheckEnded, CheckStanding, Refusal, Said
from app.core.clock import MovableClock
from app.kit.playing import started
from app.ports.face import FaceDecision, FaceMode, FaceReason, MatchSource, ScoreBand
from tests.adapters.face.remote_stage import remote_stage, signed_callback

JSON = dict[str, Any]
DOCUMENT = Path(__file__).parents[3] / "docs" / "face-remote.openapi.yaml"
MODELS: dict[str, type[Said]] = {
    "CheckBegun": CheckBegun,
    "CheckStanding": CheckStanding,
    "CheckEnded": CheckEnded,
    "Refusal": Refusal,
}
LIVENESS: list[JSON] = [
    {"done": False, "passed": False, "kind": None, "score_band": None},
    {"done": True, "passed": False, "kind": "blink", "score_band": "low"},
    {"done": True, "passed": True, "kind": None, "score_band": "high"},
    {"done": False, "passed": True, "kind": None, "score_band": None},
]
MATCHES: list[JSON] = [
    {"done": False, "passed": False, "source": "none", "score_band": None},
    {"done": True, "passed": False, "source": "register", "score_band": "low"},
    {"done": True, "passed": True, "source": "own_photo", "score_band": None},
    {"done": True, "passed": True, "source": "none", "score_band": None},
    {"done": False, "passed": False, "source": "register", "score_band": None},
]
WRONG: list[object] = [7, "ü", [], {"more": 1}, "x" * 5000]


@cache
def document() -> JSON:
    read: JSON = yaml.safe_load(DOCUMENT.read_text())
    return read


@cache
def schema(name: str) -> jsonschema_rs.Draft202012Validator:
    whole = {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def is_read(model: type[Said], said: object) -> bool:
    try:
        model.model_validate_json(json.dumps(said))
    except ValidationError:
        return False
    return True


def words(name: str) -> set[str | None]:
    return set(document()["components"]["schemas"][name]["enum"])


def test_it_is_an_openapi_document() -> None:
    openapi_spec_validator.validate(document())


def test_its_words_are_ours() -> None:
    assert words("Decision") == set(FaceDecision)
    assert words("Reason") == set(FaceReason) == set(DECISIONS)
    assert words("Mode") == set(FaceMode)
    assert words("ScoreBand") == {*ScoreBand, None}
    assert set(document()["components"]["schemas"]["Match"]["properties"]["source"]["enum"]) == set(MatchSource)


@pytest.mark.parametrize(
    "name", [name for name, shape in document()["components"]["schemas"].items() if "type" in shape]
)
def test_its_objects_are_closed_and_whole(name: str) -> None:
    shape = document()["components"]["schemas"][name]
    if shape["type"] == "object":
        assert shape["additionalProperties"] is False
        assert set(shape["required"]) == set(shape["properties"])
    for example in shape.get("examples", []):
        assert [str(error) for error in schema(name).iter_errors(example)] == []
        assert name not in MODELS or is_read(MODELS[name], example)


def test_what_it_allows_to_be_said_of_a_check_is_what_we_read() -> None:
    """Over every reason with every decision, and verdicts of every kind."""
    (example, _) = document()["components"]["schemas"]["CheckStanding"]["examples"]
    allowed = 0
    for decision, reason, mode, liveness, match in product(FaceDecision, FaceReason, FaceMode, LIVENESS, MATCHES):
        said = example | {
            "decision": decision,
            "reason": reason,
            "mode": mode,
            "liveness": liveness,
            "match": match,
        }
        is_allowed = schema("CheckStanding").is_valid(said)
        assert is_read(CheckStanding, said) == is_allowed, said
        allowed += is_allowed

    assert allowed > len(FaceReason)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_other_fields_and_other_types_are_refused_on_both_sides(name: str) -> None:
    for example in document()["components"]["schemas"][name]["examples"]:
        for wrong in (
            example | {"more": 1},
            *({key: value for key, value in example.items() if key != gone} for gone in example),
            *(example | {key: value} for key in example for value in WRONG),
        ):
            assert not schema(name).is_valid(wrong), wrong
            assert not is_read(MODELS[name], wrong), wrong


@pytest.mark.parametrize("mode", list(FaceMode))
@pytest.mark.parametrize("reason", [FaceReason.OK, FaceReason.FACE_MISMATCH, FaceReason.NOT_FINISHED])
async def test_what_both_sides_say_is_what_it_describes(mode: FaceMode, reason: FaceReason) -> None:
    async with remote_stage() as stage:
        provider = stage.provider(MovableClock())
        request, start = await started(stage, provider, mode, reason)
        await provider.result(start.provider_ref)
        await provider.cancel(start.provider_ref)

        (_, _, begin), *empty = stage.door.asked
        (begun_as, begun), (_, standing), (given_up_as, nothing) = stage.door.answers
        headers = stage.door.headers[0]
    shapes = document()["components"]
    ended = signed_callback(request.check_id)
    assert [str(error) for error in schema("CheckBegin").iter_errors(json.loads(begin))] == []
    assert set(json.loads(begin)) == FIELDS
    assert all(body == b"" for _, _, body in empty)
    assert schema("CheckBegun").is_valid(json.loads(begun))
    assert schema("CheckStanding").is_valid(json.loads(standing))
    assert schema("CheckEnded").is_valid(json.loads(ended.body))
    assert (begun_as, given_up_as, nothing) == (201, 204, b"")
    for parameter in shapes["parameters"].values():
        for given in (headers, ended.headers):
            assert jsonschema_rs.is_valid(parameter["schema"], given[parameter["name"]])
