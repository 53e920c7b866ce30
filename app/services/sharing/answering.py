"""How a binding that waits is agreed to: by a code to the register's phone, or by the member in the app."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict, NextStep, NotFound
from app.models.sharing import Confirming, SharingBinding, SharingState
from app.services import authority, policies
from app.services.accounts.codes import SmsCodeWrong
from app.services.accounts.sessions import Caller
from app.services.people import homes
from app.services.rules.sharing import Sharing
from app.services.sharing import binding as bindings
from app.services.sharing import codes, rows


class SharingNotConfirmedHere(Conflict):
    """This binding is agreed to in another way: with a code, or at a counter."""

    code = "sharing-not-confirmed-here"
    leads_to = NextStep("see-offices", "/v1/offices")


@dataclass(frozen=True, slots=True)
class _Guess:
    """How a guess went, and how many tries are left; None: the code is over."""

    is_right: bool
    tries_left: int | None = None


async def by_code(db: Database, caller: Caller, binding_id: UUID, code: str) -> None:
    """Let a binding be active by the code that went to the register's phone; active already is as good.

    A wrong code spends a try. Either side may type it in.

    Raises:
        NotFound: it is not the caller's, or has ended.
        SharingNotConfirmedHere: no code can.
        SharersAtLimit: the member has no slot free; the code stays good.
        SmsCodeWrong: it is not right, or over; `tries_left` is there while there are some.
    """
    guess = await db.run(partial(_guess, caller, binding_id, code))
    if not guess.is_right:
        raise SmsCodeWrong(tries_left=guess.tries_left, next_step=NextStep("ask-for-code", "/v1/sharing/bindings"))


async def in_app(session: Session, caller: Caller, binding_id: UUID) -> None:
    """Let a binding be active because its member, who calls, agrees; active already is as good.

    Raises:
        NotFound: it is not shared with the caller, or has ended.
        SharingNotConfirmedHere: the rules want a code, or a counter.
        SharersAtLimit: no slot is free.
    """
    binding = await _of_either(session, caller, binding_id)
    if binding.member_id != caller.person_id:
        raise NotFound
    if binding.state is not SharingState.PENDING:
        return
    if binding.confirming is not Confirming.MEMBER:
        raise SharingNotConfirmedHere
    await bindings.activate(session, binding, await _rules(session, binding), caller.actor)


async def _guess(caller: Caller, binding_id: UUID, code: str, session: Session) -> _Guess:
    binding = await _of_either(session, caller, binding_id)
    if binding.state is not SharingState.PENDING:
        return _Guess(is_right=True)
    waiting = await rows.request(session, binding)
    if waiting is None or waiting.confirming not in codes.BY_CODE:
        raise SharingNotConfirmedHere
    if waiting.code_until <= session.now:
        return _Guess(is_right=False)
    if waiting.tries_left == 0:
        return _Guess(is_right=False, tries_left=0)
    if not codes.is_right(session, waiting, code):
        waiting.tries_left -= 1
        return _Guess(is_right=False, tries_left=waiting.tries_left)
    await bindings.activate(session, binding, await _rules(session, binding), caller.actor)
    return _Guess(is_right=True)


async def _of_either(session: Session, caller: Caller, binding_id: UUID) -> SharingBinding:
    """Return a binding of the caller's, on either side, locked with both homes.

    Raises:
        NotFound: there is none, or it has ended.
    """
    person_id = await authority.person_still(session, caller)
    seen = await rows.seen(session, binding_id)
    if seen is None or person_id not in (seen.owner_id, seen.member_id):
        raise NotFound
    binding = await rows.locked(session, binding_id)
    if binding.state is SharingState.ENDED or rows.is_over(session, binding):
        raise NotFound
    return binding


async def _rules(session: Session, binding: SharingBinding) -> Sharing:
    owner = await homes.person(session, binding.owner_id)
    return (await policies.current(session, owner.region)).sharing
