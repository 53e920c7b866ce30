"""The errors that mean "nothing happened", one kind for each way a request can be refused.

    AppError
    ├── Malformed             the request cannot be read
    ├── Unauthenticated       who is asking is not known, or not surely enough
    ├── Denied                known, and not allowed
    ├── NotFound              not there, or not yours: the same answer
    ├── Conflict              the state of things does not allow it
    ├── PreconditionFailed    the caller has seen an older version
    ├── PreconditionRequired  the caller must say which version was seen
    ├── TooLarge              more bytes than we take
    ├── UnsupportedMedia      not a type we take
    ├── Invalid               readable, and wrong
    ├── Locked                shut for a while
    ├── TooMany               too often
    └── Unavailable           something outside does not answer

A domain error is two lines beside the code that raises it: a kind and its `code`. The words people read for a code live
in `app/texts`; the status numbers in `app/problems.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where (RFC 6901 pointer into the body) and why (a code); never the value.

    `allowed` are the words of which it takes one, or the fields of which there must be one; `minimum` or `maximum` is
    the bound it is beyond. They are what the OpenAPI document says of the field, too.
    """

    pointer: str
    code: str
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What the person can do now: a word for it and, where there are such, its address and the notice to read first.

    An address may be a path with places (`/v1/holders/{holder}/…`); those of the request fill them. `channel` is the
    one in which it can be done.
    """

    action: str
    href: str | None = None
    notice: str | None = None
    channel: str | None = None


class AppError(Exception):
    """A refusal. Whatever the transaction did is undone.

    `leads_to` is what the person can do wherever it comes from; `next_step` is what they can do in this very case.
    """

    code: ClassVar[str]
    leads_to: ClassVar[NextStep | None] = None

    def __init__(
        self,
        *,
        next_step: NextStep | None = None,
        tries_left: int | None = None,
        retry_after_seconds: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(self.code)
        self.next_step = next_step or self.leads_to
        self.tries_left = tries_left
        self.retry_after_seconds = retry_after_seconds
        self.errors = tuple(errors)


class Malformed(AppError):
    """The request cannot be read."""

    code = "malformed-request"


class Unauthenticated(AppError):
    """Who is asking is not known, or not surely enough.

    `challenge` is the value of `WWW-Authenticate` (RFC 6750 §3, RFC 9470 §3), sent with every such answer.
    """

    code = "not-signed-in"
    challenge: ClassVar[str] = "Bearer"


class Denied(AppError):
    """Known, and not allowed."""


class NotFound(AppError):
    """Not there, or not yours: one answer for both."""

    code = "not-found"


class Conflict(AppError):
    """The state of things does not allow it."""


class PreconditionFailed(AppError):
    """The caller has seen an older version."""

    code = "version-stale"


class PreconditionRequired(AppError):
    """The caller must say which version was seen (RFC 6585 §3)."""

    code = "version-required"


class TooLarge(AppError):
    """More bytes than we take."""

    code = "body-too-large"


class UnsupportedMedia(AppError):
    """Not a type we take."""

    code = "media-type-unsupported"


class Invalid(AppError):
    """Readable, and wrong."""

    code = "invalid-request"


class Locked(AppError):
    """Shut for a while."""


class TooMany(AppError):
    """Too often: more than `quota` uses in `window_seconds` (draft-ietf-httpapi-ratelimit-headers)."""

    code = "too-many-requests"

    def __init__(self, *, retry_after_seconds: int, quota: int, window_seconds: int) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.quota = quota
        self.window_seconds = window_seconds


class Unavailable(AppError):
    """Something outside does not answer."""

    code = "unavailable"
