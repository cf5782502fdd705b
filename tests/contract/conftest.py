"""The real application on a real port, with a model of one opinion, and the page's client in front of it."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from vigie_api import settings as api_settings
from vigie_api.app import create_app
from vigie_api.champion.registry import NoChampion
from vigie_api.champion.serving import Verdict
from vigie_api.champion.source import FixedSource
from vigie_model import Explanation, TokenContribution
from vigie_ui.client import VigieClient


class Grumbler:
    """Finds everything negative, hesitates when asked whether."""

    cost = "light"

    def predict_one(self, text: str) -> Verdict:
        return Verdict("negative", 0.2, 0.8, "?" in text, "fr")

    def predict(self, texts: list[str]) -> list[Verdict]:
        return [self.predict_one(text) for text in texts]

    def explain(self, text: str, *, max_passes: int) -> Explanation:
        tokens = [TokenContribution(run.group(), *run.span(), -0.5) for run in re.finditer(r"\S+", text)]
        return Explanation(self.predict_one(text), "occlusion", 0.25, tokens)


class NoSource(FixedSource):
    """A registry in which nobody has been promoted yet."""

    def __init__(self) -> None:
        super().__init__(Grumbler())

    def champion(self) -> Any:
        raise NoChampion("No version has the alias champion.")

    def remembered(self) -> None:
        return None


@contextmanager
def serving(home: Path, source: FixedSource, **settings: Any) -> Iterator[str]:
    """The real application, served on a free port."""
    # Nobody listens on port 1: there is no registry.
    fixed = {"home": home, "mlflow_uri": "http://127.0.0.1:1"}
    app = create_app(api_settings.Settings(**fixed, **settings), model_source=source)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
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


@pytest.fixture
def running() -> Callable[..., AbstractContextManager[str]]:
    """Serves the application from a folder and a source, with these settings."""
    return serving


@pytest.fixture
def grumbler() -> FixedSource:
    return FixedSource(Grumbler())


@pytest.fixture
def no_source() -> FixedSource:
    return NoSource()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("api"), FixedSource(Grumbler(), version="3", recipe="tfidf_logreg")) as url:
        wait_for_database(url)
        yield url


def wait_for_database(url: str) -> None:
    """Predictions are answered while the database is still being prepared, feedback is not."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        while http.get("/v1/feedback").status_code == 503:
            time.sleep(0.05)


@pytest.fixture
def client(address: str) -> Iterator[VigieClient]:
    with VigieClient(address) as client:
        yield client
