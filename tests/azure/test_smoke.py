"""The smoke test finds what works and what does not, against the real API."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from vigie_api import __version__
from vigie_api.app import create_app
from vigie_api.champion.registry import NoChampion
from vigie_api.champion.serving import Verdict
from vigie_api.champion.source import FixedSource
from vigie_api.settings import Settings

SMOKE = Path(__file__).resolve().parents[2] / "scripts" / "smoke.py"
KEY = "vigie_smoke_key"
KEYS = ({"name": "smoke", "scopes": ["predict"], "sha256": hashlib.sha256(KEY.encode()).hexdigest()},)


class Contented:
    """Finds everything positive."""

    cost = "light"

    def predict_one(self, text: str) -> Verdict:
        return Verdict("positive", 0.9, 0.9, False, "en")

    def predict(self, texts: list[str]) -> list[Verdict]:
        return [self.predict_one(text) for text in texts]


class Nobody(FixedSource):
    """A registry in which nobody has been promoted yet."""

    def champion(self) -> Any:
        raise NoChampion("No version has the alias champion.")

    def remembered(self) -> None:
        return None


@contextmanager
def serving(home: Path, source: FixedSource) -> Iterator[str]:
    settings = Settings(home=home, mlflow_uri="http://127.0.0.1:1", keys=KEYS, watch=False)
    server = uvicorn.Server(uvicorn.Config(create_app(settings, model_source=source), log_config=None, lifespan="on"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("api"), FixedSource(Contented(), version="7", recipe="tfidf_logreg")) as url:
        yield url


def smoke(url: str, *arguments: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SMOKE, url, "--api", "", *arguments],
        env=os.environ | {"VIGIE_SMOKE_KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_vigie_that_works_passes(api: str) -> None:
    done = smoke(api, "--version", __version__)

    assert done.returncode == 0, done.stderr
    assert "ready: model version 7" in done.stdout
    assert "prediction: positive" in done.stdout
    assert "verdict: taken" in done.stdout


def test_a_wrong_key_is_found(api: str) -> None:
    done = smoke(api, key="vigie_wrong")

    assert done.returncode == 1
    assert "a prediction: 401" in done.stderr


def test_another_version_is_found(api: str) -> None:
    done = smoke(api, "--version", "9.9.9")

    assert done.returncode == 1
    assert f"version {__version__} of the API runs, not 9.9.9" in done.stderr


def test_an_api_without_a_model_is_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path, Nobody(Contented())) as url:
        done = smoke(url, "--wait", "0.5")

    assert done.returncode == 1
    assert "readyz answers 503" in done.stderr


def test_nobody_at_the_address_is_said() -> None:
    done = smoke("http://127.0.0.1:1", "--wait", "0.1")

    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_the_key_stays_unsaid(api: str) -> None:
    done = smoke(api)

    assert KEY not in done.stdout + done.stderr
    assert json.dumps(KEY) not in done.stdout
