"""How the server is, and what its problem codes mean."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app import texts
from app.core.errors import AppError, NotFound
from app.problems import documented
from app.routers.deps import Address, House, Language, TheHouse
from app.routers.edge import is_forwarded_by_nobody_known
from app.routers.metering import CONTENT_TYPE
from app.routers.plain import page
from app.schemas.keys import KeyRead, KeysRead
from app.services import rekeying

router = APIRouter(tags=["operations"])

_MOMENT_SECONDS: Final = 1.0


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
async def welcome() -> Response:
    """Lead whoever opens the address in a browser to what can be read here."""
    return RedirectResponse("/docs")


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


class Readiness:
    """Whether the process can do its work, asked at most once a second, however many want to know."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._asking = asyncio.Lock()
        self._good_until = 0.0

    async def check(self) -> None:
        """Ask the database and the object store, unless they have just answered.

        Raises:
            Unavailable: one of them does not.
        """
        async with self._asking:
            if time.monotonic() >= self._good_until:
                await self._house.db.fetch("SELECT 1")
                await self._house.ports.store.check()
                self._good_until = time.monotonic() + 1


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """The process can do its work: the database and the object store answer, or did a second ago."""
    await request.app.state.readiness.check()
    return {"status": "ready"}


@router.get(
    "/metrics", responses=documented(NotFound) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
async def read_metrics(request: Request, house: TheHouse, address: Address) -> Response:
    """What this process has done, for monitoring (Prometheus); open to the networks of a setting alone."""
    settings = house.settings
    is_passed_on = is_forwarded_by_nobody_known(request.scope, settings.trusted_proxies)
    if is_passed_on or not _is_within(address, settings.metrics_networks):
        raise NotFound
    with suppress(TimeoutError, AppError):  # without a database the process is told of all the same
        async with asyncio.timeout(_MOMENT_SECONDS):
            parts = await house.db.run(rekeying.progress)
            house.meter.tell_rekeying({(each.job, each.part): each.done for each in parts})
    return Response(house.meter.text(), media_type=CONTENT_TYPE)


@router.get("/.well-known/jwks.json")
async def read_keys(house: TheHouse, response: Response) -> KeysRead:
    """The public keys of what we sign for others to verify: presentation codes, statements, receipts (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    return KeysRead(keys=[KeyRead(**key) for key in house.published.jwks()])


@router.get("/problems", response_class=HTMLResponse)
async def list_problems(language: Language) -> Response:
    """Every problem code, as a page."""
    rows = "".join(
        f'<li><a href="/problems/{code}">{escape(texts.problem(code, language).title)}</a> <code>{code}</code></li>'
        for code in texts.problem_codes()
    )
    return page(language, "escard", f"<ul>{rows}</ul>")


@router.get("/problems/{code}", response_class=HTMLResponse, responses=documented(NotFound))
async def read_problem(code: str, language: Language) -> Response:
    """What a problem code means and what one can do, as a page."""
    if code not in texts.problem_codes():
        raise NotFound
    words = texts.problem(code, language)
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in (words.detail, words.next) if line)
    back = f'<p><a href="/problems">{escape(texts.page("all_problems", language))}</a></p>'
    return page(language, words.title, f"<h1>{escape(words.title)}</h1>{paragraphs}<p><code>{code}</code></p>{back}")


def _is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:  # a socket of this machine has no address
        return False
    return any(known in network for network in networks)
