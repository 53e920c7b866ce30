"""Plain pages for whoever opens an address of ours in a browser: text, no script."""

from html import escape

from fastapi.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{font:18px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}}
code{{color:#666;overflow-wrap:anywhere}}</style></head><body>{body}</body></html>"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(language: str, title: str, body: str) -> HTMLResponse:
    """Answer with a page; `body` is HTML, `title` is not yet."""
    html = _PAGE.format(language=language, title=escape(title), body=body)
    return HTMLResponse(html, headers={"Content-Language": language, "Content-Security-Policy": _POLICY})
