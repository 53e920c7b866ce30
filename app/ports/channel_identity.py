"""The port to those who run channels and know their users: the platforms of mini programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.errors import Denied, TooMany, Unavailable


class ChannelCodeRefused(Denied):
    """The platform does not know the code: it is wrong, too old, another program's, or was used."""

    code = "channel-code-refused"


class ChannelUserBlocked(Denied):
    """The platform takes its user for a risk and does not say who they are."""

    code = "channel-user-blocked"


class ChannelSignInTooOften(TooMany):
    """The platform is asked about one user too often."""

    code = "channel-sign-in-too-often"


class ChannelIdentityUnavailable(Unavailable):
    """The platform does not answer, or nothing that we understand or believe."""

    code = "channel-identity-unavailable"


class IdentityOptionsNotTaken(ValueError):
    """What a platform gives to a channel is missing or wrong; the words name what, and no value."""


@dataclass(frozen=True, slots=True)
class ChannelUser:
    """Somebody as their platform names them: the same at every sign-in to one channel, 1 to 128 characters."""

    subject: str = field(repr=False)


class ChannelIdentity(Protocol):
    """One platform. What it gives to a channel (an application's id, its keys) comes with each question."""

    def check(self, options: Mapping[str, str]) -> None:
        """Check what the platform gives to a channel.

        Raises:
            IdentityOptionsNotTaken: something is missing, wrong or unknown.
        """
        ...

    async def identify(self, options: Mapping[str, str], auth_code: str) -> ChannelUser:
        """Exchange the code that a channel was given for its user, once.

        Args:
            options: as they were checked.
            auth_code: 1 to 256 printable characters of ASCII.

        Raises:
            ChannelCodeRefused: the platform does not know it.
            ChannelUserBlocked: it does not say who that is.
            ChannelSignInTooOften: this user came too often.
            ChannelIdentityUnavailable: no answer, or none that we understand; the code may be spent.
        """
        ...
