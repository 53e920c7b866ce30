"""Wire shapes of what is done at a branch's window: applications found, attested and begun there."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.models.attestations import SeenDocument
from app.models.cases import Finding
from app.models.consents import ConsentPurpose
from app.models.counter import Purpose
from app.models.enrolments import EnrolmentKind, State
from app.models.links import LinkDisputeReason
from app.models.people import Proof
from app.schemas.base import Asked, Moment, Told
from app.schemas.enrolments import ConsentAsk, DetailsAsk, MemberRead, NoticeShown, ReviewRead, rejection_text
from app.services import notices
from app.services.counter.enrolling import CounterView, Showing
from app.services.counter.proving import Proven
from app.services.enrolments.attesting import Agreed, Needs

DocumentsSeen = Annotated[list[SeenDocument], Field(max_length=len(SeenDocument))]
CardReadToken = Annotated[str, Field(min_length=1, max_length=200)]


class AttestationAsk(Asked):
    """What somebody has shown at the window and agreed to there."""

    documents_seen: DocumentsSeen = Field(description="Kinds whose originals were shown: no numbers, no copies")
    consents: Annotated[list[ConsentAsk], Field(max_length=2)] = Field(
        description="What was agreed to after its notice was shown or read out; from 16 with `services`"
    )
    card_read: CardReadToken | None = Field(
        default=None, description="The member's own card, read for `enrolment`: it counts as shown"
    )

    def showing(self) -> Showing:
        """Return what was shown; a consent to another notice is none that is asked for."""
        known = {purpose.value: purpose for purpose in ConsentPurpose}
        agreed = [
            Agreed(known[each.code], each.shown(), None if each.services is None else frozenset(each.services))
            for each in self.consents
            if each.code in known
        ]
        return Showing(frozenset(self.documents_seen), agreed, self.card_read)


class CounterEnrolmentAsk(Asked):
    """An owner whose card was read, and the notice `family-account` that they have read or heard."""

    owner_card_read: CardReadToken = Field(description="The owner's card, read for `enrolment`")
    notice: NoticeShown


class CounterDetailsAsk(DetailsAsk):
    """Whom the owner wants to add."""

    owner_card_read: CardReadToken

    def details(self) -> DetailsAsk:
        """Return what is said of the relative alone."""
        said = self.model_dump(exclude={"owner_card_read"})
        return DetailsAsk(**said)


class NeedRead(Told):
    """Originals of which one is to be shown."""

    kind: str = Field(json_schema_extra={"enum": ["identity_document", "guardianship"]})
    any_of: list[SeenDocument]


class CounterConsentRead(Told):
    """A consent that is to be given at the window, and where its notice is."""

    code: ConsentPurpose
    notice: str
    services: bool = Field(description="Whether the member chooses services with it")


class NeedsRead(Told):
    """What an attestation takes."""

    documents: list[NeedRead]
    consents: list[CounterConsentRead]

    @classmethod
    def of(cls, needs: Needs) -> Self:
        return cls(
            documents=[NeedRead(kind=need.kind, any_of=list(need.any_of)) for need in needs.documents],
            consents=[
                CounterConsentRead(
                    code=purpose,
                    notice=notices.address(purpose.value),
                    services=needs.is_choice and purpose is ConsentPurpose.COUNTER_CHECK,
                )
                for purpose in needs.consents
            ],
        )


class CounterEnrolmentRead(Told):
    """An application as it is read at a window; names and numbers are masked."""

    id: str
    kind: EnrolmentKind
    state: State
    version: int
    member: MemberRead | None
    owner_name: str | None
    phone: str | None = Field(description="Of the account that has begun an own card: is it in the person's hand?")
    attestation: NeedsRead | None = Field(description="What it takes now to attest who the member is, if it can be")
    proof: Proof | None = Field(description="How it was seen who the member is")
    waiting_for: str | None = Field(description="`owners-at-limit`: the member must end another link first")
    review: ReviewRead | None
    asked_for: Finding | None
    rejection: str | None
    rejection_text: str | None
    expires_at: Moment

    @classmethod
    def of(cls, view: CounterView, language: str) -> Self:
        seen = view.enrolment
        member = seen.member
        return cls(
            id=str(seen.id),
            kind=seen.kind,
            state=seen.state,
            version=seen.version,
            member=member
            and MemberRead(
                name=member.name,
                social_security_number=member.number,
                age=member.age,
                relationship=member.relationship,
            ),
            owner_name=view.owner_name,
            phone=view.phone,
            attestation=view.needs and NeedsRead.of(view.needs),
            proof=seen.proof,
            waiting_for=seen.waiting_for,
            review=seen.review and ReviewRead(reason=seen.review.reason, due_at=seen.review.due_at),
            asked_for=seen.asked_for,
            rejection=seen.rejection,
            rejection_text=None if seen.rejection is None else rejection_text(seen.rejection, language),
            expires_at=seen.expires_at,
        )


class PaperAsk(Asked):
    """Who somebody is by the documents that they show; no number of a document is asked for."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    social_security_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    documents_seen: DocumentsSeen


class MemberAsk(Asked):
    """A member who is there: by their card that was read, or by their documents."""

    card_read: CardReadToken | None = None
    person: PaperAsk | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.card_read is None) == (self.person is None):
            fields = ["card_read", "person"]
            raise PydanticCustomError("one_way", "a card or a paper", {"code": "one_of_both", "fields": fields})
        return self


class CounterLinkEndingAsk(MemberAsk):
    """Without `link_ids` it shows who acts for the member, with them these links end."""

    link_ids: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=64)] = Field(
        default_factory=list
    )


class CounterLinkDisputeAsk(MemberAsk):
    """Which link the member objects to, and why."""

    link_id: Annotated[str, StringConstraints(max_length=64)]
    reason: LinkDisputeReason


class PasswordUnlockAsk(Asked):
    """Whose lock is to be lifted: their card was read for `password_unlock`."""

    card_read: CardReadToken


class IdentityAttestationAsk(Asked):
    """Whose identity is attested: their card was read for what waits for their face."""

    card_read: CardReadToken = Field(description="Read for `certification`, `password_reset` or `reconfirmation`")
    documents_seen: DocumentsSeen = Field(default_factory=list, description="Kinds of other originals that were shown")


class IdentityAttestationRead(Told):
    """What goes on as after a face that has passed; a new password is the holder's to set, in the app."""

    purpose: Purpose
    ids: list[str] = Field(description="Of the certification, the resets or the confirmations")

    @classmethod
    def of(cls, proven: Proven) -> Self:
        return cls(purpose=proven.purpose, ids=[str(each) for each in proven.ids])


class PasswordUnlockRead(Told):
    """The lock is lifted; the password is as it was, and known to nobody but its holder."""

    left_until_reset: int = Field(description="So many wrong ones more, and only a reset helps")
