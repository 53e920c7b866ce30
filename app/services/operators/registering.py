"""Who belongs to the staff: added, given a new password and secret, removed. Whoever does it sits at the machine."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, new_id
from app.core.errors import Conflict, Denied, NotFound
from app.core.passwords import Passwords
from app.models.operators import Operator, OperatorRole
from app.models.people import HomeKind
from app.services import audit
from app.services.audit import Action
from app.services.operators import offices, sessions, totp
from app.services.operators.sessions import Staff
from app.services.people import homes

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_SECRET = "operator.totp_secret"  # noqa: S105 - a column


class LoginTaken(Conflict):
    """Somebody has or had this login; it is nobody else's."""

    code = "login-taken"


class PersonHasLogin(Conflict):
    """This person belongs to the staff already, under another login: two logins would count as two people."""

    code = "person-has-login"


class OwnNumberNeeded(Denied):
    """It is not known who a reviewer is, so that nobody can say whose relatives they are."""

    code = "own-number-needed"


@dataclass(frozen=True, slots=True)
class NewOperator:
    """Somebody to be added: `person_id` is who they are themselves; a reviewer always says."""

    login: str
    role: OperatorRole
    office_id: str
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody signs in with; shown once and never again. `hashed` is what is stored of the password."""

    password: str = field(repr=False)
    totp_secret: bytes = field(repr=False)
    hashed: str = field(repr=False)


async def new_factors(passwords: Passwords) -> Factors:
    """Make a password of twenty letters (99 bits) and a secret.

    Raises:
        Busy: too many passwords are being checked.
    """
    letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
    password = "-".join(letters[start : start + 5] for start in range(0, 20, 5))
    return Factors(password, totp.new_secret(), await passwords.hash(password))


def bucket_of_login(session: Session, login: str) -> int:
    """Return the bucket that whoever has this login lies in."""
    return session.lookup.bucket("staff-login", login)


async def add(session: Session, new: NewOperator, factors: Factors) -> Operator:
    """Add one of the staff, with a home that their deeds are written down in.

    Raises:
        LoginTaken: by somebody, here still or gone.
        PersonHasLogin: another one, which was not removed.
        OwnNumberNeeded: a reviewer has not said who they are.
        NotFound: there is no such office.
    """
    if new.person_id is not None:
        await _require_no_login(session, new.person_id)
    elif new.role is OperatorRole.REVIEWER:
        raise OwnNumberNeeded
    if await _of_login(session, new.login) is not None:
        raise LoginTaken
    office = await offices.one(session, new.office_id)
    operator_id = new_id(bucket_of_login(session, new.login))
    await homes.create(session, HomeKind.OPERATOR, operator_id)
    operator = Operator(
        bucket=bucket_of_login(session, new.login),
        id=operator_id,
        login=new.login,
        role=new.role,
        office_id=office.id,
        person_id=new.person_id,
        added_at=session.now,
    )
    _give(session, operator, factors)
    session.add(operator)
    await _record(session, operator, Action.OPERATOR_ADDED, role=new.role.value, office=office.id)
    return operator


async def renew(session: Session, login: str, factors: Factors) -> Operator:
    """Give somebody a new password and secret, for a lost phone; their sessions end.

    Raises:
        NotFound: nobody has this login.
    """
    operator = await _present(session, login)
    await sessions.end_all(session, operator)
    _give(session, operator, factors)
    await _record(session, operator, Action.OPERATOR_RENEWED)
    return operator


async def identify(session: Session, login: str, person_id: UUID) -> Operator:
    """Take down who somebody is of whom that is not known; the same once more changes nothing.

    Raises:
        NotFound: nobody has this login.
        LoginTaken: it is another person's.
        PersonHasLogin: another one, which was not removed.
    """
    await homes.lock(session, {person_id})
    operator = await _present(session, login)
    if operator.person_id is None:
        await _require_no_login(session, person_id)
        operator.person_id = person_id
        await _record(session, operator, Action.OPERATOR_IDENTIFIED)
    elif operator.person_id != person_id:
        raise LoginTaken
    return operator


async def remove(session: Session, login: str) -> Operator:
    """Let somebody in no more; what they did stays written down under their id.

    Raises:
        NotFound: nobody has this login.
    """
    operator = await _present(session, login)
    await sessions.end_all(session, operator)
    operator.password_hash = operator.totp_secret = None
    operator.removed_at = session.now
    await _record(session, operator, Action.OPERATOR_REMOVED)
    return operator


async def everybody(session: Session) -> Sequence[Operator]:
    """Return all of the staff by their logins, those who have left too: across all homes."""
    return (await session.scalars(select(Operator).order_by(Operator.login))).all()


async def known(session: Session, login: str) -> Staff:
    """Return somebody by their login, as they stand now.

    Raises:
        NotFound: nobody here has it.
    """
    return await sessions.staff_of(session, await _present(session, login))


async def find(session: Session, login: str) -> Operator | None:
    """Return whoever has or had a login, without a lock."""
    operator: Operator | None = await session.scalar(
        select(Operator).where(Operator.bucket == bucket_of_login(session, login), Operator.login == login)
    )
    return operator


def secret_of(session: Session, operator: Operator) -> bytes | None:
    """Open somebody's secret; the installation's own key does it, so that it takes the same for everybody."""
    if operator.totp_secret is None:
        return None
    return session.vault.system.open_bytes(_SECRET, operator.id, operator.totp_secret)


def _give(session: Session, operator: Operator, factors: Factors) -> None:
    operator.password_hash = factors.hashed
    operator.totp_secret = session.vault.system.seal_bytes(_SECRET, operator.id, factors.totp_secret)
    operator.totp_step = 0


async def _of_login(session: Session, login: str) -> Operator | None:
    operator: Operator | None = await session.scalar(
        select(Operator)
        .where(Operator.bucket == bucket_of_login(session, login), Operator.login == login)
        .with_for_update()
    )
    return operator


async def _present(session: Session, login: str) -> Operator:
    operator = await _of_login(session, login)
    if operator is None or operator.removed_at is not None:
        raise NotFound
    return operator


async def _require_no_login(session: Session, person_id: UUID) -> None:
    """Check that a person is not on the staff; their home is locked, so that of two at once one sees the other."""
    await homes.lock(session, {person_id})
    present = select(Operator.id).where(Operator.person_id == person_id, Operator.removed_at.is_(None)).limit(1)
    if await session.scalar(present) is not None:
        raise PersonHasLogin


async def _record(session: Session, operator: Operator, action: Action, **facts: str) -> None:
    await audit.record(session, action, home_id=operator.id, actor=audit.SYSTEM, facts=facts)
