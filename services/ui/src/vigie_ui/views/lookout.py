"""What every part of the page Watch has at hand: its words, its clock, and the API's answers, kept for bad moments."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import streamlit as st

from vigie_ui.client import VigieClient
from vigie_ui.connector_answers import Connectors
from vigie_ui.episode_answers import Episode, Episodes
from vigie_ui.failures import ApiError
from vigie_ui.feed import PER_PAGE, holding
from vigie_ui.i18n import Catalogue
from vigie_ui.mention_answers import Mention, Mentions
from vigie_ui.past import Past
from vigie_ui.recall import Recall
from vigie_ui.selection import PARAMETERS, Selection
from vigie_ui.topic_answers import Topics, Trends
from vigie_ui.visit import now, visitors_zone

EVERY_S: Final = 10.0
"""How often the page looks again."""
FRESH_S: Final = 4
"""Visitors who look at the same thing within seconds share one answer."""
COURSE_FRESH_S: Final = 60
SEARCH_FRESH_S: Final = 20
SOURCES_FRESH_S: Final = 20
SEARCHED: Final = 200
MOST_SEARCHED: Final = 1_000
MOST_FOUND: Final = 60
PAST_SHOWN: Final = 8
NAMED: Final = "episode"
"""The parameter of the address by which an e-mail or an alert names its episode."""
LOOKS: Final = "episode_looks"
"""Where the session counts how often an episode was called to the top from the foot of the page."""
KEPT: Final = "veille_selection"

Asked = tuple[tuple[str, str | None], ...]


@st.cache_resource(ttl=FRESH_S, max_entries=16, show_spinner=False)
def _topics(_api: VigieClient, url: str) -> Topics:
    return _api.topics()


@st.cache_resource(ttl=SOURCES_FRESH_S, max_entries=16, show_spinner=False)
def _connectors(_api: VigieClient, url: str) -> Connectors:
    return _api.connectors()


@st.cache_resource(ttl=FRESH_S, max_entries=128, show_spinner=False)
def _trends(_api: VigieClient, url: str, asked: Asked) -> Trends:
    return _api.trends(**dict(asked))


@st.cache_resource(ttl=COURSE_FRESH_S, max_entries=128, show_spinner=False)
def _day(_api: VigieClient, url: str, asked: Asked) -> Trends:
    return _api.trends(**dict(asked))


@st.cache_resource(ttl=FRESH_S, max_entries=128, show_spinner=False)
def _mentions(_api: VigieClient, url: str, asked: Asked) -> Mentions:
    return _api.mentions(PER_PAGE, **dict(asked))


@st.cache_resource(ttl=SEARCH_FRESH_S, max_entries=32, show_spinner=False)
def _holding(_api: VigieClient, url: str, term: str, asked: Asked) -> Mentions:
    found: list[Mention] = []
    cursor: str | None = None
    for _ in range(MOST_SEARCHED // SEARCHED):
        page = _api.mentions(SEARCHED, cursor=cursor, **dict(asked))
        found += holding(page.mentions, term)
        cursor = page.next_cursor
        if cursor is None or len(found) >= MOST_FOUND:
            break
    return Mentions(mentions=tuple(found[:MOST_FOUND]))


@st.cache_resource(ttl=FRESH_S, max_entries=64, show_spinner=False)
def _episodes(_api: VigieClient, url: str, count: int, asked: Asked) -> Episodes:
    return _api.episodes(count, **dict(asked))


@st.cache_resource(ttl=FRESH_S, max_entries=64, show_spinner=False)
def _episode(_api: VigieClient, url: str, episode_id: str) -> Episode:
    return _api.episode(episode_id)


@dataclass(frozen=True, slots=True)
class Lookout:
    """The page's eyes. Its questions answer None while the API is away and never answered them before, and raise
    ApiError when the question itself is the trouble.
    """

    say: Catalogue
    api: VigieClient
    url: str
    recall: Recall

    def clock(self, at: datetime) -> str:
        """When something happened, in the visitor's own time."""
        zone = visitors_zone()
        return self.say.moment(at.astimezone(zone), now().astimezone(zone))

    def topics(self) -> Topics | None:
        """How every topic does now."""
        return self.recall.ask("topics", lambda: _topics(self.api, self.url), now())

    def connectors(self) -> Connectors | None:
        """Where posts come from, or None: a page without that line is still a page."""
        try:
            return self.recall.ask("connectors", lambda: _connectors(self.api, self.url), now())
        except ApiError:
            return None

    def trends(self, selection: Selection) -> Trends | None:
        """The period that is chosen."""
        asked = _asked({**selection.query(), **selection.window(now())})
        question = ("trends", selection.period, _asked(selection.query()))
        return self.recall.ask(question, lambda: _trends(self.api, self.url, asked), now())

    def day(self, topic: str) -> Trends | None:
        """The last day of a topic, for its card."""
        chosen = Selection(topic=topic)
        asked = _asked({**chosen.query(), **chosen.window(now())})
        try:
            return self.recall.ask(("day", topic), lambda: _day(self.api, self.url, asked), now())
        except ApiError:
            # A card without its line is still a card.
            return None

    def mentions(self, selection: Selection) -> Mentions | None:
        """The latest posts, or those that have the chosen word."""
        asked = _asked(self.posts_query(selection))
        question: Hashable = ("mentions", selection)
        if selection.term is None:
            return self.recall.ask(question, lambda: _mentions(self.api, self.url, asked), now())
        term = selection.term
        return self.recall.ask(question, lambda: _holding(self.api, self.url, term, asked), now())

    def posts_query(self, selection: Selection) -> dict[str, str | None]:
        """The filters of the posts, as the API asks for them."""
        since = selection.window(now())["since"]
        return {**selection.query(), "sentiment": selection.sentiment, "since": since}

    def open_episodes(self) -> Episodes | None:
        """Those that are not over."""
        asked: Asked = (("state", "open"),)
        return self.recall.ask("open", lambda: _episodes(self.api, self.url, 20, asked), now())

    def past_episodes(self, topic: str | None, past: Past, count: int) -> Episodes | None:
        """Those that are over."""
        asked: Asked = (("state", "closed"), ("topic", topic), *past.query(now()))
        question = ("past", topic, past, count)
        return self.recall.ask(question, lambda: _episodes(self.api, self.url, count, asked), now())

    def episode(self, episode_id: str) -> Episode | None:
        """One episode with its posts."""
        return self.recall.ask(("episode", episode_id), lambda: _episode(self.api, self.url, episode_id), now())

    def forget_episodes(self) -> None:
        """Ask anew for what a change of an episode changes."""
        _episodes.clear()
        _episode.clear()
        _topics.clear()


def _asked(query: dict[str, str | None]) -> Asked:
    return tuple(query.items())


def recall() -> Recall:
    """What this visit last heard from the API."""
    if "veille_recall" not in st.session_state:
        st.session_state["veille_recall"] = Recall()
    found: Recall = st.session_state["veille_recall"]
    return found


def selection() -> Selection:
    """The filters: the address's, or, when it has none, those of the visitor's last look at this page."""
    address = st.query_params.to_dict()
    if address.keys() & set(PARAMETERS) or KEPT not in st.session_state:
        st.session_state[KEPT] = Selection.read(address)
    chosen: Selection = st.session_state[KEPT]
    _write(chosen)
    return chosen


def choose(**changes: str | None) -> None:
    """Change filters, in the address too."""
    st.session_state[KEPT] = selection().but(**changes)
    _write(st.session_state[KEPT])


def _write(chosen: Selection) -> None:
    for name, value in chosen.address().items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def name_episode(episode_id: str | None) -> None:
    """Show this episode on top (None: whichever is worst)."""
    if episode_id is None:
        st.query_params.pop(NAMED, None)
    else:
        st.query_params[NAMED] = episode_id
