"""While the API is away the page shows what it said last, and asks again soon, not at once."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_ui.failures import ApiError, Reason
from vigie_ui.mention_answers import Mentions
from vigie_ui.recall import MOST_KEPT, RETRY_S, Recall

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
LATER = NOW + timedelta(seconds=RETRY_S)


def answer(cursor: str) -> Mentions:
    return Mentions(mentions=(), next_cursor=cursor)


def failing(reason: Reason, retry_after_s: float | None = None):
    def call():
        raise ApiError(reason, retry_after_s=retry_after_s)

    return call


def never():
    raise AssertionError("asked although the API is away")


def test_the_last_answer_stands_in_while_the_api_is_away():
    recall = Recall()
    recall.ask("posts", lambda: answer("1"), NOW)
    assert recall.ask("posts", failing(Reason.AWAY), NOW).next_cursor == "1"
    assert recall.error is not None
    assert recall.as_of == NOW


def test_one_failure_spares_the_other_questions_the_wait():
    recall = Recall()
    assert recall.ask("posts", failing(Reason.UNAVAILABLE), NOW) is None
    assert recall.ask("topics", never, NOW) is None


def test_it_asks_again_after_a_while_and_all_is_well_then():
    recall = Recall()
    recall.ask("posts", failing(Reason.AWAY), NOW)
    assert recall.ask("posts", lambda: answer("2"), LATER).next_cursor == "2"
    assert (recall.error, recall.as_of) == (None, LATER)


def test_the_api_says_itself_how_long_to_wait():
    recall = Recall()
    recall.ask("posts", failing(Reason.BUSY, retry_after_s=60), NOW)
    assert recall.away(LATER)
    recall.try_again()
    assert not recall.away(NOW)


def test_a_question_that_is_the_trouble_itself_is_not_hidden():
    recall = Recall()
    with pytest.raises(ApiError):
        recall.ask("episode", failing(Reason.MISSING), NOW)
    assert recall.error is None


def test_it_does_not_keep_everything_for_ever():
    recall = Recall()
    for number in range(MOST_KEPT + 1):
        recall.ask(number, lambda: answer("x"), NOW)
    assert recall.ask(0, failing(Reason.AWAY), NOW) is None
    recall.try_again()
    assert recall.ask(1, failing(Reason.AWAY), NOW) is not None
