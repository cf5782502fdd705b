"""A home folder of its own for every test, a real MLflow server for those that need one, and the command itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from vigie_trainer.settings import Settings
from vigie_trainer.tracking import store as mlflow_store

TINY_RECIPE = """\
name: tfidf_tiny
description: One vocabulary, one penalty; fits in a moment.
features: {kind: tfidf, word: {ngrams: [1, 2], min_df: 1}}
classifier: {kind: logreg, C: 10.0}
search: {folds: 2}
"""


@dataclass(frozen=True)
class Done:
    """What a run of the command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """stdout as the one JSON document that it must be."""
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; nothing of the machine's own Vigie is seen or touched."""
    for name in list(os.environ):
        if name.startswith(("VIGIE_", "MLFLOW_")):
            monkeypatch.delenv(name)
    warnings.filterwarnings("ignore", message=".*noload.*")  # MLflow's own use of SQLAlchemy, in this process
    folder = tmp_path / "home"
    monkeypatch.setenv("VIGIE_HOME", str(folder))
    # Not a free port: another test's MLflow might take that one.
    monkeypatch.setattr(mlflow_store, "LOCAL_SERVER", "http://127.0.0.1:1")
    return folder


@pytest.fixture
def vigie(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command in this process."""
    from vigie_trainer.cli import main

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["vigie", *map(str, arguments)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that fits in a moment."""
    path = tmp_path_factory.mktemp("recipes") / "tfidf_tiny.yaml"
    path.write_text(TINY_RECIPE, encoding="utf-8")
    return path


@dataclass
class Server:
    """An MLflow server of our own, which a test may stop and start again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.stop()
        log = (self.folder / "server.log").open("ab")
        artifacts = (self.folder / "artifacts").as_uri()
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("mlflow")),
                "server",
                "--host=127.0.0.1",
                f"--port={self.port}",
                "--workers=1",
                f"--backend-store-uri=sqlite:///{self.folder / 'mlflow.db'}",
                f"--default-artifact-root={artifacts}",
                "--no-serve-artifacts",
            ],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.uri}/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                if self.process.poll() is not None:
                    break
            time.sleep(0.3)
        self.stop()
        raise RuntimeError("mlflow server did not start:\n" + (self.folder / "server.log").read_text()[-3000:])

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server on SQLite."""
    server = Server(tmp_path_factory.mktemp("mlflow"), closed_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connected(home: Path, mlflow_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The command talks to the server, under names of this test's own."""
    monkeypatch.setenv("VIGIE_TRAINER_MLFLOW_URI", mlflow_server.uri)
    monkeypatch.setenv("VIGIE_TRAINER_EXPERIMENT", f"vigie-{home.parent.name}")
    monkeypatch.setenv("VIGIE_TRAINER_MODEL_NAME", f"sentiment-{home.parent.name}")
    return mlflow_server


@pytest.fixture
def free_port() -> int:
    """A port for a server of the test's own."""
    return closed_port()


def closed_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def api(connected, home: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A real API on the champion of this test's MLflow, which `vigie` asks for what people and models said."""
    url = f"http://127.0.0.1:{free_port}"
    monkeypatch.setenv("VIGIE_TRAINER_API_URL", url)
    monkeypatch.setenv("VIGIE_TRAINER_API_RETRIES", "0")
    environment = os.environ | {
        "VIGIE_HOME": str(home),
        "VIGIE_API_MLFLOW_URI": connected.uri,
        "VIGIE_API_MODEL_NAME": Settings().model_name,
        "VIGIE_API_POLL_S": "0.5",
    }
    command = [str(Path(sys.executable).with_name("vigie-api")), "serve", "--port", str(free_port)]
    with (home.parent / "api.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        with httpx.Client(base_url=url, timeout=30) as browser:
            deadline = time.monotonic() + 120
            while not answers(browser) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            assert process.poll() is None, (home.parent / "api.log").read_text()[-2000:]
            yield browser
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def answers(browser: httpx.Client) -> bool:
    try:
        return browser.get("/livez").status_code == 200
    except httpx.HTTPError:
        return False
