"""What a channel has proved already counts as met in an application that is begun there: by its level, as a rule."""

from collections.abc import Set
from datetime import timedelta

from app.core.db import Session, bucket_of
from app.models.accounts import SignedIn
from app.models.channels import ChannelProof
from app.models.enrolments import Enrolment
from app.services import policies
from app.services.accounts.sessions import Caller
from app.services.channel_registry import standing


async def of(session: Session, caller: Caller) -> frozenset[ChannelProof]:
    """Return what the caller's channel has proved.

    That they are the holder counts as long after their sign-in as a check of the card password would.

    Raises:
        ChannelStopped: the channel is not open.
    """
    channel = await standing.require_open(session, caller.channel)
    rules = await policies.current(session)
    proofs = rules.channels.proofs.get(channel.level, frozenset())
    if ChannelProof.OWNER in proofs and not await _is_fresh(session, caller, rules.card_passwords.step_up_seconds):
        return proofs - {ChannelProof.OWNER}
    return proofs


def written(proofs: Set[ChannelProof]) -> str | None:
    """Return proofs as an enrolment holds them."""
    return " ".join(proof for proof in ChannelProof if proof in proofs) or None


def has(enrolment: Enrolment, proof: ChannelProof) -> bool:
    """Say whether this was proved by the channel that an enrolment was begun in."""
    return proof in (enrolment.channel_proofs or "").split()


def forget_elsewhere(enrolment: Enrolment, channel: str) -> None:
    """Count whose document the channel has seen no more, where somebody is named in another channel."""
    proofs = {ChannelProof(word) for word in (enrolment.channel_proofs or "").split()}
    if channel != enrolment.channel:
        enrolment.channel_proofs = written(proofs - {ChannelProof.IDENTITY_DOCUMENT})


async def _is_fresh(session: Session, caller: Caller, seconds: int) -> bool:
    signed_in = await session.get_one(SignedIn, (bucket_of(caller.session_id), caller.session_id))
    return session.now - signed_in.created_at <= timedelta(seconds=seconds)
