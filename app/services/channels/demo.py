"""The channels of the demo, all on its own platform: a bank for those who build one, and two mini programs.

The bank's key follows from this installation's keys.
"""

import hmac
from contextlib import suppress
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.db import Database, Session
from app.core.tokens import published
from app.models.channels import ChannelKind, ChannelService
from app.ports.channel_identity import ChannelIdentity
from app.ports.keys import Keys, Purpose
from app.services.channel_registry import keys as registered
from app.services.channel_registry import platforms, registering
from app.services.channel_registry.registering import ChannelKnown, NewChannel

NAME: Final = "demo-bank"
MINI_PROGRAM: Final = "demo-mini"
CITIZEN_CENTRE: Final = "demo-centre"
KEY_ID: Final = "demo"
PLATFORM: Final = "demo"
ENTRY: Final = "https://bank.example/cards"


async def put(db: Database, keys: Keys, platform: ChannelIdentity) -> None:
    """Add the channel with its key, unless it is there; people sign in to it by the platform of the demo."""
    public = private_key(keys).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    [jwk] = registered.read(public)

    async def add(session: Session) -> None:
        await registering.add(session, NewChannel(NAME, ChannelKind.BANK_APP, level=2, entry=ENTRY))
        await registered.add(session, NAME, [{**jwk, "kid": KEY_ID}])
        await platforms.know_by(session, NAME, PLATFORM, platform, {})

    with suppress(ChannelKnown):
        await db.run(add)


async def put_mini_programs(db: Database, platform: ChannelIdentity) -> None:
    """Add a mini program that offers some of the services, and a citizen centre; unless they are there."""
    few = frozenset({ChannelService.SHOW_CODE, ChannelService.ENROL, ChannelService.RIGHTS})
    for new in (
        NewChannel(MINI_PROGRAM, ChannelKind.MINI_PROGRAM, services=few, entry="https://mini.example/cards"),
        NewChannel(CITIZEN_CENTRE, ChannelKind.MINI_PROGRAM, level=3, entry="https://centre.example/cards"),
    ):
        with suppress(ChannelKnown):
            await db.run(partial(_put_mini_program, platform, new))


async def _put_mini_program(platform: ChannelIdentity, new: NewChannel, session: Session) -> None:
    await registering.add(session, new)
    await platforms.know_by(session, new.name, PLATFORM, platform, {})


def private_key(keys: Keys) -> ec.EllipticCurvePrivateKey:
    """Return the channel's key, the same at each start."""
    seed = hmac.digest(keys.secret(Purpose.DEMO_STAFF), f"channel:{NAME}".encode(), "sha256")
    return published.private_key(seed)
