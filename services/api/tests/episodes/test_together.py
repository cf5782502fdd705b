"""People and the watch at the same episode at the same time, on Postgres; and what could stop the watch for good."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.database.engine import Database
from vigie_api.database.migrate import migrate
from vigie_api.episodes.desk import patch
from vigie_api.episodes.schema import EpisodePatch
from vigie_api.episodes.table import episodes, watch_topics
from vigie_api.settings import Settings

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def shared(postgres, make_live):
    """A watch on Postgres, with nothing in it."""
    database = Database(Settings(database_url=postgres.new_database()).database_url)
    migrate(database.engine)
    database.ready = True
    yield make_live(database)
    asyncio.run(database.close())


def topic_row():
    beside = {"learning": False, "unlearned": False, "sources": ["x"], "last_post_at": NOW, "updated_at": NOW}
    return {"topic": "Air Paradis", "false_alarms": 0, "state": {}} | beside


def episode_row(episode_id, **more):
    numbers = {"negatives": 9, "posts": 20, "expected": 2.0, "peak_ratio": 4.0}
    row = {"id": episode_id, "topic": "Air Paradis", "state": "closed", "severity": "watch", "false_alarm": False}
    times = dict.fromkeys(("onset_at", "opened_at", "closed_at", "updated_at"), NOW)
    return row | times | numbers | {"terms": [], "post_ids": {"first": [], "representative": []}} | more


@pytest.mark.integration
def test_two_false_alarms_that_are_said_at_the_same_time_are_both_counted(shared):
    engine = shared.database.engine
    with engine.begin() as connection:
        connection.execute(insert(watch_topics).values(**topic_row()))
        connection.execute(insert(episodes), [episode_row("first"), episode_row("second")])

    def say(episode_id):
        with engine.begin() as connection:
            patch(connection, episode_id, EpisodePatch(false_alarm=True), "marketing")

    with ThreadPoolExecutor(1) as other:
        with engine.begin() as connection:
            patch(connection, "first", EpisodePatch(false_alarm=True), "marketing")
            saying = other.submit(say, "second")
            wait_for_a_lock(engine)
        saying.result()
    assert shared.topic()["false_alarms"] == 2


@pytest.mark.integration
def test_an_episode_and_its_alert_are_seen_at_the_same_time_without_a_deadlock(shared):
    engine = shared.database.engine
    book = AlertBook(shared.database, Policy())
    with engine.begin() as connection:
        alert_id = book.open_surge(connection, "first", {"topic": "Air Paradis"}, NOW)
        connection.execute(insert(episodes).values(**episode_row("first", alert_id=alert_id)))

    def see_the_alert():
        asyncio.run(book.acknowledge(alert_id, "marketing", None))

    with ThreadPoolExecutor(1) as other:
        with engine.begin() as connection:
            # As a step of the watch does: the episode's numbers first, then its alert.
            connection.execute(episodes.update().values(negatives=10))
            seeing = other.submit(see_the_alert)
            wait_for_a_lock(engine)
            book.escalate_surge(connection, alert_id, {"topic": "Air Paradis"}, NOW, tell=None)
        seeing.result()
    assert shared.episodes()[0]["acknowledged_by"] == "marketing"


def wait_for_a_lock(engine):
    """Until somebody waits for a lock that another transaction holds."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    pause = threading.Event()
    for _ in range(600):
        with engine.connect() as connection:
            if connection.scalar(waits):
                return
        pause.wait(0.05)
    raise AssertionError("nobody waits")
