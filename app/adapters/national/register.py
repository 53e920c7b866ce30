"""The citizen register behind the national gateway; here, and nowhere else, its field codes become ours."""

import base64
import binascii
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from app.adapters.gateways import Model, Said
from app.adapters.national.codes import FIND, FIND_BY_CARD, PORTRAIT, Call, Group, Meaning
from app.adapters.national.gateway import NationalGateway, NationalSilent, Reply
from app.core.clock import Clock, today
from app.core.logging import logger
from app.ports.register import PhysicalCard, PhysicalCardStatus, Register, RegisteredPerson, RegisterUnavailable

_CARD_STATUSES: Final[Mapping[str, PhysicalCardStatus]] = {  # aaz502, as the nation numbers them
    "0": PhysicalCardStatus.NOT_ACTIVATED,
    "1": PhysicalCardStatus.NORMAL,
    "2": PhysicalCardStatus.LOST,
    "3": PhysicalCardStatus.APPLICATION_LOCKED,
    "4": PhysicalCardStatus.LOST_TEMPORARILY,
    "9": PhysicalCardStatus.CANCELLED,
}
_IS_ALIVE: Final[Mapping[str, bool]] = {"1": True, "2": False}  # aac060
_SKEW: Final = timedelta(minutes=5)
_MOST_PORTRAIT_BYTES: Final = 2 * 1024 * 1024
_JPEG: Final = b"\xff\xd8\xff"

_Number = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{15,18}$")]


class SaidPerson(Said):
    """A person: aac001 is the computer number, aae005 the phone, aaz500 and aaz502 those of the physical card."""

    aac001: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}$")] | None = Field(None, repr=False)
    aac002: _Number = Field(repr=False)
    aac003: Annotated[str, StringConstraints(min_length=1, max_length=50)] = Field(repr=False)
    aac004: Annotated[str, StringConstraints(pattern=r"^[0129]$")]
    aac006: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")] = Field(repr=False)
    aac060: Annotated[str, StringConstraints(pattern=r"^[12]$")]
    aab301: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    aae005: Annotated[str, StringConstraints(pattern=r"^1[0-9]{10}$")] | None = Field(None, repr=False)
    aaz500: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{9}$")] | None = Field(None, repr=False)
    aaz502: Annotated[str, StringConstraints(pattern=r"^[012349]$")] | None = None
    parents: list[_Number] = Field([], max_length=8, repr=False)
    guardians: list[_Number] = Field([], max_length=8, repr=False)


class SaidPortrait(Said):
    """A portrait, in base64."""

    aac002: _Number = Field(repr=False)
    portrait: str | None = Field(repr=False)


class NationalRegister(Register):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, gateway: NationalGateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    async def find(self, number: str) -> RegisteredPerson | None:
        reply = await self._ask(FIND, {"aac002": number})
        if reply.meaning is Meaning.NOTHING:
            return None
        said = _read(reply, SaidPerson)
        if said.aac002 != number:
            raise _not_believed("person")
        return _person(said, self._clock.now())

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        reply = await self._ask(FIND_BY_CARD, {"aaz500": card_number})
        if reply.meaning is Meaning.NOTHING:
            return None
        said = _read(reply, SaidPerson)
        if said.aaz500 != card_number:
            raise _not_believed("card")
        return _person(said, self._clock.now())

    async def portrait(self, number: str) -> bytes | None:
        reply = await self._ask(PORTRAIT, {"aac002": number})
        if reply.meaning is Meaning.NOTHING:
            return None
        said = _read(reply, SaidPortrait)
        if said.aac002 != number:
            raise _not_believed("person")
        return None if said.portrait is None else _jpeg(said.portrait)

    async def _ask(self, call: Call, content: Mapping[str, object]) -> Reply:
        try:
            return await self._gateway.ask(Group.REGISTER, call, content)
        except NationalSilent as error:
            raise RegisterUnavailable(retry_after_seconds=error.retry_after_seconds) from error


def _person(said: SaidPerson, now: datetime) -> RegisteredPerson:
    """Translate what is said of somebody.

    Raises:
        RegisterUnavailable: it cannot be.
    """
    if said.aac002 in {*said.parents, *said.guardians}:
        raise _not_believed("own_relative")
    if (said.aaz500 is None) != (said.aaz502 is None):
        raise _not_believed("card")
    birth_date = _day(said.aac006)
    if birth_date > today(now + _SKEW):
        raise _not_believed("aac006")
    return RegisteredPerson(
        number=said.aac002,
        name=said.aac003,
        sex=said.aac004,
        birth_date=birth_date,
        region=said.aab301,
        is_alive=_IS_ALIVE[said.aac060],
        phone=said.aae005,
        card=None if not said.aaz500 or not said.aaz502 else PhysicalCard(said.aaz500, _CARD_STATUSES[said.aaz502]),
        parents=frozenset(said.parents),
        guardians=frozenset(said.guardians),
        computer_number=said.aac001,
    )


def _day(said: str) -> date:
    try:
        return date(int(said[:4]), int(said[4:6]), int(said[6:]))
    except ValueError:
        raise _not_believed("aac006") from None


def _jpeg(said: str) -> bytes:
    try:
        portrait = base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        raise _not_believed("portrait") from None
    if not portrait.startswith(_JPEG) or len(portrait) > _MOST_PORTRAIT_BYTES:
        raise _not_believed("portrait")
    return portrait


def _read(reply: Reply, model: type[Model]) -> Model:
    try:
        return reply.read(model)
    except NationalSilent as error:
        raise RegisterUnavailable(retry_after_seconds=error.retry_after_seconds) from error


def _not_believed(what: str) -> RegisterUnavailable:
    logger(__name__).warning("national_register_not_believed", what=what)
    return RegisterUnavailable()
