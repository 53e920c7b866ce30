"""What tests in which cards are shown share: a code issued, a card that changes behind it."""

from sqlalchemy import update

from app.core.db import Database, bucket_of
from app.models.cards import Card
from tests.factories.adding import ok
from tests.factories.make import Holder, Member, Someone


async def show(holder: Holder, member: Member | None = None, purpose: str = "identify") -> str:
    """Show a card, one's own or a member's; return what the QR code says."""
    answer = await holder.call("POST", codes_of(member), {"purpose": purpose})
    code: str = ok(answer)["code"]
    return code


def codes_of(member: Member | None = None) -> str:
    """Return where codes are issued: for oneself or for a member."""
    return f"/v1/holders/{'me' if member is None else member.link_id}/card/codes"


async def set_card(db: Database, person: Someone, **values: object) -> None:
    """Let an e-card be another from now on; the register, which knows nothing of it, was just asked."""
    await db.run(
        lambda session: session.execute(
            update(Card)
            .where(Card.bucket == bucket_of(person.id), Card.person_id == person.id)
            .values(**{"asked_at": session.now} | values)
        )
    )
