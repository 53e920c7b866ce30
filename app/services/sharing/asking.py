"""An owner asks to share with several relatives in one go: each is looked up, counted and answered by itself."""

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from app.core.db import Database, Session
from app.core.errors import AppError, NotFound
from app.models.channels import Channel, ChannelKind
from app.models.sharing import SharingWay
from app.ports.register import Register, RegisteredPerson
from app.services import agreements, authority, lookups, notices, policies
from app.services.accounts.sessions import Caller
from app.services.agreements import About, Giver
from app.services.cards.reading import OwnCardNeeded
from app.services.lookups import Asker, Question
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.fitting import SelfNotAllowed
from app.services.people.homes import KnownPerson
from app.services.people.identifiers import SocialSecurityNumber
from app.services.people.relationships import Relationship
from app.services.sharing import binding, confirming, reading
from app.services.sharing.binding import Wanted
from app.services.sharing.reading import BindingView

NOTICE: Final = "account-sharing"
_BROWSER: Final = "web"
_WAYS: Final = {ChannelKind.WEB_PAGE: SharingWay.WEB_PAGE, ChannelKind.MINI_PROGRAM: SharingWay.MINI_PROGRAM}


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative as the owner names them."""

    computer_number: str = field(repr=False)
    number: SocialSecurityNumber = field(repr=False)
    relationship: Relationship


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, having been shown which notice, from where, in which language."""

    caller: Caller
    owner: KnownPerson
    shown: Shown
    way: SharingWay
    language: str


Outcome = BindingView | AppError


def computer_number(typed: str) -> str:
    """Return a computer number (aac001) in its one written form, however it was typed."""
    return "".join(unicodedata.normalize("NFKC", typed).split()).upper()


async def bind_all(
    db: Database,
    register: Register,
    caller: Caller,
    shown: Shown,
    relatives: Sequence[Relative | AppError],
    language: str,
) -> Sequence[Outcome]:
    """Bind relatives one after the other; what became of each stands at its place, and spoils no other.

    Done again, those who are bound stay as they are. No connection is held while the register thinks.

    Args:
        relatives: or why what was typed is none.

    Raises:
        OwnCardNeeded: nobody has shown by this account who they are, or their card has no password yet.
        NoticeOutdated: what was shown is not the text in force.
    """
    asking = await db.run(partial(_begin, caller, shown, language))
    return [each if isinstance(each, AppError) else await _outcome(db, register, asking, each) for each in relatives]


async def _begin(caller: Caller, shown: Shown, language: str, session: Session) -> Asking:
    try:
        owner_id = await authority.person_still(session, caller)
    except NotFound:
        raise OwnCardNeeded from None
    if caller.card_password_version is None:  # whose card was never put in use has shown no password either
        raise OwnCardNeeded
    notices.require_in_force(session, shown, NOTICE)
    channel = await session.get(Channel, caller.channel)
    way = _WAYS.get(channel.kind, SharingWay.APP) if channel is not None else SharingWay.APP
    if way is SharingWay.APP and caller.platform == _BROWSER:
        way = SharingWay.WEB_PAGE
    return Asking(caller, await homes.person(session, owner_id), shown, way, language)


async def _outcome(db: Database, register: Register, asking: Asking, relative: Relative) -> Outcome:
    try:
        return await _bind(db, register, asking, relative)
    except AppError as refusal:  # told at its place in the answer, in the words of any refusal
        return refusal


async def _bind(db: Database, register: Register, asking: Asking, relative: Relative) -> BindingView:
    began = time.monotonic()
    if relative.number.value == asking.owner.number:
        raise SelfNotAllowed
    question = await db.run(partial(_count, asking, relative, began))
    registered = await lookups.ask(
        db,
        register,
        Asker.of(asking.caller),
        question,
        lambda found: (
            found.computer_number is not None and computer_number(found.computer_number) == relative.computer_number
        ),
        of="sharing",
    )
    has_phone = await confirming.can_be_reached(db, register, registered, asking.owner.number)
    return await db.run(partial(_write, asking, relative, registered, has_phone))


async def _count(asking: Asking, relative: Relative, began: float, session: Session) -> Question:
    rules = (await policies.current(session)).lookups
    return await lookups.count(session, Asker.of(asking.caller), relative.number.value, rules, began)


async def _write(
    asking: Asking,
    relative: Relative,
    registered: RegisteredPerson,
    has_phone: bool,  # noqa: FBT001 - a fact for `Wanted`, it chooses nothing here
    session: Session,
) -> BindingView:
    owner_id = asking.owner.id
    wanted = Wanted(
        owner_id=owner_id,
        number=relative.number,
        registered=registered,
        relationship=relative.relationship,
        way=asking.way,
        channel=asking.caller.channel,
        language=asking.language,
        has_phone=has_phone,
    )
    made = await binding.bind(session, wanted, asking.caller.actor)
    await authority.person_still(session, asking.caller)  # its home is locked now: nobody else shows their face between
    await agreements.give(session, Giver.of(asking.caller), About(owner_id, made.id, NOTICE), asking.shown)
    return await reading.view(session, made)
