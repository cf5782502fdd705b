"""Migrations make exactly the tables that the code uses, once, whoever runs them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import vigie_api.alerts.table
import vigie_api.app
import vigie_api.champion.moves_table
import vigie_api.connectors.table
import vigie_api.drift.table
import vigie_api.episodes.table
import vigie_api.mentions.table
import vigie_api.shadow.table  # noqa: F401 - as above
from vigie_api.database.engine import open_engine
from vigie_api.database.migrate import migrate
from vigie_api.database.migrations import versions
from vigie_api.database.schema import metadata
from vigie_api.settings import Settings

NEWEST = sorted(file.name for file in Path(versions.__file__).parent.glob("[0-9]*.py"))[-1].partition("_")[0]
TABLES = {
    "alert_outbox",
    "alert_verdicts",
    "alerts",
    "alias_moves",
    "connector_cursors",
    "drift_days",
    "episodes",
    "feedback",
    "mention_counts",
    "mention_tombstones",
    "mentions",
    "predictions",
    "shadow_scores",
    "watch_buckets",
    "watch_marks",
    "watch_topics",
}


@pytest.fixture
def engine(unmigrated_url):
    opened = open_engine(Settings(database_url=unmigrated_url).database_url)
    yield opened
    opened.dispose()


# SQLite cannot tell what an index on an expression is made of; Postgres can, and compares it.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index ix_predictions_confidence")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_the_migrated_database_is_what_the_code_expects(engine):
    assert migrate(engine) == NEWEST
    assert set(metadata.tables) == TABLES
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(engine):
    assert migrate(engine) == migrate(engine)


def test_several_processes_may_migrate_at_once(unmigrated_url):
    command = [sys.executable, "-c", "from vigie_api.cli import main; main()", "migrate"]
    environment = os.environ | {"VIGIE_API_DATABASE_URL": unmigrated_url}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(3)
    ]
    said = [process.communicate()[0].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert said == [f"The database is at revision {NEWEST}.\n"] * 3


def test_threads_of_one_process_may_migrate_at_once(engine):
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(migrate, [engine] * 4)) == {NEWEST}


def test_sqlite_is_opened_for_durability(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/new/folder/x.db")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()
