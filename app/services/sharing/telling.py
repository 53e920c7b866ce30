"""Writes down what happens to a binding, in both homes, and lets both sides be told."""

from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.sharing import SharingBinding
from app.services import audit, outbox
from app.services.audit import Action, Actor


async def record(session: Session, action: Action, binding: SharingBinding, actor: Actor, **facts: str | None) -> None:
    """Write the event into both homes, the owner's and the member's; both are locked."""
    for home_id in sorted({binding.owner_id, binding.member_id}, key=lambda each: (bucket_of(each), each)):
        await audit.record(
            session,
            action,
            home_id=home_id,
            actor=actor,
            on_behalf_of=binding.member_id,
            facts={"binding_id": str(binding.id), "relationship": binding.relationship, **facts},
        )


def tell(session: Session, binding: SharingBinding, message: str, *, but: UUID | None = None) -> None:
    """Let owner and member, `but` one of them, be told in words of their own."""
    for home_id, suffix in ((binding.owner_id, "owner"), (binding.member_id, "member")):
        if home_id != but:
            outbox.tell(
                session,
                outbox.Kind.TELL_PERSON,
                home_id,
                message=f"{message}_{suffix}",
                binding_id=str(binding.id),
                owner_id=str(binding.owner_id),
                member_id=str(binding.member_id),
            )
