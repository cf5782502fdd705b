"""Several `vigie-api serve` on one Postgres: together they open one alert, send one e-mail and tell telemetry once."""

import json
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

import vigie_model

pytestmark = pytest.mark.integration
SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]


@pytest.fixture
def fleet(tmp_path, postgres, mail_server, make_artifact, wait_for):
    """Three processes with a model each, one database and one mail server."""
    database = postgres.new_database()
    processes = []
    for number in range(3):
        home = tmp_path / str(number)
        models = home / "api" / "models"
        make_artifact(models / "7")
        record = {"version": "7", "recipe": "tiny", "gate": "passed: test", "run_id": None}
        record["artifact_digest"] = vigie_model.artifact_digest(models / "7")
        (models / "champion.json").write_text(json.dumps(record))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {
            "VIGIE_HOME": str(home),
            "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
            "VIGIE_API_DATABASE_URL": database,
            "VIGIE_API_SMTP_HOST": "127.0.0.1",
            "VIGIE_API_SMTP_PORT": str(mail_server.port),
            "VIGIE_API_SMTP_SECURITY": "none",
            "VIGIE_API_MAIL_FROM": "vigie@example.org",
            "VIGIE_API_MAIL_TO": "marketing@example.org",
            "VIGIE_API_MAIL_RETRY_S": "0.2",
        }
        log = (home / "log").open("w")
        process = subprocess.Popen([*SERVE, "--port", str(port)], env=environment, stdout=log, stderr=log, cwd=home)
        process.address, process.log = f"http://127.0.0.1:{port}", home / "log"
        processes.append(process)
        log.close()

    def ready(process):
        assert process.poll() is None, process.log.read_text()
        try:
            return httpx.get(f"{process.address}/readyz").json().get("database")
        except httpx.HTTPError:
            return False

    for process in processes:
        wait_for(lambda process=process: ready(process), "a process to start")
    yield processes
    for process in processes:
        process.kill()
        process.wait()
    shutil.rmtree(tmp_path, ignore_errors=True)


def told(fleet):
    lines = [json.loads(line) for process in fleet for line in process.log.read_text().splitlines()]
    return [line for line in lines if line["message"] == "AlertRaised"]


def judge(address, number):
    body = {"prediction_id": f"p{number}", "verdict": "wrong", "text": f"Retard {number}", "sentiment": "positive"}
    answer = httpx.post(f"{address}/v1/feedback", json=body | {"model_version": "7"}, timeout=30)
    assert answer.status_code == 201, answer.text


def test_verdicts_spread_over_three_processes_make_one_alert_one_mail_and_one_event(fleet, mail_server, wait_for):
    for number, process in enumerate(fleet):
        judge(process.address, number)
    wait_for(lambda: mail_server.sink.messages and told(fleet), "the e-mail")
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda n: judge(fleet[n % 3].address, 10 + n), range(24)))
    pages = [httpx.get(f"{process.address}/v1/alerts", timeout=60).json() for process in fleet]
    assert [page["open"] for page in pages] == [1, 1, 1]
    (alert,) = pages[0]["alerts"]
    assert (alert["count"], alert["emails"][0]["state"]) == (27, "sent")
    (message,) = mail_server.sink.messages
    assert message["Message-ID"] == alert["emails"][0]["message_id"]
    (event,) = told(fleet)
    assert (event["alert_id"], event["kind"], event["window_s"]) == (alert["id"], "misprediction", 300)
    assert "Retard" not in "".join(process.log.read_text() for process in fleet)


def test_many_verdicts_at_once_make_one_alert_and_a_mail_server_that_was_down_gets_it_once(
    fleet, mail_server, wait_for
):
    mail_server.stop()
    with ThreadPoolExecutor(9) as threads:
        list(threads.map(lambda n: judge(fleet[n % 3].address, n), range(30)))
    alerts = f"{fleet[0].address}/v1/alerts"
    wait_for(lambda: httpx.get(alerts, timeout=60).json()["alerts"][0]["emails"][0]["error"], "the first failure")
    mail_server.start()
    wait_for(lambda: httpx.get(alerts, timeout=60).json()["alerts"][0]["emails"][0]["state"] == "sent", "the e-mail")
    (alert,) = httpx.get(alerts, timeout=60).json()["alerts"]
    assert alert["count"] == 30
    assert len(mail_server.sink.messages) == len(told(fleet)) == 1


def test_nothing_is_lost_when_the_process_is_killed_again_and_again():
    script = Path(__file__).parents[4] / "scripts" / "chaos_alerts.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "3", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = json.loads(done.stdout)
    assert counted["holds"]
    assert (counted["kills"], counted["verdicts_lost"], counted["emails_missing"]) == (3, 0, 0)
    # A verdict whose answer the kill swallowed may be in an alert, too.
    assert min(counted["verdicts_accepted"], counted["alerts"]) > 0
