"""The demo's platform: whoever brings `demo-user-NAME` is the user NAME. Development only."""

import re
from collections.abc import Mapping
from typing import Final

from app.ports.channel_identity import (
    ChannelCodeRefused,
    ChannelIdentity,
    ChannelIdentityUnavailable,
    ChannelSignInTooOften,
    ChannelUser,
    ChannelUserBlocked,
    IdentityOptionsNotTaken,
)

_USER: Final = re.compile(r"demo-user-([a-z0-9-]{1,64})")


class DemoChannelIdentity(ChannelIdentity):
    """Asks nobody; `demo-busy`, `demo-blocked` and `demo-too-often` are what platforms say besides."""

    def check(self, options: Mapping[str, str]) -> None:
        if options:
            raise IdentityOptionsNotTaken("The demo's platform takes no options.")

    async def identify(self, options: Mapping[str, str], auth_code: str) -> ChannelUser:
        match auth_code:
            case "demo-busy":
                raise ChannelIdentityUnavailable(retry_after_seconds=2)
            case "demo-blocked":
                raise ChannelUserBlocked
            case "demo-too-often":
                raise ChannelSignInTooOften(retry_after_seconds=60, quota=100, window_seconds=60)
            case _:
                return ChannelUser(_name(auth_code))


def _name(auth_code: str) -> str:
    named = _USER.fullmatch(auth_code)
    if named is None:
        raise ChannelCodeRefused
    return named[1]
