"""The courier keeps a bounded number of items, counts what it drops, and tries again with patience."""

import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.telemetry.appinsights.answers import outcome_of, retry_after_s
from vigie_api.telemetry.appinsights.courier import BATCH, MAX_EVENTS, MAX_OTHERS, Courier, Outcome, pause_s
from vigie_api.telemetry.appinsights.items import CustomEvent, Measure, Operation

HERE = Operation("a" * 32, "b" * 16)


def event(number: int) -> CustomEvent:
    return CustomEvent(0.0, HERE, "FeedbackReceived", {"number": str(number)})


def measure(number: int) -> Measure:
    return Measure(0.0, "vigie.number", number, {})


class Endpoint:
    """An exporter that does what `answer` says, and keeps what it took."""

    def __init__(self, answer=lambda items: Outcome()) -> None:
        self.answer = answer
        self.taken: list = []
        self.closed = False

    def send(self, items):
        outcome = self.answer(items)
        refused = len(items) if outcome.refused else 0
        self.taken += [item for item in items if item not in outcome.later][refused:]
        return outcome

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def drops():
    return Counter()


@pytest.fixture
def courier(drops):
    made = []

    def make(endpoint) -> Courier:
        made.append(Courier(endpoint, lambda reason, count: drops.update({reason: count})))
        return made[-1]

    yield make
    for one in made:
        one.close(5)


def until(there) -> None:
    while not there():
        time.sleep(0.01)


def test_the_oldest_give_way_and_are_counted_while_nobody_takes_them(courier, drops):
    endpoint = Endpoint()
    waiting = courier(endpoint)
    for number in range(MAX_OTHERS + 7):
        waiting.put(measure(number))
    for number in range(MAX_EVENTS + 5):
        waiting.put(event(number))
    assert waiting.depth == MAX_OTHERS + MAX_EVENTS
    assert drops == {"queue-full": 12}
    waiting.start()
    until(lambda: len(endpoint.taken) == MAX_OTHERS + MAX_EVENTS)
    assert endpoint.taken[0] == event(5), "events go first, and a flood of others has displaced none"
    assert endpoint.taken[-1] == measure(MAX_OTHERS + 6)


def test_what_comes_back_keeps_its_place_and_what_has_no_room_any_more_is_counted(courier, drops):
    held, go = threading.Event(), threading.Event()

    def answer(items):
        held.set()
        go.wait(100)
        return (
            Outcome(later=list(items), trouble="away") if not endpoint.taken and not recovered.is_set() else Outcome()
        )

    recovered = threading.Event()
    endpoint = Endpoint(answer)
    waiting = courier(endpoint)
    for number in range(3):
        waiting.put(event(number))
    waiting.start()
    assert held.wait(100)
    for number in range(3, MAX_EVENTS + 1):  # meanwhile all but two places are taken
        waiting.put(event(number))
    go.set()
    until(lambda: drops["queue-full"])
    recovered.set()
    until(lambda: len(endpoint.taken) == MAX_EVENTS)
    assert [int(item.properties["number"]) for item in endpoint.taken] == list(range(1, MAX_EVENTS + 1))
    assert drops == {"queue-full": 1}


def test_an_exporter_that_breaks_costs_its_batch_and_no_more(courier, drops, caplog):
    def answer(items):
        if items[0] == event(0):
            raise ValueError("the text of a tweet")
        return Outcome()

    endpoint = Endpoint(answer)
    waiting = courier(endpoint)
    for number in range(BATCH + 1):
        waiting.put(event(number))
    waiting.start()
    until(lambda: endpoint.taken)
    assert endpoint.taken == [event(BATCH)]
    assert drops == {"failed": BATCH}
    assert "the text of a tweet" not in caplog.text


def test_the_end_delivers_once_more_and_closes_the_exporter(courier, drops):
    endpoint = Endpoint()
    waiting = courier(endpoint)
    waiting.start()
    waiting.put(event(1))
    waiting.close(5)
    assert endpoint.taken == [event(1)]
    assert endpoint.closed
    waiting.close(5)
    assert drops == {}


def test_what_hangs_at_the_end_is_counted_once_whatever_becomes_of_it(courier, drops):
    held, go = threading.Event(), threading.Event()

    def answer(items):
        held.set()
        go.wait(100)
        return Outcome(later=list(items), trouble="away")

    waiting = courier(Endpoint(answer))
    waiting.put(event(1))
    waiting.start()
    assert held.wait(100)
    waiting.put(event(2))
    waiting.close(0.05)
    go.set()
    waiting.close(5)
    assert drops == {"shutdown": 2}
    assert waiting.depth == 0


def test_the_log_says_when_trouble_begins_and_ends_and_not_at_every_attempt(courier, caplog):
    caplog.set_level("INFO")
    attempts = []

    def answer(items):
        attempts.append(1)
        return Outcome(later=list(items), trouble="away") if len(attempts) < 3 else Outcome()

    endpoint = Endpoint(answer)
    waiting = courier(endpoint)
    waiting.put(event(1))
    waiting.start()
    until(lambda: endpoint.taken)
    waiting.close(5)
    assert [record.message for record in caplog.records] == [
        "telemetry is not delivered",
        "telemetry is delivered again",
    ]


@given(st.integers(0, 10_000), st.none() | st.floats(0, 1e9))
def test_the_pause_is_bounded_and_never_shorter_than_was_asked_up_to_an_hour(failures, wished_s):
    pause = pause_s(failures, wished_s)
    assert 0 < pause <= 3_600
    assert pause >= min(wished_s or 0, 3_600)
    assert pause <= pause_s(failures + 1, wished_s)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_a_number_or_as_a_date(header, seconds):
    assert retry_after_s(header, now_s=100.0) == seconds


@pytest.mark.parametrize(
    ("status", "body", "later", "refused"),
    [
        (200, "", [], 0),
        (429, "", [0, 1, 2], 0),
        (503, "", [0, 1, 2], 0),
        (400, "", [], 3),
        (402, "", [], 3),
        (439, "", [], 3),
        (206, '{"errors": [{"index": 1, "statusCode": 500}, {"index": 2, "statusCode": 400}]}', [1], 1),
        (206, '{"errors": [{"index": 9, "statusCode": 500}]}', [], 0),
        (206, '{"errors": null}', [], 0),
        (206, "no json", [], 0),
        (206, "[]", [], 0),
    ],
)
def test_an_answer_says_what_to_send_again_and_what_never_to(status, body, later, refused):
    items = [event(0), event(1), event(2)]
    outcome = outcome_of(items, status, body, "5", now_s=0.0)
    assert outcome.later == [items[place] for place in later]
    assert outcome.refused == refused
    assert outcome.wait_s in (None, 5.0)
    assert (outcome.trouble is None) == (status in (200, 206) and not later and "no" not in body and body != "[]")
