"""The staff of the demo: a branch and a hospital, and who works there; factors follow from this installation's keys.

So they are the same at each start, and nobody can tell them from the source. Development alone makes and shows them.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.core.passwords import Passwords
from app.models.operators import OfficeKind, OperatorRole
from app.ports.keys import Keys, Purpose
from app.services.operators import offices, registering, totp
from app.services.operators.offices import NewOffice, OfficeKnown
from app.services.operators.registering import Factors, NewOperator

OFFICE: Final = NewOffice(
    id="demo-office",
    name="示范服务窗口",
    kind=OfficeKind.DISTRICT_BRANCH,
    region="000000",
    address="示范路 1 号",
    hours="9:00–17:00",
    phone="12333",
)
HOSPITAL: Final = NewOffice(
    id="demo-hospital",
    name="示范医院医保办",
    kind=OfficeKind.HOSPITAL,
    region="000000",
    address="示范路 2 号",
    hours="8:00–17:30",
    phone="12333",
)


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody of the demo's staff: what they do, and at which office."""

    role: OperatorRole
    office_id: str


POSTS: Final[Mapping[str, Post]] = {
    "demo-reviewer": Post(OperatorRole.REVIEWER, OFFICE.id),
    "demo-reviewer-2": Post(OperatorRole.REVIEWER, OFFICE.id),
    "demo-clerk": Post(OperatorRole.CLERK, OFFICE.id),
    "demo-clerk-2": Post(OperatorRole.CLERK, OFFICE.id),
    "demo-nurse": Post(OperatorRole.CLERK, HOSPITAL.id),
}
LOGINS: Final = tuple(POSTS)
_PASSWORD_BYTES: Final = 15  # 24 letters of base32
_SECRET_BYTES: Final = 20  # as long as every other's


@dataclass(frozen=True, slots=True)
class DemoOperator:
    """One of the demo's staff; `code` is good now and was not used, None until the next half minute begins."""

    login: str
    role: OperatorRole
    office_id: str
    password: str = field(repr=False)
    totp_address: str = field(repr=False)
    code: str | None = field(repr=False)


async def put(db: Database, keys: Keys, passwords: Passwords, who: Mapping[str, UUID]) -> None:
    """Add the offices and the staff that are not there yet; who was renewed or removed since stays so.

    Args:
        who: the person whom each login is of.

    Raises:
        Busy: too many passwords are being checked.
    """
    for office in (OFFICE, HOSPITAL):
        with suppress(OfficeKnown):
            await db.run(partial(_open, office))
    for login, post in POSTS.items():
        if await db.run(partial(_is_there, login, who[login])):
            continue
        password, secret = _password(keys, login), _secret(keys, login)
        factors = Factors(password, secret, await passwords.hash(password))
        await db.run(partial(_add, NewOperator(login, post.role, post.office_id, who[login]), factors))


async def standing(session: Session, keys: Keys) -> Sequence[DemoOperator]:
    """Return those of the demo's staff who still sign in with what the demo gave them, by their logins."""
    found = []
    for login in LOGINS:
        operator = await registering.find(session, login)
        secret = _secret(keys, login)
        if operator is None or registering.secret_of(session, operator) != secret:
            continue
        found.append(
            DemoOperator(
                login=login,
                role=operator.role,
                office_id=operator.office_id,
                password=_password(keys, login),
                totp_address=totp.address(secret, login, "escard"),
                code=totp.unused_code(secret, operator.totp_step, session.now),
            )
        )
    return found


async def _open(office: NewOffice, session: Session) -> None:
    await offices.add(session, office)


async def _is_there(login: str, person_id: UUID, session: Session) -> bool:
    operator = await registering.find(session, login)
    if operator is not None and operator.person_id is None and operator.removed_at is None:
        await registering.identify(session, login, person_id)  # they are of a time when reviewers did not have to say
    return operator is not None


async def _add(new: NewOperator, factors: Factors, session: Session) -> None:
    await registering.add(session, new, factors)


def _password(keys: Keys, login: str) -> str:
    letters = base64.b32encode(_derived(keys, "password", login)[:_PASSWORD_BYTES]).decode().lower()
    return "-".join(letters[start : start + 6] for start in range(0, len(letters), 6))


def _secret(keys: Keys, login: str) -> bytes:
    return _derived(keys, "totp", login)[:_SECRET_BYTES]


def _derived(keys: Keys, use: str, login: str) -> bytes:
    return hmac.digest(keys.secret(Purpose.DEMO_STAFF), f"{use}:{login}".encode(), "sha256")
