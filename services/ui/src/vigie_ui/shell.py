"""What every page has: look, language, head, way around, foot."""

from functools import partial
from importlib import resources
from typing import Final

import streamlit as st

from vigie_ui import markup
from vigie_ui.badge import IN_HEAD, OpenAlerts, open_alerts
from vigie_ui.browser import page_language
from vigie_ui.connection import connect
from vigie_ui.i18n import LANGUAGES, Catalogue, Language, as_language, load_catalogue
from vigie_ui.palette import css_variables
from vigie_ui.settings import UiSettings
from vigie_ui.views import all_pages
from vigie_ui.views.alerts import PATH as ALERTS
from vigie_ui.visit import keep_sending, post, remember_ways

LANGUAGE_PARAMETER: Final = "lang"
# What a visitor typed or chose on one page is there when he comes back to it.
TYPED_FIELDS: Final = {"tweet": "analyse", "compare_text": "models"}
CHOSEN_FIELDS: Final = (
    "review_language",
    "review_period",
    "alerts_state",
    "alerts_kind",
    "alerts_period",
)
STYLESHEETS: Final = ("page.css", "review.css", "watch.css", "veille.css")
COUNT_EVERY_S: Final = 10.0
MOST_COUNTED: Final = 99

# A language is named in itself, the same on every page: it is not translated.
LANGUAGE_NAMES: Final[dict[Language, str]] = {"fr": "Français", "en": "English"}


def run(settings: UiSettings | None = None) -> None:
    """Draw the page that the address asks for."""
    settings = settings or UiSettings()
    say = load_catalogue(_language(settings.language))
    routes = {
        page.path: st.Page(
            partial(page.render, say, settings), title=say(page.name_key), url_path=page.path, default=page.default
        )
        for page in all_pages()
    }
    remember_ways(routes)
    chosen = st.navigation(list(routes.values()), position="hidden")
    _keep_fields(next(path for path, route in routes.items() if route == chosen))
    st.set_page_config(
        page_title=say("app.tab", page=chosen.title), page_icon=markup.logo(), layout="wide", menu_items={}
    )
    st.html(f"<style>{css_variables()}{_stylesheet()}</style>")
    page_language(say)
    _masthead(say, settings, routes)
    chosen.run()
    if post().waiting():
        keep_sending(post(), connect(settings))
    st.html(markup.footer(say))


def _keep_fields(path: str) -> None:
    """Streamlit forgets a field that the page on show does not have, unless it is written.

    Where it is on show, writing it takes away what was typed into it and not sent yet.
    """
    stays = st.session_state.get("path_on_show") == path
    st.session_state["path_on_show"] = path
    typed = [field for field, home in TYPED_FIELDS.items() if not (stays and home == path)]
    for field in (*CHOSEN_FIELDS, *typed):
        if field in st.session_state:
            st.session_state[field] = st.session_state[field]


def _language(default: Language) -> Language:
    # The address wins, so that a bookmark keeps its language; a change of page drops it, the session does not.
    language = as_language(st.query_params.get(LANGUAGE_PARAMETER)) or st.session_state.get("language") or default
    st.session_state["language"] = language
    st.session_state["language_switch"] = language
    if st.query_params.get(LANGUAGE_PARAMETER) != language:
        st.query_params[LANGUAGE_PARAMETER] = language
    return language


def _switch_language() -> None:
    st.session_state["language"] = st.session_state["language_switch"]
    st.query_params[LANGUAGE_PARAMETER] = st.session_state["language"]


def _masthead(say: Catalogue, settings: UiSettings, routes: dict[str, st.Page]) -> None:
    with st.container(key="masthead", horizontal=True, vertical_alignment="center"):
        st.html(markup.masthead(settings.brand, say), width="content")
        if len(routes) > 1:
            with st.container(key="ways", horizontal=True):
                alerts = open_alerts(connect(settings), str(settings.api_url))
                for path, route in routes.items():
                    if path == ALERTS:
                        _way_to_alerts(route, alerts)
                    else:
                        st.page_link(route)
        st.segmented_control(
            say("app.language"),
            LANGUAGES,
            key="language_switch",
            format_func=LANGUAGE_NAMES.__getitem__,
            required=True,
            on_change=_switch_language,
            label_visibility="collapsed",
        )


@st.fragment(run_every=COUNT_EVERY_S)
def _way_to_alerts(route: st.Page, alerts: OpenAlerts) -> None:
    count = st.session_state[IN_HEAD] = alerts.count()
    shown = f"{MOST_COUNTED}+" if count and count > MOST_COUNTED else count
    st.page_link(route, label=f"{route.title} :red-badge[{shown}]" if count else None)


def _stylesheet() -> str:
    assets = resources.files("vigie_ui").joinpath("assets")
    return "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in STYLESHEETS)
