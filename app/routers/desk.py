"""Who of the staff calls, what they may do, and which terminal has signed."""

from typing import Annotated

from fastapi import Depends, Request

from app.routers.deps import House, TheHouse, bearer
from app.services.counter import serving
from app.services.operators import duties
from app.services.operators.duties import Duty
from app.services.operators.sessions import SIGN_IN, StaffCaller
from app.services.operators.sessions import caller as staff_caller
from app.services.terminals import requests
from app.services.terminals.requests import Calling, HttpRequest


async def _staff(request: Request, house: TheHouse) -> StaffCaller:
    token = bearer(request, SIGN_IN)
    return await house.db.run(lambda session: staff_caller(session, token))


Staff = Annotated[StaffCaller, Depends(_staff)]
"""Whoever of the staff is signed in, whatever their role."""


async def _reviewer(caller: Staff) -> StaffCaller:
    duties.require(caller.staff, Duty.DECIDE_CASES)
    return caller


Reviewer = Annotated[StaffCaller, Depends(_reviewer)]
"""Whoever of the staff decides cases."""


async def terminal_of(request: Request, house: House, body: bytes) -> Calling:
    """Return which terminal has signed a request.

    Raises:
        TerminalNotKnown: none of ours.
        RequestNotTimely: one whose clock is wrong.
    """
    asked = HttpRequest(request.method, request.scope["path"], request.headers, body)
    return await requests.caller(house.db, asked)


async def _terminal(request: Request, house: TheHouse) -> Calling:
    return await terminal_of(request, house, await request.body())


SigningTerminal = Annotated[Calling, Depends(_terminal)]
"""A terminal that has signed its request (RFC 9421); whoever does something for it takes the request's nonce."""


async def _at_counter(caller: Staff, terminal: SigningTerminal) -> serving.AtCounter:
    return serving.together(caller, terminal)


AtCounter = Annotated[serving.AtCounter, Depends(_at_counter)]
"""Whoever of the staff has a terminal of their office sign their request, session and all."""
