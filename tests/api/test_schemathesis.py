"""Every route keeps what the document says of it, whatever is sent: right and wrong, known things and unknown."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.strategies import SearchStrategy
from schemathesis import CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Holder
from tests.api.documents import operations

Case = schemathesis.Case[Any]
EXAMPLES = 6
FEW = 2  # of addresses at which nothing is: what else is sent hardly matters there, and each run sends something else
PATIENCE = 120  # seconds: a paper is printed by a process of its own, beside all the other tests
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROUTES = [(method, path) for method, path, _ in operations()]
CLOCK = ("post", "/dev/clock")
NEVER_SENT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header; no HTTP server reads it (RFC 9110 §5.5)
MOODS = ("post", "/dev/insurance")  # lets an authority fail for everybody who asks this server
SHAPELESS = {("put", "/v1/holders/{holder}/card-orders/{order_id}/photo")}
"""Whose requests are texts in a path and a file: no shape is wrong, only what they hold."""


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route not in (CLOCK, MOODS)])
def test_a_route_keeps_its_word(method: str, path: str, holder: Holder) -> None:
    known = holder.spare_ids if method == "delete" else holder.ids
    if path.startswith("/v1/family/owners/"):
        known = known | {"link_id": holder.spare_ids["owner_link_id"]}
    if path.startswith("/v1/staff/"):
        known = known | {"session_id": holder.spare_ids["staff_session_id"]}
    headers = {"Authorization": f"Bearer {_token(holder, path)}"} if path.startswith("/v1/") else {}

    _try(holder.url, method, path, known, headers)


def test_the_clock_and_the_moods_of_authorities_keep_their_word(lonely_server: str) -> None:
    _try(lonely_server, *CLOCK, {}, {})
    _try(lonely_server, *MOODS, {}, {})


def _token(holder: Holder, path: str) -> str:
    if path.startswith("/v1/staff/"):
        return holder.staff["leaving"]
    if path.startswith("/v1/reviews"):
        return holder.staff["reviewer"]
    if path.startswith("/v1/handovers/current"):
        return holder.member_token(path)
    return holder.token()


def _try(url: str, method: str, path: str, known: dict[str, str], headers: dict[str, str]) -> None:
    operation = _document_of(url)[path][method]
    named = {name: value for name, value in known.items() if f"{{{name}}}" in path}
    for path_parameters, examples in ((named, EXAMPLES), (None, FEW)) if named else ((None, EXAMPLES),):
        right = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=path_parameters, headers=headers)
        _for_each(right, examples, lambda case: _send(url, case, CHECKS))
        can_be_wrong = "422" in operation.definition.raw["responses"] and (method, path) not in SHAPELESS
        if can_be_wrong:
            wrong = operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=path_parameters, headers=headers)
            _for_each(wrong, examples, lambda case: _send(url, case, [*CHECKS, negative_data_rejection]))


def _send(url: str, case: Case, checks: list[CheckFunction]) -> None:
    hypothesis.assume(not any(NEVER_SENT.search(str(value)) for value in (case.headers or {}).values()))
    case.call_and_validate(base_url=url, checks=checks, timeout=PATIENCE)


def _for_each(cases: SearchStrategy[Case], examples: int, do: Callable[[Case], None]) -> None:
    @given(case=cases)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Case) -> None:
        do(case)

    attempt()


@cache
def _document_of(url: str) -> schemathesis.BaseSchema:
    refusals = [400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429]
    config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": refusals}}})
    return schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
