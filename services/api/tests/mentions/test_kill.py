"""kill -9 at any moment: what was acknowledged is there once, and is judged after the next start."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest
from sqlalchemy import text

import vigie_model
from vigie_api.database.engine import open_engine

SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]
_PATIENCE_S = 120.0


class Process:
    """A real `vigie-api serve`, started again and again on the same state."""

    def __init__(self, home, database_url, port):
        self.url = f"http://127.0.0.1:{port}"
        self._log = home / "log"
        self._environment = os.environ | {
            "VIGIE_HOME": str(home),
            "VIGIE_API_PORT": str(port),
            "VIGIE_API_DATABASE_URL": database_url,
            "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
        }
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(SERVE, env=self._environment, stdout=log, stderr=log)
        ends = time.monotonic() + _PATIENCE_S
        while time.monotonic() < ends:
            assert self._process.poll() is None, self._log.read_text()
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz").json().get("database"):
                    return
            time.sleep(0.05)
        pytest.fail(self._log.read_text())

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def process(tmp_path, database_url, free_port, make_artifact):
    models = tmp_path / "api" / "models"
    make_artifact(models / "1")
    record = {"version": "1", "recipe": "tiny", "gate": "passed: by hand", "run_id": None}
    record["artifact_digest"] = vigie_model.artifact_digest(models / "1")
    (models / "champion.json").write_text(json.dumps(record))
    process = Process(tmp_path, database_url, free_port)
    process.start()
    yield process
    process.kill()


def _send(process, posts):
    """Whether the list was acknowledged."""
    try:
        return httpx.post(f"{process.url}/v1/mentions", json={"mentions": posts}, timeout=60).status_code == 202
    except httpx.HTTPError:
        return False


@pytest.mark.integration
def test_what_was_acknowledged_is_there_once_however_often_the_process_is_killed(process, database_url, post):
    acknowledged = []
    for round_ in range(2):
        # The last list of the round before comes again, as from a client that never got the answer.
        for number in range(max(0, round_ * 4 - 1), round_ * 4 + 4):
            posts = [post(number * 100 + at) for at in range(100)]
            assert _send(process, posts)
            acknowledged += [one["external_id"] for one in posts]
        process.kill()  # while the last lists are being judged
        assert not _send(process, [post(99_999)])
        process.start()
    engine = open_engine(database_url)
    waiting = "SELECT count(*) FROM mentions WHERE stage = 0"
    ends = time.monotonic() + _PATIENCE_S

    def ask(query):
        with engine.connect().execution_options(vigie_read=True) as connection, connection.begin():
            return connection.execute(text(query)).scalars().all()

    while ask(waiting) != [0] and time.monotonic() < ends:
        time.sleep(0.1)
    kept = ask("SELECT external_id FROM mentions")
    both = "SELECT count(*) FROM predictions p JOIN mentions m ON m.id = p.id"
    judged = ask(f"{both} WHERE p.text <> '' AND m.text IS NULL")
    engine.dispose()
    assert len(kept) == len(set(kept)) == 800
    assert set(kept) == set(acknowledged)
    assert judged == [800]
