"""Rules of channels: what is believed of what they have proved."""

from app.models.channels import ChannelProof
from app.services.rules.base import Rule


class Channels(Rule):
    """What of a channel's proofs counts as met in applications that are begun there, by the channel's level.

    `owner`: a sign-in there is as good as a check of the card password, for as long. `notice`: the channel has shown
    the notice in force. `identity_document`: it has seen the member's. A member's face is never among it.
    """

    proofs: dict[int, frozenset[ChannelProof]]
