"""The posts themselves, as they come in, and the reader's word on each."""

from typing import Final

import streamlit as st

from vigie_ui import feed_markup, markup
from vigie_ui.failures import ApiError
from vigie_ui.feed import PER_PAGE, Feed, Sayings, judgeable
from vigie_ui.mention_answers import Mention
from vigie_ui.notices import trouble
from vigie_ui.selection import Selection
from vigie_ui.views.lookout import EVERY_S, Lookout, choose
from vigie_ui.visit import now, post

ALL: Final = "all"
CHOICES: Final = {ALL: "feed.all", "negative": "feed.negative", "positive": "feed.positive"}


@st.fragment(run_every=EVERY_S)
def feed(lookout: Lookout, chosen: Selection) -> None:
    """Draw the posts, and again every few seconds; then send what was said of them."""
    if st.session_state.pop("feed_filtered", False):
        # This was drawn for the filters before; drawing it once more would put the old choice back into its field.
        st.rerun(scope="app")
    say = lookout.say
    shown, sayings = _feed(chosen), _sayings()
    with st.container(key="feed"):
        _head(lookout, chosen)
        try:
            page = lookout.mentions(chosen)
        except ApiError as error:
            st.html(markup.notice_card(trouble(error, say)))
            return
        if page is not None:
            shown.renew(page, now())
        with st.container(key="feed_news"):
            if shown.fresh:
                words = say.plural("feed.fresh", shown.fresh)
                st.button(words, key="show_fresh", icon=":material/arrow_upward:", on_click=shown.show_fresh)
        if post().held_up:
            st.html(markup.message("warn", say.plural("waiting", post().waiting()), say("waiting.note")))
        if not shown.mentions:
            st.html(markup.quiet(say("live.missing" if page is None else "feed.none")))
        for mention in shown.mentions:
            _post(lookout, chosen, shown, sayings, mention)
        if st.session_state.pop("feed_failed", False):
            st.html(markup.message("warn", say("feed.more_failed"), urgent=True))
        if shown.cursor:
            st.button(say("feed.more"), key="more_posts", on_click=_more, args=(lookout, chosen, shown))
    _send(lookout, sayings)


def _send(lookout: Lookout, sayings: Sayings) -> None:
    # After the posts are on show: nobody waits for it.
    if not post().due(now()):
        return
    held_up, refused = post().held_up, sayings.refused
    post().deliver(lookout.api, now())
    if post().held_up != held_up or sayings.refused != refused:
        st.rerun(scope="app")


def _feed(chosen: Selection) -> Feed:
    """The posts under these filters; other filters begin another feed."""
    if st.session_state.get("feed_selection") != chosen:
        st.session_state["feed_selection"] = chosen
        st.session_state["feed"] = Feed()
    found: Feed = st.session_state["feed"]
    return found


def _sayings() -> Sayings:
    if "sayings" not in st.session_state:
        st.session_state["sayings"] = Sayings()
    found: Sayings = st.session_state["sayings"]
    return found


def _head(lookout: Lookout, chosen: Selection) -> None:
    say = lookout.say
    with st.container(key="feed_head"):
        st.html(markup.section(say("feed.title"), say("feed.note")))
        st.session_state["feed_sentiment"] = chosen.sentiment or ALL
        st.segmented_control(
            say("feed.sentiment"),
            list(CHOICES),
            key="feed_sentiment",
            format_func=lambda choice: say(CHOICES[choice]),
            required=True,
            label_visibility="collapsed",
            on_change=_filter,
        )
        if chosen.term is not None and st.button(
            say("feed.with_term", term=markup.plain(chosen.term)),
            key="drop_term",
            icon=":material/close:",
            on_click=choose,
            kwargs={"term": None},
        ):
            st.rerun(scope="app")


def _filter() -> None:
    picked = st.session_state["feed_sentiment"]
    choose(sentiment=None if picked == ALL else picked)
    st.session_state["feed_filtered"] = True


def _post(lookout: Lookout, chosen: Selection, shown: Feed, sayings: Sayings, mention: Mention) -> None:
    say = lookout.say
    standing = sayings.standing(mention)
    with st.container(key=f"mention_{mention.id}"):
        st.html(feed_markup.post(mention, standing, lookout.clock, say, topic=chosen.topic is None))
        if not judgeable(mention):
            return
        # The number in the key: a click that was meant for another post is none on this one.
        with st.container(key=f"judge_{mention.id}", horizontal=True):
            if standing is not None:
                st.button(
                    say("feed.undo"),
                    key=f"unsay_{mention.id}",
                    type="tertiary",
                    on_click=_take_back,
                    args=(shown, sayings, mention),
                )
                return
            for right, words, icon, name in (
                (True, "feed.right", ":material/check:", "right"),
                (False, "feed.wrong", ":material/close:", "wrong"),
            ):
                st.button(
                    say(words),
                    key=f"{name}_{mention.id}",
                    type="tertiary",
                    icon=icon,
                    on_click=_judge,
                    args=(shown, sayings, mention, right),
                )


def _judge(shown: Feed, sayings: Sayings, mention: Mention, right: bool) -> None:
    sayings.judge(mention, right=right, post=post())
    shown.hold(now())


def _take_back(shown: Feed, sayings: Sayings, mention: Mention) -> None:
    sayings.take_back(mention, post())
    shown.hold(now())


def _more(lookout: Lookout, chosen: Selection, shown: Feed) -> None:
    try:
        shown.extend(lookout.api.mentions(PER_PAGE, cursor=shown.cursor, **lookout.posts_query(chosen)))
    except ApiError:
        st.session_state["feed_failed"] = True
