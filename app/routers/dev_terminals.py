"""What only development has: the demo's terminal, its key to play with, and a way to hold a code before it."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter, Response
from pydantic import Field

from app.core.tokens.codes import CodeExpired, CodeNotValid
from app.models.terminals import TerminalPurpose
from app.problems import documented
from app.routers import deps
from app.routers.deps import Language, TheHouse
from app.schemas import showings as shapes
from app.schemas.base import Page, Told
from app.services.showings import redeeming
from app.services.showings.redeeming import CodeUsed, CodeWithdrawn, TerminalNotAllowed
from app.services.terminals import demo, requests
from app.services.terminals.requests import TerminalNotKnown

router = APIRouter(prefix="/dev", tags=["development only"])


class DemoTerminalRead(Told):
    """The demo's terminal, with what it signs with."""

    name: str
    office_id: str
    purposes: list[TerminalPurpose]
    private_key: str = Field(description="Ed25519, PEM")


@router.get("/terminals")
async def read_terminals(house: TheHouse) -> Page[DemoTerminalRead]:
    """The demo's terminal, for a program of one's own."""
    key = demo.private_key(house.ports.keys).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = DemoTerminalRead(
        name=demo.NAME, office_id=demo.OFFICE, purposes=list(TerminalPurpose), private_key=key.decode()
    )
    return Page(items=[shown])


@router.post(
    "/scans",
    response_model=shapes.RedemptionRead,
    responses=documented(TerminalNotKnown, CodeNotValid, CodeExpired, CodeUsed, CodeWithdrawn, TerminalNotAllowed),
)
async def scan_code(body: shapes.RedemptionAsk, house: TheHouse, language: Language) -> Response:
    """Hold a code before the demo's terminal, which signs a request of its own; the answer is what it learns."""
    request = demo.redemption(house.ports.keys, body.model_dump_json().encode(), house.db.clock.now())
    terminal = await requests.caller(house.db, request)
    redeemed = await redeeming.redeem(house.db, house.ports.register, house.codes, terminal, body.code)
    return deps.written(shapes.redeemed(redeemed, language), language)
