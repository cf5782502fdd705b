"""Going through the verdicts: what is judged, skipped, taken back, sent, and counted."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_ui.answers import Receipt
from vigie_ui.deck import AHEAD, COUNTED_UP_TO, LOAD, MOST_ASKED, Deck
from vigie_ui.failures import ApiError, Reason
from vigie_ui.post import RETRY_S, Delivery, Post
from vigie_ui.review_answers import Review, ReviewItem

NOW = datetime(2026, 11, 12, 14, 5, tzinfo=UTC)


class Desk:
    """Keeps what it is sent, or answers with the error it was given."""

    def __init__(self):
        self.error = None
        self.heard = []

    def send_feedback(self, feedback):
        if self.error:
            raise self.error
        self.heard.append((feedback.prediction_id, feedback.verdict, feedback.correction))
        return Receipt(id="1", prediction_id=feedback.prediction_id, verdict=feedback.verdict)


def listed(*numbers, waiting=None, judged_today=0):
    items = [
        ReviewItem(
            prediction_id=f"p{number}",
            text=f"text {number}",
            sentiment="negative",
            score=0.4,
            confidence=0.6,
            uncertain=True,
            language="fr",
            model_version="3",
            predicted_at=NOW,
        )
        for number in numbers
    ]
    return Review(items=tuple(items), waiting=len(items) if waiting is None else waiting, judged_today=judged_today)


@pytest.fixture
def deck():
    found = Deck()
    found.load(listed(1, 2, 3))
    return found


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def desk():
    return Desk()


def test_a_verdict_goes_to_the_api_and_the_next_card_comes(deck, post, desk):
    deck.judge(1, "positive", post)
    deck.judge(2, "negative", post)
    deck.judge(3, None, post)
    post.deliver(desk, NOW)
    assert desk.heard == [("p1", "wrong", "positive"), ("p2", "correct", None), ("p3", "correct", None)]
    assert deck.current is None
    assert [card.delivery for card in deck.cards] == [Delivery.SENT] * 3


def test_a_key_that_was_meant_for_the_card_before_judges_nothing(deck, post):
    deck.judge(1, "positive", post)
    deck.judge(1, "positive", post)
    deck.skip(1)
    assert deck.current.number == 2
    assert not deck.current.settled
    assert post.waiting() == 1


def test_a_skipped_card_is_sent_nowhere_and_can_be_seen_again(deck, post):
    deck.skip(1)
    assert (deck.current.number, deck.skipped, post.waiting()) == (2, 1, 0)
    deck.judge(2, None, post)
    deck.judge(3, None, post)
    deck.see_skipped()
    assert deck.current.number == 1


def test_a_correction_taken_back_is_contradicted_and_its_card_shown_again(deck, post, desk):
    deck.judge(1, "positive", post)
    post.deliver(desk, NOW)
    deck.undo(post)
    post.deliver(desk, NOW)
    assert desk.heard == [("p1", "wrong", "positive"), ("p1", "correct", None)]
    assert deck.current is deck.taken_back is deck.cards[0]
    assert not deck.current.settled


def test_a_confirmation_taken_back_needs_no_word_to_the_api(deck, post, desk):
    deck.judge(1, None, post)
    post.deliver(desk, NOW)
    deck.undo(post)
    post.deliver(desk, NOW)
    assert desk.heard == [("p1", "correct", None)]


def test_a_verdict_that_was_changed_goes_back_to_what_it_was(deck, post, desk):
    deck.judge(1, "positive", post)
    deck.move(-1)
    deck.judge(1, "negative", post)
    deck.undo(post)
    post.deliver(desk, NOW)
    assert desk.heard[-1] == ("p1", "wrong", "positive")
    assert deck.current.said == "positive"


def test_a_correction_that_may_have_arrived_is_contradicted_all_the_same(deck, post, desk):
    desk.error = ApiError(Reason.AWAY)
    deck.judge(1, "positive", post)
    post.deliver(desk, NOW)
    deck.undo(post)
    desk.error = None
    post.deliver(desk, NOW)
    assert desk.heard == [("p1", "correct", None)]


def test_a_verdict_after_an_undo_is_the_last_word(deck, post, desk):
    deck.judge(1, "positive", post)
    post.deliver(desk, NOW)
    deck.undo(post)
    deck.judge(1, "positive", post)
    post.deliver(desk, NOW)
    assert desk.heard[-1] == ("p1", "wrong", "positive")


def test_undo_goes_back_step_by_step_and_then_does_nothing(deck, post):
    deck.skip(1)
    deck.judge(2, None, post)
    deck.undo(post)
    assert deck.current.number == 2
    deck.undo(post)
    assert deck.current.number == 1
    assert not deck.can_undo
    deck.undo(post)
    assert (deck.current.number, post.waiting()) == (1, 0)


def test_moving_stays_within_the_deck(deck):
    deck.move(-1)
    assert deck.at == 0
    deck.move(9)
    assert deck.current is None
    deck.move(-1)
    assert deck.current.number == 3


def test_the_next_cards_are_asked_for_before_they_are_needed():
    deck = Deck()
    assert deck.wants_more
    deck.load(listed(*range(1, 41)))
    assert not deck.wants_more
    deck.move(40 - AHEAD + 1)
    assert deck.wants_more


def test_what_comes_again_is_not_shown_again(deck, post):
    deck.skip(1)
    deck.load(listed(1, 2, 3, 4))
    assert [card.item.prediction_id for card in deck.cards] == ["p1", "p2", "p3", "p4"]


def test_a_list_without_anything_new_ends_the_asking_until_the_reader_looks_again(deck):
    deck.load(listed(1, 2))
    assert not deck.wants_more
    deck.look_again()
    assert deck.wants_more


def test_as_many_are_asked_for_as_the_api_will_repeat(deck, post, desk):
    assert deck.to_ask_for == LOAD + 3
    deck.judge(1, None, post)
    post.deliver(desk, NOW)
    assert deck.to_ask_for == LOAD + 2
    deck.load(listed(*range(10, 10 + MOST_ASKED)))
    assert deck.to_ask_for == MOST_ASKED


def test_progress_counts_each_verdict_once(post, desk):
    deck = Deck()
    deck.load(listed(1, 2, 3, waiting=30, judged_today=5))
    deck.judge(1, None, post)
    post.deliver(desk, NOW)
    assert (deck.done_today, deck.left) == (6, 29)
    deck.load(listed(2, 3, 4, waiting=29, judged_today=6))
    assert (deck.done_today, deck.left) == (6, 29)


def test_a_count_that_the_api_gave_up_stays_where_it_is(post):
    deck = Deck()
    deck.load(listed(1, 2, waiting=COUNTED_UP_TO))
    deck.judge(1, None, post)
    assert deck.left == COUNTED_UP_TO


def test_the_post_keeps_what_the_api_cannot_take_in_order_and_tries_later(deck, post, desk):
    desk.error = ApiError(Reason.UNAVAILABLE)
    deck.judge(1, "positive", post)
    deck.judge(2, None, post)
    post.deliver(desk, NOW)
    assert post.held_up
    assert not post.due(NOW)
    desk.error = None
    later = NOW + timedelta(seconds=RETRY_S)
    assert post.due(later)
    post.deliver(desk, later)
    assert [prediction for prediction, _, _ in desk.heard] == ["p1", "p2"]
    assert not post.held_up


def test_a_verdict_that_the_api_refuses_does_not_stop_the_next_one(deck, post, desk):
    desk.error = ApiError(Reason.UNREADABLE)
    deck.judge(1, None, post)
    post.deliver(desk, NOW)
    desk.error = None
    deck.judge(2, None, post)
    post.deliver(desk, NOW)
    assert [card.delivery for card in deck.cards[:2]] == [Delivery.REFUSED, Delivery.SENT]
