"""The page "Review": one verdict at a time, right or wrong, with the keyboard or a thumb."""

from datetime import timedelta
from typing import Final

import streamlit as st

from vigie_ui import markup, review_markup
from vigie_ui.answers import Sentiment
from vigie_ui.browser import bring_into_view, keyboard
from vigie_ui.client import VigieClient
from vigie_ui.connection import connect
from vigie_ui.deck import Card, Deck
from vigie_ui.failures import ApiError
from vigie_ui.i18n import Catalogue
from vigie_ui.notices import trouble
from vigie_ui.periods import PERIOD_KEYS, since
from vigie_ui.post import RETRY_S
from vigie_ui.settings import UiSettings
from vigie_ui.views import Page
from vigie_ui.views.mistakes import known_topics, mistakes
from vigie_ui.visit import now, post, visitors_zone

LANGUAGE_CHOICES: Final = {"all": "review.all_languages", "fr": "review.french", "en": "review.english"}
KEYS: Final = {
    "p": "say_positive_{card}",
    "n": "say_negative_{card}",
    "c": "say_right_{card}",
    "Enter": "say_right_{card}",
    "s": "skip_card_{card}",
    "u": "undo_card",
    "j": "next_card",
    "ArrowRight": "next_card",
    "k": "previous_card",
    "ArrowLeft": "previous_card",
}


def render(say: Catalogue, settings: UiSettings) -> None:
    """Draw the page."""
    api = connect(settings)
    st.html(markup.heading(say("review.title"), say("review.intro")))
    filters = _filters(say, known_topics(api, str(settings.api_url)))
    _going_through(say, api, filters)
    mistakes(say, api, str(settings.api_url), filters)


def _filters(say: Catalogue, topics: list[str]) -> dict[str, str | None]:
    topic: str | None = None
    chosen = st.session_state.get("review_topic")
    with st.container(key="review_filters", horizontal=True, vertical_alignment="bottom"):
        language = st.segmented_control(
            say("review.language"),
            list(LANGUAGE_CHOICES),
            default="all",
            key="review_language",
            format_func=lambda choice: say(LANGUAGE_CHOICES[choice]),
            required=True,
        )
        period = st.selectbox(
            say("period.label"),
            list(PERIOD_KEYS),
            key="review_period",
            format_func=lambda choice: say(PERIOD_KEYS[choice]),
        )
        if len(topics) > 1 or chosen:
            topic = st.selectbox(
                say("review.topic"),
                [None, *topics, *([chosen] if chosen and chosen not in topics else [])],
                key="review_topic",
                format_func=lambda choice: say("review.all_topics") if choice is None else choice,
            )
    return {
        "language": None if language == "all" else language,
        "since": since(period, now(), visitors_zone()),
        "topic": topic,
    }


@st.fragment
def _going_through(say: Catalogue, api: VigieClient, filters: dict[str, str | None]) -> None:
    deck = _deck(filters)
    error: ApiError | None = None
    if deck.current is None and deck.wants_more:
        with st.spinner(say("review.working")):
            error = _load(deck, api, filters)
    with st.container(key="deck"):
        if error is not None:
            _trouble(say, error)
            return
        st.html(review_markup.progress(deck, say))
        if post().held_up:
            st.html(markup.message("warn", say.plural("waiting", post().waiting()), say("waiting.note")))
        card = deck.current
        if card is None:
            _nothing_left(say, deck, filtered=any(filters.values()))
        else:
            _card(say, deck, card)
        keyboard(KEYS)
    # What follows comes after the next card is on show: nobody waits for it.
    held_up = post().held_up
    if post().due(now()):
        post().deliver(api, now())
    if deck.wants_more:
        _load(deck, api, filters)
    if post().held_up != held_up:
        st.rerun(scope="app")


def _deck(filters: dict[str, str | None]) -> Deck:
    """The deck of these filters; other filters begin another one."""
    if st.session_state.get("deck_filters") != filters:
        st.session_state["deck_filters"] = dict(filters)
        st.session_state["deck"] = Deck()
    found: Deck = st.session_state["deck"]
    return found


def _load(deck: Deck, api: VigieClient, filters: dict[str, str | None]) -> ApiError | None:
    if deck.not_before is not None and now() < deck.not_before and deck.current is not None:
        return None
    try:
        deck.load(api.review(deck.to_ask_for, **filters))
    except ApiError as error:
        deck.not_before = now() + timedelta(seconds=error.retry_after_s or RETRY_S)
        return error
    deck.not_before = None
    return None


def _trouble(say: Catalogue, error: ApiError) -> None:
    notice = trouble(error, say)
    st.html(markup.notice_card(notice))
    if notice.offers_retry:
        st.button(say("error.retry"), key="retry_review")


def _card(say: Catalogue, deck: Deck, card: Card) -> None:
    zone = visitors_zone()
    when = review_markup.moment(card.item.predicted_at.astimezone(zone), now().astimezone(zone), say)
    with st.container(key="tocheck"):
        st.html(review_markup.card(card, when, say, taken_back=deck.taken_back is card))
    with st.container(key="panel"):
        with st.container(key="judge_row"):
            _choice(say, deck, card, "say_right", "review.right", None, ":material/check:", "C")
            with st.container(key="judge_pair", horizontal=True):
                _choice(say, deck, card, "say_positive", "sentiment.positive", "positive", ":material/thumb_up:", "P")
                _choice(say, deck, card, "say_negative", "sentiment.negative", "negative", ":material/thumb_down:", "N")
        _ways(say, deck)
    bring_into_view(".st-key-tocheck", turn=card.number)


def _choice(
    say: Catalogue, deck: Deck, card: Card, name: str, words: str, sentiment: Sentiment | None, icon: str, key: str
) -> None:
    # The verdict in the key: a click that was meant for the card before is none on this one.
    st.button(
        f"{say(words)} `{key}`",
        key=f"{name}_{card.item.prediction_id}",
        icon=icon,
        type="primary" if sentiment is None else "secondary",
        width="stretch",
        on_click=deck.judge,
        args=(card.number, sentiment, post()),
    )


def _ways(say: Catalogue, deck: Deck) -> None:
    card = deck.current
    with st.container(key="deck_row", horizontal=True):
        st.button(
            f"{say('review.previous')} `K`",
            key="previous_card",
            type="tertiary",
            on_click=deck.move,
            args=(-1,),
            disabled=deck.at == 0,
        )
        st.button(
            f"{say('review.undo')} `U`",
            key="undo_card",
            type="tertiary",
            on_click=deck.undo,
            args=(post(),),
            disabled=not deck.can_undo,
        )
        if card is not None:
            st.button(
                f"{say('review.skip')} `S`",
                key=f"skip_card_{card.item.prediction_id}",
                type="tertiary",
                on_click=deck.skip,
                args=(card.number,),
            )
            st.button(f"{say('review.next')} `J`", key="next_card", type="tertiary", on_click=deck.move, args=(1,))


def _nothing_left(say: Catalogue, deck: Deck, *, filtered: bool) -> None:
    st.html(review_markup.all_done(say, filtered=filtered))
    with st.container(key="alldone_row", horizontal=True, horizontal_alignment="center"):
        st.button(say("review.look_again"), key="look_again", on_click=deck.look_again)
        skipped = deck.skipped
        if skipped:
            st.button(say.plural("review.skipped", skipped), key="see_skipped", on_click=deck.see_skipped)
    if deck.cards:
        _ways(say, deck)


PAGE: Final = Page(order=12, path="review", name_key="review.name", render=render)
