"""What is the same at every route: the shape of problems, headers, parameters, the way to sign in."""

from collections.abc import Mapping
from typing import Any, Final

from app import texts

JSON = dict[str, Any]

DESCRIPTION: Final = """
Clients are apps on bad networks: few round trips, every step repeatable, every flow resumable. The conventions are
told in docs/api.md of the source; in short:

- Refusals are `application/problem+json` with a `code`; each code has a page at `/problems/{code}`.
- A `POST` that creates something takes an `Idempotency-Key`; a `PUT` may be repeated.
- What an answer's `next` says is all a client needs to go on.
- Answers may get new members: ignore what you do not know.
"""
TAGS: Final = (
    ("accounts", "Accounts, sign-in, sessions, devices."),
    ("notices", "The texts people agree to."),
    ("relationships", "What a relative may be: the codes of GB/T 4761."),
    ("enrolments", "The add flow: a card of one's own, and relatives."),
    ("handovers", "The face step on the member's own phone, without an account."),
    ("consents", "What I agreed to, and how to take it back."),
    ("face checks", "The face step, whoever the provider is."),
    ("card", "The card password: step-up, change, reset."),
    ("presentation codes", "Codes that show a card for a minute, and the terminals that redeem them."),
    (
        "draws",
        "Payments out of personal accounts, one's own and shared ones: previewed, drawn at terminals, looked up.",
    ),
    ("holders", "E-cards: one's own and members', under the same paths."),
    ("card orders", "Physical cards: ordered, with a photo, and followed until they are collected."),
    ("transfers", "Moving social insurance from one place to another."),
    ("channels", "Where my e-card is used."),
    ("channel clients", "What channels do themselves: tokens, launches, events told again, secrets."),
    (
        "benefit certifications",
        "Showing each year that somebody who gets a benefit lives, for oneself and for members.",
    ),
    ("rights", "What people have in the five insurances, of two authorities."),
    ("family", "Members, owners, places."),
    ("sharing", "Medical account sharing: whose money near relatives may spend, apart from the family."),
    ("notifications", "What I was told, and how I wish to be told."),
    ("my data", "What is held on me."),
    ("offices", "Where people can go."),
    ("staff", "Sign-in of those who work here: two factors, short sessions."),
    ("counter", "What staff do for people who stand before them, with a terminal of their office."),
    ("reviews", "What waits for people: for reviewers among the staff."),
    ("statements", "Whether a paper in somebody's hands is ours."),
    ("operations", "How the server is, and what its problem codes mean."),
    ("development only", "Messages, test people and the clock; production has none of it."),
)
ACTIONS: Final = (
    "add-payment",
    "add-payment-with-people",
    "ask-for-code",
    "card-password",
    "certify-at-counter",
    "check-card-password",
    "check-phone",
    "consent",
    "consent-to-lost-card",
    "details",
    "documents",
    "face-check",
    "lift-suspension",
    "notice",
    "open-link",
    "own-card",
    "read-again",
    "read-card",
    "read-notice",
    "reconfirm",
    "register",
    "reset-card-password",
    "resume",
    "review",
    "see-card",
    "see-card-order",
    "see-certification",
    "see-closing",
    "see-family",
    "see-offices",
    "see-sharing",
    "see-statements",
    "see-transfer",
    "sign-in",
    "sign-in-by-code",
    "sign-in-by-password",
    "start-again",
    "use-another-channel",
    "use-card-here",
    "wait-for-review",
    "wait-for-slot",
)
"""All that a refusal's `next` can name; without any of them it repeats the refusal's code."""

PROBLEM: Final[JSON] = {
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
                "action": {
                    "type": "string",
                    "description": "What to do, for programs; the `code` again where it is nothing that this API does",
                    "enum": sorted({*ACTIONS, *texts.problem_codes()}),
                },
                "href": {
                    "type": "string",
                    "description": "Where, if it is a place in this API, or where another channel is entered",
                },
                "channel": {"type": "string", "description": "The channel in which it can be done"},
                "notice": {"type": "string", "description": "Where the notice is that is to be read first"},
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
                    "code": {"type": "string", "enum": list(texts.field_codes())},
                    "detail": {"type": "string"},
                    "allowed": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The words of which it takes one, or the fields of which there must be one",
                    },
                    "minimum": {"type": "number"},
                    "maximum": {"type": "number"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "/problems/card-password-wrong",
            "title": "The e-card password is not right",
            "status": 403,
            "detail": "The password entered is not right. Wrong tries in a row lock it for a while.",
            "code": "card-password-wrong",
            "request_id": "5f0f4f0c2b5b4f3e9d1f6f6c2a7f5a11",
            "next": {
                "action": "reset-card-password",
                "href": "/v1/card/password-resets",
                "text": "Take a moment and try again; if you have forgotten it, you can reset it.",
            },
            "tries_left": 4,
        }
    ],
}
BEARER: Final[JSON] = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of a sign-in, of a refresh, or of a card-password check (step-up, RFC 9470).",
}
STAFF: Final[JSON] = {
    "type": "http",
    "scheme": "bearer",
    "description": "The `access_token` of a staff sign-in: password and a code of an authenticator app.",
}

CHANNEL: Final[JSON] = {
    "type": "http",
    "scheme": "bearer",
    "description": "The `access_token` that a channel gets for its own signature, see docs/channels.md of the source.",
}

HANDOVER: Final[JSON] = {
    "type": "http",
    "scheme": "bearer",
    "description": "The `access_token` of an opened handover: good for one face step, refusing and disputing.",
}
TERMINAL: Final[JSON] = {
    "type": "apiKey",
    "in": "header",
    "name": "Signature",
    "description": "A terminal's signature of method, path and body (RFC 9421), with `Signature-Input` and "
    "`Content-Digest`; docs/terminals.md of the source tells how.",
}


def _header(description: str, **schema: object) -> JSON:
    return {"description": description, "schema": {"type": "string", **schema}}


SIGNED: Final[tuple[JSON, ...]] = tuple(
    {"name": name, "in": "header", "required": True, "description": what, "schema": {"type": "string"}}
    for name, what in (
        ("Content-Digest", "Of the body: `sha-256=:<base64>:` (RFC 9530)."),
        ("Signature-Input", "What is signed, when, by which terminal, with a new nonce (RFC 9421)."),
        ("Signature", "`sig=:<base64>:`; docs/terminals.md of the source tells how."),
    )
)
"""The headers of a terminal's request."""

HEADERS: Final[Mapping[str, JSON]] = {
    "ETag": _header("The version, in quotes: for `If-Match` and `If-None-Match`."),
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit": _header("What is left of the limit (draft-ietf-httpapi-ratelimit-headers)."),
    "RateLimit-Policy": _header("The limit."),
    "WWW-Authenticate": _header("What is missing (RFC 6750 §3, RFC 9470 §3)."),
    "Idempotency-Replayed": _header("`true`: this is the first answer again.", enum=["true"]),
    "Content-Language": _header("The language of the texts.", enum=list(texts.LANGUAGES)),
}
PARAMETERS: Final[Mapping[str, JSON]] = {
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
HEADERS_OF_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "401": ("WWW-Authenticate",),
    "423": ("Retry-After",),
    "429": ("Retry-After", "RateLimit", "RateLimit-Policy"),
    "503": ("Retry-After",),
}
