"""Who the caller is, as they may see it themselves."""

from dataclasses import dataclass, field
from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.accounts import Account
from app.services import audit
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.people import homes
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.people.phones import mask_phone


@dataclass(frozen=True, slots=True)
class Profile:
    """The account's phone and, once a face has shown who its holder is, their name and number."""

    phone: str = field(repr=False)
    name: str | None = field(repr=False)
    number: str | None = field(repr=False)
    has_card: bool


async def read(session: Session, caller: Caller) -> Profile:
    """Return the caller's profile, masked."""
    profile = await _whole(session, caller)
    return Profile(
        phone=mask_phone(profile.phone),
        name=mask_name(profile.name) if profile.name else None,
        number=mask_number(profile.number) if profile.number else None,
        has_card=profile.has_card,
    )


async def reveal(session: Session, caller: Caller) -> Profile:
    """Return the caller's profile whole; that it was shown is written down."""
    await audit.record(session, Action.OWN_NUMBER_REVEALED, home_id=caller.home_id, actor=caller.actor)
    return await _whole(session, caller)


async def phone_of(session: Session, account_id: UUID) -> str:
    """Return an account's phone."""
    account = await session.get_one(Account, (bucket_of(account_id), account_id))
    key = await homes.key_of(session, account_id)
    return key.open("account.phone", account_id, account.phone)


async def _whole(session: Session, caller: Caller) -> Profile:
    phone = await phone_of(session, caller.account_id)
    if not caller.is_proven or caller.person_id is None:
        return Profile(phone=phone, name=None, number=None, has_card=False)
    person = await homes.person(session, caller.person_id)
    return Profile(
        phone=phone, name=person.name, number=person.number, has_card=caller.card_password_version is not None
    )
