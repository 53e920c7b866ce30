"""Accounts, sign-in, sessions, devices."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response

from app.core.errors import NotFound
from app.core.passwords import Busy
from app.models.accounts import SignedIn
from app.ports.messages import MessagesUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Address, AnyCaller, AsSureAsCanBe, Caller, House, Language, TheHouse
from app.routers.once import IdempotencyKeyMissing, Once, Remember, repeat_key
from app.schemas import accounts as shapes
from app.schemas.base import Page
from app.services import answers
from app.services.accounts import changing, codes, devices, ending, profile, refreshing, sessions, signing
from app.services.accounts.signing import Entrance
from app.services.channel_registry.standing import ChannelStopped
from app.services.people.phones import mask_phone

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=StrictRoute)


@router.post(
    "/sms-codes",
    status_code=202,
    responses=documented(codes.SmsResendTooSoon, codes.SmsLimitReached, MessagesUnavailable),
)
async def send_code(
    body: shapes.SmsCodeAsk, house: TheHouse, address: Address, language: Language
) -> shapes.SmsCodeSent:
    """Send a code by SMS; the answer is the same whether or not the phone is known."""
    phone = deps.phone(house, body.phone)
    house.traffic.count_sms_code(address)
    sent = await codes.send(
        house.db,
        house.ports.messages,
        phone=phone,
        purpose=body.purpose,
        device_id=body.device_id,
        language=language,
    )
    return shapes.SmsCodeSent.of(sent)


@router.post(
    "/accounts",
    status_code=201,
    response_model=shapes.AccountOpened,
    responses=documented(
        codes.SmsCodeWrong,
        signing.PhoneAlreadyRegistered,
        signing.PasswordTooWeak,
        ChannelStopped,
        IdempotencyKeyMissing,
        Busy,
    ),
)
async def register(request: Request, body: shapes.AccountAsk, house: TheHouse) -> Response:
    """Open an account with a phone and its code, and sign in."""
    phone, entrance = deps.phone(house, body.phone), _entrance(house, body)
    scope = house.db.lookup.digest("phone", phone)
    once = Once(request, house, await repeat_key(request, house, scope, house.db.lookup.bucket("phone", phone)))

    async def work(_: answers.Unit, remember: Remember[signing.Registered]) -> signing.Registered:
        return await signing.register(
            house.db,
            house.passwords,
            phone=phone,
            sms_code=body.sms_code,
            password=body.password,
            device=body.device.info(),
            entrance=entrance,
            remember=remember,
        )

    def shape(registered: signing.Registered) -> shapes.AccountKept:
        account = shapes.AccountRead(id=str(registered.account_id), phone=mask_phone(phone))
        return shapes.AccountKept(account=account, session_id=str(registered.session_id))

    answer = await once(work, shape)
    if answer.status >= 400:
        return once.respond(answer)
    kept = shapes.AccountKept.model_validate(orjson.loads(answer.body))
    signed_in = await house.db.run(lambda session: sessions.living(session, UUID(kept.session_id)))
    opened = shapes.AccountOpened(account=kept.account, tokens=_tokens(house, signed_in))
    return once.respond(answer, opened.model_dump_json().encode())


@router.post(
    "/sessions",
    status_code=201,
    responses=documented(
        codes.SmsCodeWrong,
        signing.CredentialsWrong,
        signing.SignInPaused,
        signing.NoAccountForPhone,
        ChannelStopped,
        Busy,
    ),
)
async def sign_in(body: shapes.SessionAsk, house: TheHouse) -> shapes.TokensRead:
    """Sign in by password or by SMS code."""
    phone, device, entrance = deps.phone(house, body.phone), body.device.info(), _entrance(house, body)
    if body.password is not None:
        signed_in = await signing.sign_in_by_password(
            house.db, house.passwords, phone=phone, password=body.password, device=device, entrance=entrance
        )
    else:
        signed_in = await signing.sign_in_by_code(
            house.db, phone=phone, sms_code=body.sms_code or "", device=device, entrance=entrance
        )
    return _tokens(house, signed_in)


@router.post("/sessions/refresh", responses=documented(refreshing.RefreshTokenRefused, ChannelStopped))
async def refresh(body: shapes.RefreshAsk, house: TheHouse) -> shapes.TokensRead:
    """Exchange a refresh token for new tokens; a token used before ends the session."""
    return shapes.TokensRead.of(await refreshing.refresh(house.db, house.mint, body.refresh_token))


@router.get("/sessions")
async def list_sessions(caller: Caller, house: TheHouse) -> Page[shapes.SessionRead]:
    """List my sessions."""
    found = await house.db.run(lambda session: ending.list_for(session, caller))
    return Page(items=[shapes.SessionRead.of(row, name, caller.session_id) for row, name in found])


@router.delete("/sessions/{session_id}", status_code=204, responses=documented(NotFound))
async def end_session(session_id: str, caller: AnyCaller, house: TheHouse) -> None:
    """End one of my sessions; `current` is the one I use."""
    wanted = caller.session_id if session_id == "current" else deps.identity(session_id)
    await house.db.run(lambda session: ending.end(session, caller, wanted))


@router.get("/devices")
async def list_devices(caller: Caller, house: TheHouse) -> Page[shapes.DeviceRead]:
    """List the devices I have signed in on."""
    found = await house.db.run(lambda session: devices.list_for(session, caller))
    return Page(items=[shapes.DeviceRead.of(row, name) for row, name in found])


@router.put("/devices/current/phone-check", status_code=204, responses=documented(codes.SmsCodeWrong))
async def check_phone(body: shapes.PhoneCheckAsk, caller: Caller, house: TheHouse) -> None:
    """Show by a code that my phone is mine, on the device I use: once, before it shows a card."""
    await devices.check_phone(house.db, caller, body.sms_code)


@router.delete("/devices/{device_id}", status_code=204, responses=documented(NotFound))
async def remove_device(device_id: str, caller: Caller, house: TheHouse) -> None:
    """Forget a device and end its sessions."""
    wanted = deps.identity(device_id)
    await house.db.run(lambda session: devices.remove(session, caller, wanted))


@router.get("/me", responses=documented(deps.CardPasswordRequired))
async def read_me(
    caller: Caller,
    house: TheHouse,
    reveal: Annotated[bool, Query(description="Show my number whole; needs a step-up")] = False,  # noqa: FBT002 - a query
) -> shapes.MeRead:
    """Who I am here."""
    if reveal:
        await deps.require_step_up(house, caller)
        me = await house.db.run(lambda session: profile.reveal(session, caller))
    else:
        me = await house.db.run(lambda session: profile.read(session, caller))
    return shapes.MeRead(
        account_id=str(caller.account_id),
        phone=me.phone,
        name=me.name,
        social_security_number=me.number,
        has_card=me.has_card,
        assurance=caller.assurance,
    )


@router.put(
    "/me/phone", responses=documented(deps.CardPasswordRequired, codes.SmsCodeWrong, signing.PhoneAlreadyRegistered)
)
async def change_phone(
    body: shapes.PhoneChangeAsk, caller: AsSureAsCanBe, house: TheHouse, language: Language
) -> shapes.AccountRead:
    """Change the phone of my account, proved by a code to each of the two."""
    phone = deps.phone(house, body.phone)
    change = changing.PhoneChange(phone, body.sms_code, body.new_phone_sms_code)
    await changing.change_phone(house.db, house.ports.messages, caller, change, language=language)
    return shapes.AccountRead(id=str(caller.account_id), phone=mask_phone(phone))


def _entrance(house: House, body: shapes.AccountAsk | shapes.SessionAsk) -> Entrance:
    """Return by which channel somebody comes in: the one of their ticket, or that of those who use the API directly.

    Raises:
        ChannelTicketNotValid: the ticket is none of ours, is over, or was given to another device.
    """
    if body.channel_ticket is None:
        return Entrance(house.settings.channel)
    ticket = house.tickets.read(body.channel_ticket, body.device.id)
    return Entrance(ticket.channel, ticket.subject)


def _tokens(house: House, signed_in: SignedIn) -> shapes.TokensRead:
    return shapes.TokensRead.of(sessions.tokens(house.mint, signed_in, house.db.clock.now()))
