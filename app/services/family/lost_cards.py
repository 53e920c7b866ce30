"""Agrees to the use of an e-card whose physical card is lost: its holder, or a child's guardian; taken back as well."""

from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, NextStep
from app.models.cards import Card
from app.services import agreements, authority, outbox, policies
from app.services.accounts.sessions import Caller
from app.services.agreements import About, Giver
from app.services.authority import Acting
from app.services.cards import losses
from app.services.cards.allowing import NoPhysicalCard
from app.services.links import Service
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.ages import is_under


class HolderAgrees(Conflict):
    """From 14 on consents are a person's own."""

    code = "holder-agrees"


class LostCardConsentNotNeeded(Conflict):
    """The physical card is not lost: nothing of the e-card takes this consent."""

    code = "lost-card-consent-not-needed"
    leads_to = NextStep("see-card", "/v1/holders/me/card")


async def agree(db: Database, caller: Caller, holder: UUID | None, shown: Shown) -> None:
    """Let a lost card be looked at, and asked for with rights; the same again changes nothing.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
        NoPhysicalCard: there is no e-card.
        HolderAgrees: the member is 14.
        LostCardConsentNotNeeded, NoticeOutdated.
    """

    async def work(session: Session, acting: Acting) -> None:
        card = await _card(session, acting)
        if not await losses.takes_consent(session, card):
            here = f"/v1/holders/{holder or 'me'}/card"
            raise LostCardConsentNotNeeded(next_step=NextStep("see-card", here))
        is_new = await agreements.give(session, Giver.of(caller), _about(acting), shown)
        card.loss_agreed_at = card.loss_agreed_at or session.now
        if is_new:
            _tell_member(session, acting)

    await authority.act(db, caller, holder, Service.FILE, work)


async def take_back(db: Database, caller: Caller, holder: UUID | None) -> None:
    """Take that back, whoever has agreed to it; without it nothing happens.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: as `authority.act`.
        NoPhysicalCard: there is no e-card.
        HolderAgrees: the member is 14.
    """

    async def work(session: Session, acting: Acting) -> None:
        card = await _card(session, acting)
        card.loss_agreed_at = None
        given = await agreements.in_force(session, acting.person_id, losses.NOTICE)
        if given is not None:
            await agreements.take_back(session, given, acting.actor, acting.on_behalf_of)

    await authority.act(db, caller, holder, Service.FILE, work)


def _about(acting: Acting) -> About:
    link_id = None if acting.link is None else acting.link.id
    return About(acting.person_id, acting.person_id, losses.NOTICE, link_id, acting.on_behalf_of)


async def _card(session: Session, acting: Acting) -> Card:
    """Return the card, locked, of somebody for whom this may be agreed to."""
    if acting.link is not None:
        member = await homes.person(session, acting.person_id)
        if not is_under(member.birth_date, (await policies.current(session)).ages.own_consent, session.now):
            raise HolderAgrees
    card: Card | None = await session.get(
        Card, (bucket_of(acting.person_id), acting.person_id), with_for_update=True, populate_existing=True
    )
    if card is None:
        raise NoPhysicalCard
    return card


def _tell_member(session: Session, acting: Acting) -> None:
    if acting.link is not None:
        outbox.tell(
            session,
            outbox.Kind.TELL_PERSON,
            acting.person_id,
            message="card_loss_agreed_member",
            owner_id=str(acting.link.owner_id),
            member_id=str(acting.link.member_id),
            link_id=str(acting.link.id),
        )
