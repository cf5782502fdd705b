"""What live traffic says of the models, and letting another one serve: parts of the page "Models"."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from vigie_ui import live_markup, markup
from vigie_ui.answers import ModelVersion
from vigie_ui.board import with_role
from vigie_ui.client import MAX_REASON_CHARS, VigieClient
from vigie_ui.failures import ApiError, Reason
from vigie_ui.i18n import Catalogue
from vigie_ui.visit import now, visitors_zone
from vigie_ui.watch_answers import Drift, Moved, Moves, Served

FRESH_S: Final = 15
DRIFT_FRESH_S: Final = 60
DAYS: Final = 14
MOVES_SHOWN: Final = 10
REFUSALS: Final = {
    Reason.REFUSED: ("move.refused_title", "move.refused_text"),
    Reason.NO_VERSION: ("move.not_passed_title", "move.not_passed_text"),
    Reason.CONFLICT: ("move.no_previous_title", "move.no_previous_text"),
}


@st.cache_resource(ttl=FRESH_S, show_spinner=False)
def _served(_api: VigieClient, url: str) -> Served | ApiError:
    # A failure is kept as long as an answer: a slow or absent API is not asked again at every click.
    try:
        return _api.served()
    except ApiError as error:
        return error


@st.cache_resource(ttl=FRESH_S, show_spinner=False)
def _moves(_api: VigieClient, url: str) -> Moves | ApiError:
    try:
        return _api.moves(MOVES_SHOWN)
    except ApiError as error:
        return error


@st.cache_resource(ttl=DRIFT_FRESH_S, show_spinner=False)
def _drift(_api: VigieClient, url: str) -> Drift | ApiError:
    try:
        return _api.drift(DAYS)
    except ApiError as error:
        return error


def forget() -> None:
    """Ask the API anew for all of this."""
    _served.clear()
    _moves.clear()
    _drift.clear()


def _clock(say: Catalogue) -> Callable[[datetime], str]:
    zone = visitors_zone()
    return lambda at: say.moment(at.astimezone(zone), now().astimezone(zone))


def live(say: Catalogue, api: VigieClient, url: str) -> None:
    """Draw the challenger's shadow and the drift."""
    with st.container(key="shadow"):
        st.html(markup.section(say("shadow.title"), say("shadow.text")))
        served = _served(api, url)
        if isinstance(served, ApiError):
            st.html(markup.quiet(say("live.missing")))
        elif served.shadow is None:
            st.html(markup.quiet(say("shadow.nobody")))
        else:
            st.html(live_markup.shadow(served.shadow, _clock(say), say))
    with st.container(key="drift"):
        st.html(markup.section(say("drift.title"), say("drift.text")))
        drift = _drift(api, url)
        st.html(markup.quiet(say("live.missing")) if isinstance(drift, ApiError) else live_markup.drift(drift, say))


def trail(say: Catalogue, api: VigieClient, url: str) -> None:
    """Draw who let which version serve, and why."""
    with st.container(key="trail"):
        st.html(markup.section(say("trail.title"), say("trail.text")))
        found = _moves(api, url)
        if isinstance(found, ApiError):
            st.html(markup.quiet(say("live.missing")))
        elif not found.moves:
            st.html(markup.quiet(say("trail.none")))
        else:
            st.html(live_markup.trail(found.moves, _clock(say), say))


def moving(say: Catalogue, models: tuple[ModelVersion, ...], api: VigieClient, refresh: Callable[[], None]) -> None:
    """Draw the ways to let the candidate or the previous model serve: with a reason, and after a second thought."""
    challenger, previous = with_role(models, "challenger"), with_role(models, "previous")
    with st.container(key="moving"):
        _told(say)
        asked = st.session_state.get("moving")
        if asked == "promote" and challenger is not None:
            _confirm(say, "promote", challenger, api, refresh)
        elif asked == "rollback" and previous is not None:
            _confirm(say, "rollback", previous, api, refresh)
        else:
            _offer(say, challenger, previous)


def _offer(say: Catalogue, challenger: ModelVersion | None, previous: ModelVersion | None) -> None:
    with st.container(key="moving_row", horizontal=True):
        if challenger is not None and challenger.passed and "champion" not in challenger.aliases:
            st.button(
                say("move.promote", version=challenger.version),
                key="promote",
                icon=":material/upgrade:",
                on_click=_think,
                args=("promote",),
            )
        if previous is not None and previous.passed and "champion" not in previous.aliases:
            st.button(
                say("move.rollback", version=previous.version),
                key="rollback",
                icon=":material/undo:",
                on_click=_think,
                args=("rollback",),
            )


def _think(action: str | None) -> None:
    st.session_state["moving"] = action
    st.session_state["moved"] = None


def _confirm(say: Catalogue, action: str, model: ModelVersion, api: VigieClient, refresh: Callable[[], None]) -> None:
    words = "move.promote_question" if action == "promote" else "move.rollback_question"
    with st.container(key="confirm_move"):
        st.html(markup.section(say(words, version=model.version, recipe=model.recipe), say("move.what_happens")))
        st.text_area(
            say("move.reason"),
            key="move_reason",
            height=96,
            max_chars=MAX_REASON_CHARS,
            placeholder=say("move.reason_placeholder"),
        )
        if st.session_state.pop("no_reason", False):
            st.html(markup.message("warn", say("move.no_reason"), urgent=True))
        with st.container(key="confirm_row", horizontal=True):
            st.button(
                say("move.confirm"),
                key="confirm",
                type="primary",
                on_click=_move,
                args=(action, model.version, api, refresh),
            )
            st.button(say("feedback.cancel"), key="cancel_move", type="tertiary", on_click=_think, args=(None,))


def _move(action: str, version: str, api: VigieClient, refresh: Callable[[], None]) -> None:
    reason = (st.session_state.get("move_reason") or "").strip()
    if not reason:
        st.session_state["no_reason"] = True
        return
    try:
        moved: Moved | ApiError = api.promote(version, reason) if action == "promote" else api.rollback(reason)
    except ApiError as error:
        moved = error
    st.session_state["moving"] = None
    st.session_state["moved"] = (version, moved)
    refresh()
    forget()


def _told(say: Catalogue) -> None:
    """What came of the last move."""
    version, moved = st.session_state.get("moved") or ("", None)
    if isinstance(moved, ApiError):
        title, text = REFUSALS.get(moved.reason, ("move.failed_title", "move.failed_text"))
        st.html(markup.message("warn", say(title), say(text), urgent=True))
    elif moved is not None and moved.serving == version:
        st.html(markup.message("good", say("move.done_title", version=version), say("move.done_text")))
    elif moved is not None:
        st.html(markup.message("calm", say("move.soon_title", version=version), say("move.soon_text")))
