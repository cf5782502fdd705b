"""Artifacts through MLflow's own server: one that is slow to begin is waited for, longer than for a question."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import vigie_model
from vigie_api.champion.registry import Registry, RegistryAway
from vigie_api.settings import Settings

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
QUESTION_S, BEGINS_AFTER_S, PATIENCE_S = 1, 1.5, 30


class SlowMlflow(BaseHTTPRequestHandler):
    """Answers questions at once, and lets the first byte of a file wait, as one that fetches it from elsewhere does."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path.endswith("/model-versions/get-download-uri"):
            self._send({"artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"})
        elif asked.path.endswith("/registered-models/get"):
            self._send({"registered_model": {"name": "sentiment"}})
        elif asked.path == ARTIFACTS:
            folder = self.server.root / parse_qs(asked.query)["path"][0].removeprefix("1/models/m-1/artifacts/")
            found = sorted(folder.iterdir()) if folder.is_dir() else []
            self._send({"files": [{"path": one.name, "is_dir": one.is_dir(), "file_size": 1} for one in found]})
        else:
            name = asked.path.removeprefix(f"{ARTIFACTS}/1/models/m-1/artifacts/")
            self.server.began.set()
            self.server.gone.wait(BEGINS_AFTER_S)
            self._send((self.server.root / name).read_bytes())

    def _send(self, answer: object) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing on the test's output."""


@pytest.fixture
def slow_mlflow(make_artifact, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", str(QUESTION_S))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowMlflow)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # the client that gives up closes its end
    server.root, server.began, server.gone = tmp_path / "kept", threading.Event(), threading.Event()
    make_artifact(server.root / "artifacts" / "vigie")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.gone.set()
    server.shutdown()
    server.server_close()
    thread.join()


def _registry(server, download_timeout_s):
    address = f"http://127.0.0.1:{server.server_port}"
    return Registry(Settings(mlflow_uri=address, download_timeout_s=download_timeout_s))


def test_a_download_that_is_slow_to_begin_arrives_whole(slow_mlflow, tmp_path):
    folder = _registry(slow_mlflow, PATIENCE_S).download("1", tmp_path / "into")
    kept = slow_mlflow.root / "artifacts" / "vigie"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == str(QUESTION_S)
    assert vigie_model.artifact_digest(folder) == vigie_model.artifact_digest(kept)


def test_a_download_is_given_up_after_its_own_timeout(slow_mlflow, tmp_path):
    with pytest.raises(RegistryAway, match=r"does not answer|did not give"):
        _registry(slow_mlflow, 0.1).download("1", tmp_path / "into")
    assert slow_mlflow.began.is_set()


def test_folders_within_folders_are_fetched_too(slow_mlflow, tmp_path):
    deep = slow_mlflow.root / "artifacts" / "vigie" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "c.txt").write_text("there")
    folder: Path = _registry(slow_mlflow, PATIENCE_S).download("1", tmp_path / "into")
    assert (folder / "a" / "b" / "c.txt").read_text() == "there"


def test_a_version_without_files_is_said_to_have_none(slow_mlflow, tmp_path):
    for file in (slow_mlflow.root / "artifacts" / "vigie").iterdir():
        file.unlink()
    with pytest.raises(RegistryAway, match="FileNotFoundError"):
        _registry(slow_mlflow, PATIENCE_S).download("1", tmp_path / "into")
