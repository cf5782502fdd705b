"""The web server of the page: Streamlit, without what Streamlit shows of itself."""

import logging
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

import streamlit as st
from starlette.middleware import Middleware

from vigie_ui import markup
from vigie_ui.front import FrontDocument
from vigie_ui.i18n import as_language, load_catalogue
from vigie_ui.palette import COLOURS
from vigie_ui.settings import UiSettings

SCRIPT: Final = Path(__file__).with_name("app.py")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
FONT: Final = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"

_log = logging.getLogger(__name__)


def build_app(settings: UiSettings) -> st.App:
    """The page as an ASGI application."""

    def on_script_error(error: Exception) -> bool:
        # The type and the way there say enough to mend it; the message could carry what a visitor wrote.
        _log.error("the page failed: %s at %s", type(error).__name__, trail(error))
        language = as_language(st.query_params.get("lang")) or settings.language
        st.html(markup.message("bad", load_catalogue(language)("app.failure"), urgent=True))
        return True

    return st.App(
        SCRIPT,
        middleware=[Middleware(FrontDocument, language=settings.language)],
        on_script_error=on_script_error,
    )


def options(settings: UiSettings) -> dict[str, Any]:
    """Streamlit's options: quiet, our colours, and nothing written or sent anywhere."""
    return {
        "server.address": settings.host,
        "server.port": settings.port,
        # On this machine alone nobody signs in, and a site whose name is made to resolve to 127.0.0.1 would be in.
        "server.allowedHosts": list(LOOPBACK) if settings.host in LOOPBACK else [],
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        "server.enableStaticServing": False,
        # No page uploads anything; the smallest limit closes the door as far as it goes.
        "server.maxUploadSize": 1,
        # A text box sends kilobytes; Streamlit's own limit of 200 MB would let one message take the container's memory.
        "server.maxMessageSize": 20,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showSidebarNavigation": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "logger.enableRich": False,
        "theme.base": "light",
        "theme.primaryColor": COLOURS["sky"],
        "theme.backgroundColor": COLOURS["paper"],
        "theme.secondaryBackgroundColor": COLOURS["card"],
        "theme.textColor": COLOURS["ink"],
        "theme.borderColor": COLOURS["edge"],
        "theme.font": FONT,
        "theme.headingFont": FONT,
        "theme.baseRadius": "10px",
        "theme.showWidgetBorder": True,
    }


def serve(settings: UiSettings) -> None:
    """Serve the page until SIGINT or SIGTERM."""
    # Streamlit logs every failure of the page with its message; `on_script_error` does so without.
    # A filter, because uvicorn's logging set-up enables every logger again.
    logging.getLogger("streamlit.error_util").addFilter(lambda record: False)
    build_app(settings).run(config=options(settings))


def trail(error: Exception) -> str:
    """Where an error came from, outermost first: `analyse.py:40 > client.py:12`. Never what it says."""
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__))
