"""The web server of the page: Streamlit, without what Streamlit shows of itself."""

import logging
from pathlib import Path
from typing import Any, Final

import streamlit as st
from starlette.middleware import Middleware

from vigie_ui import markup
from vigie_ui.front import FrontDocument
from vigie_ui.i18n import as_language, load_catalogue
from vigie_ui.palette import COLOURS
from vigie_ui.settings import UiSettings

SCRIPT: Final = Path(__file__).with_name("app.py")
FONT: Final = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"

_log = logging.getLogger(__name__)


def build_app(settings: UiSettings) -> st.App:
    """The page as an ASGI application."""

    def on_script_error(error: Exception) -> bool:
        # The type and the place say enough to mend it; the message could carry what a visitor wrote.
        place = _innermost(error)
        _log.error("the page failed: %s at %s", type(error).__name__, place)
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
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        "server.enableStaticServing": False,
        # No page uploads anything; the smallest limit closes the door as far as it goes.
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showSidebarNavigation": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
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
    build_app(settings).run(config=options(settings))


def _innermost(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
