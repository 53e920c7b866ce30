"""Does something in a house of one's own: for commands that ask or change what the server serves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app import main, texts
from app.adapters.keys.file import FileKeys
from app.adapters.postgres import keeping
from app.cli import stopping
from app.cli.configuration import read_keys, read_settings, start_logging
from app.cli.database import plain, reachable, require_newest
from app.cli.terminal import Refused
from app.core import logging
from app.core.errors import AppError, Unavailable
from app.core.settings import Settings
from app.core.suites import Suite
from app.ports.keys import KeyKind, KeysUnavailable
from app.routers.deps import House

Result = TypeVar("Result")
_log = logging.logger(__name__)


def build(settings: Settings, url: str, keys: FileKeys) -> House:
    """Join settings and adapters.

    Raises:
        Refused: an adapter cannot be had, or a key of the suite; or the database was written with another key file.
    """
    _insist_on_suite(settings, keys)
    _insist_on_keys(settings, url, keys)
    try:
        return main.build(settings, url, keys=keys)
    except LookupError as error:
        raise Refused(f"{error.args[0]}.") from None
    except Unavailable as error:
        raise Refused(f"The data folder {settings.data_folder} cannot be used: {error.code}.") from None


def insist_on_channel(settings: Settings, url: str) -> None:
    """Refuse to serve people in a channel that is not there; one that is suspended is told in the log.

    Raises:
        Refused: the registry has no channel of this name.
    """
    is_open = asyncio.run(keeping.is_open(plain(url), settings.channel))
    if is_open is None:
        raise Refused(
            f"ESCARD_CHANNEL is {settings.channel}, and there is no such channel, so nobody could sign in: add it with"
            f" `escard channels add {settings.channel}`, or name one of `escard channels list`."
        )
    if not is_open:
        _log.error("channel_not_open", channel=settings.channel)


def in_house(work: Callable[[House], Awaitable[Result]]) -> Result:
    """Open a house after the settings of the environment, do `work` in it, and close it.

    Raises:
        Refused: it cannot be opened, or something it needs does not answer.
    """
    settings = read_settings()
    start_logging(settings)
    keys = read_keys(settings)
    with reachable(settings) as addresses:
        require_newest(addresses.app)
        return at_work(build(settings, addresses.app, keys), work)


def at_work(house: House, work: Callable[[House], Awaitable[Result]]) -> Result:
    """Open a house that is built, do `work` in it, and close it.

    Raises:
        Refused: something it needs does not answer.
    """

    async def opened() -> Result:
        async with main.opened(house):
            return await work(house)

    stopping.heed()
    try:
        result = asyncio.run(opened())
    except AppError as error:
        raise Refused(f"{texts.problem(error.code, 'en').title} ({error.code}).") from None
    stopping.heed()
    return result


def _insist_on_suite(settings: Settings, keys: FileKeys) -> None:
    """Refuse to keep half of what is new in another suite; whoever goes back to `international` may do so in steps."""
    if settings.cipher_suite is Suite.INTERNATIONAL:
        return
    for name, kind, versions in (
        ("look-up pepper", KeyKind.PEPPER, keys.peppers()),
        ("wrapping key", KeyKind.WRAPPING, keys.wrapping),
    ):
        written = versions[keys.written(kind)].suite
        if written is not settings.cipher_suite:
            raise Refused(
                f"ESCARD_CIPHER_SUITE is {settings.cipher_suite}, and the {name} of {settings.key_path} that is written"
                f" is of the suite {written}: add one of {settings.cipher_suite} (docs/keys.md)."
            )


def _insist_on_keys(settings: Settings, url: str, keys: FileKeys) -> None:
    """Refuse to serve with another key file than the database's: whoever is known would be taken for somebody new."""
    held = asyncio.run(keeping.kept(plain(url)))
    numbers = {KeyKind.PEPPER.value: keys.peppers().keys(), KeyKind.WRAPPING.value: keys.wrapping.keys()}
    missing = sorted(f"{kind} key {number}" for kind, number in held.led_to if number not in numbers[kind])
    if missing:
        raise Refused(
            f"The key file {settings.key_path} is older than the database, which needs {', '.join(missing)}: put the"
            " newest copy in its place (docs/keys.md)."
        )
    if held.wrapped_key is None:
        return
    try:
        asyncio.run(keys.unwrap(held.wrapped_key))
    except KeysUnavailable:
        raise Refused(
            f"The key file {settings.key_path} is not the one that the database was written with: nobody would be"
            " found, and nothing opened. Put that one in its place (docs/keys.md)."
        ) from None
