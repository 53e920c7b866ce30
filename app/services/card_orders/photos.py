"""The photo for a card: measured against its rules, sealed in the object store, gone with the decision."""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of, new_id
from app.core.errors import FieldError, Invalid
from app.models.card_orders import CardOrder, CardPhoto
from app.models.documents import DocumentState
from app.ports.images import CardPhotoLook, PreparedImage
from app.services import files, policies
from app.services.rules.filing import CardPhotos


class CardPhotoFault(StrEnum):
    """A rule of photos for cards that one does not keep."""

    PIXELS = "photo_pixels"
    TOO_FEW_BYTES = "photo_too_few_bytes"
    TOO_MANY_BYTES = "photo_too_many_bytes"
    NOT_IN_COLOUR = "photo_not_in_colour"
    BLURRED = "photo_blurred"
    BACKGROUND = "photo_background"
    HEAD_CUT_OFF = "photo_head_cut_off"
    HEAD_TOO_LOW = "photo_head_too_low"
    OFF_CENTRE = "photo_off_centre"
    TOO_FAR = "photo_too_far"
    TOO_NEAR = "photo_too_near"


class CardPhotoUnsuitable(Invalid):
    """The photo does not keep the rules of photos for cards; `errors` name each that it breaks."""

    code = "card-photo-unsuitable"


def require_suitable(rules: CardPhotos, size_bytes: int, image: PreparedImage, look: CardPhotoLook) -> None:
    """Check a photo against every rule.

    Args:
        size_bytes: of the file as it was sent.

    Raises:
        CardPhotoUnsuitable: it breaks some.
    """
    broken = {
        CardPhotoFault.PIXELS: (look.width, look.height) != (rules.width, rules.height),
        CardPhotoFault.TOO_FEW_BYTES: size_bytes < rules.least_bytes,
        CardPhotoFault.TOO_MANY_BYTES: size_bytes > rules.most_bytes,
        CardPhotoFault.NOT_IN_COLOUR: look.colour < rules.colour,
        CardPhotoFault.BLURRED: image.sharpness < rules.sharpness,
        CardPhotoFault.BACKGROUND: look.background < rules.background,
    }
    if not broken[CardPhotoFault.BACKGROUND]:  # on another wall nobody can tell where the head is
        is_cut = look.headroom < rules.least_headroom or look.beside < rules.beside
        broken |= {
            CardPhotoFault.HEAD_CUT_OFF: is_cut,
            CardPhotoFault.HEAD_TOO_LOW: look.headroom > rules.most_headroom,
            CardPhotoFault.OFF_CENTRE: look.off_centre > rules.off_centre,
            CardPhotoFault.TOO_FAR: look.subject < rules.least_subject,
            CardPhotoFault.TOO_NEAR: look.subject > rules.most_subject,
        }
    faults = [fault for fault, is_broken in broken.items() if is_broken]
    if faults:
        raise CardPhotoUnsuitable(errors=[FieldError("", fault.value) for fault in faults])


async def of(session: Session, order: CardOrder) -> CardPhoto | None:
    """Return the photo that an order has."""
    row: CardPhoto | None = await session.scalar(
        select(CardPhoto)
        .where(
            CardPhoto.bucket == order.bucket,
            CardPhoto.order_id == order.id,
            CardPhoto.state == DocumentState.STORED,
            CardPhoto.purge_at > session.now,
        )
        .execution_options(populate_existing=True)
    )
    return row


async def begin(session: Session, order: CardOrder, image: PreparedImage, digest: bytes) -> UUID:
    """Write down what will be put into the store, before it is."""
    row = CardPhoto(bucket=order.bucket, id=new_id(bucket_of(order.id)), home_id=order.person_id, order_id=order.id)
    return await files.begin(session, row, image, digest)


async def attach(session: Session, order: CardOrder, photo_id: UUID) -> None:
    """Let a stored photo be the order's; the one before goes at once.

    Raises:
        StorageUnavailable: the way here took so long that it was swept; send it again.
    """
    days = (await policies.current(session)).retention.face_days
    await let_go(session, order)
    await files.keep(session, CardPhoto, [photo_id], timedelta(days=days))
    await session.flush()


async def let_go(session: Session, order: CardOrder) -> None:
    """Let the order's photo go, now."""
    rows = await session.scalars(
        select(CardPhoto)
        .where(
            CardPhoto.bucket == order.bucket,
            CardPhoto.order_id == order.id,
            CardPhoto.state == DocumentState.STORED,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows:
        files.detach(row, session.now)
    await session.flush()
