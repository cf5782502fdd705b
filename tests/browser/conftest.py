"""The real API, the real page and a real browser, each on a free port, with a model trained on the demo corpus."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from vigie_api.champion.serving import Release
from vigie_api.champion.source import RegistrySource
from vigie_model import artifact_digest
from vigie_trainer.data.demo import demo_posts
from vigie_trainer.fit import fit
from vigie_trainer.recipe import load_recipe

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("VIGIE_ARTIFACTS", ROOT / "artifacts")) / "screenshots"
COMMANDS = Path(sys.executable).parent
DESKTOP = {"width": 1280, "height": 900}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_environment() -> dict[str, str]:
    """The environment without what other tests of this process may have told MLflow's client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "VIGIE_"))}


@dataclass
class Server:
    """One of our commands, which can be stopped and started again on the same port."""

    command: list[str]
    port: int
    health: str
    settings: dict[str, str]
    log: Path
    patience_s: float = 15.0
    """How long to wait for a polite end; what is in use then is killed."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(COMMANDS / self.command[0]), *self.command[1:], "--port", str(self.port)],
                env=own_environment() | self.settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(self.health)

    def wait(self, path: str) -> None:
        # Connection refused is retried with growing pauses, four minutes in all; then the log says why.
        with httpx.Client(transport=httpx.HTTPTransport(retries=10), trust_env=False, timeout=60) as http:
            try:
                http.get(self.url + path).raise_for_status()
            except httpx.HTTPError as error:
                self.stop()
                pytest.fail(f"{self.command[0]} did not start ({error}):\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=self.patience_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick baseline, trained on the demo corpus."""
    posts = demo_posts()
    folder = tmp_path_factory.mktemp("model") / "artifact"
    labels = np.asarray(posts.labels)
    fit(load_recipe("tfidf_logreg"), posts.texts, labels, out=folder, trained={"dataset": posts.name}, threads=1)
    return folder


def api_server(home: Path) -> Server:
    """The real API, not started, with nothing in its cache; MLflow is away, which it survives."""
    settings = {
        "VIGIE_HOME": str(home / "var"),
        # Not a free port: another test's MLflow might take that one later, and this API would serve its champion.
        "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:1",
        "VIGIE_API_POLL_S": "1",
    }
    return Server(["vigie-api", "serve"], free_port(), "/livez", settings, home / "api.log")


def page_server(home: Path, api: Server) -> Server:
    return Server(["vigie-ui"], free_port(), "/_stcore/health", {"VIGIE_UI_API_URL": api.url}, home / "ui.log")


def give_model(home: Path, artifact: Path) -> None:
    """Leave the artifact where the API keeps its last good champion, as a start without MLflow finds it."""
    cache = home / "var" / "api" / "models"
    shutil.copytree(artifact, cache / "1")
    release = Release("1", "tfidf_logreg", artifact_digest=artifact_digest(artifact), gate="passed: demo")
    RegistrySource(registry=None, cache=cache).remember(release)


@dataclass
class Stack:
    """An API and the page in front of it, for one test that stops and starts them."""

    home: Path
    artifact: Path
    api: Server
    page: Server

    def give_model(self) -> None:
        give_model(self.home, self.artifact)


@pytest.fixture
def stack(tmp_path: Path, artifact: Path) -> Iterator[Stack]:
    """The page running, its API not yet started and without a model."""
    api = api_server(tmp_path)
    page = page_server(tmp_path, api)
    page.start()
    yield Stack(tmp_path, artifact, api, page)
    page.stop()
    api.stop()


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, artifact: Path) -> Iterator[Stack]:
    """The page, and an API that has read some made-up days of posts and has an episode open: today's surge."""
    home = tmp_path_factory.mktemp("watched")
    give_model(home, artifact)
    api = api_server(home)
    page = page_server(home, api)
    api.health = "/readyz"
    for server in (api, page):
        server.start()
    command = [sys.executable, str(ROOT / "scripts" / "demo_week.py"), "--api-url", api.url, "--days", "3"]
    subprocess.run(command, check=True, env=own_environment(), timeout=240)
    for _ in range(1_200):
        if httpx.get(f"{api.url}/v1/episodes?state=open", trust_env=False, timeout=60).json()["open"]:
            break
        time.sleep(0.2)
    yield Stack(home, artifact, api, page)
    for server in (page, api):
        server.stop()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, artifact: Path) -> Iterator[Server]:
    """The real API with the trained model, for every test that leaves it alone."""
    home = tmp_path_factory.mktemp("api")
    give_model(home, artifact)
    server = api_server(home)
    server.health = "/readyz"
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, api: Server) -> Iterator[Server]:
    """The real page, talking to the real API."""
    server = page_server(tmp_path_factory.mktemp("page"), api)
    server.start()
    yield server
    server.stop()


# Not for the session: while it runs, its event loop does, and no other test of this process may have one of its own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail("Chromium is missing: run `make test`, or apt-get install -y chromium fonts-noto-color-emoji")
    browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESKTOP, locale="fr-FR", timezone_id="Europe/Paris")
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def open_page(context: BrowserContext) -> Callable[..., Page]:
    """Opens a tab with the page in it, and waits for `ready`. A load that the machine's network broke off is tried
    again.
    """

    def open_url(url: str, ready: str = ".st-key-analyse button") -> Page:
        tab = context.new_page()
        broken: list[str] = []
        tab.on("requestfailed", lambda request: broken.append(request.failure or "?"))
        for _ in range(4):
            broken.clear()
            tab.goto(url)
            tab.wait_for_load_state("networkidle")
            if not any("ERR_NETWORK_CHANGED" in failure for failure in broken):
                break
        tab.locator(ready).first.wait_for()
        return tab

    return open_url


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server on SQLite and a folder, as in the embedded mode."""
    home = tmp_path_factory.mktemp("mlflow")
    command = [
        *("mlflow", "server", "--host", "127.0.0.1", "--workers", "1", "--no-serve-artifacts"),
        *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--default-artifact-root", (home / "kept").as_uri()),
    ]
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # Asked politely, MLflow waits for idle connections.
    server = Server(command, free_port(), "/health", settings, home / "mlflow.log", patience_s=0.0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Server], Server]]:
    """Starts the real page with the real API behind it, whose models are in this MLflow."""
    started: list[Server] = []

    def start(mlflow: Server) -> Server:
        home = tmp_path_factory.mktemp("site")
        api = api_server(home)
        api.settings["VIGIE_API_MLFLOW_URI"] = mlflow.url
        page = page_server(home, api)
        for server in (api, page):
            started.append(server)
            server.start()
        return page

    yield start
    for server in reversed(started):
        server.stop()


@pytest.fixture
def tab(open_page: Callable[[str], Page], site: Server) -> Page:
    return open_page(site.url)


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Takes the whole page: Streamlit scrolls inside it, so the window grows to what there is."""

    def take(tab: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        size = tab.viewport_size
        tab.wait_for_function("!document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")
        tab.evaluate("document.activeElement?.blur()")
        tab.mouse.move(0, 0)
        height = tab.evaluate("document.querySelector('.stMain').scrollHeight")
        tab.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
        tab.screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
        tab.set_viewport_size(size)

    return take
