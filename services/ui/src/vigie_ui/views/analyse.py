"""The page "Analyse": a tweet in, a verdict out, and the reader's word on it."""

from typing import Final

import streamlit as st

from vigie_ui import markup
from vigie_ui.answers import Explanation, Sentiment
from vigie_ui.browser import bring_into_view, copy_button, live_count
from vigie_ui.client import MAX_COMMENT_CHARS, VigieClient
from vigie_ui.connection import connect
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import notice_of
from vigie_ui.post import Delivery
from vigie_ui.reasons import reasons_view
from vigie_ui.session import Entry, Session
from vigie_ui.settings import UiSettings
from vigie_ui.verdict import SENTIMENT_KEYS, copyable, opposite, verdict_view
from vigie_ui.views import Page
from vigie_ui.visit import now, post, visitors_zone

BOX: Final = "tweet"
EXAMPLES: Final = ("examples.first", "examples.second", "examples.third")
SENTIMENTS: Final[tuple[Sentiment, ...]] = ("positive", "negative")
LOOK_EVERY_S: Final = 2.0


def render(say: Catalogue, settings: UiSettings) -> None:
    """Draw the page."""
    session = _session()
    api = connect(settings)
    st.html(markup.heading(say("analyse.title"), say("analyse.intro")))
    with st.container(key="board"):
        ask, answer = st.columns(2, gap="large")
    with ask:
        _box(say)
    with answer, st.container(key="answer"):
        asked = st.session_state.pop("asked", None)
        if asked is not None:
            with st.spinner(say("analyse.working")):
                session.analyse(api, asked, now())
        _answer(say, session, api)
    _history(say, session)
    if session.unanswered is not None:
        _keep_trying(session, api)


def _box(say: Catalogue) -> None:
    with st.form("ask", border=False):
        st.text_area(say("analyse.label"), key=BOX, height=132, placeholder=say("analyse.placeholder"))
        with st.container(key="ask_row", horizontal=True, vertical_alignment="center"):
            st.form_submit_button(say("analyse.button"), key="analyse", type="primary", on_click=_ask)
            st.html(markup.small_label(say("analyse.shortcut")), width="content")
            live_count(say, box=BOX)
    st.html(markup.small_label(say("examples.title")))
    with st.container(key="examples"):
        for key in EXAMPLES:
            st.button(say(key), key=key.replace(".", "_"), on_click=_ask, args=(say(key),))


def _ask(text: str | None = None) -> None:
    if text is not None:
        st.session_state[BOX] = text
    st.session_state["asked"] = st.session_state[BOX]


def _answer(say: Catalogue, session: Session, api: VigieClient) -> None:
    if session.unanswered is not None:
        notice = notice_of(session.unanswered.error, say)
        st.html(markup.notice_card(notice))
        if notice.offers_retry:
            st.button(say("error.retry"), key="retry", on_click=_ask_again, args=(session,))
        return
    if session.current is None:
        st.html(markup.empty_verdict(say))
        return
    entry = session.current
    view = verdict_view(entry.prediction, entry.text, say)
    with st.container(key="card"):
        reasons = None
        if isinstance(entry.reasons, Explanation):
            reasons = reasons_view(entry.reasons, entry.text, say)
        st.html(markup.verdict_card(view, say, reasons))
        _why(say, session, api, entry)
        _judgement(say, session, api, entry)
        with st.container(key="card_row", horizontal=True, vertical_alignment="center"):
            copy_button(say, text=copyable(view, say), key=f"copy_{entry.number}")
            if entry.delivery is not None and not _correcting(entry):
                st.button(
                    say("feedback.change"), key="change", type="tertiary", on_click=_correct, args=(entry.number,)
                )
    bring_into_view(".st-key-card", turn=entry.number)


def _why(say: Catalogue, session: Session, api: VigieClient, entry: Entry) -> None:
    if isinstance(entry.reasons, Explanation):
        st.button(say("reasons.hide"), key="hide_why", icon=":material/close:", on_click=_hide_reasons, args=(entry,))
        return
    if entry.reasons is not None:
        st.html(markup.message("warn", say("reasons.failed_title"), say("reasons.failed_text")))
    st.button(say("reasons.show"), key="why", icon=":material/help:", on_click=session.explain, args=(api, entry))


def _hide_reasons(entry: Entry) -> None:
    entry.reasons = None


def _ask_again(session: Session) -> None:
    if session.unanswered is not None:
        st.session_state["asked"] = session.unanswered.text


def _judgement(say: Catalogue, session: Session, api: VigieClient, entry: Entry) -> None:
    with st.container(key="judgement"):
        if _correcting(entry):
            _correction(say, session, api, entry)
        elif entry.delivery is None:
            with st.container(key="question", horizontal=True, vertical_alignment="center"):
                st.html(markup.small_label(say("feedback.question")), width="content")
                st.button(
                    say("feedback.yes"),
                    key="yes",
                    icon=":material/thumb_up:",
                    on_click=_judge,
                    args=(session, api, entry),
                )
                st.button(
                    say("feedback.no"), key="no", icon=":material/thumb_down:", on_click=_correct, args=(entry.number,)
                )
        else:
            _thanks(say, entry)


def _correction(say: Catalogue, session: Session, api: VigieClient, entry: Entry) -> None:
    before = entry.feedback.correction if entry.feedback else None
    st.segmented_control(
        say("feedback.choose"),
        SENTIMENTS,
        default=before or opposite(entry.prediction.sentiment),
        key=f"correction_{entry.number}",
        format_func=lambda sentiment: say(SENTIMENT_KEYS[sentiment]),
        required=True,
    )
    st.text_input(
        say("feedback.comment"),
        key=f"comment_{entry.number}",
        placeholder=say("feedback.comment_placeholder"),
        max_chars=MAX_COMMENT_CHARS,
    )
    with st.container(key="correction_row", horizontal=True):
        st.button(
            say("feedback.send"), key="send", type="primary", on_click=_send_correction, args=(session, api, entry)
        )
        st.button(say("feedback.cancel"), key="cancel", type="tertiary", on_click=_correct, args=(None,))


def _thanks(say: Catalogue, entry: Entry) -> None:
    if entry.delivery is Delivery.WAITING:
        st.html(markup.message("warn", say("feedback.waiting_title"), say("feedback.waiting_text")))
    elif entry.delivery is Delivery.REFUSED:
        st.html(markup.message("bad", say("feedback.refused_title"), say("feedback.refused_text"), urgent=True))
    elif entry.feedback is not None and entry.feedback.correction is not None:
        word = say(SENTIMENT_KEYS[entry.feedback.correction]).lower()
        st.html(markup.message("good", say("feedback.thanks_wrong", word=word), say("feedback.next_wrong")))
    else:
        st.html(markup.message("good", say("feedback.thanks_correct"), say("feedback.next_correct")))


def _judge(session: Session, api: VigieClient, entry: Entry) -> None:
    session.judge(api, entry, now())


def _correcting(entry: Entry) -> bool:
    return bool(st.session_state.get("correcting") == entry.number)


def _correct(number: int | None) -> None:
    st.session_state["correcting"] = number


def _send_correction(session: Session, api: VigieClient, entry: Entry) -> None:
    correction: Sentiment | None = st.session_state[f"correction_{entry.number}"]
    session.judge(
        api, entry, now(), correction=correction, comment=st.session_state.get(f"comment_{entry.number}") or ""
    )
    _correct(None)


def _history(say: Catalogue, session: Session) -> None:
    with st.container(key="history"):
        if not session.entries:
            st.html(markup.section(say("history.title"), say("history.empty")))
            return
        st.html(markup.section(say("history.title"), say("history.note")))
        waiting = len(session.waiting())
        if waiting:
            st.html(markup.message("warn", say.plural("waiting", waiting), say("waiting.note")))
        with st.container(key="rows"):
            for entry in reversed(session.entries):
                _row(say, session, entry)


def _row(say: Catalogue, session: Session, entry: Entry) -> None:
    zone = visitors_zone()
    view = verdict_view(entry.prediction, entry.text, say)
    line = " · ".join((view.word, view.percent, say.moment(entry.at.astimezone(zone), now().astimezone(zone))))
    with st.container(key=f"row_{entry.number}"):
        st.html(markup.history_row(entry.text, entry.prediction.sentiment, line, _judged(say, entry)))
        st.button(
            say("history.reuse"),
            key=f"reuse_{entry.number}",
            type="tertiary",
            on_click=_reuse,
            args=(session, entry),
        )


def _judged(say: Catalogue, entry: Entry) -> str | None:
    match entry.delivery:
        case None:
            return None
        case Delivery.WAITING:
            return say("history.waiting")
        case Delivery.REFUSED:
            return say("history.refused")
    if entry.feedback is None or entry.feedback.correction is None:
        return say("history.confirmed")
    return say("history.corrected", word=say(SENTIMENT_KEYS[entry.feedback.correction]).lower())


def _reuse(session: Session, entry: Entry) -> None:
    st.session_state[BOX] = entry.text
    session.show(entry)


@st.fragment(run_every=LOOK_EVERY_S)
def _keep_trying(session: Session, api: VigieClient) -> None:
    if session.due(now()) and session.retry(api, now()):
        st.rerun(scope="app")


def _session() -> Session:
    if "session" not in st.session_state:
        st.session_state["session"] = Session(post=post())
    session: Session = st.session_state["session"]
    return session


PAGE: Final = Page(order=10, path="analyse", name_key="analyse.name", render=render, default=True)
