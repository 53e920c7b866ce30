"""What a message is about, and by which ways people can be told: the grid of their wishes."""

from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """What messages are about; `security` is always told."""

    SECURITY = "security"
    FAMILY = "family"
    ENROLMENTS = "enrolments"
    CARDS = "cards"
    CERTIFICATIONS = "certifications"
    FILINGS = "filings"


class Way(StrEnum):
    """How people are told besides the list that they can always read."""

    SMS = "sms"
    PUSH = "push"


_BY_BEGINNING: Final = (
    ("acted_", Topic.FAMILY),
    ("card_channel_left", Topic.CARDS),
    ("card_channels_left", Topic.CARDS),
    ("card_issued", Topic.CARDS),
    ("card_order", Topic.FILINGS),
    ("certification", Topic.CERTIFICATIONS),
    ("enrolment_", Topic.ENROLMENTS),
    ("link_adult", Topic.FAMILY),
    ("link_ended", Topic.FAMILY),
    ("link_face", Topic.FAMILY),
    ("link_kept", Topic.FAMILY),
    ("link_own_consent", Topic.FAMILY),
    ("link_view_only", Topic.FAMILY),
    ("transfer_", Topic.FILINGS),
)


def topic_of(message: str) -> Topic:
    """Return what a message is about; what is not known to be harmless to miss is about security."""
    return next((topic for beginning, topic in _BY_BEGINNING if message.startswith(beginning)), Topic.SECURITY)
