"""Wire shapes of enrolments and their steps."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints

from app import texts
from app.models.cases import Finding
from app.models.consents import ConsentPurpose
from app.models.documents import DocumentKind
from app.models.enrolments import EnrolmentKind, State
from app.models.faces import FaceCheckState
from app.models.handovers import HandoverEnd, HandoverState
from app.models.people import Proof
from app.ports.face import FaceMode, FaceReason
from app.schemas.accounts import TokensRead
from app.schemas.base import Asked, Code, DeviceMeta, Moment, Short, Told
from app.schemas.next_steps import WayRead
from app.services.enrolments.reading import AdviceCode
from app.services.enrolments.viewing import EnrolmentView, Step
from app.services.handovers.rows import Progress
from app.services.notices import Shown
from app.texts import Notice

STEPS: Final = (
    "notice",
    "details",
    "documents",
    "consent",
    "face-check",
    "hand-over",
    "review",
    "card-password",
    "wait-for-review",
    "wait-for-slot",
    "see-card",
    "see-family",
    "see-offices",
    "start-again",
    "refuse",
    "dispute",
)
"""All that `next` of an enrolment or of a handover can name."""

REQUIREMENTS: Final = ("identity_document", "guardianship", "facial_photo", "consent")
"""All that an enrolment can ask for."""


class NoticeRead(Told):
    """A text people agree to; `sha256` is of `body` in UTF-8."""

    code: str
    version: str
    language: str
    title: str
    body: str
    sha256: str
    effective_from: str
    min_reading_seconds: int

    @classmethod
    def of(cls, notice: Notice) -> Self:
        return cls(
            code=notice.code,
            version=notice.version,
            language=notice.language,
            title=notice.title,
            body=notice.body,
            sha256=notice.sha256,
            effective_from=notice.effective_from.isoformat(),
            min_reading_seconds=notice.min_reading_seconds,
        )


class NoticeShown(Asked):
    """Which exact text was shown."""

    code: Short
    version: Short
    language: Short
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def shown(self) -> Shown:
        return Shown(self.code, self.version, self.language, self.sha256)


class ConsentAsk(NoticeShown):
    """One consent; from 16 on `services` are what the member lets the owner do, with the face check."""

    services: Annotated[list[Literal["view", "show_code", "certify", "file", "pay"]], Field(max_length=5)] | None = None


class DetailsAsk(Asked):
    """Whom the enrolment is about; `relationship` is a GB/T 4761 two-digit code, for a relative only."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    social_security_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    relationship: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")] | None = None


class EnrolmentAsk(Asked):
    """A new enrolment; with more than its kind the first steps are done at once."""

    kind: EnrolmentKind
    notice_acknowledgement: NoticeShown | None = Field(default=None, description="As its own step takes it")
    details: DetailsAsk | None = Field(default=None, description="As their own step takes them; of a relative only")


class FaceCheckAsk(Asked):
    """A face check on this device."""

    device_meta: DeviceMeta = Field(default_factory=dict)


class ReviewAsk(Asked):
    """Why people should look."""

    reason: Literal["face_not_possible", "face_failed", "prefer_people", "other"]


class CardPasswordAsk(Asked):
    """A card password to be set."""

    password: Code


class MemberRead(Told):
    """Whom an enrolment is about, masked."""

    name: str
    social_security_number: str
    age: int
    relationship: str | None


class RequirementRead(Told):
    """Something asked for: any one of these."""

    kind: str = Field(json_schema_extra={"enum": list(REQUIREMENTS)})
    any_of: list[str]
    met: bool


class FaceRead(Told):
    """The face step."""

    mode: FaceMode
    tries_left: int
    last_reason: FaceReason | None


class HandoverDeviceRead(Told):
    """The phone that has opened a handover."""

    name: str
    platform: str


class HandoverProgressRead(Told):
    """How far the newest handover of the face step is."""

    state: HandoverState
    ended_because: HandoverEnd | None
    expires_at: Moment = Field(description="When the link is over; once it is opened, when the step is")
    device: HandoverDeviceRead | None = Field(description="While it is open, the phone that has opened it")
    face_check: FaceCheckState | None = Field(description="How the check stands that was started last on that phone")

    @classmethod
    def of(cls, progress: Progress) -> Self:
        device = None
        if progress.device_name is not None and progress.platform is not None:
            device = HandoverDeviceRead(name=progress.device_name, platform=progress.platform)
        return cls(
            state=progress.state,
            ended_because=progress.ended_because,
            expires_at=progress.expires_at,
            device=device,
            face_check=progress.face_check,
        )


class ReviewRead(Told):
    """Why people look at it, and by when."""

    reason: str
    due_at: Moment


class StepRead(WayRead):
    """A step of the flow that can be done now."""

    step: str = Field(json_schema_extra={"enum": list(STEPS)})

    @classmethod
    def of(cls, step: Step) -> Self:
        return cls(step=step.step, method=step.method, href=step.href, templated="{" in step.href, notice=step.notice)


class AdviceRead(Told):
    """A document that a machine could not read, or on which it read of somebody else; nothing is refused for it."""

    kind: DocumentKind
    code: AdviceCode


class EnrolmentRead(Told):
    """An enrolment; `next` is all a client needs to go on."""

    id: str
    kind: EnrolmentKind
    state: State
    version: int
    member: MemberRead | None
    requirements: list[RequirementRead]
    face: FaceRead | None
    advice: list[AdviceRead]
    handover: HandoverProgressRead | None = Field(description="The face step on the member's own phone")
    consents: list[ConsentPurpose]
    waiting_for: str | None = Field(description="`owners-at-limit`: the member must end another link first")
    review: ReviewRead | None
    next: list[StepRead]
    rejection: str | None
    rejection_text: str | None = Field(description="The rejection in words, in the language asked for")
    asked_for: Finding | None = Field(description="What people asked for when they looked at it")
    asked_for_text: str | None = Field(description="The same in words, in the language asked for")
    link_id: str | None
    proof: Proof | None = Field(description="How it was seen who the member is; `in_person` at a counter")
    expires_at: Moment
    tokens: TokensRead | None = Field(
        default=None, description="New tokens, when own-card details have moved the account to its person"
    )

    @classmethod
    def of(cls, view: EnrolmentView, language: str, tokens: TokensRead | None = None) -> Self:
        member = view.member
        return cls(
            id=str(view.id),
            kind=view.kind,
            state=view.state,
            version=view.version,
            member=member
            and MemberRead(
                name=member.name,
                social_security_number=member.number,
                age=member.age,
                relationship=member.relationship,
            ),
            requirements=[
                RequirementRead(kind=need.kind, any_of=list(need.any_of), met=need.met) for need in view.requirements
            ],
            face=view.face
            and FaceRead(mode=view.face.mode, tries_left=view.face.tries_left, last_reason=view.face.last_reason),
            advice=[AdviceRead(kind=each.kind, code=each.code) for each in view.advice],
            handover=view.handover and HandoverProgressRead.of(view.handover),
            consents=list(view.consents),
            waiting_for=view.waiting_for,
            review=view.review and ReviewRead(reason=view.review.reason, due_at=view.review.due_at),
            next=[StepRead.of(step) for step in view.next],
            rejection=view.rejection,
            rejection_text=None if view.rejection is None else rejection_text(view.rejection, language),
            asked_for=view.asked_for,
            asked_for_text=None if view.asked_for is None else texts.review_finding(view.asked_for.value, language),
            link_id=str(view.link_id) if view.link_id else None,
            proof=view.proof,
            expires_at=view.expires_at,
            tokens=tokens,
        )


def rejection_text(code: str, language: str) -> str:
    """Return the words for a rejection: what people found, or the rule that stands against it now."""
    if code in texts.review_findings():
        return texts.review_finding(code, language)
    return texts.problem(code, language).title
