"""History that is imported today is none of today's traffic."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from vigie_api.database.engine import Database
from vigie_api.database.migrate import migrate
from vigie_api.drift.counting import count_between
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.settings import Settings

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
IDS = IdSource()


@pytest.fixture
def database(database_url):
    opened = Database(Settings(database_url=database_url).database_url)
    migrate(opened.engine)
    yield opened
    asyncio.run(opened.close())


def judge(connection, said, posted_ago, topic="Air Paradis"):
    """A prediction at noon on a mention that was posted so long before; None: on no mention."""
    post_id = IDS.next()
    insert_predictions(
        connection, [PredictionRow(post_id, NOON.timestamp(), said, "negative", 0.1, False, "fr", "1", "tiny", topic)]
    )
    if posted_ago is not None:
        connection.execute(
            insert(mentions).values(
                id=post_id,
                source="x",
                external_id=post_id,
                topic=topic,
                created_at=NOON - posted_ago,
                received_at=NOON,
                stage=int(Stage.COUNTED),
            )
        )


def test_a_post_that_was_old_when_it_was_judged_is_not_counted(database):
    with database.engine.connect() as connection, connection.begin():
        judge(connection, "retard retard", timedelta(days=200))
        judge(connection, "retard", timedelta(days=1, minutes=1))
        judge(connection, "merci encore", timedelta(hours=23))
        judge(connection, "merci", timedelta(minutes=-4))
        judge(connection, "merci", None)
        judge(connection, "merci", None, topic=None)
        words = {"1": frozenset({"merci", "encore"})}
        profile = count_between(connection, NOON, NOON + timedelta(hours=1), words)["1"]
    assert (profile.predictions, profile.languages["fr"], profile.scores.total()) == (4, 4, 4)
    assert (profile.known_words, profile.words) == (5, 5)


def test_a_day_on_which_only_history_came_has_no_traffic(database):
    with database.engine.connect() as connection, connection.begin():
        judge(connection, "merci", timedelta(days=200))
        assert count_between(connection, NOON, NOON + timedelta(hours=1), {}) == {}
