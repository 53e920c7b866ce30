"""What only development has: the demo's terminals, their keys to play with, and a way to hold a code before one."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter, Response
from pydantic import Field

from app.core.tokens.codes import CodeExpired, CodeNotValid
from app.models.terminals import TerminalPurpose
from app.problems import documented
from app.routers import deps
from app.routers.deps import House, Language, TheHouse
from app.schemas import showings as shapes
from app.schemas.base import Page, Told
from app.schemas.draws import DrawAsk, TerminalDrawRead
from app.services.draws import drawing, reversing
from app.services.showings import redeeming
from app.services.showings.redeeming import CodeUsed, CodeWithdrawn, TerminalNotAllowed
from app.services.terminals import demo, requests
from app.services.terminals.demo import DemoTerminal
from app.services.terminals.requests import Calling, TerminalNotKnown

router = APIRouter(prefix="/dev", tags=["development only"])


class DemoTerminalRead(Told):
    """One of the demo's terminals, with what it signs with."""

    name: str
    office_id: str
    purposes: list[TerminalPurpose]
    private_key: str = Field(description="Ed25519, PEM")


@router.get("/terminals")
async def read_terminals(house: TheHouse) -> Page[DemoTerminalRead]:
    """The demo's terminals, for a program of one's own."""
    return Page(items=[_shown(house, each) for each in demo.TERMINALS])


def _shown(house: House, terminal: DemoTerminal) -> DemoTerminalRead:
    key = demo.private_key(house.ports.keys, terminal.name)
    return DemoTerminalRead(
        name=terminal.name,
        office_id=terminal.office_id,
        purposes=[purpose for purpose in TerminalPurpose if purpose in terminal.purposes],
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


@router.post(
    "/scans",
    response_model=shapes.RedemptionRead,
    responses=documented(TerminalNotKnown, CodeNotValid, CodeExpired, CodeUsed, CodeWithdrawn, TerminalNotAllowed),
)
async def scan_code(body: shapes.RedemptionAsk, house: TheHouse, language: Language) -> Response:
    """Hold a code before the demo's terminal, which signs a request of its own; the answer is what it learns."""
    terminal = await _demos(house, demo.REDEMPTIONS, body.model_dump_json().encode())
    redeemed = await redeeming.redeem(house.db, house.ports.register, house.codes, terminal, body.code)
    return deps.written(shapes.redeemed(redeemed, language), language)


@router.post("/draws", status_code=201, responses=documented(TerminalNotKnown, *drawing.REFUSALS))
async def draw_at_demo(body: DrawAsk, house: TheHouse) -> TerminalDrawRead:
    """Let the demo's terminal draw a payment, in a request that it signs of its own."""
    terminal = await _demos(house, demo.DRAWS, body.model_dump_json().encode())
    ports = house.ports
    return TerminalDrawRead.of(
        await drawing.draw(house.db, ports.register, ports.medical_funds, terminal, body.order())
    )


@router.post("/draws/{draw_id}/reversals", status_code=201, responses=documented(TerminalNotKnown, *reversing.REFUSALS))
async def reverse_at_demo(draw_id: str, house: TheHouse) -> TerminalDrawRead:
    """Let the demo's terminal give a draw back."""
    terminal = await _demos(house, f"{demo.DRAWS}/{draw_id}/reversals", b"")
    return TerminalDrawRead.of(
        await reversing.give_back(house.db, house.ports.medical_funds, terminal, deps.identity(draw_id))
    )


async def _demos(house: House, path: str, body: bytes) -> Calling:
    """Return the demo's terminal as it is heard when it signs a request."""
    return await requests.caller(house.db, demo.request(house.ports.keys, path, body, house.db.clock.now()))
