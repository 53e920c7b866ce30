"""Lets the channels in which a card is used hear what becomes of it: each by its own issue number, and nothing else."""

from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.cards import CardIssue
from app.models.channels import CardEvent, Channel
from app.services import outbox


async def announce(session: Session, person_id: UUID, event: CardEvent, *, channel: str | None = None) -> None:
    """Let them hear it after the commit, whoever of them wants to.

    Args:
        channel: the one that it concerns; None for all in which the card is used.
    """
    hearing = {each.name for each in await _channels(session) if event.value in each.events.split()}
    if not hearing:
        return
    issues = await session.scalars(
        select(CardIssue)
        .where(
            CardIssue.bucket == bucket_of(person_id),
            CardIssue.person_id == person_id,
            CardIssue.channel.in_(hearing if channel is None else hearing & {channel}),
        )
        .order_by(CardIssue.channel)
    )
    for issue in issues:
        outbox.tell(
            session,
            outbox.Kind.TELL_CHANNEL,
            person_id,
            channel=issue.channel,
            event=event.value,
            issue_number=issue.issue_number,
        )


async def _channels(session: Session) -> list[Channel]:
    return list(await session.scalars(select(Channel).where(Channel.url.is_not(None))))
