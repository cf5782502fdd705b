"""Episodes: the one that matters on top, with what can be done about it, and those that are over."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from vigie_ui import episode_markup, markup
from vigie_ui.browser import bring_into_view
from vigie_ui.client import MAX_COMMENT_CHARS
from vigie_ui.episode_answers import Episode
from vigie_ui.failures import ApiError, Reason
from vigie_ui.views.lookout import LOOKS, NAMED, Lookout, name_episode
from vigie_ui.views.past import way
from vigie_ui.views.report import report_button

MAX_NAME_CHARS: Final = 64
_WORST: Final = ("critical", "serious", "watch")


def episodes_now(lookout: Lookout, topic: str | None, *, watching: bool) -> None:
    """The episode that the address names, or the worst that is open, and the ways to the other open ones."""
    named = st.query_params.get(NAMED)
    try:
        found = lookout.open_episodes()
    except ApiError:
        found = None
    running = sorted(found.episodes if found else (), key=lambda one: (one.topic != topic, _rank(one)))
    shown = named or (running[0].id if running else None)
    with st.container(key="episode_shown"):
        if shown is None and found is not None and watching:
            say = lookout.say
            st.html(markup.message("good", say("episode.none_title"), say("episode.none_text")))
        if shown is not None:
            _one(lookout, shown, named=named is not None)
    with st.container(key="episodes_also"):
        others = [one for one in running if one.id != shown]
        if others:
            st.html(markup.small_label(lookout.say.plural("episode.also", len(others))))
        for one in others:
            way(lookout, one)


def _rank(episode: Episode) -> int:
    return _WORST.index(episode.severity) if episode.severity in _WORST else len(_WORST)


def _one(lookout: Lookout, episode_id: str, *, named: bool) -> None:
    say = lookout.say
    try:
        episode = lookout.episode(episode_id)
    except ApiError as error:
        unknown = error.reason in (Reason.MISSING, Reason.UNREADABLE)
        title, text = ("episode.unknown_title", "episode.unknown_text") if unknown else ("trouble.failed_title", "")
        st.html(markup.message("warn", say(title), say(text) if text else ""))
        episode = None
    if episode is not None:
        with st.container(key="episode_card"):
            with st.container(key="episode_told"):
                st.html(episode_markup.panel(episode, lookout.clock, say))
                _outcome(lookout, episode)
                _actions(lookout, episode)
            with st.container(key="episode_posts"):
                st.html(episode_markup.posts(episode, lookout.clock, say))
        if st.session_state.get(LOOKS):
            bring_into_view(".st-key-episode_card", turn=st.session_state[LOOKS])
    if named:
        st.button(
            say("episode.leave"),
            key="leave_episode",
            type="tertiary",
            icon=":material/arrow_back:",
            on_click=name_episode,
            args=(None,),
        )


def _outcome(lookout: Lookout, episode: Episode) -> None:
    say = lookout.say
    with st.container(key="episode_outcome"):
        if st.session_state.get("episode_failed") == episode.id:
            st.html(markup.message("warn", say("episode.failed_title"), say("episode.failed_text"), urgent=True))
        if episode.false_alarm:
            st.html(markup.message("calm", say("episode.false_alarm_title"), say("episode.false_alarm_text")))


def _actions(lookout: Lookout, episode: Episode) -> None:
    doing = st.session_state.get("episode_doing")
    with st.container(key="episode_doing"):
        if doing == ("care", episode.id):
            _care(lookout, episode)
        elif doing == ("false_alarm", episode.id):
            _false_alarm(lookout, episode)
        else:
            _offer(lookout, episode)


def _offer(lookout: Lookout, episode: Episode) -> None:
    say = lookout.say
    with st.container(key="episode_row", horizontal=True):
        # Of what was found afterwards nobody was told: there is nothing to answer.
        if episode.acknowledged_at is None and not (episode.closed and episode.past):
            st.button(
                say("episode.acknowledge"),
                key="acknowledge_episode",
                icon=":material/check:",
                type="secondary" if episode.closed else "primary",
                on_click=_change,
                args=(lookout, episode.id, {"acknowledged": True}),
            )
        st.button(
            say("episode.care"),
            key="care_episode",
            icon=":material/edit_note:",
            on_click=_do,
            args=("care", episode),
        )
        report_button(lookout, episode, say("episode.report"), "report_episode")
        if episode.false_alarm:
            st.button(
                say("episode.undo_false_alarm"),
                key="undo_false_alarm",
                type="tertiary",
                icon=":material/undo:",
                on_click=_change,
                args=(lookout, episode.id, {"false_alarm": False}),
            )
        else:
            st.button(
                say("episode.mark_false_alarm"),
                key="false_alarm",
                type="tertiary",
                on_click=_do,
                args=("false_alarm", episode),
            )


def _care(lookout: Lookout, episode: Episode) -> None:
    say = lookout.say
    if any(key not in st.session_state for _, key, _ in _fields(episode)):
        # The visitor comes back from another page, where Streamlit forgot the fields: empty, they would erase.
        _begin(episode)
    st.text_input(
        say("episode.assignee"),
        key=f"assignee_{episode.id}",
        max_chars=MAX_NAME_CHARS,
        placeholder=say("episode.assignee_placeholder"),
    )
    st.text_area(
        say("alerts.note"),
        key=f"episode_note_{episode.id}",
        height=96,
        max_chars=MAX_COMMENT_CHARS,
        placeholder=say("alerts.note_placeholder"),
    )
    with st.container(key="care_row", horizontal=True):
        st.button(say("episode.save"), key="save_care", type="primary", on_click=_save_care, args=(lookout, episode))
        st.button(say("feedback.cancel"), key="cancel_care", type="tertiary", on_click=_stop)


def _save_care(lookout: Lookout, episode: Episode) -> None:
    # Only what the reader changed: a colleague may have changed the rest meanwhile.
    changes = {name: (st.session_state.get(key) or "").strip() or None for name, key, _ in _fields(episode)}
    before = st.session_state.get("episode_before", {})
    changes = {name: value for name, value in changes.items() if value != before.get(name)}
    if changes:
        _change(lookout, episode.id, changes)
    else:
        _stop()


def _fields(episode: Episode) -> tuple[tuple[str, str, str | None], ...]:
    """What can be written about an episode: its name, the key of its field, and what it says now."""
    return (
        ("assignee", f"assignee_{episode.id}", episode.assignee),
        ("note", f"episode_note_{episode.id}", episode.note),
    )


def _false_alarm(lookout: Lookout, episode: Episode) -> None:
    say = lookout.say
    st.html(markup.message("calm", say("episode.false_alarm_question"), say("episode.false_alarm_effect")))
    with st.container(key="false_alarm_row", horizontal=True):
        st.button(
            say("episode.false_alarm_confirm"),
            key="confirm_false_alarm",
            type="primary",
            on_click=_change,
            args=(lookout, episode.id, {"false_alarm": True}),
        )
        st.button(say("feedback.cancel"), key="cancel_false_alarm", type="tertiary", on_click=_stop)


def _do(what: str, episode: Episode) -> None:
    # Named, this episode stays on top whatever else begins while the reader writes about it.
    name_episode(episode.id)
    st.session_state["episode_doing"] = (what, episode.id)
    st.session_state["episode_failed"] = None
    _begin(episode)


def _begin(episode: Episode) -> None:
    st.session_state["episode_before"] = {name: value for name, _, value in _fields(episode)}
    for _, key, value in _fields(episode):
        st.session_state[key] = value or ""


def _stop() -> None:
    st.session_state["episode_doing"] = None
    st.session_state["episode_failed"] = None


def _change(lookout: Lookout, episode_id: str, changes: Mapping[str, str | bool | None]) -> None:
    name_episode(episode_id)
    try:
        lookout.api.change_episode(episode_id, **changes)
    except ApiError:
        # What was typed stays in its fields, to be sent again.
        st.session_state["episode_failed"] = episode_id
        return
    _stop()
    lookout.forget_episodes()
