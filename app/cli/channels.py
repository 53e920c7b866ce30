"""`escard channels`: the registry of channels: what each may do, its keys, and what it hears of its cards."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
import typer

from app.cli.configuration import read_settings
from app.cli.house import in_house
from app.cli.terminal import Refused, complain, say, table
from app.core.db import Session
from app.models.channels import CardEvent, Channel, ChannelKind, ChannelService
from app.ports.channel_identity import IdentityOptionsNotTaken
from app.routers.deps import House
from app.services.channel_registry import hearing, keys, platforms, registering
from app.services.channel_registry.hearing import HookAddressNotTaken
from app.services.channel_registry.keys import ChannelKeyNotTaken
from app.services.channel_registry.registering import ChannelNotTaken, NewChannel
from app.services.channels import replaying
from app.services.channels.replaying import Replay, Settled

app = typer.Typer(name="channels", help="Add channels, allow, suspend and remove them.", no_args_is_help=True)
of_keys = typer.Typer(name="keys", help="The public keys that a channel signs with.", no_args_is_help=True)
app.add_typer(of_keys)

_HEADS = (
    *("channel", "kind", "level", "above", "status", "services", "events go to", "events"),
    *("signs in by", "requests/min", "enrolments/day", "since"),
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel, as sessions and issue numbers name it.")]
Services = Annotated[
    list[ChannelService] | None, typer.Option("--service", help="What may be done in it; may be said several times.")
]
Url = Annotated[str, typer.Option(help="Where it hears: https, or http within this machine.")]
Events = Annotated[list[CardEvent], typer.Option("--event", help="What it hears of; may be said several times.")]
Result = TypeVar("Result")


@app.command("add")
def add_channel(
    name: Name,
    kind: Annotated[ChannelKind, typer.Option(help="What it is.")] = ChannelKind.APP,
    level: Annotated[int, typer.Option(help="How much is believed of what it has proved of its users, 1 to 3.")] = 1,
    parent: Annotated[
        str | None, typer.Option(help="The channel above it, of its kind; stopped, it stops too.")
    ] = None,
    service: Services = None,
    entry: Annotated[str | None, typer.Option(help="Where people enter it: an address, with its scheme.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it hears, if it does; see `hear`.")] = None,
    event: Annotated[list[CardEvent] | None, typer.Option("--event", help="What it hears of.")] = None,
) -> None:
    """Add a channel; where no service is named, all may be done in it. A secret of events is shown once."""
    if (url is None) != (not event):
        raise Refused("A channel that hears has an address (--url) and hears of something (--event).")
    new = NewChannel(name, kind, level, parent, frozenset(service or ChannelService), entry)

    async def add(session: Session) -> str | None:
        await registering.add(session, new)
        return None if url is None else await hearing.hear(session, name, url, frozenset(event or ()))

    secret = _do(add)
    if secret is not None:
        _show(secret)
    say(f"{name} is added.")


@app.command("allow")
def allow(name: Name, service: Services = None) -> None:
    """Say anew what may be done in a channel; without a service, its users see what they have, and no more."""
    _do(lambda session: registering.allow(session, name, frozenset(service or ())))
    say(f"{name} may do: {', '.join(service or ()) or 'nothing more than to show what is there'}.")


@app.command("identity")
def identity(
    name: Name,
    by: Annotated[str, typer.Option(help="The platform: alipay, wechat, and in development demo.")],
    options: Annotated[
        Path | None, typer.Option(help="A JSON file of what the platform gave: ids, keys, secrets. It is kept sealed.")
    ] = None,
) -> None:
    """Let the users of a channel sign in by the platform that runs it."""
    given = {} if options is None else _options(options)

    async def know(house: House) -> None:
        platform = house.ports.channel_identities.get(by)
        if platform is None:
            raise Refused(f"There is no platform {by} here; there are {', '.join(house.ports.channel_identities)}.")
        await house.db.run(lambda session: platforms.know_by(session, name, by, platform, given))

    _in_house(know)
    say(f"The users of {name} sign in by {by}.")


@app.command("limit")
def limit(
    name: Name,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Of all its users together, to each server process.")
    ] = None,
    enrolments_per_day: Annotated[
        int | None, typer.Option(min=0, help="Begun by all its users together in 24 hours.")
    ] = None,
) -> None:
    """Say how much may be asked for in a channel; what is not said has no limit of the channel's own."""
    _do(
        lambda session: registering.limit(
            session, name, requests_per_minute=requests_per_minute, enrolments_per_day=enrolments_per_day
        )
    )
    say(f"{name} is limited.")


@app.command("suspend")
def suspend(name: Name) -> None:
    """Stop a channel and all below it, sessions too, from the next request on."""
    _do(lambda session: registering.suspend(session, name))
    say(f"{name} is suspended.")


@app.command("resume")
def resume(name: Name) -> None:
    """Let a suspended channel go on; sessions that waited go on too."""
    _do(lambda session: registering.resume(session, name))
    say(f"{name} goes on.")


@app.command("remove")
def remove(name: Name) -> None:
    """Take a channel away, with its keys and secrets; its name stays its own, and it can be added again."""
    _do(lambda session: registering.remove(session, name))
    say(f"{name} is removed.")


@app.command("list")
def list_channels() -> None:
    """List every channel, those that were removed too."""
    say(table(_HEADS, (_row(each) for each in _do(registering.everything))))


@app.command("hear")
def hear(name: Name, url: Url, event: Events) -> None:
    """Let a channel hear of events; the secret they are signed with is made here and shown once."""
    _show(_do(lambda session: hearing.hear(session, name, url, frozenset(event))))


@app.command("again")
def again(
    name: Name,
    since: Annotated[datetime, typer.Option(help="Events from then on, in UTC; 30 days are kept.")],
    state: Annotated[Settled, typer.Option(help="Those that were given up, or that it has taken.")] = Settled.GIVEN_UP,
) -> None:
    """Tell a channel events again, under the same ids."""

    async def tell(house: House) -> int:
        count, after, is_over = 0, None, False
        while not is_over:
            replay = await house.db.run(partial(_again, name, since.replace(tzinfo=UTC), state, after))
            count, after, is_over = count + replay.count, replay.last, replay.last is None
        return count

    say(f"{_in_house(tell)} events go to {name} again.")


@app.command("mute")
def mute(name: Name) -> None:
    """Let a channel hear nothing any more."""
    _do(lambda session: hearing.mute(session, name))
    say(f"{name} hears nothing any more.")


@app.command("rotate")
def rotate(name: Name) -> None:
    """Make a new secret; events are signed with the old one too, until it is dropped."""
    _show(_do(lambda session: hearing.rotate(session, name)))
    say(f"The one before it signs too, until `escard channels forget {name}`.")


@app.command("forget")
def forget(name: Name) -> None:
    """Sign with the newest secret alone."""
    _do(lambda session: hearing.drop_old_secret(session, name))
    say(f"{name} is signed to with the newest secret alone.")


@of_keys.command("add")
def add_keys(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JWK set, one JWK, or a public key in PEM.")],
    sm2_id: Annotated[
        str | None, typer.Option(help="The id that a key of SM2 signs under, where it is not the usual one.")
    ] = None,
) -> None:
    """Let a channel sign with these keys too: EC on P-256 or SM2, or RSA of 2048 bits and more."""

    async def add(session: Session) -> list[str]:
        jwks = keys.read(content, sm2_id=sm2_id)
        await keys.add(session, name, jwks)
        if any(jwk.get("crv") == keys.SM2 for jwk in jwks) and read_settings().signer == "none":
            complain(f"Until ESCARD_SIGNER is set, nothing is signed by SM2 to {name}, and what it signs is not taken.")
        return [jwk["kid"] for jwk in jwks]

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from None
    say(f"{name} may sign with {', '.join(_do(add))}.")


@of_keys.command("list")
def list_keys(name: Name) -> None:
    """List the keys that a channel signs with, the newest first."""
    found = _do(lambda session: keys.of_channel(session, name))
    say(table(("kid", "kind", "since"), ((key.kid, _kind(key.jwk), f"{key.added_at:%Y-%m-%d}") for key in found)))


@of_keys.command("remove")
def remove_key(name: Name, kid: Annotated[str, typer.Argument(metavar="KID", help="The key's name.")]) -> None:
    """Believe a key no more, from now on."""
    _do(lambda session: keys.remove(session, name, kid))
    say(f"{name} signs with {kid} no more.")


async def _again(
    name: str, since: datetime, state: Settled, after: tuple[datetime, UUID] | None, session: Session
) -> Replay:
    await registering.one(session, name)
    return await replaying.again_since(session, name, since, state, after=after)


def _options(file: Path) -> dict[str, str]:
    try:
        said = orjson.loads(file.read_bytes())
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError:
        raise Refused(f"{file} is no JSON.") from None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise Refused(f"{file} is no JSON object of texts.")
    return said


def _do(work: Callable[[Session], Awaitable[Result]]) -> Result:
    return _in_house(lambda house: house.db.run(work))


def _in_house(work: Callable[[House], Awaitable[Result]]) -> Result:
    try:
        return in_house(work)
    except HookAddressNotTaken:
        raise Refused("Events go to https addresses, or http within this machine.") from None
    except (ChannelNotTaken, ChannelKeyNotTaken, IdentityOptionsNotTaken) as error:
        raise Refused(str(error)) from None


def _row(channel: Channel) -> tuple[str, ...]:
    return (
        channel.name,
        channel.kind.value,
        str(channel.level),
        channel.parent or "-",
        channel.status.value,
        ", ".join(channel.services.split()) or "-",
        channel.url or "-",
        ", ".join(channel.events.split()) or "-",
        channel.identity_by or "-",
        "-" if channel.requests_per_minute is None else str(channel.requests_per_minute),
        "-" if channel.enrolments_per_day is None else str(channel.enrolments_per_day),
        f"{channel.added_at:%Y-%m-%d}",
    )


def _kind(jwk: Mapping[str, str]) -> str:
    """Say what a key is, with the id that it signs under where that is not the usual one."""
    kind = jwk.get("crv", jwk["kty"])
    return f"{kind} as {jwk['sm2_id']}" if "sm2_id" in jwk else kind


def _show(secret: str) -> None:
    say(secret)
    say("This secret goes to the channel, and is not shown again.")
