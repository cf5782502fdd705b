"""Small real things for the tests: tiny artifacts, databases, a Postgres and an MLflow server of their own."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

import vigie_model
from vigie_api.app import create_app
from vigie_api.champion.registry import NoChampion, NoSuchVersion, RegistryAway
from vigie_api.champion.serving import Release, Verdict
from vigie_api.champion.source import FixedSource, RegistrySource
from vigie_api.settings import Settings

from .databases import PostgresServer, copy_sqlite, initialised_cluster, migrated_sqlite, running_postgres


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VIGIE_") or name == "APPLICATIONINSIGHTS_CONNECTION_STRING":
            monkeypatch.delenv(name)


class TokenContribution(NamedTuple):
    text: str
    start: int
    end: int
    contribution: float


class Explanation(NamedTuple):
    prediction: Verdict
    method: str
    base: float
    tokens: list[TokenContribution]


class ConstantScorer:
    """Says what it was told to, and thinks that every word did as much."""

    def __init__(self, score: float = 0.9, cost: str = "light") -> None:
        self.cost = cost
        self._score = score

    def predict_one(self, text: str) -> Verdict:
        sentiment = "positive" if self._score >= 0.5 else "negative"
        return Verdict(sentiment, self._score, max(self._score, 1 - self._score), False, "en")

    def predict(self, texts: list[str]) -> list[Verdict]:
        return [self.predict_one(text) for text in texts]

    def explain(self, text: str, *, max_passes: int = 64) -> Explanation:
        runs = list(re.finditer(r"\S+", text))[:max_passes]
        tokens = [TokenContribution(run.group(), *run.span(), 0.5) for run in runs]
        return Explanation(self.predict_one(text), "occlusion", 0.1, tokens)


@pytest.fixture
def constant() -> type[ConstantScorer]:
    return ConstantScorer


@pytest.fixture
def fixed() -> FixedSource:
    return FixedSource(ConstantScorer())


@pytest.fixture(scope="session")
def make_artifact() -> Callable[..., Path]:
    """Writes a tiny real artifact; `bias` moves every score, so that two artifacts can be told apart."""

    def make(folder: Path, bias: float = 0.0) -> Path:
        words = {"parfait": 3.0, "merci": 2.0, "content": 2.0, "great": 2.5, "cancelled": -3.0, "worst": -3.0}
        block = vigie_model.Block("word", (1, 1), list(words), np.ones(len(words)))
        vigie_model.save(
            folder,
            recipe="tiny",
            features=vigie_model.TfidfFeatures(vigie_model.Cleaner(vigie_model.CleaningOptions()), [block]),
            head=vigie_model.LinearHead(np.array(list(words.values())), bias),
            calibration=vigie_model.Platt(),
            uncertain=(0.4, 0.6),
            trained={"dataset": "tiny"},
        )
        return folder

    return make


class FolderRegistry:
    """A registry made of folders: the few calls of the real one, without a server."""

    name = "sentiment"

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.releases: dict[str, Release] = {}
        self.alias: str | None = None
        self.challenger: str | None = None
        self.away = False
        self.downloads = 0

    def add(self, version: str, folder: Path) -> None:
        self.folders[version] = folder
        self.releases[version] = Release(version, "tiny", vigie_model.artifact_digest(folder), "passed: fine", "run")
        self.alias = version

    def champion(self) -> Release:
        if self.away:
            raise RegistryAway("MLflow is away.")
        if self.alias is None:
            raise NoChampion("Nobody.")
        return self.releases[self.alias]

    def aliased(self, alias: str) -> Release | None:
        if self.away:
            raise RegistryAway("MLflow is away.")
        version = {"champion": self.alias, "challenger": self.challenger}[alias]
        return None if version is None else self.releases[version]

    def release(self, version: str) -> Release:
        if self.away:
            raise RegistryAway("MLflow is away.")
        if version not in self.releases:
            raise NoSuchVersion(f"No version {version}.")
        return self.releases[version]

    def download(self, version: str, into: Path) -> Path:
        self.downloads += 1
        return Path(shutil.copytree(self.folders[version], into / "vigie"))


@pytest.fixture
def registry(make_artifact: Callable[..., Path], tmp_path: Path) -> FolderRegistry:
    registry = FolderRegistry()
    registry.add("1", make_artifact(tmp_path / "one"))
    return registry


@pytest.fixture
def source(registry: FolderRegistry, settings: Settings) -> RegistrySource:
    return RegistrySource(registry, settings.model_cache_dir)


@pytest.fixture
def settings(tmp_path: Path, migrated_file: Path) -> Settings:
    """Those of an application on a migrated SQLite of its own that nothing but the test's own requests keep busy."""
    copy_sqlite(migrated_file, tmp_path / "api" / "vigie.db")
    return Settings(home=tmp_path, poll_s=3600, flush_s=0.02, spool_drain_s=0.05, mlflow_uri="http://127.0.0.1:9")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks bring about; the test's own timeout ends a wait for nothing."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)


@pytest.fixture(name="until")
def _until() -> Callable:
    return until


class Running:
    """An application between its start and its end, and a client in process."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.services = app.state.services

    async def settled(self) -> None:
        """Everything that waits to be written is in the database."""
        await until(lambda: self.services.database.ready)
        await self.services.recorder.flush()


@pytest.fixture
def running(fixed: FixedSource) -> Callable:
    """`async with running(settings) as api:` starts an application; `source=None` takes the registry."""

    @asynccontextmanager
    async def run(settings: Settings, source: object = fixed, *, ready: bool = True) -> AsyncIterator[Running]:
        app = create_app(settings, model_source=source)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                api = Running(app, client)
                if ready:
                    await until(lambda: api.services.database.ready)
                yield api

    return run


@pytest.fixture
async def api(running: Callable, settings: Settings) -> AsyncIterator[Running]:
    """An application on SQLite that always says positive."""
    async with running(settings) as started:
        yield started


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    with initialised_cluster() as data:
        yield data


@pytest.fixture(scope="session")
def postgres(postgres_cluster: Path) -> Iterator[PostgresServer]:
    """One server for all tests; each takes a database of its own."""
    with running_postgres(postgres_cluster) as server:
        yield server


@pytest.fixture
def own_postgres(postgres_cluster: Path) -> Iterator[PostgresServer]:
    """A server that the test may stop and start."""
    with running_postgres(postgres_cluster) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


EACH_DATABASE = ["sqlite", pytest.param("postgres", marks=pytest.mark.integration)]


@pytest.fixture(params=EACH_DATABASE)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing but the tables in it, once of each kind."""
    if request.param == "sqlite":
        yield copy_sqlite(request.getfixturevalue("migrated_file"), tmp_path / "test.db")
        return
    server = request.getfixturevalue("postgres")
    url = server.new_database(migrated=True)
    yield url
    server.drop(url)


@pytest.fixture(params=EACH_DATABASE)
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/unmigrated.db"
        return
    server = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on SQLite and a folder, as in the embedded mode."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--no-serve-artifacts"),
        *("--default-artifact-root", f"file://{folder}/artifacts"),
    ]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        address = f"http://127.0.0.1:{port}"
        try:
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"{address}/health").status_code == 200:
                        break
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, 9)  # asked politely, it waits for idle connections
            process.wait()
