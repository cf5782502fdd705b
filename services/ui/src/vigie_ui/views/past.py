"""Past episodes: a list with filters, and the way to each episode and its report."""

from typing import Final

import streamlit as st

from vigie_ui import episode_markup, markup
from vigie_ui.episode_answers import Episode
from vigie_ui.failures import ApiError
from vigie_ui.i18n import Catalogue
from vigie_ui.past import ANY, PERIODS, SEVERITIES, Past
from vigie_ui.views.lookout import LOOKS, PAST_SHOWN, Lookout, name_episode
from vigie_ui.views.report import report_button

MOST_PAST: Final = 200


def past_episodes(lookout: Lookout, topic: str | None) -> None:
    """Those that are over, each with the way to it and its report."""
    say = lookout.say
    past = Past(st.session_state.get("past_period", ANY), st.session_state.get("past_severity", ANY))
    count = st.session_state.get("past_count", PAST_SHOWN)
    try:
        found = lookout.past_episodes(topic, past, count)
    except ApiError:
        return
    with st.container(key="past"):
        st.html(markup.section(say("past.title"), say("past.note")))
        if past.narrowed or (found is not None and found.episodes):
            _past_filters(say)
        if found is None or not found.episodes:
            st.html(markup.quiet(say("past.none_filtered" if past.narrowed else "past.none")))
            return
        with st.container(key="past_rows"):
            for one in found.episodes:
                way(lookout, one)
        if found.next_cursor and count < MOST_PAST:
            st.button(say("past.more"), key="more_past", on_click=_show_past, args=(count + PAST_SHOWN,))


def _past_filters(say: Catalogue) -> None:
    with st.container(key="past_filters", horizontal=True):
        _filter(say, "past_period", "period.label", {name: words for name, (words, _) in PERIODS.items()})
        _filter(say, "past_severity", "past.severity", SEVERITIES)


def _filter(say: Catalogue, key: str, label: str, options: dict[str, str]) -> None:
    st.selectbox(
        say(label),
        list(options),
        key=key,
        format_func=lambda choice: say(options[choice]),
        on_change=_show_past,
        args=(PAST_SHOWN,),
    )


def _show_past(count: int) -> None:
    st.session_state["past_count"] = count


def way(lookout: Lookout, episode: Episode) -> None:
    """One episode of a list: the whole of it leads to the episode."""
    with st.container(key=f"way_{episode.id}"):
        st.html(episode_markup.row(episode, lookout.clock, lookout.say))
        st.button(
            lookout.say("past.look" if episode.closed else "episode.look"),
            key=f"look_at_{episode.id}",
            type="tertiary",
            on_click=_look_at,
            args=(episode.id,),
        )
        if episode.closed:
            with st.container(key=f"paper_{episode.id}"):
                report_button(lookout, episode, lookout.say("past.report"), f"report_{episode.id}", quiet=True)


def _look_at(episode_id: str) -> None:
    name_episode(episode_id)
    st.session_state[LOOKS] = st.session_state.get(LOOKS, 0) + 1
