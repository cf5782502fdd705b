"""Three `vigie-api serve` with one Postgres and one volume, as `docker compose up --scale api=3` starts them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

import vigie_model

from .databases import running_postgres

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("replicas")]
SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]
REPLICAS = 3
PATIENCE_S = 120.0  # of a machine that has other things to do


def wait_for(holds, what):
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, f"waited for {what} in vain"
        time.sleep(0.05)


class Replica:
    """One process."""

    def __init__(self, environment, log):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.log = log
        self.environment = environment
        with log.open("wb") as file:
            self.process = subprocess.Popen([*SERVE, "--port", str(port)], env=environment, stdout=file, stderr=file)

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.address}/readyz").json().get("database")
        except httpx.HTTPError:
            return False

    def leads(self):
        return re.search(r"^vigie_watch_leads 1", httpx.get(f"{self.address}/metrics").text, re.MULTILINE) is not None

    def signal(self, number):
        self.process.send_signal(number)

    def judge(self, prediction, verdict="wrong", comment=None):
        body = {"prediction_id": prediction, "verdict": verdict, "text": "Retard", "sentiment": "positive"}
        return httpx.post(f"{self.address}/v1/feedback", json=body | {"comment": comment}, timeout=60).status_code


@pytest.fixture(scope="module")
def server(postgres_cluster):
    with running_postgres(postgres_cluster) as server:
        yield server


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    return tmp_path_factory.mktemp("volume")


@pytest.fixture(scope="module")
def replicas(server, volume, make_artifact):
    """All three start at once, on a database without a table."""
    make_artifact(volume / "models" / "7")
    record = {"version": "7", "recipe": "tiny", "gate": "passed: test", "run_id": None}
    record["artifact_digest"] = vigie_model.artifact_digest(volume / "models" / "7")
    (volume / "models" / "champion.json").write_text(json.dumps(record))
    environment = os.environ | {
        "VIGIE_API_DATABASE_URL": server.new_database(),
        "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
        "VIGIE_API_MODEL_CACHE_DIR": str(volume / "models"),
        "VIGIE_API_SPOOL_DIR": str(volume / "spool"),
        "VIGIE_API_SHUTDOWN_DELAY_S": "60",
    }
    running = [Replica(environment, volume / f"log-{number}") for number in range(REPLICAS)]
    for replica in running:
        wait_for(replica.ready, "a replica to start")
    yield running
    for replica in running:
        replica.process.kill()
        replica.process.wait()


@pytest.fixture(scope="module")
def ask(server, replicas):
    """Rows of a query."""
    url = replicas[0].environment["VIGIE_API_DATABASE_URL"]

    def rows(query):
        with psycopg.connect(url) as connection:
            return connection.execute(query).fetchall()

    return rows


def everybody(replicas, work):
    """What each answers to the same, asked at once."""
    with ThreadPoolExecutor(len(replicas)) as threads:
        return sorted(threads.map(work, replicas))


def test_one_of_those_that_start_on_an_empty_database_migrates_and_the_others_wait(replicas, ask):
    ((revisions,),) = ask("SELECT count(*) FROM alembic_version")
    assert revisions == 1
    assert not any("could not be migrated" in replica.log.read_text() for replica in replicas)


def test_the_same_verdict_and_the_same_mentions_sent_to_all_at_once_are_taken_once(replicas, ask):
    assert everybody(replicas, lambda replica: replica.judge("same")) == [200, 200, 201]
    assert ask("SELECT count(*) FROM feedback WHERE prediction_id = 'same'") == [(1,)]
    post = {"source": "x", "topic": "T", "text": "Retard", "created_at": "2026-11-20T08:00:00Z"}
    posts = {"mentions": [post | {"external_id": str(number)} for number in range(50)]}

    def ingest(replica):
        return httpx.post(f"{replica.address}/v1/mentions", json=posts, timeout=60).json()["accepted"]

    assert sum(everybody(replicas, ingest)) == 50
    wait_for(lambda: ask("SELECT count(*) FROM predictions WHERE topic = 'T'") == [(50,)], "each to be judged once")


def test_a_leader_that_is_stopped_is_followed_by_another_and_leads_no_more_when_it_goes_on(replicas):
    wait_for(lambda: any(replica.leads() for replica in replicas), "a leader")
    (leader,) = [replica for replica in replicas if replica.leads()]
    others = [replica for replica in replicas if replica is not leader]
    leader.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: any(replica.leads() for replica in others), "another to lead")
    finally:
        leader.signal(signal.SIGCONT)
    wait_for(lambda: sum(replica.leads() for replica in replicas) == 1, "one leader")
    assert not leader.leads()


def test_what_a_killed_replica_left_in_the_spool_they_share_is_moved_once_and_the_last_verdict_counts(
    replicas, server, ask, volume
):
    server.stop()
    victim, *others = replicas
    assert victim.judge("changed", "wrong", "first") == 201
    assert others[0].judge("changed", "correct", "last") == 201
    for number in range(8):
        assert replicas[number % REPLICAS].judge(f"spooled-{number}") == 201
    victim.signal(signal.SIGKILL)
    victim.process.wait()
    for number in range(8, 16):
        assert others[number % 2].judge(f"spooled-{number}") == 201
    server.start()
    wait_for(lambda: not list((volume / "spool").rglob("*.json")), "the spool to be empty")
    assert ask("SELECT count(*), count(DISTINCT id) FROM feedback WHERE prediction_id LIKE 'spooled-%'") == [(16, 16)]
    assert ask("SELECT comment FROM feedback WHERE prediction_id = 'changed' AND current") == [("last",)]
    assert not list((volume / "spool").rglob("*.damaged"))


def test_a_replica_that_is_told_to_end_says_so_first_and_answers_what_it_is_asked(replicas):
    leaving = next(replica for replica in replicas if replica.process.poll() is None)
    leaving.signal(signal.SIGTERM)
    wait_for(lambda: httpx.get(f"{leaving.address}/readyz").status_code == 503, "it to say that it leaves")
    assert httpx.post(f"{leaving.address}/v1/predict", json={"text": "Vol parfait"}).status_code == 200
    leaving.signal(signal.SIGINT)  # impatiently: without the delay
    leaving.process.wait()
