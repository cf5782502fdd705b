"""How a period went: negatives against what is usual, volume, share, and the words that rose."""

from datetime import datetime
from typing import Final

import streamlit as st

from vigie_ui import markup, timeline, topic_markup
from vigie_ui.failures import ApiError
from vigie_ui.notices import trouble
from vigie_ui.selection import Selection
from vigie_ui.topic_answers import Trends
from vigie_ui.views.lookout import EVERY_S, Lookout, choose
from vigie_ui.visit import now

MOST_TERMS: Final = 15


@st.fragment(run_every=EVERY_S)
def course(lookout: Lookout, chosen: Selection) -> None:
    """Draw the period that is chosen, and again every few seconds."""
    say = lookout.say
    try:
        trends = lookout.trends(chosen)
    except ApiError as error:
        st.html(markup.notice_card(trouble(error, say)))
        return
    with st.container(key="course"):
        expected = trends is not None and any(bucket.expected is not None for bucket in trends.buckets)
        st.html(markup.section(say("timeline.title"), say("timeline.note") if expected else ""))
        if trends is None:
            st.html(markup.quiet(say("live.missing")))
        else:
            _charts(lookout, chosen, trends, now(), expected=expected)


def _charts(lookout: Lookout, chosen: Selection, trends: Trends, at: datetime, *, expected: bool) -> None:
    say = lookout.say
    told = topic_markup.summary(trends, lookout.clock, say)
    st.html(f'<p class="v-summary">{told}</p>')
    if not trends.buckets:
        return
    rows = timeline.rows(trends, at)
    begun = 0.0 in rows["whole"]
    st.html(topic_markup.legend(say, expected=expected, episodes=bool(trends.episodes), begun=begun))
    st.vega_lite_chart(
        rows, timeline.negatives(trends, say), key="chart_negatives", theme=None, alt=say("timeline.title")
    )
    if not expected:
        words = "timeline.no_expected_part" if chosen.narrowed else "timeline.no_expected"
        if chosen.topic is None and not chosen.narrowed:
            words = "timeline.no_expected_all"
        st.html(markup.quiet(say(words)))
    st.html(markup.small_label(say("timeline.volume")))
    st.vega_lite_chart(rows, timeline.volume(trends, say), key="chart_volume", theme=None, alt=say("timeline.volume"))
    st.html(markup.small_label(say("timeline.share_title")))
    st.vega_lite_chart(
        rows, timeline.share(trends, say), key="chart_share", theme=None, alt=say("timeline.share_title")
    )


@st.fragment(run_every=EVERY_S)
def terms(lookout: Lookout, chosen: Selection) -> None:
    """Draw the words that rose, and again every few seconds."""
    say = lookout.say
    try:
        trends = lookout.trends(chosen)
    except ApiError:
        # The timeline says what went wrong.
        return
    with st.container(key="terms"):
        st.html(markup.section(say("terms.title"), say("terms.note")))
        if trends is not None:
            _words(lookout, chosen, trends)


def _words(lookout: Lookout, chosen: Selection, trends: Trends) -> None:
    say = lookout.say
    if not trends.terms:
        st.html(markup.quiet(say("terms.none")))
        return
    with st.container(key="term_row", horizontal=True):
        for place, term in enumerate(trends.terms[:MOST_TERMS]):
            picked = term.term == chosen.term
            if st.button(
                say("terms.button", term=markup.plain(term.term), count=say.number(term.count)),
                key=f"term_{place}",
                type="primary" if picked else "secondary",
                help=say("terms.help"),
                on_click=choose,
                kwargs={"term": None if picked else term.term},
            ):
                st.rerun(scope="app")
