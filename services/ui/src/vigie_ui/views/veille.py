"""The page "Watch": what is said now, how unusual that is, and what to do about it."""

from typing import Final

import streamlit as st

from vigie_ui import beginning, markup, source_markup, topic_markup
from vigie_ui.connection import connect
from vigie_ui.episode_answers import Episode
from vigie_ui.failures import ApiError
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import trouble
from vigie_ui.selection import LANGUAGES, LONGEST, PERIOD_WORDS, PERIODS, Selection
from vigie_ui.settings import UiSettings
from vigie_ui.topic_answers import Topics
from vigie_ui.views import Page
from vigie_ui.views.course import course, terms
from vigie_ui.views.episode import episodes_now
from vigie_ui.views.feed import feed
from vigie_ui.views.lookout import EVERY_S, NAMED, Lookout, choose, recall, selection
from vigie_ui.views.past import past_episodes

PATH: Final = "veille"
ALL: Final = ""
"""The choice of a filter that filters nothing."""
MOST_CARDS: Final = 12
LANGUAGE_WORDS: Final = {ALL: "review.all_languages", "fr": "review.french", "en": "review.english"}


def render(say: Catalogue, settings: UiSettings) -> None:
    """Draw the page."""
    lookout = Lookout(say, connect(settings), str(settings.api_url), recall())
    st.html(markup.heading(say("veille.title"), say("veille.intro")))
    try:
        topics = lookout.topics()
    except ApiError as error:
        _trouble(lookout, error)
        return
    if topics is None and lookout.recall.error is not None:
        _trouble(lookout, lookout.recall.error)
        _wait_for_the_api(lookout)
        return
    chosen = _with_the_only_topic(_following_a_link(lookout, selection()), topics)
    _now(lookout, chosen, _known(topics))
    if topics is None or not topics.topics:
        return
    _filters(say, chosen, topics)
    course(lookout, chosen)
    with st.container(key="veille_body"):
        terms(lookout, chosen)
        feed(lookout, chosen)
        past_episodes(lookout, chosen.topic)


def _following_a_link(lookout: Lookout, chosen: Selection) -> Selection:
    """Whoever comes for an episode, comes for its topic: once, so that another can be chosen then."""
    named = st.query_params.get(NAMED)
    if named is None or st.session_state.get("veille_followed") == named:
        return chosen
    st.session_state["veille_followed"] = named
    try:
        episode = lookout.episode(named)
    except ApiError:
        return chosen
    if episode is None or chosen.topic is not None:
        return chosen
    choose(topic=episode.topic)
    return selection()


def _with_the_only_topic(chosen: Selection, topics: Topics | None) -> Selection:
    # What is usual is known of a topic, not of all together: with one topic they are the same.
    if topics is not None and len(topics.topics) == 1 and chosen.topic is None:
        return chosen.but(topic=topics.topics[0].topic, term=chosen.term)
    return chosen


def _known(topics: Topics | None) -> frozenset[str]:
    found = topics.topics if topics else ()
    return frozenset({one.topic for one in found} | {f"/{source}" for one in found for source in one.sources})


def _trouble(lookout: Lookout, error: ApiError) -> None:
    notice = trouble(error, lookout.say)
    st.html(markup.notice_card(notice))
    if notice.offers_retry:
        st.button(lookout.say("error.retry"), key="retry_veille", on_click=lookout.recall.try_again)


@st.fragment(run_every=EVERY_S)
def _wait_for_the_api(lookout: Lookout) -> None:
    lookout.recall.try_again()
    try:
        answered = lookout.topics() is not None
    except ApiError:
        answered = False
    if answered:
        st.rerun(scope="app")


@st.fragment(run_every=EVERY_S)
def _now(lookout: Lookout, chosen: Selection, known: frozenset[str]) -> None:
    """The state of things. The order of its containers never changes: what someone types in one stays there."""
    try:
        topics = lookout.topics()
    except ApiError as error:
        _trouble(lookout, error)
        return
    if _known(topics) != known:
        # Other topics or sources: the filters must offer them.
        st.rerun(scope="app")
    with st.container(key="veille_state"):
        st.html(_freshness(lookout))
        _sources(lookout, watching=topics is not None and bool(topics.topics))
    with st.container(key="veille_episodes"):
        episodes_now(lookout, chosen.topic, watching=topics is not None and bool(topics.topics))
    with st.container(key="veille_topics"):
        if topics is not None and topics.topics:
            _cards(lookout, chosen, topics)
        else:
            _nothing_yet(lookout)


def _nothing_yet(lookout: Lookout) -> None:
    # Posts are there before they are counted: who has just handed in the first ones must not read that there is none.
    try:
        found = lookout.mentions(Selection(period=LONGEST))
    except ApiError:
        found = None
    if found is not None and found.mentions:
        st.html(markup.message("calm", lookout.say("veille.coming_title"), lookout.say("veille.coming_text")))
    else:
        st.html(beginning.nothing_watched(lookout.url, lookout.say))


def _freshness(lookout: Lookout) -> str:
    as_of = lookout.recall.as_of
    when = lookout.clock(as_of) if as_of else ""
    if lookout.recall.error is not None:
        return markup.message("warn", lookout.say("veille.away_title", when=when), lookout.say("veille.away_text"))
    return f'<p class="v-live"><i></i>{lookout.say("veille.live", when=when)}</p>'


def _sources(lookout: Lookout, *, watching: bool) -> None:
    found = lookout.connectors()
    # While nothing is watched, the page says how posts come in anyway.
    if found is not None and (found.connectors or watching):
        st.html(source_markup.sources(found, lookout.clock, lookout.say))


def _cards(lookout: Lookout, chosen: Selection, topics: Topics) -> None:
    st.html(markup.section(lookout.say("veille.topics")))
    episodes = {one.topic: one for one in _open_episodes(lookout)}
    with st.container(key="topic_cards"):
        for place, topic in enumerate(topics.topics[:MOST_CARDS]):
            picked = topic.topic == chosen.topic
            with st.container(key=f"topic_{place}"):
                day = lookout.day(topic.topic)
                found = episodes.get(topic.topic)
                st.html(topic_markup.card(topic, day, lookout.clock, lookout.say, chosen=picked, episode=found))
                many = len(topics.topics) > 1
                words = "veille.all_of_them" if picked and many else "veille.look_at"
                if st.button(
                    lookout.say(words, topic=markup.plain(topic.topic)),
                    key=f"look_{place}",
                    type="tertiary",
                    on_click=choose,
                    kwargs={"topic": None if picked else topic.topic},
                ):
                    st.rerun(scope="app")
    hidden = len(topics.topics) - MOST_CARDS
    if hidden > 0:
        st.html(markup.quiet(lookout.say.plural("veille.more_topics", hidden)))


def _open_episodes(lookout: Lookout) -> tuple[Episode, ...]:
    try:
        found = lookout.open_episodes()
    except ApiError:
        return ()
    return found.episodes if found else ()


def _filters(say: Catalogue, chosen: Selection, topics: Topics) -> None:
    names = {one.topic for one in topics.topics} | ({chosen.topic} if chosen.topic else set())
    sources = {name for one in topics.topics for name in one.sources} | ({chosen.source} if chosen.source else set())
    with st.container(key="veille_filters", horizontal=True, vertical_alignment="bottom"):
        _seed("veille_period", chosen.period)
        st.segmented_control(
            say("period.label"),
            list(PERIODS),
            key="veille_period",
            format_func=lambda choice: say(PERIOD_WORDS[choice]),
            required=True,
            on_change=_changed,
            args=("period",),
        )
        if len(names) > 1:
            named = {name: name for name in sorted(names, key=str.casefold)}
            _filter(say("veille.topic"), "topic", {ALL: say("veille.all_topics")} | named, chosen.topic)
        if len(sources) > 1:
            named = {name: topic_markup.source(name) for name in sorted(sources)}
            _filter(say("veille.source"), "source", {ALL: say("veille.all_sources")} | named, chosen.source)
        named = {code: say(LANGUAGE_WORDS[code]) for code in (ALL, *LANGUAGES)}
        _filter(say("review.language"), "language", named, chosen.language)


def _filter(words: str, name: str, options: dict[str, str], value: str | None) -> None:
    _seed(f"veille_{name}", value or ALL)
    st.selectbox(
        words,
        list(options),
        key=f"veille_{name}",
        format_func=options.__getitem__,
        on_change=_changed,
        args=(name,),
    )


def _seed(key: str, value: str) -> None:
    # The address says what is chosen, the field only shows it.
    st.session_state[key] = value


def _changed(name: str) -> None:
    choose(**{name: st.session_state[f"veille_{name}"] or None})


PAGE: Final = Page(order=5, path=PATH, name_key="veille.name", render=render)
