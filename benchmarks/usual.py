"""The usual way: FastAPI, an ORM session a request, a dependency for each thing a route needs, response models.

It answers what the product answers, with the product's tables, seals, masks and wire shapes; only the way is another.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import and_, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from app import texts
from app.core.clock import today
from app.core.db import bucket_of
from app.core.sealing import DataKey, Vault
from app.core.tokens.access import AccessClaims, AccessTokens
from app.core.tokens.codes import PresentationCodes, Shown
from app.models.accounts import Assurance, SignedIn
from app.models.cards import Card, CardIssue
from app.models.links import FamilyLink, LinkState, MemberSlot, Place
from app.models.people import Home, Person
from app.models.policies import Policy
from app.models.sharing import SharerSlot, SharingBinding, SharingState
from app.routers.deps import House
from app.schemas import family as family_shapes
from app.schemas.cards import AllowsRead, CardRead, RefusalRead
from app.schemas.next_steps import NextRead
from app.schemas.showings import CodeRead
from app.services.cards.allowing import Use
from app.services.cards.reading import mask_card_number
from app.services.family.ageing import changes
from app.services.links import Services
from app.services.people.ages import age_on
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.people.relationships import RELATIONSHIPS
from app.services.rules.family import Ages

_NO_PAYMENT = "card-payment-not-added"


@dataclass(frozen=True)
class Means:
    """What the routes need of the outside."""

    tokens: AccessTokens
    codes: PresentationCodes
    vault: Vault
    sessions: async_sessionmaker[AsyncSession]
    rules: dict[str, Any] = field(default_factory=dict)


def make(url: str, house: House, *, connections: int) -> FastAPI:
    """Make the server."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), pool_size=connections)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.means = Means(
        house.mint.access, house.codes, house.db.vault, async_sessionmaker(engine, expire_on_commit=False)
    )
    app.add_api_route("/v1/holders/me/card", read_card, response_model=CardRead)
    app.add_api_route("/v1/family", read_family, response_model=family_shapes.FamilyRead)
    app.add_api_route("/v1/holders/me/card/codes", issue_code, methods=["POST"], response_model=CodeRead)
    return app


async def get_means(request: Request) -> Means:
    means: Means = request.app.state.means
    return means


TheMeans = Annotated[Means, Depends(get_means)]


async def get_session(means: TheMeans) -> AsyncIterator[AsyncSession]:
    async with means.sessions() as session:
        yield session


TheSession = Annotated[AsyncSession, Depends(get_session)]


async def get_language(request: Request) -> str:
    return texts.choose_language(request.headers.get("accept-language"))


TheLanguage = Annotated[str, Depends(get_language)]


async def get_claims(
    means: TheMeans, credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> AccessClaims:
    return means.tokens.verify(credentials.credentials)


async def get_signed_in(session: TheSession, claims: Annotated[AccessClaims, Depends(get_claims)]) -> SignedIn:
    signed_in = await session.get(SignedIn, (bucket_of(claims.session_id), claims.session_id))
    if signed_in is None or signed_in.ended_at is not None or signed_in.expires_at <= datetime.now(UTC):
        raise HTTPException(401)
    if signed_in.assurance is not Assurance.FULL:
        raise HTTPException(401)
    return signed_in


TheSignedIn = Annotated[SignedIn, Depends(get_signed_in)]


async def get_person(session: TheSession, signed_in: TheSignedIn) -> tuple[Person, Home]:
    found = await session.execute(
        select(Person, Home)
        .join(Home, and_(Home.bucket == Person.bucket, Home.id == Person.id))
        .where(Person.bucket == signed_in.bucket, Person.id == signed_in.person_id)
    )
    person, home = found.one()
    if person.account_id != signed_in.account_id:
        raise HTTPException(409)
    return person, home


ThePerson = Annotated[tuple[Person, Home], Depends(get_person)]


async def get_key(means: TheMeans, person: ThePerson) -> DataKey:
    return await means.vault.unlock(person[1].wrapped_key)


TheKey = Annotated[DataKey, Depends(get_key)]


async def get_rules(session: TheSession, means: TheMeans) -> dict[str, Any]:
    if not means.rules:
        for policy in await session.scalars(select(Policy)):
            means.rules[policy.code] = {**policy.value, "since": policy.valid_from}
    return means.rules


TheRules = Annotated[dict[str, Any], Depends(get_rules)]


async def read_card(
    session: TheSession,
    signed_in: TheSignedIn,
    whose: ThePerson,
    key: TheKey,
    rules: TheRules,
    language: TheLanguage,
) -> CardRead:
    """One's own card."""
    person, _ = whose
    here = and_(
        CardIssue.bucket == Card.bucket, CardIssue.person_id == Card.person_id, CardIssue.channel == signed_in.channel
    )
    found = await session.execute(
        select(Card, CardIssue)
        .outerjoin(CardIssue, here)
        .where(Card.bucket == person.bucket, Card.person_id == person.id)
    )
    card, issue = found.one()
    status = rules["card_status"]
    allows = {use: card.physical_status in status[use] and (use is not Use.PAY or card.level > 1) for use in Use}
    return CardRead(
        status="active" if card.activated_at is not None else "issued",
        name=mask_name(key.open("person.name", person.id, person.name)),
        social_security_number=mask_number(key.open("person.number", person.id, person.number)),
        card_number=mask_card_number(key.open("card.card_number", person.id, card.card_number)),
        level=card.level,
        region=card.region,
        physical_card="normal",
        allows=AllowsRead(**allows),
        refusals=[
            RefusalRead(
                use=use,
                reason=_NO_PAYMENT,
                next=NextRead(
                    action=_NO_PAYMENT,
                    href="/v1/holders/me/card/level-upgrades",
                    notice="/v1/notices/card-payment",
                    text=texts.problem(_NO_PAYMENT, language).next,
                ),
            )
            for use, is_allowed in allows.items()
            if not is_allowed
        ],
        suspension=None,
        issue_number=issue.issue_number if issue else None,
        issued_at=card.issued_at,
        next=None,
    )


async def issue_code(
    session: TheSession, signed_in: TheSignedIn, whose: ThePerson, rules: TheRules, means: TheMeans
) -> CodeRead:
    """A code for one's own card."""
    person, _ = whose
    here = and_(
        CardIssue.bucket == Card.bucket, CardIssue.person_id == Card.person_id, CardIssue.channel == signed_in.channel
    )
    found = await session.execute(
        select(Card).join(CardIssue, here).where(Card.bucket == person.bucket, Card.person_id == person.id)
    )
    card = found.scalar_one()
    is_shown = card.physical_status in rules["card_status"]["show_code"] and card.activated_at is not None
    if not is_shown or not signed_in.is_phone_checked:
        raise HTTPException(409)
    code = means.codes.issue("identify", Shown(person.id, signed_in.device_id, signed_in.channel))
    return CodeRead(code=code.text, expires_at=code.expires_at)


async def read_family(
    session: TheSession, whose: ThePerson, key: TheKey, rules: TheRules, language: TheLanguage
) -> family_shapes.FamilyRead:
    """The family page."""
    person, _ = whose
    links = (
        await session.scalars(
            select(FamilyLink)
            .where(
                FamilyLink.bucket == person.bucket,
                FamilyLink.owner_id == person.id,
                FamilyLink.state != LinkState.ENDED,
            )
            .order_by(FamilyLink.active_since)
        )
    ).all()
    slots = (
        await session.scalars(
            select(MemberSlot)
            .where(MemberSlot.bucket == person.bucket, MemberSlot.member_id == person.id)
            .order_by(MemberSlot.since)
        )
    ).all()
    shared = {
        binding.member_id: binding.state.value
        for binding in await session.scalars(
            select(SharingBinding).where(
                SharingBinding.bucket == person.bucket,
                SharingBinding.owner_id == person.id,
                SharingBinding.state != SharingState.ENDED,
            )
        )
    }
    sharers = {
        slot.owner_id: "paused" if slot.is_paused else "active"
        for slot in await session.scalars(
            select(SharerSlot).where(SharerSlot.bucket == person.bucket, SharerSlot.member_id == person.id)
        )
    }
    day = today(datetime.now(UTC))
    quota = rules["quota"]
    return family_shapes.FamilyRead(
        members=[
            _member(key, link, day, language, rules, (shared.get(link.member_id), sharers.get(link.member_id)))
            for link in links
            if link.state is not LinkState.RESERVED
        ],
        adding=[_adding(key, link, day, language) for link in links if link.state is LinkState.RESERVED],
        owners=[_owner(key, slot, language) for slot in slots],
        quota=family_shapes.QuotaRead(
            profile=quota["profile"],
            since=quota["since"],
            text=texts.family(
                "quota",
                language,
                since=str(quota["since"]),
                **{name: str(quota[name]) for name in ("total", *Place)},
            ),
            total=_usage(len(links), quota["total"]),
            **{place.value: _usage(sum(link.place is place for link in links), quota[place.value]) for place in Place},
        ),
    )


def _member(
    key: DataKey,
    link: FamilyLink,
    day: date,
    language: str,
    rules: dict[str, Any],
    money: tuple[str | None, str | None],
) -> family_shapes.FamilyMemberRead:
    services = Services.on(link, day)
    assert link.member_birth_date is not None
    birth_date = date.fromisoformat(key.open("family_link.member_birth_date", link.id, link.member_birth_date))
    return family_shapes.FamilyMemberRead(
        **_relative(key, link, day, language),
        link_id=str(link.id),
        state="frozen" if link.state is LinkState.FROZEN else "active",
        services=list(services.names),
        shared=family_shapes.SharedRead(
            card=services.view or services.show_code,
            filing=services.certify or services.file,
            money=money[0] or "none",
            money_to_me=money[1] or "none",
        ),
        changes=[
            family_shapes.ChangeRead(
                kind=change.kind, on=change.on, text=texts.family(f"{change.kind.value}_owner", language)
            )
            for change in changes(birth_date, Ages(**rules["ages"]), link.reconfirm_from, link.view_only_from, day)
        ],
    )


def _adding(key: DataKey, link: FamilyLink, day: date, language: str) -> family_shapes.AddingRead:
    return family_shapes.AddingRead(**_relative(key, link, day, language), enrolment_id=str(link.enrolment_id))


def _relative(key: DataKey, link: FamilyLink, day: date, language: str) -> dict[str, Any]:
    assert link.member_name is not None
    assert link.member_number is not None
    assert link.member_birth_date is not None
    birth_date = date.fromisoformat(key.open("family_link.member_birth_date", link.id, link.member_birth_date))
    return {
        "name": mask_name(key.open("family_link.member_name", link.id, link.member_name)),
        "social_security_number": key.open("family_link.member_number", link.id, link.member_number),
        "age": age_on(birth_date, day),
        "relationship": link.relationship,
        "relationship_name": getattr(RELATIONSHIPS[link.relationship], language[:2]),
        "place": link.place,
        "since": link.active_since or link.reserved_at,
    }


def _owner(key: DataKey, slot: MemberSlot, language: str) -> family_shapes.FamilyOwnerRead:
    owner = mask_name(key.open("member_slot.owner_name", slot.link_id, slot.owner_name))
    return family_shapes.FamilyOwnerRead(
        link_id=str(slot.link_id),
        name=owner,
        relationship=slot.relationship,
        relationship_text=family_shapes.holder_is(slot.relationship, owner, language),
        state="frozen" if slot.is_frozen else "active",
        since=slot.since,
    )


def _usage(used: int, limit: int) -> family_shapes.UsageRead:
    return family_shapes.UsageRead(used=used, limit=limit, left=max(0, limit - used))
