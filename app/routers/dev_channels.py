"""What only development has: the demo's channel, with the key to play it."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter
from pydantic import Field

from app.routers.channel_clients import TOKEN_PATH
from app.routers.deps import TheHouse
from app.schemas.base import Page, Told
from app.services.channels import demo

router = APIRouter(prefix="/dev", tags=["development only"])


class DemoChannelRead(Told):
    """The demo's channel, with what it signs with."""

    name: str
    entry: str = Field(description="`return_to` of a launch begins so")
    token_endpoint: str = Field(description="Where it gets a token, and what `aud` is in all that it signs")
    kid: str
    private_key: str = Field(description="EC on P-256, PEM")


@router.get("/channels")
async def read_demo_channels(house: TheHouse) -> Page[DemoChannelRead]:
    """The demo's channel, for a program of one's own."""
    key = demo.private_key(house.ports.keys).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = DemoChannelRead(
        name=demo.NAME,
        entry=demo.ENTRY,
        token_endpoint=f"{house.settings.public_url.rstrip('/')}{TOKEN_PATH}",
        kid=demo.KEY_ID,
        private_key=key.decode(),
    )
    return Page(items=[shown])
