"""What a visit keeps, sends, keeps back and sends again."""

from datetime import UTC, datetime, timedelta

import pytest

from vigie_ui.client import ApiError, ModelName, Prediction, Reason, Receipt
from vigie_ui.session import HISTORY_LENGTH, RETRY_S, Delivery, Session, feedback_on

NOW = datetime(2026, 11, 12, 14, 5, tzinfo=UTC)
LATER = NOW + timedelta(seconds=RETRY_S)


class Desk:
    """Answers like the API, or with the error it was given."""

    def __init__(self):
        self.error = None
        self.heard = []
        self.count = 0

    def predict(self, text):
        if self.error:
            raise self.error
        self.count += 1
        model = ModelName(name="sentiment", version="3", recipe="tfidf_logreg")
        return Prediction(
            id=f"p{self.count}",
            sentiment="negative",
            score=0.1,
            confidence=0.9,
            uncertain=False,
            language="en",
            model=model,
        )

    def send_feedback(self, feedback):
        self.heard.append((feedback.prediction_id, feedback.verdict))
        if self.error:
            raise self.error
        return Receipt(id="1", prediction_id=feedback.prediction_id, verdict=feedback.verdict)


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def session():
    return Session()


def away():
    return ApiError(Reason.AWAY)


def test_a_verdict_becomes_the_current_entry_and_the_newest_of_the_history(session, desk):
    session.analyse(desk, "one", NOW)
    session.analyse(desk, "two", NOW)
    assert session.current is session.entries[-1]
    assert [entry.text for entry in session.entries] == ["one", "two"]
    assert [entry.number for entry in session.entries] == [1, 2]


def test_a_passing_failure_is_tried_again_when_its_time_has_come(session, desk):
    desk.error = away()
    session.analyse(desk, "one", NOW)
    assert not session.due(NOW)
    assert session.due(LATER)
    desk.error = None
    assert session.retry(desk, LATER)
    assert session.unanswered is None
    assert session.current.text == "one"


def test_the_time_the_api_asked_for_is_respected(session, desk):
    desk.error = ApiError(Reason.NO_MODEL, retry_after_s=60)
    session.analyse(desk, "one", NOW)
    assert not session.due(LATER)
    assert session.due(NOW + timedelta(seconds=60))


def test_trying_again_in_vain_changes_nothing_worth_showing(session, desk):
    desk.error = away()
    session.analyse(desk, "one", NOW)
    assert not session.retry(desk, LATER)
    assert not session.due(LATER)
    assert session.due(LATER + timedelta(seconds=RETRY_S))


def test_another_reason_is_worth_showing(session, desk):
    desk.error = away()
    session.analyse(desk, "one", NOW)
    desk.error = ApiError(Reason.NO_MODEL)
    assert session.retry(desk, LATER)


def test_a_lasting_failure_is_never_due(session, desk):
    desk.error = ApiError(Reason.REFUSED)
    session.analyse(desk, "one", NOW)
    assert not session.due(NOW + timedelta(days=1))
    session.retry(desk, NOW)
    assert session.unanswered.error.reason is Reason.REFUSED


def test_a_judgement_is_sent_at_once(session, desk):
    session.analyse(desk, "one", NOW)
    session.judge(desk, session.current, NOW)
    assert session.current.delivery is Delivery.SENT
    assert not session.due(LATER)


def test_judgements_that_wait_are_sent_in_order_and_stop_at_the_first_that_fails(session, desk):
    for text in ("one", "two"):
        session.analyse(desk, text, NOW)
    desk.error = away()
    for entry in session.entries:
        session.judge(desk, entry, NOW)
    desk.heard.clear()
    assert not session.retry(desk, LATER)
    assert desk.heard == [("p1", "correct")]
    desk.error = None
    assert session.retry(desk, LATER)
    assert desk.heard[1:] == [("p1", "correct"), ("p2", "correct")]
    assert not session.waiting()
    assert session.post.retry_at is None


def test_a_changed_mind_replaces_the_judgement_that_waits(session, desk):
    session.analyse(desk, "one", NOW)
    desk.error = away()
    session.judge(desk, session.current, NOW)
    session.judge(desk, session.current, NOW, correction="positive")
    desk.error = None
    desk.heard.clear()
    session.retry(desk, LATER)
    assert desk.heard == [("p1", "wrong")]


def test_a_refused_judgement_is_not_sent_again(session, desk):
    session.analyse(desk, "one", NOW)
    desk.error = ApiError(Reason.UNREADABLE)
    session.judge(desk, session.current, NOW)
    assert session.current.delivery is Delivery.REFUSED
    assert not session.due(LATER)


def test_a_correction_equal_to_the_verdict_says_that_it_was_right(session, desk):
    session.analyse(desk, "one", NOW)
    feedback = feedback_on(session.current, correction="negative", comment="  ")
    assert (feedback.verdict, feedback.correction, feedback.comment) == ("correct", None, None)


def test_the_history_is_bounded_but_forgets_no_judgement_that_waits(session, desk):
    session.analyse(desk, "kept", NOW)
    desk.error = away()
    session.judge(desk, session.current, NOW)
    desk.error = None
    for number in range(HISTORY_LENGTH + 5):
        session.analyse(desk, str(number), NOW)
    assert len(session.entries) == HISTORY_LENGTH
    assert session.entries[0].text == "kept"


def test_an_earlier_entry_can_be_shown_again(session, desk):
    session.analyse(desk, "one", NOW)
    desk.error = away()
    session.analyse(desk, "two", NOW)
    session.show(session.entries[0])
    assert session.current.text == "one"
    assert session.unanswered is None
