"""Creating POSTs under an `Idempotency-Key`: done once, and answered the same when they are repeated."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from app import problems
from app.core import errors
from app.core.db import Session, bucket_of
from app.core.errors import AppError, Malformed
from app.routers import deps
from app.routers.deps import Caller, HandoverHolder, House, TheHouse
from app.routers.desk import Staff
from app.services import answers, authority
from app.services.answers import Answer, RepeatKey

Result = TypeVar("Result")
Remember = Callable[[Session, Result], Awaitable[None]]


class IdempotencyKeyMissing(Malformed):
    """A creating POST without `Idempotency-Key`."""

    code = "idempotency-key-missing"


class IdempotencyKeyInvalid(Malformed):
    """An `Idempotency-Key` that is none: 8 to 128 letters, digits and `-_.:` are."""

    code = "idempotency-key-invalid"


class Once:
    """Does the work of a creating POST once for each `Idempotency-Key`, and answers a repetition the same."""

    def __init__(
        self, request: Request, house: House, key: RepeatKey, still_may: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Take a request and its key; `still_may` raises where a kept success is not the caller's to hear any more."""
        self._request = request
        self._house = house
        self._key = key
        self._still_may = still_may

    async def __call__(
        self,
        work: Callable[[answers.Unit, Remember[Result]], Awaitable[object]],
        shape: Callable[[Result], BaseModel],
        *,
        status: int = 201,
        standing: Callable[[Result], BaseModel | None] = lambda _: None,
    ) -> Answer:
        """Do `work`, which calls `remember` in the transaction of its effect, and return what to send.

        Refusals that would come again are kept too (`would_come_again`); anything else frees the key.

        Args:
            standing: what is kept of a result with refusals in it that may not come again (None: all of it); with the
                same key the work is done again, and finds that in its unit.
        """
        begun = await answers.begin(self._house.db, self._key)
        if isinstance(begun, Answer):
            if self._still_may is not None and begun.status < 400:
                await self._still_may()
            self._request.state.is_replayed = True
            return begun
        answer: Answer | None = None

        async def remember(session: Session, result: Result) -> None:
            nonlocal answer
            answer = Answer(status, shape(result).model_dump_json().encode())
            if (part := standing(result)) is None:
                await answers.keep(session, begun, answer)
            else:
                await answers.set_aside(session, begun, part.model_dump_json().encode())

        try:
            await work(begun, remember)
        except AppError as error:
            first = await answers.close(self._house.db, begun, _to_be_kept(error))
            if first is None:
                raise
            self._request.state.is_replayed = True
            return first
        except BaseException:
            await answers.close(self._house.db, begun, None)
            raise
        assert answer is not None
        return answer

    def respond(self, answer: Answer, body: bytes | None = None) -> Response:
        """Send an answer, new or kept; `body` takes the place of a kept success that is minted anew."""
        if answer.status >= 400:
            response = problems.respond(self._request, answer.status, orjson.loads(answer.body))
        else:
            response = Response(body or answer.body, answer.status, media_type="application/json")
        if getattr(self._request.state, "is_replayed", False):
            response.headers["Idempotency-Replayed"] = "true"
        return response


def would_come_again(error: AppError) -> bool:
    """Say whether a refusal is kept with its key: 403, 404, 409 and 422, unless it says when to come again."""
    is_of_state = isinstance(error, errors.Denied | errors.NotFound | errors.Conflict | errors.Invalid)
    return is_of_state and error.retry_after_seconds is None


def _to_be_kept(error: AppError) -> Answer | None:
    """Return a refusal as it is kept; None for one that may not come again."""
    if would_come_again(error):
        return Answer(problems.status_of(type(error)), orjson.dumps(problems.members(error)))
    return None


async def repeat_key(request: Request, house: House, scope: bytes, bucket: int) -> RepeatKey:
    """Read the `Idempotency-Key` of a request and what is asked with it.

    Raises:
        IdempotencyKeyMissing: there is none.
        IdempotencyKeyInvalid: it has a form we do not take.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        raise IdempotencyKeyMissing
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{8,128}", key):
        raise IdempotencyKeyInvalid
    asked = b"\n".join([request.method.encode(), request.url.path.encode(), await request.body()])
    return RepeatKey(bucket, scope, key, asked)


async def _once(request: Request, house: TheHouse, caller: Caller) -> Once:
    key = await repeat_key(request, house, caller.account_id.bytes, bucket_of(caller.account_id))
    holder = request.path_params.get("holder", "me")
    if holder == "me":
        return Once(request, house, key)
    link_id = deps.identity(holder)

    async def still_may() -> None:
        await house.db.run(lambda session: authority.require_open(session, caller, link_id))

    return Once(request, house, key, still_may)


async def _once_of_holder(request: Request, house: TheHouse, holder: HandoverHolder) -> Once:
    key = await repeat_key(request, house, holder.handover_id.bytes, bucket_of(holder.handover_id))
    return Once(request, house, key)


OncePerHandover = Annotated[Once, Depends(_once_of_holder)]
"""The same for a member to whom a face step was handed over."""

OncePerKey = Annotated[Once, Depends(_once)]
"""The way to answer for a creating POST of a caller who is signed in."""


async def _once_for_staff(request: Request, house: TheHouse, caller: Staff) -> Once:
    operator_id = caller.staff.id
    return Once(request, house, await repeat_key(request, house, operator_id.bytes, bucket_of(operator_id)))


OncePerStaffKey = Annotated[Once, Depends(_once_for_staff)]
"""The same for one of the staff."""
