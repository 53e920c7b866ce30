"""The reference to read in a browser: Swagger UI from a package here, for where people look there may be no internet.

Its pages share an origin with those that hold tokens of handovers: no script of anybody else's runs in them.
"""

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_OURS: Final = files("app.routers.pages")
_SAFE: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_KEPT: Final = _SAFE | {"Cache-Control": "public, max-age=3600"}  # 1.8 MB that change with the package alone


@router.get("/docs")
async def show_reference() -> Response:
    """The OpenAPI document, made readable."""
    return HTMLResponse(_own("docs.html"), headers=_SAFE)


@router.get("/docs/start.js")
async def show_start() -> Response:
    """What begins the page."""
    return Response(_own("docs.js"), headers=_SAFE, media_type="text/javascript")


@router.get("/docs/swagger-ui-bundle.js")
async def show_script() -> Response:
    """What draws the page."""
    return Response(_theirs("swagger-ui-bundle.js"), headers=_KEPT, media_type="text/javascript")


@router.get("/docs/swagger-ui.css")
async def show_style() -> Response:
    """How the page looks."""
    return Response(_theirs("swagger-ui.css"), headers=_KEPT, media_type="text/css")


@router.get("/docs/favicon.png")
async def show_icon() -> Response:
    """The page's icon."""
    return Response(_theirs("favicon-32x32.png"), headers=_KEPT, media_type="image/png")


@cache
def _own(name: str) -> str:
    return (_OURS / name).read_text(encoding="utf-8")


@cache
def _theirs(name: str) -> bytes:
    """Read a file of the package, of whose code nothing is run."""
    found = find_spec("fastapi_swagger")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "resources" / name).read_bytes()
