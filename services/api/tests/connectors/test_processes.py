"""Two `vigie-api serve` on one Postgres: one runs the connector; killed, the other goes on; each post is there once."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.integration
SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve", "--port", "0"]
# What a lease lasts, what a look takes, and patience with a machine that has other things to do.
PATIENCE_S = 60.0


@pytest.fixture
def database(postgres):
    return postgres.new_database()


@pytest.fixture
def serve(tmp_path, database, x_server):
    """Starts a process that runs the connector of the server, or stands by."""
    entry = {"name": "x", "kind": "x", "queries": {"Air Paradis": "airparadis"}, "base_url": x_server.url, "every_s": 1}
    with ExitStack() as stack:

        def start(number):
            home = tmp_path / str(number)
            home.mkdir()
            environment = os.environ | {
                "VIGIE_HOME": str(home),
                "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
                "VIGIE_API_DATABASE_URL": database,
                "VIGIE_API_CONNECTORS": json.dumps([entry]),
                "VIGIE_API_X_BEARER_TOKEN": "AAAA-secret",
            }
            log = stack.enter_context((home / "log").open("w"))
            process = subprocess.Popen(SERVE, env=environment, stdout=log, stderr=log, cwd=home)
            process.log = home / "log"
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def rows(database):
    engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")

    def read(query):
        with engine.connect() as connection:
            return connection.execute(text(query)).all()

    yield read
    engine.dispose()


def _wait_for(holds, what):
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, f"waited for {what} in vain"
        time.sleep(0.05)


def _leads(process):
    return "a connector starts here" in process.log.read_text()


def test_the_leader_is_killed_and_another_process_goes_on_without_losing_or_doubling_a_post(
    serve, rows, x_server, postgres
):
    x_server.page = 2
    first = serve(1)
    _wait_for(lambda: _leads(first), "the first to lead")
    second = serve(2)
    posts = [x_server.post(number) for number in range(9)]
    count = "SELECT external_id FROM mentions"
    _wait_for(lambda: len(rows(count)) >= 2, "the first posts")
    first.kill()
    first.wait()
    posts += [x_server.post(number) for number in range(9, 15)]
    _wait_for(lambda: _leads(second), "the second to lead")
    _wait_for(lambda: len(rows(count)) == len(posts), "every post")
    assert Counter(row.external_id for row in rows(count)) == Counter(posts)
    (row,) = rows("SELECT state, taken, last_error FROM connector_cursors")
    assert (row.state, row.last_error) == ("running", None)
    assert not any("annulé" in process.log.read_text() for process in (first, second))
