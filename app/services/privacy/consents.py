"""All that somebody has agreed to in one list, wherever it is kept, each with the way to take it back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select, tuple_

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.agreements import Agreement
from app.models.cards import OPEN_UPGRADES, CardUpgrade, UpgradeState
from app.models.certifications import Certification, CertificationState
from app.models.enrolments import EnrolmentKind, State
from app.models.links import LIVING, FamilyLink, MemberSlot
from app.models.operators import Office
from app.services import authority
from app.services.accounts.sessions import Caller
from app.services.enrolments import consents
from app.services.enrolments.consents import ConsentView
from app.services.enrolments.consequences import Consequence
from app.services.family import consenting
from app.services.people import homes
from app.services.people.names import mask_name
from app.services.sharing.asking import NOTICE as SHARING

After = tuple[datetime, UUID]
_PAYMENT: Final = "card-payment"
_FACE: Final = "face-check"
_UNDER_WAY: Final = frozenset({CertificationState.OPEN, CertificationState.IN_REVIEW})


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What taking a consent back does now, and where it is taken back, by DELETE."""

    what: Consequence
    href: str


@dataclass(frozen=True, slots=True)
class Application:
    """The enrolment in which something was agreed to."""

    id: UUID
    kind: EnrolmentKind
    state: State


@dataclass(frozen=True, slots=True)
class Given:
    """A consent, as whoever it concerns reads it; `withdrawal` is None where there is nothing left to take back.

    `member_name` is masked; `device` is None where it is not known, or none of theirs; `office` is where it was given
    in person.
    """

    id: UUID
    purpose: str
    code: str
    version: str
    language: str
    sha256: str
    services: str | None
    given_at: datetime
    withdrawn_at: datetime | None
    application: Application | None
    member_name: str | None
    link_id: UUID | None
    channel: str
    device: str | None = field(repr=False)
    withdrawal: Withdrawal | None
    office: str | None = None


@dataclass(frozen=True, slots=True)
class _Whose:
    """The caller, as a person, and the living links to members by whose home they lie in."""

    caller: Caller
    person_id: UUID
    members: Mapping[UUID, FamilyLink]
    ended: frozenset[UUID]

    @property
    def homes(self) -> frozenset[UUID]:
        return frozenset({self.person_id, *self.members, *self.ended})


Source = Callable[[Session, _Whose, After | None, int], Awaitable[list[Given]]]


async def every(session: Session, caller: Caller, *, before: After | None, most: int) -> list[Given]:
    """Return what the caller has agreed to, withdrawn or not, the newest first.

    Args:
        before: when the last one that is known was given, and its id.
    """
    views = await consents.list_given(session, caller, before=before, most=most)
    found = [of_enrolment(view, f"/v1/consents/{view.consent.id}") for view in views]
    whose = await _whose(session, caller)
    if whose is not None:
        for source in _SOURCES:
            found += await source(session, whose, before, most)
    found = list({each.id: each for each in found}.values())
    found.sort(key=lambda each: (each.given_at, each.id), reverse=True)
    return found[:most]


def of_enrolment(view: ConsentView, href: str) -> Given:
    """Return a consent of an enrolment, taken back at an address."""
    consent = view.consent
    return Given(
        id=consent.id,
        purpose=consent.purpose.value,
        code=consent.notice_code,
        version=consent.notice_version,
        language=consent.language,
        sha256=consent.sha256,
        services=consent.services,
        given_at=consent.given_at,
        withdrawn_at=consent.withdrawn_at,
        application=Application(consent.enrolment_id, view.kind, view.state),
        member_name=view.member_name,
        link_id=view.link_id,
        channel=consent.channel,
        device=view.device,
        withdrawal=None if view.consequence is None else Withdrawal(view.consequence, href),
    )


async def _whose(session: Session, caller: Caller) -> _Whose | None:
    try:
        person_id = await authority.person_still(session, caller)
    except NotFound:
        return None
    rows = await session.scalars(
        select(FamilyLink).where(FamilyLink.bucket == bucket_of(person_id), FamilyLink.owner_id == person_id)
    )
    links = rows.all()
    living = {link.member_id: link for link in links if link.state in LIVING}
    return _Whose(caller, person_id, living, frozenset(link.member_id for link in links) - living.keys())


async def _payment(session: Session, whose: _Whose, before: After | None, most: int) -> list[Given]:
    rows = await session.scalars(
        select(CardUpgrade)
        .where(
            CardUpgrade.bucket == bucket_of(whose.person_id),
            CardUpgrade.person_id == whose.person_id,
            CardUpgrade.account_id == whose.caller.account_id,
            *([] if before is None else [tuple_(CardUpgrade.agreed_at, CardUpgrade.id) < before]),
        )
        .order_by(CardUpgrade.agreed_at.desc(), CardUpgrade.id.desc())
        .limit(most)
    )
    withdrawal = Withdrawal(Consequence.REMOVES_PAYMENT, "/v1/holders/me/card/payment")
    return [
        Given(
            id=row.id,
            purpose=_PAYMENT,
            code=_PAYMENT,
            version=row.notice_version,
            language=row.language,
            sha256=row.sha256,
            services=None,
            given_at=row.agreed_at,
            withdrawn_at=row.ended_at,
            application=None,
            member_name=None,
            link_id=None,
            channel=row.channel,
            device=await consents.device_name(session, row.device_id, row.account_id),
            withdrawal=withdrawal if row.state in {*OPEN_UPGRADES, UpgradeState.DONE} else None,
        )
        for row in rows.all()
    ]


async def _certifications(session: Session, whose: _Whose, before: After | None, most: int) -> list[Given]:
    rows = await session.scalars(
        select(Certification)
        .where(
            Certification.bucket.in_({bucket_of(each) for each in whose.homes}),
            Certification.person_id.in_(whose.homes),
            Certification.account_id == whose.caller.account_id,
            Certification.notice_sha256.is_not(None),
            *([] if before is None else [tuple_(Certification.created_at, Certification.id) < before]),
        )
        .order_by(Certification.created_at.desc(), Certification.id.desc())
        .limit(most)
    )
    return [await _certification(session, whose, row) for row in rows.all()]


async def _certification(session: Session, whose: _Whose, row: Certification) -> Given:
    holder, name = await _holder(session, whose, row.person_id)
    href = f"/v1/holders/{holder}/benefit-certifications/{row.id}"
    is_open = holder is not None and row.state in _UNDER_WAY
    return Given(
        id=row.id,
        purpose=_FACE,
        code=_FACE,
        version=row.notice_version or "",
        language=row.notice_language or "",
        sha256=row.notice_sha256 or "",
        services=None,
        given_at=row.created_at,
        withdrawn_at=row.ended_at if row.state is CertificationState.CANCELLED else None,
        application=None,
        member_name=name,
        link_id=row.link_id,
        channel=row.channel,
        device=None,
        withdrawal=Withdrawal(Consequence.ENDS_CERTIFICATION, href) if is_open else None,
    )


async def _agreements(session: Session, whose: _Whose, before: After | None, most: int) -> list[Given]:
    rows = await session.scalars(
        select(Agreement)
        .where(
            Agreement.bucket.in_({bucket_of(each) for each in whose.homes}),
            Agreement.person_id.in_(whose.homes),
            or_(
                Agreement.account_id == whose.caller.account_id,
                and_(Agreement.operator_id.is_not(None), Agreement.person_id == whose.person_id),
            ),
            *([] if before is None else [tuple_(Agreement.given_at, Agreement.id) < before]),
        )
        .order_by(Agreement.given_at.desc(), Agreement.id.desc())
        .limit(most)
    )
    return [await _agreement(session, whose, row) for row in rows.all()]


async def _agreement(session: Session, whose: _Whose, row: Agreement) -> Given:
    holder, name = await _holder(session, whose, row.person_id)
    what, href = Consequence.CLOSES_LOST_CARD, f"/v1/holders/{holder}/card/lost-card-consent"
    if row.code == SHARING:
        what, href = Consequence.ENDS_SHARING, f"/v1/sharing/bindings/{row.about_id}"
    elif row.about_id != row.person_id:
        what, href = Consequence.DELETES_CARD_PHOTO, f"/v1/holders/{holder}/card-orders/{row.about_id}/photo-consent"
    is_open = holder is not None and row.ended_at is None
    office = None if row.office_id is None else await session.get(Office, row.office_id)
    return Given(
        id=row.id,
        purpose=row.code,
        code=row.code,
        version=row.version,
        language=row.language,
        sha256=row.sha256,
        services=None,
        given_at=row.given_at,
        withdrawn_at=row.ended_at,
        application=None,
        member_name=name,
        link_id=row.link_id,
        channel=row.channel,
        device=await consents.device_name(session, row.device_id, row.account_id),
        withdrawal=Withdrawal(what, href) if is_open else None,
        office=None if office is None else office.name,
    )


async def _by_owners(session: Session, whose: _Whose, before: After | None, most: int) -> list[Given]:
    """Return what the caller has agreed to themselves in the links of others, such as with a reconfirmation."""
    links: Sequence[UUID] = (
        await session.scalars(
            select(MemberSlot.link_id).where(
                MemberSlot.bucket == bucket_of(whose.person_id), MemberSlot.member_id == whose.person_id
            )
        )
    ).all()
    found = [
        of_enrolment(view, f"/v1/family/owners/{link_id}/consents/{view.consent.id}")
        for link_id in links
        for view in await consenting.list_for_me(session, whose.caller, link_id)
        if view.consent.account_id == whose.caller.account_id
    ]
    return [each for each in found if before is None or (each.given_at, each.id) < before][:most]


_SOURCES: Final[Sequence[Source]] = (_payment, _certifications, _agreements, _by_owners)


async def _holder(session: Session, whose: _Whose, person_id: UUID) -> tuple[str | None, str | None]:
    """Return how somebody stands in addresses and their masked name, as far as the caller has to do with them still."""
    if person_id == whose.person_id:
        return "me", None
    link = whose.members.get(person_id)
    if link is None:
        return None, None
    return str(link.id), mask_name((await homes.person(session, person_id)).name)
