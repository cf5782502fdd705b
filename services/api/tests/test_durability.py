"""The real process: a verdict survives kill -9, predictions survive SIGTERM, a port in use is one sentence."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.integration
SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]


@pytest.fixture
def server(tmp_path, free_port, make_artifact):
    """`vigie-api serve` in a process of its own, with a model in its cache and no MLflow."""
    import vigie_model

    models = tmp_path / "api" / "models"
    make_artifact(models / "7")
    record = {"version": "7", "recipe": "tiny", "gate": "passed: test", "run_id": None}
    record["artifact_digest"] = vigie_model.artifact_digest(models / "7")
    (models / "champion.json").write_text(json.dumps(record))
    environment = os.environ | {"VIGIE_HOME": str(tmp_path), "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9"}
    command = [*SERVE, "--port", str(free_port)]
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    process.address = f"http://127.0.0.1:{free_port}"
    process.log = tmp_path / "log"
    while True:
        assert process.poll() is None, process.log.read_text()
        try:
            if httpx.get(f"{process.address}/readyz").json().get("database"):
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()
    log.close()


def _rows(tmp_path, statement):
    engine = create_engine(f"sqlite:///{tmp_path}/api/vigie.db")
    with engine.connect() as connection:
        found = connection.execute(text(statement)).all()
    engine.dispose()
    return found


def test_a_verdict_that_was_answered_survives_kill_9(server, tmp_path):
    for number in range(20):
        body = {"prediction_id": f"p{number}", "verdict": "wrong", "text": "Merci", "sentiment": "negative"}
        assert httpx.post(f"{server.address}/v1/feedback", json=body, timeout=60).status_code == 201
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert len(_rows(tmp_path, "SELECT id FROM feedback WHERE correction = 'positive'")) == 20


def test_predictions_survive_a_polite_end_and_the_process_ends_by_itself(server, tmp_path):
    with httpx.Client(base_url=server.address, timeout=60) as client:
        said = [client.post("/v1/predict", json={"text": "Vol parfait"}).json() for _ in range(20)]
    assert {one["model"]["version"] for one in said} == {"7"}
    server.send_signal(signal.SIGTERM)
    server.wait()
    assert {row[0] for row in _rows(tmp_path, "SELECT id FROM predictions")} == {one["id"] for one in said}
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert all({"ts", "level", "message"} <= set(line) for line in lines)
    assert "parfait" not in server.log.read_text()


def test_a_response_of_the_real_server_is_whole_for_every_kind_of_request(server):
    with httpx.Client(base_url=server.address, timeout=60) as client:
        for _ in range(3):  # on one connection
            assert client.get("/livez").json() == {"status": "alive"}
            assert client.get("/nope").status_code == 404
            batch = client.post("/v1/predict/batch", json={"texts": ["Merci"] * 1_000}).json()
            assert len(batch["predictions"]) == 1_000
            assert client.get("/v1/feedback", headers={"accept": "application/x-ndjson"}).content == b""
            chunked = client.post(
                "/v1/predict", content=iter([b'{"text":', b'"a"}']), headers={"content-type": "application/json"}
            )
            assert chunked.status_code == 200
        expecting = client.post("/v1/predict", json={"text": "a"}, headers={"expect": "100-continue"})
        assert expecting.status_code == 200
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:  # two requests in one packet
        raw.sendall(
            b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        said = b""
        while chunk := raw.recv(65_536):
            said += chunk
    with socket.create_connection((host, int(port))) as raw:  # waits for leave to send the body
        raw.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert raw.recv(65_536).startswith(b"HTTP/1.1 100 Continue")
        raw.sendall(b'{"text": "a"}')
        assert raw.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert said.count(b"HTTP/1.1 200 OK") == said.count(b'{"status":"alive"}') == 2


def test_a_port_in_use_is_one_sentence_and_exit_2(server, tmp_path):
    port = server.address.rsplit(":", 1)[1]
    done = subprocess.run([*SERVE, "--port", port], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"vigie-api: Port {port} on 127.0.0.1 is in use. Stop what listens there, or choose another with --port.\n"
    )
