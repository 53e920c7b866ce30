"""Wire shapes of handovers: what the owner passes on, and what the member reads and sends."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from app.models.enrolments import State
from app.models.handovers import DisputeReason, HandoverState
from app.schemas.accounts import DeviceAsk
from app.schemas.base import Asked, Code, Moment, Told
from app.schemas.enrolments import NoticeShown, StepRead
from app.schemas.faces import FaceCheckRead
from app.schemas.family import holder_is
from app.services.enrolments.handed_over import HandoverView
from app.services.enrolments.handing_over import Offered, Opened
from app.services.links import Service
from app.texts import service


class HandoverKept(Told):
    """What is kept of a handover that was begun or opened: its secrets are made anew."""

    handover_id: str


class HandoverOfferRead(Told):
    """What the owner passes on: the link by message, the code by voice; seconds until both are over."""

    url: str
    spoken_code: str
    expires_in: int

    @classmethod
    def of(cls, offered: Offered, public_url: str) -> Self:
        return cls(
            url=f"{public_url.rstrip('/')}/handover#{offered.link}",
            spoken_code=offered.spoken_code,
            expires_in=offered.expires_in,
        )


class HandoverOpeningAsk(Asked):
    """A link opened on the member's phone: what stands behind its `#`, the spoken code, and the phone."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    spoken_code: Code
    device: DeviceAsk


class HandoverTokenRead(Told):
    """A token for this face step alone, refusing and disputing; it is not renewed."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int

    @classmethod
    def of(cls, opened: Opened) -> Self:
        return cls(access_token=opened.token, expires_in=opened.expires_in)


class MemberConsentAsk(NoticeShown):
    """The member's own consent to the face check; `services` are what they let the owner do, each chosen by itself."""

    services: Annotated[list[Literal["view", "show_code", "certify", "file", "pay"]], Field(max_length=5)]


class DisputeAsk(Asked):
    """Why the member says that they should not be added."""

    reason: DisputeReason


class AskingOwnerRead(Told):
    """Who asks, masked."""

    name: str
    relationship: str = Field(description="What the member is to them, GB/T 4761")
    relationship_text: str = Field(description="What the member is to them, in words: 王**'s mother")


class ServiceRead(Told):
    """One thing that the member may let the owner do, in words."""

    service: Service
    title: str
    detail: str


class HandoverRead(Told):
    """A face step as the member reads it: who asks for what, what was agreed to, how far it is."""

    state: HandoverState
    expires_at: Moment
    enrolment_id: str
    enrolment_state: State
    owner: AskingOwnerRead
    member_name: str = Field(description="Whose face it is, masked")
    notice: str = Field(description="Where the notice is that the consent is about")
    services: list[ServiceRead]
    agreed: list[Service] | None = Field(description="The services chosen; null before the member has agreed")
    face_check: FaceCheckRead | None
    tries_left: int
    next: list[StepRead]

    @classmethod
    def of(cls, view: HandoverView, face_check: FaceCheckRead | None, language: str) -> Self:
        return cls(
            state=view.state,
            expires_at=view.expires_at,
            enrolment_id=str(view.enrolment_id),
            enrolment_state=view.enrolment_state,
            owner=AskingOwnerRead(
                name=view.owner_name,
                relationship=view.relationship,
                relationship_text=holder_is(view.relationship, view.owner_name, language),
            ),
            member_name=view.member_name,
            notice="/v1/notices/face-check",
            services=[_in_words(each, language) for each in Service],
            agreed=None if view.agreed is None else list(view.agreed),
            face_check=face_check,
            tries_left=view.tries_left,
            next=[StepRead.of(step) for step in view.next],
        )


def _in_words(each: Service, language: str) -> ServiceRead:
    words = service(each.value, language)
    return ServiceRead(service=each, title=words.title, detail=words.detail)
