"""The page "Alerts": what went wrong, on what evidence, who was told, and who has it in hand."""

from datetime import datetime
from typing import Final

import streamlit as st

from vigie_ui import alert_markup, markup
from vigie_ui.alert_answers import Alert, Alerts
from vigie_ui.badge import IN_HEAD, open_alerts
from vigie_ui.client import MAX_COMMENT_CHARS, VigieClient
from vigie_ui.connection import connect
from vigie_ui.failures import ApiError, Reason
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import trouble
from vigie_ui.periods import PERIOD_KEYS, since
from vigie_ui.settings import UiSettings
from vigie_ui.views import Page
from vigie_ui.visit import now, visitors_zone, way_to

PATH: Final = "alertes"
WATCH: Final = "veille"
EPISODE: Final = "episode"
"""The page, and the parameter of its address, that shows what a surge alert is about."""
NAMED: Final = "alert"
"""The parameter of the address by which an e-mail names its alert."""
FRESH_S: Final = 5
SHOWN: Final = 10
MOST_SHOWN: Final = 500
STATES: Final = {"open": "alerts.state_open", "acknowledged": "alerts.state_acknowledged", "all": "alerts.state_all"}
KINDS: Final = {"all": "alerts.kind_all", **alert_markup.KIND_KEYS}


def render(say: Catalogue, settings: UiSettings) -> None:
    """Draw the page."""
    api = connect(settings)
    url = str(settings.api_url)
    st.html(markup.heading(say("alerts.title"), say("alerts.intro")))
    if st.session_state.get("alert_taken"):
        st.html(markup.message("good", say("alerts.taken")))
    named = st.query_params.get(NAMED)
    if named:
        st.session_state.pop("alert_taken", None)
        _one(say, api, url, named)
        return
    filters = _filters(say)
    count = st.session_state.get("alerts_count", SHOWN)
    try:
        with st.spinner(say("alerts.working")):
            found = _alerts(api, url, count, filters["state"], filters["kind"], filters["since"])
    except ApiError as error:
        _trouble(say, error)
        return
    open_alerts(api, url).set(found.open)
    if (st.session_state.get(IN_HEAD) or 0) != found.open:
        # The head is drawn by now: it must not say 1 above a page that says none.
        st.rerun()
    st.session_state.pop("alert_taken", None)
    if not found.alerts:
        _none(say, elsewhere=found.open > 0)
        return
    with st.container(key="alerts"):
        for place, alert in enumerate(found.alerts):
            _alert(say, api, alert, opened=place == 0 and alert.open)
    if found.next_cursor and count < MOST_SHOWN:
        st.button(say("alerts.more"), key="more_alerts", on_click=_show, args=(count + SHOWN,))


def _none(say: Catalogue, *, elsewhere: bool) -> None:
    if elsewhere:
        st.html(markup.message("calm", say("alerts.filtered_title"), say("alerts.filtered_text")))
    else:
        st.html(markup.message("good", say("alerts.none_title"), say("alerts.none_text")))


def _filters(say: Catalogue) -> dict[str, str | None]:
    with st.container(key="alerts_filters", horizontal=True, vertical_alignment="bottom"):
        state = st.segmented_control(
            say("alerts.state"),
            list(STATES),
            default="open",
            key="alerts_state",
            format_func=lambda choice: say(STATES[choice]),
            required=True,
            on_change=_show,
            args=(SHOWN,),
        )
        kind = st.selectbox(
            say("alerts.kind"), list(KINDS), key="alerts_kind", format_func=lambda choice: say(KINDS[choice])
        )
        period = st.selectbox(
            say("period.label"),
            list(PERIOD_KEYS),
            key="alerts_period",
            format_func=lambda choice: say(PERIOD_KEYS[choice]),
        )
    return {
        "state": None if state == "all" else state,
        "kind": None if kind == "all" else kind,
        "since": since(period, now(), visitors_zone()),
    }


def _show(count: int) -> None:
    st.session_state["alerts_count"] = count


@st.cache_resource(ttl=FRESH_S, max_entries=64, show_spinner=False)
def _alerts(_api: VigieClient, url: str, count: int, state: str | None, kind: str | None, since: str | None) -> Alerts:
    return _api.alerts(count, state=state, kind=kind, since=since)


@st.cache_resource(ttl=FRESH_S, max_entries=64, show_spinner=False)
def _found(_api: VigieClient, url: str, alert_id: str) -> Alert:
    return _api.alert(alert_id)


def _one(say: Catalogue, api: VigieClient, url: str, alert_id: str) -> None:
    """The alert that an e-mail's link names, and the way to the others."""
    try:
        with st.container(key="alerts"):
            _alert(say, api, _found(api, url, alert_id), opened=True)
    except ApiError as error:
        if error.reason in (Reason.MISSING, Reason.UNREADABLE):
            st.html(markup.message("warn", say("alerts.unknown_title"), say("alerts.unknown_text")))
        else:
            _trouble(say, error)
    st.button(say("alerts.see_all"), key="all_alerts", icon=":material/arrow_back:", on_click=_forget_named)


def _forget_named() -> None:
    st.query_params.pop(NAMED, None)


def _trouble(say: Catalogue, error: ApiError) -> None:
    notice = trouble(error, say)
    st.html(markup.notice_card(notice))
    if notice.offers_retry:
        st.button(say("error.retry"), key="retry_alerts", on_click=_forget_what_is_known)


def _forget_what_is_known() -> None:
    _alerts.clear()
    _found.clear()


def _alert(say: Catalogue, api: VigieClient, alert: Alert, *, opened: bool) -> None:
    zone = visitors_zone()

    def clock(at: datetime) -> str:
        return say.moment(at.astimezone(zone), now().astimezone(zone))

    with st.container(key=f"alert_{alert.id}"):
        st.html(alert_markup.card(alert, clock, say, opened=opened))
        episode = alert.basis.episode_id
        if episode is not None:
            st.page_link(
                way_to(WATCH),
                label=say("alerts.see_episode"),
                icon=":material/arrow_forward:",
                query_params={EPISODE: episode, "lang": say.language},
            )
        if st.session_state.get("alert_failed") == alert.id:
            st.html(markup.message("warn", say("alerts.failed_title"), say("alerts.failed_text"), urgent=True))
        if not alert.open:
            return
        if st.session_state.get("alert_noting") == alert.id:
            _note(say, api, alert)
        else:
            st.button(
                say("alerts.take"),
                key=f"take_{alert.id}",
                icon=":material/check:",
                on_click=_noting,
                args=(alert.id,),
            )


def _noting(alert_id: str | None) -> None:
    st.session_state["alert_noting"] = alert_id


def _note(say: Catalogue, api: VigieClient, alert: Alert) -> None:
    st.text_input(
        say("alerts.note"),
        key=f"note_{alert.id}",
        placeholder=say("alerts.note_placeholder"),
        max_chars=MAX_COMMENT_CHARS,
    )
    with st.container(key="note_row", horizontal=True):
        st.button(say("alerts.confirm"), key="acknowledge", type="primary", on_click=_take, args=(api, alert.id))
        st.button(say("feedback.cancel"), key="cancel_note", type="tertiary", on_click=_noting, args=(None,))


def _take(api: VigieClient, alert_id: str) -> None:
    st.session_state["alert_failed"] = None
    try:
        api.acknowledge(alert_id, st.session_state.get(f"note_{alert_id}") or "")
    except ApiError:
        # What was typed stays in its field, to be sent again.
        st.session_state["alert_failed"] = alert_id
        return
    st.session_state["alert_taken"] = True
    _noting(None)
    _forget_what_is_known()


PAGE: Final = Page(order=14, path=PATH, name_key="alerts.name", render=render)
