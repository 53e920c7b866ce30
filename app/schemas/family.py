"""Wire shapes of the family page. It is written straight to JSON; a test compares what is written with these."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Final, Literal, Self

import orjson
from pydantic import Field

from app import texts
from app.models.links import LinkDispute, LinkDisputeReason, Place
from app.schemas.base import Asked, Moment, Told
from app.schemas.cards import JSON_OPTIONS
from app.services.family.ageing import Change, ChangeKind
from app.services.family.reading import FamilyPage, MemberView, OwnerDetails, OwnerView, QuotaView, Usage
from app.services.links import Service, Services
from app.services.people.relationships import RELATIONSHIPS

TERMS: Final[Mapping[str, Mapping[str, str]]] = {
    language: {code: attrgetter(language[:2])(entry) for code, entry in RELATIONSHIPS.items()}
    for language in ("zh-CN", "en", "es")
}
"""What each relationship is called, by language and code."""


def holder_is(relationship: str, owner: str, language: str) -> str:
    """Say what a holder is to an owner so that nobody takes it for what the owner is: "王**'s mother"."""
    return texts.family("holder_is", language, owner=owner, relationship=TERMS[language][relationship])


class SharedRead(Told):
    """What is shared between me and a relative, the family service and medical account sharing side by side."""

    card: bool = Field(description="I see or show their card: `view` or `show_code`")
    filing: bool = Field(description="I do business for them: `certify` or `file`")
    money: Literal["none", "pending", "active", "paused"] = Field(
        description="They may spend my medical personal account: medical account sharing, which is apart from this link"
    )
    money_to_me: Literal["none", "active", "paused"] = Field(description="I may spend theirs")


class ChangeRead(Told):
    """Something that changes with the member's age at 00:00 of a day in China; a day that is past waits for them."""

    kind: ChangeKind
    on: date
    text: str


class FamilyMemberRead(Told):
    """A relative the caller may act for, masked."""

    link_id: str
    name: str
    social_security_number: str
    age: int
    relationship: str = Field(description="What the member is to me, GB/T 4761")
    relationship_name: str = Field(description="The same in words")
    place: Place = Field(description="The kind of place taken")
    state: Literal["active", "frozen"] = Field(description="`frozen`: the member disputes the link")
    since: Moment
    services: list[Service] = Field(description="What I may do today")
    shared: SharedRead
    changes: list[ChangeRead] = Field(description="What changes with the member's age, and when")


class AddingRead(Told):
    """A relative who is being added and has a place already; the enrolment says how to go on."""

    enrolment_id: str
    name: str
    social_security_number: str
    age: int
    relationship: str
    relationship_name: str
    place: Place
    since: Moment


class FamilyOwnerRead(Told):
    """Somebody who may act for the caller, masked."""

    link_id: str
    name: str
    relationship: str = Field(description="What I am to the owner, GB/T 4761")
    relationship_text: str = Field(description="What I am to the owner, in words: 王**'s mother")
    state: Literal["active", "frozen"]
    since: Moment


class LinkDisputeAsk(Asked):
    """Why I object to somebody acting for me."""

    reason: LinkDisputeReason


class LinkDisputeRead(Told):
    """An objection: the link is frozen until people decide; if nobody has by `lapses_at`, it ends."""

    id: str
    link_id: str
    reason: LinkDisputeReason
    opened_at: Moment
    lapses_at: Moment

    @classmethod
    def of(cls, dispute: LinkDispute) -> Self:
        return cls(
            id=str(dispute.id),
            link_id=str(dispute.link_id),
            reason=dispute.reason,
            opened_at=dispute.opened_at,
            lapses_at=dispute.lapses_at,
        )


class FamilyOwnerServicesRead(FamilyOwnerRead):
    """The same, with what they may do for me."""

    services: list[Service] = Field(description="What they may do today")
    agreed: list[Service] = Field(description="What I have agreed to; I may give it again, with a step-up")
    changes: list[ChangeRead] = Field(description="What changes with my age, and when")
    dispute: LinkDisputeRead | None = Field(description="My objection, while it is open")


class UsageRead(Told):
    """Places taken (by relatives being added too), places there are, places left."""

    used: int
    limit: int
    left: int


class QuotaRead(Told):
    """How many relatives one can add, by which rule and since when it holds."""

    profile: str
    since: date | None
    text: str = Field(description="The same in words")
    total: UsageRead
    spouse: UsageRead
    child: UsageRead
    elder: UsageRead
    other: UsageRead


class FamilyRead(Told):
    """The family page."""

    members: list[FamilyMemberRead]
    adding: list[AddingRead]
    owners: list[FamilyOwnerRead]
    quota: QuotaRead


class ServicesAsk(Asked):
    """All that the owner may do for the member from now on; an owner only ever gives up."""

    services: Annotated[list[Service], Field(max_length=len(Service))]

    def chosen(self) -> Services:
        return Services(**{service.value: service in self.services for service in Service})


def page(family: FamilyPage, language: str) -> bytes:
    """Write the family page as `FamilyRead`."""
    terms = TERMS[language]
    return orjson.dumps(
        {
            "members": [_member(member, language) for member in family.members],
            "adding": [_adding(member, terms) for member in family.adding],
            "owners": [_owner(owner, language) for owner in family.owners],
            "quota": _quota(family.quota, language),
        },
        option=JSON_OPTIONS,
    )


def member(view: MemberView, language: str) -> bytes:
    """Write a member as `FamilyMemberRead`."""
    return orjson.dumps(_member(view, language), option=JSON_OPTIONS)


def owner(details: OwnerDetails, language: str) -> bytes:
    """Write an owner as `FamilyOwnerServicesRead`."""
    more = {
        "services": details.services.names,
        "agreed": details.agreed,
        "changes": _changes(details.changes, "member", language),
        "dispute": None if details.dispute is None else LinkDisputeRead.of(details.dispute).model_dump(mode="json"),
    }
    return orjson.dumps(_owner(details.owner, language) | more, option=JSON_OPTIONS)


def _changes(changes: Sequence[Change], side: str, language: str) -> list[dict[str, object]]:
    return [
        {"kind": change.kind, "on": change.on, "text": texts.family(f"{change.kind.value}_{side}", language)}
        for change in changes
    ]


def _member(member: MemberView, language: str) -> dict[str, object]:
    return {
        "link_id": str(member.link_id),
        "name": member.name,
        "social_security_number": member.number,
        "age": member.age,
        "relationship": member.relationship,
        "relationship_name": TERMS[language][member.relationship],
        "place": member.place,
        "state": member.state,
        "since": member.since,
        "services": member.services.names,
        "shared": _shared(member),
        "changes": _changes(member.changes, "owner", language) if member.changes else [],
    }


def _adding(member: MemberView, terms: Mapping[str, str]) -> dict[str, object]:
    return {
        "enrolment_id": str(member.enrolment_id),
        "name": member.name,
        "social_security_number": member.number,
        "age": member.age,
        "relationship": member.relationship,
        "relationship_name": terms[member.relationship],
        "place": member.place,
        "since": member.since,
    }


def _owner(owner: OwnerView, language: str) -> dict[str, object]:
    return {
        "link_id": str(owner.link_id),
        "name": owner.name,
        "relationship": owner.relationship,
        "relationship_text": holder_is(owner.relationship, owner.name, language),
        "state": owner.state,
        "since": owner.since,
    }


def _shared(member: MemberView) -> dict[str, object]:
    services = member.services
    return {
        "card": services.view or services.show_code,
        "filing": services.certify or services.file,
        "money": member.money,
        "money_to_me": member.money_to_me,
    }


def _quota(quota: QuotaView, language: str) -> dict[str, object]:
    limits = tuple((place.value, usage.limit) for place, usage in quota.places.items())
    return {
        "profile": quota.profile,
        "since": quota.since,
        "text": _quota_text(language, quota.since, quota.total.limit, limits),
        "total": _usage(quota.total),
        **{place.value: _usage(usage) for place, usage in quota.places.items()},
    }


@lru_cache(maxsize=256)
def _quota_text(language: str, since: date | None, total: int, limits: tuple[tuple[str, int], ...]) -> str:
    places = {place: str(limit) for place, limit in limits}
    return texts.family("quota", language, total=str(total), since=str(since), **places)


def _usage(usage: Usage) -> dict[str, int]:
    # A limit that was lowered ends nothing, so more may be taken than there are.
    return {"used": usage.used, "limit": usage.limit, "left": max(0, usage.limit - usage.used)}
