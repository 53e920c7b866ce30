"""The card password: checked for a step-up, changed, reset."""

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.core.passwords import Busy
from app.core.tokens.access import ACCESS_LIFETIME, AccessClaims, auth_seconds
from app.ports.face import FaceServiceUnavailable
from app.problems import documented
from app.routers import deps, faces
from app.routers.bodies import StrictRoute
from app.routers.deps import CARD_PASSWORD_ACR, AnyCaller, Caller, Language, TheHouse
from app.routers.once import OncePerKey, Remember
from app.schemas import card_passwords as shapes
from app.services import answers
from app.services.accounts import sessions
from app.services.accounts.codes import SmsCodeWrong
from app.services.cards import passwords, resets
from app.services.cards.resets import ResetView
from app.services.faces.tries import FaceStartsUsed

router = APIRouter(prefix="/v1/card", tags=["card"], route_class=StrictRoute)

_CHECK = (
    passwords.CardPasswordNotSet,
    passwords.CardPasswordIsWrong,
    passwords.CardPasswordLocked,
    passwords.CardPasswordResetNeeded,
    passwords.CheckInProgress,
    Busy,
)


@router.post("/password-checks", responses=documented(*_CHECK))
async def check_password(body: shapes.PasswordCheckAsk, caller: AnyCaller, house: TheHouse) -> shapes.StepUpRead:
    """Check the card password and get a token that says so, for five minutes of what needs it."""
    version = await passwords.check(house.db, house.passwords, caller, body.password)
    await house.db.run(lambda session: sessions.raise_assurance(session, caller))
    auth_time = auth_seconds(house.db.clock.now())
    claims = AccessClaims(caller.session_id, caller.account_id, CARD_PASSWORD_ACR, auth_time, version)
    return shapes.StepUpRead(
        access_token=house.mint.access.sign(claims),
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        acr=CARD_PASSWORD_ACR,
        auth_time=auth_time,
    )


@router.put("/password", status_code=204, responses=documented(*_CHECK, passwords.CardPasswordTooSimple))
async def change_password(body: shapes.PasswordChangeAsk, caller: Caller, house: TheHouse) -> None:
    """Change the card password; tokens stepped up before are worth no more than others."""
    await passwords.change(house.db, house.passwords, caller, current=body.current, new=body.new)


@router.post(
    "/password-resets",
    status_code=201,
    response_model=shapes.ResetRead,
    responses=documented(SmsCodeWrong, passwords.CardPasswordNotSet, FaceStartsUsed, FaceServiceUnavailable),
)
async def begin_reset(
    body: shapes.PasswordResetAsk, caller: Caller, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Begin to reset a forgotten card password with a code by SMS; the answer holds the live face check to do."""

    async def work(unit: answers.Unit, remember: Remember[shapes.ResetRead]) -> None:
        async def keep(session: Session, view: ResetView) -> None:
            await remember(session, await _shaped(session, view, language))

        await resets.begin(
            house.db,
            house.ports,
            caller,
            sms_code=body.sms_code,
            unit_id=unit.id,
            device_meta=body.device_meta,
            callback_url=faces.callback_url(house),
            remember=keep,
        )

    return once.respond(await once(work, lambda shaped: shaped))


@router.get("/password-resets/{reset_id}", responses=documented(NotFound))
async def read_reset(reset_id: str, caller: Caller, house: TheHouse, language: Language) -> shapes.ResetRead:
    """Read a reset."""
    wanted = deps.identity(reset_id)

    async def read(session: Session) -> shapes.ResetRead:
        return await _shaped(session, await resets.read(session, caller, wanted), language)

    return await house.db.run(read)


@router.put(
    "/password-resets/{reset_id}",
    status_code=204,
    responses=documented(NotFound, resets.ResetNotReady, passwords.CardPasswordTooSimple, Busy),
)
async def finish_reset(reset_id: str, body: shapes.NewPasswordAsk, caller: Caller, house: TheHouse) -> None:
    """Set the new password once the face has passed."""
    await resets.finish(house.db, house.passwords, caller, deps.identity(reset_id), body.new)


async def _shaped(session: Session, view: ResetView, language: str) -> shapes.ResetRead:
    check = await faces.shaped(session, view.check, language) if view.check is not None else None
    return shapes.ResetRead(id=str(view.id), state=view.state.value, expires_at=view.expires_at, face_check=check)
