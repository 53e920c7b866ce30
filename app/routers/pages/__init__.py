"""The page on which a member opens a handover: plain HTML with a little JavaScript, in the reader's language.

The link's secret stands behind the `#`, so it never comes here: whoever previews the link spends nothing.
"""

from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from app import texts
from app.routers.deps import Language

router = APIRouter(tags=["handovers"])

_FILES: Final = files(__name__)
_SAFE: Final = {
    # Nothing but this page's own script and style, and no markup made of text.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@router.get("/handover", response_class=HTMLResponse)
async def show_handover_page(language: Language) -> Response:
    """The page that a handover's link opens on the member's phone; looking at it spends nothing."""
    return HTMLResponse(_page(language), headers=_SAFE | {"Content-Language": language, "Vary": "Accept-Language"})


@router.get("/handover/page.css", include_in_schema=False)
async def show_style() -> Response:
    """How the page looks."""
    return Response(_read("handover.css"), headers=_SAFE, media_type="text/css")


@router.get("/handover/page.js", include_in_schema=False)
async def show_script() -> Response:
    """What the page does."""
    return Response(_read("handover.js"), headers=_SAFE, media_type="text/javascript")


@cache
def _page(language: str) -> str:
    words = {name: escape(text) for name, text in texts.handover(language).items()}
    return _read("handover.html").format(language=language, **words)


@cache
def _read(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")
