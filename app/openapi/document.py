"""The OpenAPI document as a client developer needs it: what every route shares is written here once, not at each route.

A route says what is its own: shapes, and the refusals that come of what it does. What follows from what it depends on
is added: a sign-in, a step-up, an `Idempotency-Key`, versions, limits, languages.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args, get_type_hints

import orjson
from fastapi import FastAPI
from fastapi.params import Depends
from fastapi.routing import iter_route_contexts

from app import problems, texts
from app.core import errors
from app.core.errors import AppError
from app.openapi.examples import EXAMPLES
from app.openapi.parts import (
    BEARER,
    CHANNEL,
    DESCRIPTION,
    HANDOVER,
    HEADERS,
    HEADERS_OF_STATUS,
    JSON,
    PARAMETERS,
    PROBLEM,
    SIGNED,
    STAFF,
    TAGS,
    TERMINAL,
)
from app.routers import deps, desk, once
from app.routers.channel_clients import TheClient
from app.routers.in_channels import IN_CHANNELS
from app.services import answers
from app.services.accounts import sessions
from app.services.channel_registry.standing import ChannelStopped, ServiceNotInChannel
from app.services.channels.clients import ChannelTokenRefused
from app.services.counter.serving import SessionNotSigned, TerminalElsewhere, TerminalNotAtCounter
from app.services.handovers.holding import HandoverEnded
from app.services.operators.duties import NotAtThisOffice
from app.services.operators.sessions import RoleNeeded, StaffSessionEnded
from app.services.terminals.requests import RequestNotTimely, RequestReplayed, TerminalNotKnown

_DESCRIPTIONS: Final = {
    "200": "Done",
    "201": "Created",
    "202": "Accepted",
    "204": "Done; nothing to say",
    "304": "Nothing has changed",
}
_WITH_ETAG: Final = frozenset(
    {"CertificationRead", "CounterEnrolmentRead", "EnrolmentRead", "FaceCheckRead", "NoticeRead", "RelationshipsRead"}
)
_SENT: Final = ("Ask", "Shown")  # how the shapes of what clients send are named
_VALIDATION: Final = frozenset({"HTTPValidationError", "ValidationError"})
_PAGE: Final = re.compile(rb"Page_(\w+?)(?:Read)?_\b")


class Api(FastAPI):
    """The app, with the finished document."""

    def openapi(self) -> JSON:
        """Return the document; it is made when it is first asked for."""
        if not hasattr(self.state, "document"):
            endpoints = {
                (context.path_format, method.lower()): context.endpoint
                for context in iter_route_contexts(self.routes)
                if context.path_format is not None and context.endpoint is not None
                for method in context.methods or ()
            }
            self.state.document = _finished(super().openapi(), endpoints)
        document: JSON = self.state.document
        return document


def _finished(made: JSON, endpoints: Mapping[tuple[str, str], Callable[..., Any]]) -> JSON:
    document: JSON = orjson.loads(_PAGE.sub(rb"\1Page", orjson.dumps(made)))
    document["info"]["description"] = DESCRIPTION.strip()
    used = {tag for methods in document["paths"].values() for each in methods.values() for tag in each["tags"]}
    document["tags"] = [{"name": name, "description": words} for name, words in TAGS if name in used]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            endpoint = endpoints[path, method]
            operation["operationId"] = endpoint.__name__  # clients generate methods of these names
            _finish_operation(path, method, operation, _needs(endpoint))
    _finish_components(document["components"])
    return document


def _finish_components(components: JSON) -> None:
    schemas = components["schemas"]
    for name in _VALIDATION & schemas.keys():
        del schemas[name]
    for name, schema in schemas.items():
        _finish_schema(name, schema)
    schemas["Problem"] = PROBLEM | {"properties": PROBLEM["properties"] | {"code": _code_schema()}}
    components["headers"] = dict(HEADERS)
    components["parameters"] = dict(PARAMETERS)
    components["securitySchemes"] = {
        "bearer": BEARER,
        "channel": CHANNEL,
        "handover": HANDOVER,
        "staff": STAFF,
        "terminal": TERMINAL,
    }


def _code_schema() -> JSON:
    schema: JSON = PROBLEM["properties"]["code"]
    return schema | {"enum": list(texts.problem_codes())}


def _finish_schema(name: str, schema: JSON) -> None:
    if not name.endswith(_SENT) and schema.get("additionalProperties") is False:
        del schema["additionalProperties"]  # answers grow
    for part in schema.get("properties", {}).values():
        part.pop("title", None)  # the name again
    if name in EXAMPLES:
        schema["examples"] = [EXAMPLES[name]]


def _finish_operation(path: str, method: str, operation: JSON, needs: frozenset[Callable[..., Any]]) -> None:
    _say_what_it_does(operation)
    for parameter in operation.get("parameters", ()):
        _finish_parameter(parameter)
    responses = operation["responses"]
    if _is_made_up(operation):
        responses.pop("422", None)
    _refuse(responses, _shared_refusals(path, operation, needs))
    if _TERMINAL in needs or "`not-signed-in`" in responses.get("401", {}).get("description", ""):
        operation["security"] = _security(needs)
    if _TERMINAL in needs:
        operation.setdefault("parameters", []).extend(SIGNED)
    if path.startswith("/v1/"):
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
    if needs & _ONCE or "`idempotency-key-missing`" in responses.get("400", {}).get("description", ""):
        _take_key(operation)
    _tell_versions(method, operation)
    for status, response in responses.items():
        _finish_response(status, response)
    operation["responses"] = dict(sorted(responses.items()))


def _security(needs: frozenset[Callable[..., Any]]) -> list[JSON]:
    """Say which tokens are good for an operation: any one of them."""
    for need, scheme in _SCHEMES.items():
        if need in needs:
            return [{scheme: []}]
    return [{"bearer": []}, {"handover": []}] if _dependency(deps.FaceDoing) in needs else [{"bearer": []}]


def _say_what_it_does(operation: JSON) -> None:
    """Put the function's own sentence where clients show it; more than one sentence is a description."""
    first, _, more = operation.pop("description", operation["summary"]).partition("\n")
    operation["summary"] = first.strip().removesuffix(".")
    if more.strip():
        operation["description"] = more.strip()


def _finish_parameter(parameter: JSON) -> None:
    """Say of a parameter what it is when it is there; nobody sends a null in a header or a query."""
    schema = parameter["schema"]
    if schema.pop("x-required", False):
        parameter["required"] = True
    there = [each for each in schema.pop("anyOf", ()) if each != {"type": "null"}]
    parameter["schema"] = (there[0] if there else {}) | {
        name: part for name, part in schema.items() if name not in ("title", "description")
    }
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()


def _shared_refusals(path: str, operation: JSON, needs: frozenset[Callable[..., Any]]) -> Iterable[type[AppError]]:
    if path.startswith("/v1/"):
        yield errors.TooMany
    if "requestBody" in operation:
        yield errors.TooLarge
        if "application/json" in operation["requestBody"]["content"]:
            yield errors.Malformed
            yield errors.Invalid
            yield problems.JsonNeeded
    if "422" in operation["responses"]:
        yield errors.Invalid
    for need in needs:
        yield from _REFUSALS_OF.get(need, ())


def _refuse(responses: JSON, kinds: Iterable[type[AppError]]) -> None:
    """Add refusals to those that a route has said itself; the framework's own shape of a 422 goes."""
    wanted = sorted(set(kinds), key=lambda kind: kind.code)
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]
    for kind in wanted:
        ((status, entry),) = problems.documented(kind).items()
        known = responses.setdefault(str(status), entry)
        if entry["description"] not in known["description"]:
            known["description"] += f", {entry['description']}"


def _is_made_up(operation: JSON) -> bool:
    """Say whether the framework has added a 422 that cannot happen: any text will do."""
    plain = all(parameter["schema"] == {"type": "string"} for parameter in operation.get("parameters", ()))
    is_own = "application/problem+json" in operation["responses"].get("422", {}).get("content", {})
    return plain and "requestBody" not in operation and not is_own


def _take_key(operation: JSON) -> None:
    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    _refuse(operation["responses"], (once.IdempotencyKeyMissing, once.IdempotencyKeyInvalid))
    _refuse(operation["responses"], (answers.KeyInFlight, answers.KeyReused))
    done = "201" if "201" in operation["responses"] else "200"
    for status in (done, "403", "404", "409", "422"):
        if status in operation["responses"]:
            _add_header(operation["responses"][status], "Idempotency-Replayed")
    _add_header(operation["responses"]["409"], "Retry-After")


def _tell_versions(method: str, operation: JSON) -> None:
    done = operation["responses"].get("200", {})
    shape = done.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if method in ("get", "put") and shape in _WITH_ETAG:
        _add_header(done, "ETag")
    if any(each.get("name", "").lower() == "if-none-match" for each in operation.get("parameters", ())):
        operation["responses"]["304"] = {"description": "", "headers": {"ETag": _reference("ETag")}}


def _finish_response(status: str, response: JSON) -> None:
    if problems.ITEMS not in response["description"]:
        response["description"] = _DESCRIPTIONS.get(status, response["description"])
    for header in HEADERS_OF_STATUS.get(status, ()):
        _add_header(response, header)
    for content in response.get("content", {}).values():
        content.get("schema", {}).pop("title", None)  # the operation's name again
    if "application/problem+json" in response.get("content", {}):
        _add_header(response, "Content-Language")


def _add_header(response: JSON, name: str) -> None:
    response.setdefault("headers", {})[name] = _reference(name)


def _reference(header: str) -> JSON:
    return {"$ref": f"#/components/headers/{header}"}


def _needs(endpoint: Callable[..., Any]) -> frozenset[Callable[..., Any]]:
    """Return every dependency of a function, and theirs."""
    found: set[Callable[..., Any]] = set()
    for hint in get_type_hints(endpoint, include_extras=True).values():
        for extra in get_args(hint)[1:]:
            if isinstance(extra, Depends) and extra.dependency is not None:
                found |= {extra.dependency, *_needs(extra.dependency)}
    return frozenset(found)


def _dependency(alias: Any) -> Callable[..., Any]:
    depends: Depends = get_args(alias)[1]
    assert depends.dependency is not None
    return depends.dependency


_ONCE: Final = frozenset(map(_dependency, (once.OncePerKey, once.OncePerHandover, once.OncePerStaffKey)))
_STAFF: Final = _dependency(desk.Staff)
_TERMINAL: Final = _dependency(desk.SigningTerminal)
_CHANNEL: Final = _dependency(TheClient)
_SCHEMES: Final = {
    _STAFF: "staff",
    _TERMINAL: "terminal",
    _CHANNEL: "channel",
    _dependency(deps.HandoverHolder): "handover",
}
_REFUSALS_OF: Final[Mapping[Callable[..., Any], tuple[type[AppError], ...]]] = {
    _dependency(deps.Claims): (
        errors.Unauthenticated,
        sessions.SessionEnded,
        sessions.MoreProofNeeded,
        ChannelStopped,
    ),
    _dependency(deps.AnyCaller): (errors.Unauthenticated, sessions.SessionEnded, ChannelStopped),
    _dependency(deps.Caller): (sessions.MoreProofNeeded,),
    _STAFF: (errors.Unauthenticated, StaffSessionEnded),
    _dependency(desk.Reviewer): (RoleNeeded, NotAtThisOffice),
    _CHANNEL: (errors.Unauthenticated, ChannelTokenRefused, ChannelStopped, errors.NotFound),
    _TERMINAL: (TerminalNotKnown, RequestNotTimely, RequestReplayed),
    _dependency(desk.AtCounter): (SessionNotSigned, TerminalElsewhere, TerminalNotAtCounter),
    _dependency(deps.HandoverHolder): (errors.Unauthenticated, HandoverEnded),
    _dependency(deps.FaceDoing): (
        errors.Unauthenticated,
        sessions.SessionEnded,
        sessions.MoreProofNeeded,
        ChannelStopped,
        HandoverEnded,
    ),
    **{_dependency(alias): (ServiceNotInChannel,) for alias in IN_CHANNELS},
}
