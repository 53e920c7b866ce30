"""The version that a client has seen, as `If-Match` says it."""

import re
from typing import Annotated, Final

from fastapi import Header

from app.core.errors import PreconditionFailed

_AN_ETAG: Final = {"pattern": r'^(W/)?"[0-9]{1,9}"$'}
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The version seen, as in `ETag`", json_schema_extra={**_AN_ETAG}),
]
IfMatchNeeded = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The version seen, as in `ETag`",
        json_schema_extra={**_AN_ETAG, "x-required": True},
    ),
]
"""The same where nothing is done without it; left out, the refusal is the route's own."""


def version_seen(if_match: str | None, stale: type[PreconditionFailed] = PreconditionFailed) -> int | None:
    """Return the version a client says it has seen (`If-Match: "4"`), if it says so.

    Raises:
        PreconditionFailed: what it says is no version of ours; it is raised as `stale`.
    """
    if if_match is None:
        return None
    match = re.fullmatch(r'(?:W/)?"(\d{1,9})"', if_match.strip())
    if match is None:
        raise stale
    return int(match.group(1))
