"""The HTML document that carries the page: Streamlit's own, under our name, in the visitor's language."""

import re
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote

import streamlit
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vigie_ui import markup
from vigie_ui.i18n import Language, as_language, load_catalogue
from vigie_ui.palette import COLOURS

NOT_DOCUMENTS: Final = ("/_stcore", "/static", "/media", "/component", "/app/static")
FIRST_PAGE: Final = "/analyse"  # by its name, as the others are: Streamlit has it at / alone
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class FrontDocument:
    """ASGI middleware that answers a browser's request for a document; all else goes on to Streamlit."""

    def __init__(self, app: ASGIApp, *, language: Language) -> None:
        self.app = app
        self.language = language
        self.template = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _wants_document(scope):
            await self.app(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        if scope["path"].rstrip("/") == FIRST_PAGE:
            await RedirectResponse(f"/?{query}" if query else "/")(scope, receive, send)
            return
        asked = parse_qs(query).get("lang", [""])[0]
        document = front_document(self.template, as_language(asked) or self.language)
        await HTMLResponse(document, headers=HEADERS)(scope, receive, send)


def front_document(template: str, language: Language) -> str:
    """Streamlit's document with our title, icon, language and ground colour."""
    say = load_catalogue(language)
    title = escape(say("app.tab", page=say("analyse.name")))
    icon = f"data:image/svg+xml,{quote(markup.logo())}"
    ground = f"<style>html,body{{background:{COLOURS['paper']}}}</style>"
    document = re.sub(r"<title>.*?</title>", f"<title>{title}</title>{ground}", template, count=1)
    document = re.sub(r'<html lang="\w*"', f'<html lang="{language}"', document, count=1)
    return re.sub(r'(<link rel="shortcut icon" href=")[^"]*"', rf'\g<1>{icon}"', document, count=1)


def _wants_document(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(NOT_DOCUMENTS):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
