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
from app.openapi_examples import EXAMPLES
from app.routers import deps
from app.services import answers
from app.services.accounts import sessions

JSON = dict[str, Any]

_DESCRIPTION: Final = """
Clients are apps on bad networks: few round trips, every step repeatable, every flow resumable. The conventions are
told in docs/api.md of the source; in short:

- Refusals are `application/problem+json` with a `code`; each code has a page at `/problems/{code}`.
- A `POST` that creates something takes an `Idempotency-Key`; a `PUT` may be repeated.
- What an answer's `next` says is all a client needs to go on.
- Answers may get new members: ignore what you do not know.
"""
_TAGS: Final = (
    ("accounts", "Accounts, sign-in, sessions, devices."),
    ("notices", "The texts people agree to."),
    ("enrolments", "The add flow: a card of one's own, and relatives."),
    ("face checks", "The face step, whoever the provider is."),
    ("card", "The card password: step-up, change, reset."),
    ("holders", "E-cards: one's own and members', under the same paths."),
    ("family", "Members, owners, places."),
    ("operations", "How the server is, and what its problem codes mean."),
    ("development only", "Messages, test people and the clock; production has none of it."),
)
_PROBLEM: Final[JSON] = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457), in the language asked for. What was typed is never in it.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Address of the page about this code"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, for people"},
        "code": {"type": "string", "description": "What happened, for programs", "enum": []},
        "request_id": {"type": ["string", "null"], "description": "The same as in `X-Request-Id`"},
        "next": {
            "type": "object",
            "description": "What the person can do now",
            "required": ["action", "text"],
            "properties": {
                "action": {"type": "string"},
                "href": {"type": "string", "description": "Where, if it is a place in this API"},
                "text": {"type": "string"},
            },
        },
        "tries_left": {"type": "integer", "minimum": 0},
        "retry_after_seconds": {"type": "integer", "minimum": 0},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "Into the body (RFC 6901), or `path:`, `query:`, `header:` and a name",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "/problems/card-password-wrong",
            "title": "Wrong e-card password",
            "status": 403,
            "detail": "The e-card password is wrong.",
            "code": "card-password-wrong",
            "request_id": "5f0f4f0c2b5b4f3e9d1f6f6c2a7f5a11",
            "next": {"action": "card-password-wrong", "text": "Try again, or reset the password."},
            "tries_left": 4,
        }
    ],
}
_BEARER: Final[JSON] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of a sign-in, of a refresh, or of a card-password check (step-up, RFC 9470).",
}


def _header(description: str, **schema: object) -> JSON:
    return {"description": description, "schema": {"type": "string", **schema}}


_HEADERS: Final[Mapping[str, JSON]] = {
    "ETag": _header("The version, in quotes: for `If-Match` and `If-None-Match`."),
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit": _header("What is left of the limit (draft-ietf-httpapi-ratelimit-headers)."),
    "RateLimit-Policy": _header("The limit."),
    "WWW-Authenticate": _header("What is missing (RFC 6750 §3, RFC 9470 §3)."),
    "Idempotency-Replayed": _header("`true`: this is the first answer again.", enum=["true"]),
    "Content-Language": _header("The language of the texts.", enum=list(texts.LANGUAGES)),
}
_PARAMETERS: Final[Mapping[str, JSON]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "New for each thing to be done; sent again with the same, the first answer comes again.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{8,128}$"},
        "example": "0c7f0f4e-9a55-4ef4-9f10-6a0d8f1f6a52",
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": f"The language of texts; {texts.DEFAULT_LANGUAGE} if none of ours is asked for.",
        "schema": {"type": "string"},
        "example": "en",
    },
}
_HEADERS_OF_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "401": ("WWW-Authenticate",),
    "423": ("Retry-After",),
    "429": ("Retry-After", "RateLimit", "RateLimit-Policy"),
    "503": ("Retry-After",),
}
_DESCRIPTIONS: Final = {
    "200": "Done",
    "201": "Created",
    "202": "Accepted",
    "204": "Done; nothing to say",
    "304": "Nothing has changed",
}
_WITH_ETAG: Final = frozenset({"EnrolmentRead", "FaceCheckRead", "NoticeRead"})
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


def operation_id(route: Any) -> str:
    """Name an operation after its function: clients generate methods of these names."""
    name: str = route.name
    return name


def _finished(made: JSON, endpoints: Mapping[tuple[str, str], Callable[..., Any]]) -> JSON:
    document: JSON = orjson.loads(_PAGE.sub(rb"\1Page", orjson.dumps(made)))
    document["info"]["description"] = _DESCRIPTION.strip()
    document["tags"] = [{"name": name, "description": words} for name, words in _TAGS]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _finish_operation(path, method, operation, _needs(endpoints[path, method]))
    _finish_components(document["components"])
    return document


def _finish_components(components: JSON) -> None:
    schemas = components["schemas"]
    for name in _VALIDATION & schemas.keys():
        del schemas[name]
    for name, schema in schemas.items():
        _finish_schema(name, schema)
    schemas["Problem"] = _PROBLEM | {"properties": _PROBLEM["properties"] | {"code": _code_schema()}}
    components["headers"] = dict(_HEADERS)
    components["parameters"] = dict(_PARAMETERS)
    components["securitySchemes"] = {"bearer": _BEARER}


def _code_schema() -> JSON:
    schema: JSON = _PROBLEM["properties"]["code"]
    return schema | {"enum": list(texts.problem_codes())}


def _finish_schema(name: str, schema: JSON) -> None:
    if not name.endswith("Ask") and schema.get("additionalProperties") is False:
        del schema["additionalProperties"]  # answers grow
    for part in schema.get("properties", {}).values():
        part.pop("title", None)  # the name again
    if name in EXAMPLES:
        schema["examples"] = [EXAMPLES[name]]


def _finish_operation(path: str, method: str, operation: JSON, needs: frozenset[Callable[..., Any]]) -> None:
    _say_what_it_does(operation)
    responses = operation["responses"]
    if _is_made_up(operation):
        responses.pop("422", None)
    _refuse(responses, _shared_refusals(path, operation, needs))
    if "`not-signed-in`" in responses.get("401", {}).get("description", ""):
        operation["security"] = [{"bearer": []}]
    if path.startswith("/v1/"):
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/AcceptLanguage"})
    if _ONCE in needs or "`idempotency-key-missing`" in responses.get("400", {}).get("description", ""):
        _take_key(operation)
    _tell_versions(method, operation)
    for status, response in responses.items():
        _finish_response(status, response)


def _say_what_it_does(operation: JSON) -> None:
    """Put the function's own sentence where clients show it; more than one sentence is a description."""
    first, _, more = operation.pop("description", operation["summary"]).partition("\n")
    operation["summary"] = first.strip().removesuffix(".")
    if more.strip():
        operation["description"] = more.strip()


def _shared_refusals(path: str, operation: JSON, needs: frozenset[Callable[..., Any]]) -> Iterable[type[AppError]]:
    if path.startswith("/v1/"):
        yield errors.TooMany
    if "requestBody" in operation:
        yield errors.TooLarge
        if "application/json" in operation["requestBody"]["content"]:
            yield errors.Malformed
            yield errors.Invalid
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
    parameters = [each["schema"] for each in operation.get("parameters", ())]
    anything = ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]})
    plain = all({name: part for name, part in each.items() if name != "title"} in anything for each in parameters)
    is_own = "application/problem+json" in operation["responses"].get("422", {}).get("content", {})
    return plain and "requestBody" not in operation and not is_own


def _take_key(operation: JSON) -> None:
    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    _refuse(operation["responses"], (deps.IdempotencyKeyMissing, deps.IdempotencyKeyInvalid))
    _refuse(operation["responses"], (answers.KeyInFlight, answers.KeyReused))
    for status in ("201", "403", "404", "409", "422"):
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
    for parameter in operation.get("parameters", ()):
        if parameter.get("in") == "header":
            parameter["name"] = parameter["name"].title()


def _finish_response(status: str, response: JSON) -> None:
    response["description"] = _DESCRIPTIONS.get(status, response["description"])
    for header in _HEADERS_OF_STATUS.get(status, ()):
        _add_header(response, header)
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


_ONCE: Final = _dependency(deps.OncePerKey)
_REFUSALS_OF: Final[Mapping[Callable[..., Any], tuple[type[AppError], ...]]] = {
    _dependency(deps.AnyCaller): (errors.Unauthenticated, sessions.SessionEnded),
    _dependency(deps.Caller): (sessions.MoreProofNeeded,),
}
