"""Wire shapes of deeds that a terminal signed without a connection."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, TypeAdapter

from app import texts
from app.models.links import LinkDisputeReason
from app.schemas.base import Asked, Short, Told
from app.schemas.enrolments import ConsentAsk
from app.schemas.window import AttestationAsk, DocumentsSeen, PaperAsk
from app.services.counter.offline import Outcome, Status

Id = Annotated[str, StringConstraints(max_length=64)]
Links = Annotated[list[Id], Field(max_length=64)]


class _Deed(Asked):
    number: Annotated[int, Field(ge=1, lt=2**63)]
    session_id: Id


class AttestationDeed(_Deed):
    """An attestation."""

    kind: Literal["attestation"]
    enrolment_id: Id
    documents_seen: DocumentsSeen
    consents: Annotated[list[ConsentAsk], Field(max_length=2)]

    def attestation(self) -> AttestationAsk:
        return AttestationAsk(documents_seen=self.documents_seen, consents=self.consents)


class LinkEndingDeed(_Deed):
    """Links that a member wants to end; all of them, where none is named."""

    kind: Literal["link_ending"]
    person: PaperAsk
    link_ids: Links = Field(default_factory=list)


class LinkDisputeDeed(_Deed):
    """Links that a member objects to; all of them, where none is named."""

    kind: Literal["link_dispute"]
    person: PaperAsk
    link_ids: Links = Field(default_factory=list)
    reason: LinkDisputeReason


AnyDeed = AttestationDeed | LinkEndingDeed | LinkDisputeDeed
DEED: TypeAdapter[AnyDeed] = TypeAdapter(Annotated[AnyDeed, Field(discriminator="kind")])
"""What a terminal signs, as docs/counter.md of the source tells."""


class SignedDeedAsk(Asked):
    """A deed as the terminal has signed it: the body to the letter, and the three headers (RFC 9421)."""

    body: Annotated[str, StringConstraints(min_length=2, max_length=4096)]
    content_digest: Short
    signature_input: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    signature: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class OfflineDeedsAsk(Asked):
    """What was done without a connection; in whatever order, each as it was signed."""

    deeds: Annotated[list[SignedDeedAsk], Field(min_length=1, max_length=100)]


class OfflineDeedRead(Told):
    """What became of a deed: `later` says to send it again; `is_repeated` that it had come before."""

    index: int
    terminal: str | None
    number: int | None
    status: Status
    code: str | None = Field(description="Why it was refused, or not yet done: a problem code")
    text: str | None = Field(description="The same in words, in the language asked for")
    is_repeated: bool

    @classmethod
    def of(cls, index: int, outcome: Outcome, language: str) -> Self:
        return cls(
            index=index,
            terminal=outcome.terminal,
            number=outcome.number,
            status=outcome.status,
            code=outcome.code,
            text=None if outcome.code is None else texts.problem(outcome.code, language).detail,
            is_repeated=outcome.is_repeated,
        )


class OfflineDeedsRead(Told):
    """An outcome for each deed, as they came."""

    items: list[OfflineDeedRead]
