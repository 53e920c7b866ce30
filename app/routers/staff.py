"""Staff sign in with two factors, and out."""

from fastapi import APIRouter

from app.core.errors import NotFound
from app.core.passwords import Busy
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Address, TheHouse
from app.routers.desk import Staff
from app.routers.traffic import line_of
from app.schemas import staff as shapes
from app.services.operators import sessions, signing

router = APIRouter(prefix="/v1/staff", tags=["staff"], route_class=StrictRoute)


@router.post(
    "/sessions",
    status_code=201,
    responses=documented(signing.StaffCredentialsWrong, signing.StaffSignInPaused, Busy),
)
async def sign_in_staff(body: shapes.StaffSessionAsk, house: TheHouse, address: Address) -> shapes.StaffSessionRead:
    """Sign one of the staff in: login, password, and the code that the authenticator app shows now."""
    return shapes.StaffSessionRead.of(await signing.sign_in(house.db, house.passwords, body.attempt(line_of(address))))


@router.delete("/sessions/{session_id}", status_code=204, responses=documented(NotFound))
async def sign_out_staff(session_id: str, caller: Staff, house: TheHouse) -> None:
    """End the session in use: `current`, or its id."""
    if session_id != "current" and deps.identity(session_id) != caller.session_id:
        raise NotFound
    await house.db.run(lambda session: sessions.end(session, caller))
