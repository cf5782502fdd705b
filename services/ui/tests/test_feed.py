"""The feed takes new posts in without moving them under the reader's hand, and loses no judgement."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_ui.answers import Receipt
from vigie_ui.failures import ApiError, Reason
from vigie_ui.feed import MOST_SHOWN, STILL, Feed, Sayings, feedback_on, holding
from vigie_ui.mention_answers import Mention, Mentions
from vigie_ui.post import Delivery, Post

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


def mention(number: int, text: str | None = None, **more) -> Mention:
    fields = {"sentiment": "negative", "confidence": 0.9, "model_version": "3", "text": text or f"post {number}"}
    return Mention(
        id=str(number), source="x", external_id=str(number), topic="Air Paradis", created_at=NOW, **(fields | more)
    )


def page(*numbers: int, cursor: str | None = None) -> Mentions:
    return Mentions(mentions=tuple(mention(number) for number in numbers), next_cursor=cursor)


def ids(feed: Feed) -> list[str]:
    return [one.id for one in feed.mentions]


class Desk:
    """Takes judgements, or fails."""

    def __init__(self, error: ApiError | None = None) -> None:
        self.error = error
        self.taken: list = []

    def send_feedback(self, feedback):
        if self.error is not None:
            raise self.error
        self.taken.append(feedback)
        return Receipt(id="1", prediction_id=feedback.prediction_id, verdict=feedback.verdict)


def test_new_posts_come_in_by_themselves():
    feed = Feed()
    feed.renew(page(2, 1, cursor="c"), NOW)
    feed.renew(page(3, 2, cursor="d"), NOW)
    assert (ids(feed), feed.cursor, feed.fresh) == (["3", "2"], "d", 0)


def test_posts_keep_still_while_the_reader_judges_and_are_counted_meanwhile():
    feed = Feed()
    feed.renew(page(2, 1), NOW)
    feed.hold(NOW)
    feed.renew(page(4, 3, 2), NOW + timedelta(seconds=10))
    assert (ids(feed), feed.fresh) == (["2", "1"], 2)
    feed.show_fresh()
    assert (ids(feed), feed.fresh) == (["4", "3", "2"], 0)


def test_posts_move_again_when_the_reader_has_done_nothing_for_a_while():
    feed = Feed()
    feed.renew(page(1), NOW)
    feed.hold(NOW)
    feed.renew(page(2, 1), NOW + STILL)
    assert ids(feed) == ["2", "1"]


def test_who_reads_on_keeps_the_place():
    feed = Feed()
    feed.renew(page(4, 3, cursor="3"), NOW)
    feed.extend(page(3, 2, 1))
    feed.renew(page(5, 4), NOW + timedelta(hours=1))
    assert (ids(feed), feed.fresh, feed.cursor) == (["4", "3", "2", "1"], 1, None)


def test_what_became_of_a_post_on_show_is_learned_while_it_keeps_still():
    feed = Feed()
    feed.renew(Mentions(mentions=(mention(1, sentiment=None),)), NOW)
    feed.hold(NOW)
    feed.renew(page(1), NOW)
    assert feed.mentions[0].sentiment == "negative"


def test_a_feed_ends_somewhere():
    feed = Feed()
    feed.extend(page(*range(MOST_SHOWN), cursor="c"))
    assert feed.cursor is None


def test_there_is_nothing_to_show_before_the_first_answer():
    feed = Feed()
    feed.show_fresh()
    assert ids(feed) == []


def test_a_correction_says_the_other_sentiment_and_is_complete():
    sayings, post, desk = Sayings(), Post(), Desk()
    sayings.judge(mention(1), right=False, post=post)
    post.deliver(desk, NOW)
    (sent,) = desk.taken
    assert sent.body() == {
        "prediction_id": "1",
        "verdict": "wrong",
        "text": "post 1",
        "sentiment": "negative",
        "model_version": "3",
        "correction": "positive",
    }
    standing = sayings.standing(mention(1))
    assert (standing.verdict, standing.correction, standing.delivery) == ("wrong", "positive", Delivery.SENT)


def test_a_correction_waits_while_the_api_is_away_and_goes_then():
    sayings, post = Sayings(), Post()
    sayings.judge(mention(1), right=False, post=post)
    post.deliver(Desk(ApiError(Reason.AWAY)), NOW)
    assert sayings.standing(mention(1)).delivery is Delivery.WAITING
    post.deliver(desk := Desk(), NOW)
    assert [sent.verdict for sent in desk.taken] == ["wrong"]


def test_a_correction_that_the_api_refuses_is_told_apart():
    sayings, post = Sayings(), Post()
    sayings.judge(mention(1), right=True, post=post)
    post.deliver(Desk(ApiError(Reason.UNREADABLE)), NOW)
    assert (sayings.refused, sayings.standing(mention(1)).delivery) == (1, Delivery.REFUSED)


def test_a_correction_taken_back_is_contradicted_and_a_confirmation_just_forgotten():
    sayings, post, desk = Sayings(), Post(), Desk()
    sayings.judge(mention(1), right=False, post=post)
    sayings.judge(mention(2), right=True, post=post)
    post.deliver(desk, NOW)
    sayings.take_back(mention(1), post)
    sayings.take_back(mention(2), post)
    post.deliver(desk, NOW)
    assert [(sent.prediction_id, sent.verdict) for sent in desk.taken] == [
        ("1", "wrong"),
        ("2", "correct"),
        ("1", "correct"),
    ]
    assert sayings.standing(mention(1)) is sayings.standing(mention(2)) is None


def test_a_colleagues_correction_counts_and_can_be_taken_back():
    sayings, post, desk = Sayings(), Post(), Desk()
    judged = mention(1, verdict="wrong", correction="positive")
    assert sayings.standing(judged).correction == "positive"
    sayings.take_back(judged, post)
    post.deliver(desk, NOW)
    assert [sent.verdict for sent in desk.taken] == ["correct"]
    assert sayings.standing(judged) is None


@pytest.mark.parametrize("more", [{"sentiment": None}, {"text": ""}])
def test_what_was_not_read_or_is_deleted_cannot_be_judged(more):
    sayings, post = Sayings(), Post()
    unjudgeable = mention(1).model_copy(update=more)
    sayings.judge(unjudgeable, right=False, post=post)
    assert post.waiting() == 0
    with pytest.raises(ValueError, match="1"):
        feedback_on(unjudgeable, right=False)


@pytest.mark.parametrize(
    ("term", "found"),
    [("greve", ["1"]), ("Grève", ["1"]), ("#orly", ["2"]), ("l'avion", ["3"]), ("ève", []), ("avion", ["3"])],
)
def test_a_word_is_found_whatever_its_case_and_accents_but_whole(term, found):
    posts = [
        mention(1, "Encore une GRÈVE !"),
        mention(2, "coincé à #Orly"),
        mention(3, "l’avion"),
        mention(4).model_copy(update={"text": None}),
    ]
    assert [one.id for one in holding(posts, term)] == found
