"""Errors as problem answers (RFC 9457): the only place that knows which status a refusal has."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app import texts
from app.core import errors, logging
from app.core.errors import AppError, FieldError, TooMany, Unauthenticated

MEDIA_TYPE: Final = "application/problem+json"
STATUS: Mapping[type[AppError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.Locked: 423,
    errors.PreconditionRequired: 428,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
"""One status for each kind."""

ITEMS: Final = "An outcome for each item"
"""How an answer is described that tells refusals of single items, being none itself."""

_log = logging.logger(__name__)
_OWN_ANSWERS = {404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 413: "body-too-large"}
_UNREAD = {"not_utf8", "too_deep", "twice"}  # what the reading of bodies tells by the error's message
_QUOTED = re.compile(r"'([a-zA-Z0-9_.-]+)'")  # how the words of an enum are told: 'sms', 'push' or 'none'
_NAME = re.compile(r"[A-Za-z_]{1,40}")
_TYPE_CODES = {
    "missing": "missing",
    "extra_forbidden": "extra",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_pattern_mismatch": "pattern",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "enum": "choice",
    "literal_error": "choice",
    "string_unicode": "bad_characters",
}


class JsonNeeded(errors.UnsupportedMedia):
    """The body is not sent as JSON."""

    code = "json-needed"


def status_of(error: type[AppError]) -> int:
    """Return the status of an error: its kind's."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem answer."""
    app.add_exception_handler(AppError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, unexpected)


def answer(request: Request, error: AppError) -> Response:
    """Make the problem answer of a refusal, in the language asked for."""
    headers = {"WWW-Authenticate": error.challenge} if isinstance(error, Unauthenticated) else {}
    if isinstance(error, TooMany):
        headers["RateLimit"] = f'"{error.code}";r=0;t={error.retry_after_seconds}'
        headers["RateLimit-Policy"] = f'"{error.code}";q={error.quota};w={error.window_seconds}'
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return respond(request, status_of(type(error)), members(error), headers)


def members(error: AppError) -> dict[str, Any]:
    """Return what a refusal says apart from words: code, next step, tries left, wait, fields."""
    found: dict[str, Any] = {"code": error.code}
    if error.next_step is not None:
        found["next"] = {"action": error.next_step.action}
        if error.next_step.href is not None:
            found["next"]["href"] = error.next_step.href
        if error.next_step.notice is not None:
            found["next"]["notice"] = error.next_step.notice
        if error.next_step.channel is not None:
            found["next"]["channel"] = error.next_step.channel
    if error.tries_left is not None:
        found["tries_left"] = error.tries_left
    if error.retry_after_seconds is not None:
        found["retry_after_seconds"] = error.retry_after_seconds
    if error.errors:
        found["errors"] = [_said_of(field) for field in error.errors]
    return found


def _said_of(field: FieldError) -> dict[str, Any]:
    said: dict[str, Any] = {"pointer": field.pointer, "code": field.code}
    if field.allowed:
        said["allowed"] = field.allowed
    bounds = {"minimum": field.minimum, "maximum": field.maximum}
    return said | {name: bound for name, bound in bounds.items() if bound is not None}


def respond(
    request: Request, status: int, said: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Put words to what a refusal says and answer it."""
    language = texts.choose_language(request.headers.get("accept-language"))
    filled = {**said, "next": _filled(said["next"], request)} if "next" in said else said
    return Response(
        orjson.dumps(in_words({"status": status, **filled}, language)),
        status,
        {**(headers or {}), "Content-Language": language},
        media_type=MEDIA_TYPE,
    )


def in_words(said: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a refusal as it is sent, in a language; `said` are its status and `members`."""
    words = texts.problem(said["code"], language)
    body: dict[str, Any] = {
        "type": f"/problems/{said['code']}",
        "title": words.title,
        "status": said["status"],
        "detail": words.detail,
        **said,
        "request_id": logging.current_request_id(),
    }
    if words.next is not None:
        body["next"] = {"action": said["code"], **said.get("next", {}), "text": words.next}
    if "errors" in said:
        body["errors"] = [{**field, "detail": texts.field_error(field["code"], language)} for field in said["errors"]]
    return body


def placed(error: AppError, pointer: str) -> dict[str, Any]:
    """Return what a refusal of one part of a body says; its fields are named from the part's `pointer` on."""
    said = {"status": status_of(type(error)), **members(error)}
    if error.errors:
        said["errors"] = [{**field, "pointer": pointer + field["pointer"]} for field in said["errors"]]
    return said


def _filled(step: Mapping[str, str], request: Request) -> Mapping[str, str]:
    """Fill the places of a step's address from the path that was asked for."""
    if "{" not in step.get("href", ""):
        return step
    return {**step, "href": step["href"].format_map(request.path_params)}


def documented(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route for the OpenAPI document."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.code):
        entry = found.setdefault(
            status_of(kind),
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        )
        entry["description"] = ", ".join(filter(None, (entry["description"], f"`{kind.code}`")))
    return found


def in_items(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals that a route tells of single items, in an answer that is none."""
    codes = ", ".join(f"`{kind.code}`" for kind in sorted(kinds, key=lambda kind: kind.code))
    return {200: {"description": f"{ITEMS}; one may be refused with {codes}"}}


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return answer(request, error)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["loc"] == ("body",) and isinstance(fault["input"], bytes) for fault in faults):
        return answer(request, JsonNeeded())  # the framework reads only what is said to be JSON
    unread = next((fault for fault in faults if fault["type"] == "json_invalid"), None)
    if unread is not None:
        why = unread["ctx"]["error"]
        return answer(request, errors.Malformed(errors=[FieldError("", why if why in _UNREAD else "not_json")]))
    return answer(request, errors.Invalid(errors=[_field(fault["loc"], fault) for fault in faults]))


def _field(location: Sequence[str | int], fault: Mapping[str, Any]) -> FieldError:
    """Name the field and the reason; never the value, nor a name that may be anybody's number."""
    place, *path = location
    if fault["type"] == "extra_forbidden" and not _NAME.fullmatch(str(path[-1])):
        path.pop()
    pointer = "".join(f"/{part}" for part in path)
    context = fault.get("ctx", {})
    code = context.get("code") or _TYPE_CODES.get(fault["type"], "wrong_type")
    return FieldError(
        pointer if place == "body" else f"{place}:{'.'.join(map(str, path))}",
        code,
        allowed=tuple(context.get("fields", ())) or tuple(_QUOTED.findall(str(context.get("expected", "")))),
        minimum=_bound(context.get("ge")),
        maximum=_bound(context.get("le")),
    )


def _bound(limit: object) -> int | float | None:
    return limit if isinstance(limit, int | float) else None


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _OWN_ANSWERS.get(error.status_code, "malformed-request")
    return respond(request, error.status_code, {"code": code}, error.headers)


async def _gone(request: Request, _: Exception) -> Response:
    """Answer nobody: whoever was sending has gone, as phones do, and that is no fault of ours."""
    return respond(request, 400, {"code": "malformed-request"})


async def unexpected(request: Request, error: Exception) -> Response:
    """Answer what nobody has foreseen; the log tells us where it was raised."""
    _log.error("unexpected_error", exc_info=error)
    return respond(request, 500, {"code": "internal-error"})
