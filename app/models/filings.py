"""What the filings share: transfers and card orders."""

from enum import StrEnum


class FilingEnd(StrEnum):
    """Why a filing for a member did not leave: what had become of the link of its owner."""

    LINK_ENDED = "link_ended"
    LINK_FROZEN = "link_frozen"
    SERVICE_NOT_SHARED = "service_not_shared"
