"""The number of open alerts, and how far back a list goes."""

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from vigie_ui.alert_answers import Alerts
from vigie_ui.badge import OpenAlerts
from vigie_ui.failures import ApiError, Reason
from vigie_ui.periods import since

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


class Api:
    """Answers when it is let, with a number or an error."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0
        self.let = threading.Event()

    def alerts(self, count, **filters):
        self.asked += 1
        self.let.wait(30)
        if isinstance(self.answer, ApiError):
            raise self.answer
        return Alerts(alerts=(), open=self.answer)


def asked_to_the_end(counter):
    counter._asking.join(30)
    return counter.count()


def test_a_page_does_not_wait_for_an_api_that_does_not_answer():
    api = Api(4)
    counter = OpenAlerts(api)
    assert counter.count() is None
    assert counter.count() is None
    api.let.set()
    assert asked_to_the_end(counter) == 4
    assert api.asked == 1


def test_an_api_that_is_well_has_its_number_on_the_first_page():
    api = Api(2)
    api.let.set()
    counter = OpenAlerts(api)
    counter.count()
    assert asked_to_the_end(counter) == 2


def test_an_api_that_is_away_shows_no_number_and_is_left_alone_for_a_while():
    api = Api(ApiError(Reason.AWAY))
    api.let.set()
    counter = OpenAlerts(api)
    counter.count()
    assert asked_to_the_end(counter) is None
    assert api.asked == 1


def test_a_number_that_a_page_learned_is_taken_over():
    api = Api(0)
    counter = OpenAlerts(api)
    counter.set(7)
    assert counter.count() == 7
    assert api.asked == 0


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("all", None),
        ("day", "2026-11-22T23:00:00Z"),
        ("week", "2026-11-16T23:00:00Z"),
        ("month", "2026-10-24T22:00:00Z"),
    ],
)
def test_a_period_begins_at_midnight_where_the_reader_is(period, start):
    assert since(period, NOW, PARIS) == start
