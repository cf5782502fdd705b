"""One process leads the watch; another takes over when it goes, and nothing is counted twice."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.database.migrate import migrate
from vigie_api.episodes.keeper import WatchKeeper
from vigie_api.episodes.metrics import WatchMetrics
from vigie_api.episodes.table import watch_buckets
from vigie_api.episodes.watcher import Watcher
from vigie_api.settings import Settings

pytestmark = pytest.mark.anyio


class Process:
    """What one API process has of the watch."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.database.ready = True
        self.registry = CollectorRegistry()
        watcher = Watcher(AlertBook(self.database, Policy()))
        self.keeper = WatchKeeper(self.database, watcher, WatchMetrics(self.registry))

    @property
    def leads(self) -> bool:
        return self.registry.get_sample_value("vigie_watch_leads") == 1

    async def close(self) -> None:
        await self.keeper.close()
        await self.database.close()


@pytest.fixture
def url(postgres):
    made = Settings(database_url=postgres.new_database()).database_url
    database = Database(made)
    migrate(database.engine)
    database.engine.dispose()
    return made


async def takes_over(process):
    """What it does first as the leader: the database needs a moment to see that a session is gone."""
    for _ in range(1_000):
        done = await process.keeper.turn()
        if done is not None:
            return done
        await asyncio.sleep(0.05)
    raise AssertionError("nobody took over")


def recent(post, number):
    at = datetime.now(UTC) - timedelta(minutes=20)
    return [post(at + timedelta(seconds=one), one % 3 == 0, f"numéro {one}") for one in range(number)]


@pytest.mark.integration
async def test_of_two_processes_one_counts_and_the_other_takes_over(url, make_live, post):
    first, second = Process(url), Process(url)
    live = make_live(first.database)
    live.write(recent(post, 30))
    try:
        assert (await first.keeper.turn()).counted == 30
        assert await second.keeper.turn() is None
        assert (first.leads, second.leads) == (True, False)

        live.write(recent(post, 12))
        assert await second.keeper.turn() is None
        await first.keeper.close()
        assert (await takes_over(second)).counted == 12
        assert second.leads
        assert sum(row["posts"] for row in live.rows(watch_buckets)) == 42
    finally:
        await first.close()
        await second.close()


@pytest.mark.integration
async def test_a_leader_whose_session_was_ended_leads_no_more_and_comes_back(url, make_live, post):
    first, second = Process(url), Process(url)
    live = make_live(second.database)
    try:
        await first.keeper.turn()
        with second.database.engine.connect() as connection, connection.begin():
            others = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert connection.execute(text(others)).all() == [(True,)]
        live.write(recent(post, 7))
        with pytest.raises(DatabaseAway):
            await first.keeper.turn()
        assert (await takes_over(second)).counted == 7
        assert await first.keeper.turn() is None
        assert sum(row["posts"] for row in live.rows(watch_buckets)) == 7
    finally:
        await first.close()
        await second.close()


async def test_a_database_that_is_not_ready_is_waited_for(tmp_path):
    process = Process(f"sqlite:///{tmp_path}/a.db")
    process.database.ready = False
    with pytest.raises(DatabaseAway):
        await process.keeper.turn()
    await process.close()


async def test_the_loop_outlives_a_step_that_fails(live, post, until):
    process = Process(live.database.engine.url.render_as_string(hide_password=False))
    live.write(recent(post, 3))
    broken = process.keeper._watcher.step
    process.keeper._watcher.step = lambda *_: 1 / 0
    running = asyncio.create_task(process.keeper.run())
    try:
        await until(lambda: process.registry.get_sample_value("vigie_watch_failures_total") >= 1)
        process.keeper._watcher.step = broken
        counted = {"fate": "counted"}
        await until(lambda: process.registry.get_sample_value("vigie_watch_mentions_total", counted) == 3)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await process.close()


@pytest.mark.integration
async def test_a_server_asks_within_seconds_whether_a_silent_leader_is_still_there(url):
    process = Process(url)
    asked = text("SELECT name, source, reset_val FROM pg_settings WHERE name LIKE 'tcp_keepalives_%' ORDER BY name")
    found = await process.database.read(lambda connection: connection.execute(asked).all())
    # The values themselves say 0 on a Unix socket, where none of this is needed.
    assert [tuple(row) for row in found] == [
        ("tcp_keepalives_count", "client", "3"),
        ("tcp_keepalives_idle", "client", "3"),
        ("tcp_keepalives_interval", "client", "1"),
    ]
    await process.close()
